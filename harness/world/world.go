// Package world has the places where scenarios run, each in a folder below. Here is
// how those come in that not every program is to pull: they register, as database
// drivers do, when they are imported.
package world

import (
	"context"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker"
)

// A World is where one run happens. Its methods may be called concurrently.
type World interface {
	Launcher() worker.Launcher                  // of workers with the scenario's demands
	Cores() float64                             // that they may use
	Now() time.Duration                         // since the run began
	Late() time.Duration                        // the most by which the harness saw late so far that a time was up
	Point(who, at string)                       // where the order of goroutines may be decided
	Left(ctx context.Context) ([]string, error) // what of the run is left
	Quiet() bool                                // it is certain that no goroutine of the run is left
	Close()
}

// A Watching world records what others on the machine want.
type Watching interface {
	World
	// Through is called once all clients are through: what the harness has the machine do
	// from then on, and the end of the pool, is nothing that a call has met.
	Through()
	// Environment is what was recorded.
	Environment() scenario.Environment
}

// An Opener sets the stage for a scenario.
type Opener func(ctx context.Context, sc *scenario.Scenario) (World, error)

var registered = map[string]Opener{}

// Register makes a world known by its name. It is called when a package is
// initialised.
func Register(name string, open Opener) { registered[name] = open }

// Registered is the world of that name, if it has come in.
func Registered(name string) (Opener, bool) {
	open, ok := registered[name]
	return open, ok
}
