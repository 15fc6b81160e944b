package virtual

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker"
)

const ms = time.Millisecond

// in has f play in a world with a scenario's settings.
func in(t *testing.T, sc scenario.Scenario, f func(ctx context.Context, w *World) error) (Ran, error) {
	t.Helper()
	return Run(t, &sc, f)
}

func alone(name string) scenario.Place {
	return scenario.Place{Path: []scenario.Group{{Name: name}}}
}

// loaded is a machine with threads of others that compute for good.
func loaded(cores float64, threads int, where scenario.Place) *scenario.Environment {
	return &scenario.Environment{
		Cores: cores, Rivals: []scenario.Rival{{Place: where}},
		Load: []scenario.Bucket{{Span: time.Second, Load: []scenario.Load{{Threads: threads, Runnable: float64(threads), CPU: min(cores, float64(threads))}}}},
	}
}

// What harness/cpu promises holds for workers that are started in the world, to
// the nanosecond; when their hello is seen hangs on the steps too.
func TestStartsTakeWhatTheClosedFormSays(t *testing.T) {
	container := scenario.Place{Path: []scenario.Group{{Name: "box"}}, Processes: 2}
	together := loaded(1, 3, alone("other"))
	together.Workers = []scenario.Place{container}
	for _, c := range []struct {
		name string
		env  *scenario.Environment
		n    int
		cpu  time.Duration // that each asks for
		took time.Duration
		held time.Duration // of that by a quota
	}{
		{"8 × 0.3 s on 2 cores", nil, 8, 300 * ms, 1200 * ms, 0},
		{"8 × 0.3 s on 2 cores with a hog", loaded(2, 1, alone("hog")), 8, 300 * ms, 1350 * ms, 0},
		{"0.3 s at quota 0.2", &scenario.Environment{Cores: 2, Quota: scenario.Quota{Cores: 0.2}}, 1, 300 * ms, 1420 * ms, 1120 * ms},
		{"15 ms at quota 0.2", &scenario.Environment{Cores: 2, Quota: scenario.Quota{Cores: 0.2}}, 1, 15 * ms, 15 * ms, 0},
		{"2 at quota 0.2, together", &scenario.Environment{Cores: 2, Quota: scenario.Quota{Cores: 0.2}}, 2, 15 * ms, 105 * ms, 90 * ms},
		{"beside a hog that comes between two looks", &scenario.Environment{
			Cores: 1, Rivals: []scenario.Rival{{Place: alone("hog")}},
			Load: []scenario.Bucket{{Span: 200 * ms, Load: []scenario.Load{{Threads: 1, Runnable: .5, CPU: .25}}}, {At: 200 * ms, Span: time.Second, Load: []scenario.Load{{Threads: 1, Runnable: 1, CPU: .5, Busy: 1, BusyCPU: .5}}}},
		}, 1, 300 * ms, 500 * ms, 0},
		{"beside a container of 3 threads", loaded(1, 3, alone("other")), 1, 300 * ms, 600 * ms, 0},
		{"2 in a container beside one of 3 threads", together, 2, 300 * ms, 1200 * ms, 0},
		{"beside 3 threads, each in a session", &scenario.Environment{
			Cores: 1, Rivals: []scenario.Rival{{Place: alone("a")}, {Place: alone("b")}, {Place: alone("c")}},
			Load: []scenario.Bucket{{Span: time.Second, Load: []scenario.Load{{Rival: 0, Threads: 1, Runnable: 1, CPU: 0.3}, {Rival: 1, Threads: 1, Runnable: 1, CPU: 0.3}, {Rival: 2, Threads: 1, Runnable: 1, CPU: 0.3}}}},
		}, 1, 300 * ms, 1200 * ms, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			starts := make([]*worker.Worker, c.n)
			sc := scenario.Scenario{Start: scenario.Demand{CPU: c.cpu}, Replay: c.env, Frozen: true}
			if _, err := in(t, sc, func(ctx context.Context, w *World) error {
				defer w.Close()
				var all sync.WaitGroup
				errs := make([]error, c.n)
				for i := range starts {
					all.Go(func() { starts[i], errs[i] = worker.Start(ctx, w.Launcher(), fmt.Sprint("w", i)) })
				}
				all.Wait()
				return errors.Join(errs...)
			}); err != nil {
				t.Fatal(err)
			}
			for _, w := range starts {
				if i := w.Port.Info(); i.CPU != c.cpu || i.CPU+i.RunDelay != c.took {
					t.Errorf("%s had %v and waited %v, want %v in %v", w.ID, i.CPU, i.RunDelay, c.cpu, c.took)
				}
				if got := w.Port.Info().Throttled; got != c.held {
					t.Errorf("%s was throttled for %v, want %v", w.ID, got, c.held)
				}
				if late := w.StartedIn - c.took; late <= 0 || late > time.Duration(2*c.n)*stepMost {
					t.Errorf("%s took %v, want %v and some steps", w.ID, w.StartedIn, c.took)
				}
			}
		})
	}
}

func TestAWorldHasTheCoresOfItsScenarioOrTwo(t *testing.T) {
	for cores, want := range map[float64]float64{0: 2, 1: 1, 0.5: 0.5, 7: 7} {
		if _, err := in(t, scenario.Scenario{Cores: cores, Start: scenario.Demand{CPU: 100 * ms}}, func(ctx context.Context, w *World) error {
			defer w.Close()
			if w.Cores() != want || w.Environment().Cores != want || w.Now() != 0 || w.Late() != 0 {
				t.Errorf("%v cores: it has %v, at %v", cores, w.Cores(), w.Now())
			}
			wk, err := worker.Start(ctx, w.Launcher(), "w1")
			if err != nil {
				return err
			}
			waited := time.Duration(0)
			if want == 0.5 {
				waited = 100 * ms
			}
			if got := wk.Port.Info().RunDelay; got != waited {
				t.Errorf("%v cores: a start waited %v, want %v", cores, got, waited)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

// walk has n goroutines come to points, and gives the order in which they do.
func walk(w *World, n int) (order string) {
	var all sync.WaitGroup
	for i := range n {
		who := string(rune('a' + i))
		all.Go(func() {
			for range 4 {
				w.Point(who, "here")
				order += who // whoever goes on is alone
			}
		})
	}
	all.Wait()
	return order
}

func TestTheSeedDecidesWhoGoesOn(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(50) {
		var first string
		for again := range 2 {
			var order string
			ran, err := in(t, scenario.Scenario{Seed: seed}, func(_ context.Context, w *World) error {
				order = walk(w, 3)
				if w.Now() <= 0 || w.Now() > 12*stepMost {
					t.Errorf("12 steps took %v", w.Now())
				}
				return nil
			})
			if err != nil || len(ran.Choices) != 12 || again == 1 && order != first {
				t.Errorf("seed %d: %s by %v, then %s: %v", seed, first, ran.Choices, order, err)
			}
			first = order
		}
		orders[first] = true
	}
	if len(orders) < 40 {
		t.Errorf("50 seeds gave %d orders", len(orders))
	}
}

func TestRunsSideBySideAreEachAsTheyAreAlone(t *testing.T) {
	alone := make([]string, 20)
	play := func(seed int) (order string) {
		ran, err := in(t, scenario.Scenario{Seed: uint64(seed), Start: scenario.Demand{CPU: 100 * ms}}, func(ctx context.Context, w *World) error {
			defer w.Close()
			wk, err := worker.Start(ctx, w.Launcher(), "w1")
			if err != nil {
				return err
			}
			order = fmt.Sprint(walk(w, 3), wk.StartedIn, w.Now())
			return nil
		})
		return fmt.Sprint(order, ran.Choices, err)
	}
	for seed := range alone {
		alone[seed] = play(seed)
	}
	var runs sync.WaitGroup
	for seed := range alone {
		for range 4 {
			runs.Go(func() {
				if got := play(seed); got != alone[seed] {
					t.Errorf("seed %d: %s, alone %s", seed, got, alone[seed])
				}
			})
		}
	}
	runs.Wait()
}

func TestTwoOfOneNameAtOnePointAreNobodysChoice(t *testing.T) {
	_, err := in(t, scenario.Scenario{}, func(_ context.Context, w *World) error {
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { w.Point("twin", "birth") })
		}
		both.Wait()
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "twin at birth") {
		t.Errorf("got %v, want them named", err)
	}
	if _, err = in(t, scenario.Scenario{}, func(_ context.Context, w *World) error {
		w.Point("one", "here")
		w.Point("one", "here") // later
		var two sync.WaitGroup
		two.Go(func() { w.Point("one", "there") })
		two.Go(func() { w.Point("other", "there") })
		two.Wait()
		return nil
	}); err != nil {
		t.Errorf("names that are told apart: %v", err)
	}
}

func TestARunThatNeverPausesIsALivelock(t *testing.T) {
	_, err := in(t, scenario.Scenario{}, func(_ context.Context, w *World) error {
		for {
			w.Point("spinner", "again")
		}
	})
	var e *LivelockError
	if !errors.As(err, &e) || e.Steps != 1_000_001 || !slices.Equal(e.Who, []string{"spinner at again"}) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(e.Stacks, "TestARunThatNeverPausesIsALivelock.func1(") || strings.Contains(e.Stacks, "testing.(*T).Run(") {
		t.Errorf("its stacks are\n%s", e.Stacks)
	}
	if _, err := in(t, scenario.Scenario{}, func(_ context.Context, w *World) error { walk(w, 2); return nil }); err != nil {
		t.Errorf("the next run: %v", err)
	}
}

func TestWhoeverPausesMayTakeAsManyStepsAsHeLikes(t *testing.T) {
	for _, pauses := range []bool{true, false} {
		_, err := in(t, scenario.Scenario{}, func(_ context.Context, w *World) error {
			w.schedule.most = 100
			for range 10 {
				for range 50 {
					w.Point("one", "again")
				}
				if pauses {
					time.Sleep(stepMost)
				}
			}
			return nil
		})
		if livelock := errors.As(err, new(*LivelockError)); livelock == pauses {
			t.Errorf("pauses %v: %v", pauses, err)
		}
	}
}

// A timer may fire at the very instant of a step: what it causes is over and
// done with before somebody is let go on.
func TestNobodyGoesOnWhileSomebodyElseIsAwake(t *testing.T) {
	for seed := range uint64(5) {
		orders := map[string]bool{}
		for range 10 {
			var order lockedString
			if _, err := in(t, scenario.Scenario{Seed: seed}, func(_ context.Context, w *World) error {
				var all sync.WaitGroup
				all.Go(func() {
					for range 2000 { // each nanosecond of two steps and more
						time.Sleep(time.Nanosecond)
						order.add(".")
					}
				})
				for _, who := range []string{"a", "b"} {
					all.Go(func() {
						for range 5 {
							w.Point(who, "here")
							order.add(who)
						}
					})
				}
				all.Wait()
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			orders[order.string] = true
		}
		if len(orders) > 1 {
			t.Errorf("seed %d: %d orders", seed, len(orders))
		}
	}
}

type lockedString struct {
	sync.Mutex
	string
}

func (s *lockedString) add(more string) {
	s.Lock()
	defer s.Unlock()
	s.string += more
}

func TestARunInWhichAllWaitForEachOtherIsStuck(t *testing.T) {
	ran, err := in(t, scenario.Scenario{}, func(_ context.Context, w *World) error {
		w.Point("one", "here")
		<-make(chan int)
		return nil
	})
	var stuck *StuckError
	if !errors.Is(err, ErrStuck) || !errors.As(err, &stuck) || !ran.Left || len(ran.Choices) != 1 {
		t.Fatalf("got %v, %+v", err, ran)
	}
	if !strings.Contains(stuck.Stacks, "TestARunInWhichAllWaitForEachOtherIsStuck.func1(") || strings.Contains(stuck.Stacks, "testing.(*T).Run(") {
		t.Errorf("the stacks are\n%s", stuck.Stacks)
	}
}

// Time stands still once a run is over: whoever sleeps then sleeps for ever.
func TestWhatARunLeavesBehindIsToldAndDoesNotHoldItUp(t *testing.T) {
	var atEnd func()
	for name, leave := range map[string]func(w *World){
		"nothing":                   func(*World) {},
		"one that ends at once":     func(*World) { go func() {}() },
		"one that waits":            func(*World) { go func() { <-make(chan int) }() },
		"one that sleeps":           func(*World) { go time.Sleep(time.Hour) },
		"one that comes to a point": func(w *World) { go w.Point("one", "here") },
		"one that comes as it ends": func(w *World) {
			over := make(chan int)
			atEnd = func() { close(over) }
			go func() { <-over; w.Point("one", "here") }()
		},
		"one that comes to it late": func(w *World) { go func() { time.Sleep(time.Hour); w.Point("one", "here") }() },
	} {
		want := errors.New("what f says")
		ran, err := in(t, scenario.Scenario{}, func(_ context.Context, w *World) error {
			atEnd = func() {}
			leave(w)
			defer func() { atEnd() }()
			w.Quiet()
			return want
		})
		left := slices.Contains([]string{"one that waits", "one that sleeps", "one that comes to it late"}, name)
		if !errors.Is(err, want) || ran.Left != left {
			t.Errorf("%s: left %v, %v", name, ran.Left, err)
		}
	}
}

func TestTheWorkersThatARunLeavesAreNamed(t *testing.T) {
	if _, err := in(t, scenario.Scenario{}, func(ctx context.Context, w *World) error {
		defer w.Close()
		for _, id := range []string{"w1", "w2"} {
			wk, err := worker.Start(ctx, w.Launcher(), id)
			if err != nil {
				return err
			}
			if id == "w1" {
				time.AfterFunc(time.Second, func() { _ = wk.Port.Kill() })
			}
		}
		left, err := w.Left(ctx)
		if !slices.Equal(left, []string{"worker w2"}) || w.Now() < leftPatience || w.Now() > leftPatience+time.Millisecond {
			t.Errorf("%v are left at %v", left, w.Now())
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestARunThatEndsItsGoroutineIsNoSuccess(t *testing.T) {
	_, err := in(t, scenario.Scenario{}, func(context.Context, *World) error {
		runtime.Goexit()
		return nil
	})
	if !errors.Is(err, errGoexit) {
		t.Errorf("got %v", err)
	}
}

func TestATestBringsItsOwnT(t *testing.T) {
	if err := Program(func(*testing.T) { t.Error("it was run") }); err == nil {
		t.Error("want an error")
	}
}
