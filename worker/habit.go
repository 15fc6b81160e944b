package worker

import (
	"context"
	"slices"
)

// A Habit is something that the workers of a historical pool did and ours don't:
// part of that pool's code, though it is at the far side.
type Habit string

// The habits that models and Python workers can have.
const (
	Stays    Habit = "stays"    // answers a shutdown, and does not go
	Outlives Habit = "outlives" // when its port ends, lives on with a core to itself, and writes a log
	Prints   Habit = "prints"   // what called code prints goes to its port
	Merges   Habit = "merges"   // what it writes to stderr does
	Shows    Habit = "shows"    // lists without a session what all of them put
	Swallows Habit = "swallows" // gives no answer to what is no request, nor where the result is no JSON

	// Of Python workers alone.
	Lingers  Habit = "lingers"  // when its port ends, lives on, asleep
	Wrapped  Habit = "wrapped"  // what was launched is a wrapper, which ends with status 0 and leaves the worker to itself
	Scatters Habit = "scatters" // what it forks leads a session of its own
	Crowds   Habit = "crowds"   // its numeric libraries start 64 threads each, as they do by themselves on a machine of so many cores
)

type habitsKey struct{}

// WithHabits gives a ctx whose launches are of workers that have these habits, and
// those of ctx. The launchers of model and process workers heed it.
func WithHabits(ctx context.Context, habits ...Habit) context.Context {
	return context.WithValue(ctx, habitsKey{}, slices.Concat(Habits(ctx), habits))
}

// Habits are those of the workers that are launched with ctx.
func Habits(ctx context.Context) []Habit {
	habits, _ := ctx.Value(habitsKey{}).([]Habit)
	return habits
}
