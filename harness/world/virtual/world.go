// Package virtual is the world of virtual time: any pool's real Go code in a
// testing/synctest bubble, with model workers on modelled cores, and the order
// of what happens at one instant drawn from the seed. What a model worker does
// belongs to worker/model, how cores are shared to harness/cpu; what is run in
// the world, and what is made of it, to harness.
package virtual

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// Name is what the world is called in scenarios and results.
const Name = "virtual"

// Cores is how many a world has unless the scenario says otherwise.
const Cores = scenario.VirtualCores

// A World is the stage of one run. It lives in one bubble.
type World struct {
	start      time.Time
	cores      float64
	env        *scenario.Environment
	goroutines int  // in the program when the run began
	restless   bool // it is not certain that no goroutine of the run is left
	schedule   *schedule
	starved    atomic.Int64 // how often somebody began to
	machine    *machine
	launcher   *model.Launcher
}

// Ran is what is known of a run beside what was seen at the pool's edges.
type Ran struct {
	Choices []int // at each step, which of those who could go on, by name
	// Left says that goroutines were left in the bubble: blocked for ever, or
	// still at it. They stay in the program.
	Left bool
}

// Run has f play a scenario in a bubble of its own; in it, time is virtual.
// f's ctx is the bubble's: nothing from outside may enter it, or time would
// stop. Runs may go on side by side.
//
// Errors are f's, *LivelockError, *StuckError, that of an order which is unknown, and
// that of one which was nobody's choice, as two goroutines had one name. A goroutine that waits for what
// is no matter of the bubble, such as a sync.Mutex held by one that sleeps, hangs
// it, and Run does not return: only the end of the program helps.
func Run(t *testing.T, sc *scenario.Scenario, f func(context.Context, *World) error) (Ran, error) {
	pick, err := strategy(sc.Lots(), sc.Order)
	if err != nil {
		return Ran{}, err
	}
	b := &bubble{err: errGoexit, played: make(chan struct{}), ended: make(chan struct{})}
	go b.blow(t, sc, pick, f)
	deep(func() {
		select {
		case <-b.ended:
		case <-b.played:
		}
	})
	if isClosed(b.ended) {
		return b.ran, b.err
	}
	if b.world.restless { // what is left may go on for ever
		late := time.NewTimer(strandPatience)
		defer late.Stop()
		select {
		case <-b.ended:
		case <-late.C:
			return Ran{Choices: b.world.schedule.choices, Left: true}, b.err
		}
	}
	<-b.ended
	return b.ran, b.err
}

// strandPatience is how long in real time a bubble may take to end in which
// goroutines were left, before it is left to itself.
const strandPatience = time.Second

// A bubble is the life of one. What is written before played or ended is closed
// may be read after it.
type bubble struct {
	world  *World
	name   string // in a dump
	err    error
	played chan struct{} // closed once f has returned; not of the bubble
	ran    Ran
	ended  chan struct{}
}

func (b *bubble) blow(t *testing.T, sc *scenario.Scenario, pick Strategy, f func(context.Context, *World) error) {
	defer close(b.ended)
	defer func() {
		p := recover()
		if b.world != nil {
			b.ran.Choices = b.world.schedule.choices
		}
		switch text := fmt.Sprint(p); {
		case p == nil:
		case strings.Contains(text, "blocked goroutines remain"):
			b.ran.Left = true
		case strings.Contains(text, "goroutines in bubble are blocked"):
			b.ran.Left = true
			b.err = &StuckError{stacks(b.name)}
		default:
			panic(p)
		}
	}()
	synctest.Test(t, func(*testing.T) { b.play(sc, pick, f) })
}

// play is all that happens in the bubble.
func (b *bubble) play(sc *scenario.Scenario, pick Strategy, f func(context.Context, *World) error) {
	b.world, b.name = open(sc, pick), bubbleOf()
	failed := errGoexit
	go func() {
		defer b.world.schedule.finish()
		failed = f(context.Background(), b.world)
	}()
	err := b.world.schedule.drive()
	if err == nil || b.world.schedule.finished() {
		err = errors.Join(failed, err)
	}
	b.err = err
	close(b.played)
}

// deep calls f far down its goroutine's stack. To begin with a goroutine is given
// as much of one as all had in use, on average, when garbage was last collected;
// those of a run are many, short and mostly parked, so that it would be too little,
// and an eighth of the time would go to moving stacks that grow. So whoever waits
// for a run does that: of many runs, with one and the same stack.
func deep(f func()) {
	if f != nil {
		f()
		return
	}
	room()
}

// room is never called. Its result has its place in deep's frame all the same, which
// unlike a variable's is not cleared each time.
//
//go:noinline
func room() (r [ballast]byte) { return r }

// ballast, in bytes, brings that average to the 8 kB that they need. With twice as
// much they would be given 16, which the runtime keeps too few of at hand: a run
// takes half as long again then.
const ballast = 80 << 10

var errGoexit = errors.New("the run ended its goroutine in place of returning")

// ErrStuck means that everybody in a bubble waited for somebody else, for ever.
var ErrStuck = errors.New("stuck: all goroutines of the run wait for each other")

// A StuckError is ErrStuck with the stacks of those who wait, as the runtime dumps them.
type StuckError struct{ Stacks string }

func (e *StuckError) Error() string { return ErrStuck.Error() }

// Unwrap implements errors.Is.
func (e *StuckError) Unwrap() error { return ErrStuck }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// open sets the stage. It is called in the bubble.
func open(sc *scenario.Scenario, pick Strategy) *World {
	w := &World{start: time.Now(), cores: sc.Cores, goroutines: runtime.NumGoroutine() + 1, env: sc.Meets(), schedule: newSchedule(sc.Lots(), pick)}
	if w.cores == 0 {
		w.cores = Cores
	}
	demands := sc.Demands()
	w.launcher = &model.Launcher{
		Profile: demands.Start,
		CPU:     func(string, int) model.CPU { return w.machine.session() },
		Turn:    w.schedule.turn,
	}
	if sc.Replay != nil {
		w.launcher.Fate = demands.Call // it knows what commands ask for that the model does not
	}
	w.machine = newMachine(w.env.Config(sc.Frozen), w.env.Group)
	w.machine.want(w.env.Others)
	return w
}

// Launcher starts model workers with the scenario's demands.
func (w *World) Launcher() worker.Launcher { return w.launcher }

// Cores is how many the workers may use.
func (w *World) Cores() float64 { return w.cores }

// Now is the time since the world was opened.
func (w *World) Now() time.Duration { return time.Since(w.start) }

// Late is how late a timer was at most: in virtual time none ever is, unless the
// program was stalled.
func (w *World) Late() time.Duration { return w.schedule.stalled() }

// Point is a scheduling point: it returns once the schedule has chosen that
// who goes on.
func (w *World) Point(who, at string) { w.schedule.point(who, at) }

// Turn is a point of somebody who has no goroutine: then is called once the schedule
// has chosen who. It must not wait for anything.
func (w *World) Turn(who, at string, then func()) { w.schedule.turn(who, at, then) }

// leftPatience is how long after the close of a pool a worker of its may take to
// be gone.
const leftPatience = 2 * time.Second

// Left lists the workers of this run that are left, after it has waited for
// them to go.
func (w *World) Left(context.Context) ([]string, error) {
	for waited := time.Duration(0); w.launcher.Alive() > 0 && waited < leftPatience; waited += leftPatience / 100 {
		time.Sleep(leftPatience / 100)
	}
	var left []string
	for _, p := range w.launcher.Ports() {
		if !p.Gone() {
			left = append(left, "worker "+p.ID)
		}
	}
	return left, nil
}

// Quiet says whether it is certain that the run has left no goroutine. In a
// program that does other things as well it may say no and be wrong.
func (w *World) Quiet() bool {
	time.Sleep(stepMost) // whoever can end has ended by then
	w.restless = runtime.NumGoroutine() > w.goroutines
	return !w.restless
}

// Close ends what is left of the run's workers.
func (w *World) Close() {
	for _, p := range w.launcher.Ports() {
		_ = p.Kill()
	}
}
