package pool_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/pool"
	"github.com/butfor/butfor/worker/model"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// TestThePoolKeepsToItsModel has rapid draw moves against the pool: callers come
// and give up, call, give back once and twice, workers die, starts fail, time
// goes by, the pool is closed. Whenever all is still, the pool must stand as its
// model does; at the end everybody must have been served, and nothing may be
// left.
//
// What happens at one instant happens in an order that is drawn too. The runs
// are the same each time; -rapid.seed makes others, -rapid.checks more.
func TestThePoolKeepsToItsModel(t *testing.T) {
	unlessGiven(t, "rapid.seed", "2")
	unlessGiven(t, "rapid.checks", "500")
	made := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		if err := drawn(r).play(t, made); err != nil {
			r.Fatal(err)
		}
	})
	t.Logf("moves: %v", made)
	for what := range kinds {
		if made[what] == 0 {
			t.Errorf("no run ever made the move %q", what)
		}
	}
}

// unlessGiven sets a flag that the command line does not.
func unlessGiven(t *testing.T, name, value string) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if !given {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// A game is all that is drawn of a run. It is drawn before the run is made,
// because rapid ends a run that failed by a panic, which no bubble survives.
type game struct {
	order scenario.Order
	seed  uint64
	cfg   pool.Config
	good  model.Profile // of starts that go well
	moves []move
}

func drawn(r *rapid.T) game {
	g := game{
		seed: rapid.Uint64Range(0, 1<<20).Draw(r, "seed"),
		cfg: pool.Config{
			Size:             rapid.IntRange(1, 3).Draw(r, "Size"),
			Overflow:         rapid.IntRange(0, 2).Draw(r, "Overflow"),
			OverflowIdle:     rapid.SampledFrom([]time.Duration{0, 100 * ms}).Draw(r, "OverflowIdle"),
			QueueLimit:       rapid.SampledFrom([]int{0, 0, 0, 1, 2, -1}).Draw(r, "QueueLimit"),
			StartConcurrency: rapid.IntRange(0, 2).Draw(r, "StartConcurrency"),
			Cores:            2,
			Lazy:             rapid.Bool().Draw(r, "Lazy"),
			StartTimeout:     rapid.SampledFrom([]time.Duration{0, 300 * ms}).Draw(r, "StartTimeout"),
			CheckoutTimeout:  rapid.SampledFrom([]time.Duration{0, 0, 200 * ms}).Draw(r, "CheckoutTimeout"),
			CallTimeout:      rapid.SampledFrom([]time.Duration{0, 300 * ms}).Draw(r, "CallTimeout"),
			Affinity:         rapid.SampledFrom([]pool.Affinity{pool.Strict, pool.Strict, pool.Preferred, pool.None}).Draw(r, "Affinity"),
			SessionTTL:       rapid.SampledFrom([]time.Duration{0, 0, 50 * ms, 5 * sec}).Draw(r, "SessionTTL"),
			SessionLimit:     rapid.SampledFrom([]int{0, 0, 2}).Draw(r, "SessionLimit"),
			PingEvery:        rapid.SampledFrom([]time.Duration{0, 0, sec}).Draw(r, "PingEvery"),
			TendTimeout:      rapid.SampledFrom([]time.Duration{0, 300 * ms}).Draw(r, "TendTimeout"),
			MaxCalls:         rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(r, "MaxCalls"),
			MaxAge:           rapid.SampledFrom([]time.Duration{0, 0, 0, 2 * sec}).Draw(r, "MaxAge"),
			Seed:             rapid.Uint64Range(0, 2).Draw(r, "Seed"),
		},
		good: model.Profile{
			BootWait: rapid.SampledFrom([]time.Duration{0, 10 * ms, 100 * ms}).Draw(r, "BootWait"),
			Stubborn: rapid.SampledFrom([]time.Duration{0, 0, 50 * ms}).Draw(r, "Stubborn"),
		},
	}
	if rapid.Bool().Draw(r, "PCT") {
		g.order = scenario.Order{Strategy: scenario.PCT, Depth: 3, Length: 200}
	}
	next := rapid.Custom(drawnMove)
	r.Repeat(map[string]func(*rapid.T){"": func(*rapid.T) {}, "move": func(r *rapid.T) {
		g.moves = append(g.moves, next.Draw(r, "move"))
	}})
	return g
}

// A move is one thing that is done to the pool.
type move struct {
	what string
	n    int           // which of those whom it can be made with, or how many
	time time.Duration // that it takes, or that somebody waits for it
	on   bool          // the next move is made at the same instant
}

func (m move) GoString() string {
	and := ";"
	if m.on {
		and = " and"
	}
	return fmt.Sprintf("%s (%d, %v)%s", m.what, m.n, m.time, and)
}

// whats are the kinds of moves. rapid draws the first ones more often, so those
// come first that can't always be made.
var whats = []string{
	"checkin", "checkout", "come in a session", "call", "cancel", "discard", "time goes by", "checkout", "end a session",
	"a worker dies", "give back again", "come in a session", "checkout", "starts go wrong", "warm", "time goes by", "close",
}

func drawnMove(r *rapid.T) move {
	return move{
		what: rapid.SampledFrom(whats).Draw(r, "what"),
		n:    rapid.IntRange(0, 7).Draw(r, "n"),
		time: rapid.SampledFrom([]time.Duration{10 * ms, 20 * ms, 100 * ms, sec, 10 * sec, time.Hour}).Draw(r, "time"),
		on:   rapid.Bool().Draw(r, "on"),
	}
}

// play makes the run, and counts the moves.
func (g game) play(t *testing.T, made map[string]int) error {
	m := &machine{
		game: g, doubted: map[string]bool{}, made: made,
		sessions: map[string]*pool.Session{}, over: map[*pool.Session]bool{}, left: map[trace]string{},
		used: map[*pool.Session]bool{}, home: map[*pool.Session]string{},
	}
	ran, err := virtual.Run(t, &scenario.Scenario{Seed: g.seed, Order: g.order}, m.run)
	if err == nil && ran.Left {
		return fmt.Errorf("goroutines are left after Close")
	}
	return err
}

// run plays a game in its bubble.
func (m *machine) run(ctx context.Context, w *virtual.World) (err error) {
	if err := m.open(ctx, w); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			m.abort()
		}
	}()
	for _, move := range m.moves {
		if kinds[move.what](m, move) {
			m.made[move.what]++
		}
		if move.on {
			continue
		}
		m.settle()
		if err := m.check(); err != nil {
			return err
		}
		m.round++
	}
	return m.end()
}
