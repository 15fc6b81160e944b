package pool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// bubble runs a test in virtual time, on a pool that is closed at its end. It
// then checks that no process is left; the bubble itself fails on a goroutine
// that is.
func bubble(t *testing.T, cfg Config, profile func(n int) model.Profile, body func(t *testing.T, p *Pool, l *model.Launcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &model.Launcher{Profile: profile}
		p, err := New(context.Background(), l, cfg)
		if err != nil {
			t.Fatal(err)
		}
		body(t, p, l)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := l.Alive(); n != 0 {
			t.Errorf("%d processes are left after Close", n)
		}
		if s := p.Stat(); s.Idle+s.Busy+s.Starting+s.Ending+s.Waiting != 0 {
			t.Errorf("the closed pool still counts %+v", s)
		}
		if most := l.MostAlive(); most > cfg.Size+cfg.Overflow {
			t.Errorf("%d processes were alive at once, %d are allowed", most, cfg.Size+cfg.Overflow)
		}
	})
}

// boots is a profile of workers that all wait for d before their hello.
func boots(d time.Duration) func(int) model.Profile {
	return func(int) model.Profile { return model.Profile{BootWait: d} }
}

// first gives the first n launches one profile and the others another.
func first(n int, bad, good model.Profile) func(int) model.Profile {
	return func(i int) model.Profile {
		if i < n {
			return bad
		}
		return good
	}
}

// served is what became of one of several calls made at once.
type served struct {
	after  time.Duration
	worker string
	err    error
}

// together makes n calls at once, each a sleep of d, and waits for them all.
func together(p *Pool, n int, d time.Duration) []served {
	begin := time.Now()
	out := make([]served, n)
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			r, err := p.Call(context.Background(), "sleep", map[string]any{"s": d.Seconds()})
			out[i] = served{time.Since(begin), r.Worker, err}
		})
	}
	wg.Wait()
	return out
}

func workers(out []served) int {
	seen := map[string]bool{}
	for _, s := range out {
		seen[s.worker] = true
	}
	return len(seen)
}

func failures(out []served) (n int) {
	for _, s := range out {
		if s.err != nil {
			n++
		}
	}
	return n
}

func last(out []served) time.Duration {
	return slices.MaxFunc(out, func(a, b served) int { return int(a.after - b.after) }).after
}

func until(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

func TestNewRefusesSettingsThatCannotBe(t *testing.T) {
	for name, cfg := range map[string]Config{
		"Size":             {},
		"Overflow":         {Size: 1, Overflow: -1},
		"MaxMemory":        {Size: 1, MaxMemory: -1},
		"StartConcurrency": {Size: 1, StartConcurrency: -1},
		"Cores":            {Size: 1, Cores: -1},
		"OverflowIdle":     {Size: 1, OverflowIdle: -1},
		"StartTimeout":     {Size: 1, StartTimeout: -1},
		"CheckoutTimeout":  {Size: 1, CheckoutTimeout: -1},
		"CallTimeout":      {Size: 1, CallTimeout: -1},
	} {
		if _, err := New(context.Background(), &model.Launcher{}, cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want an error that names it", name, err)
		}
	}
	if _, err := New(context.Background(), nil, Config{Size: 1}); err == nil {
		t.Error("a pool without a launcher was opened")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(ctx, &model.Launcher{}, Config{Size: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("opened under an ended ctx: %v", err)
	}
}

func TestAnEagerPoolStartsItsWorkersAtOnceAndKeepsThem(t *testing.T) {
	bubble(t, Config{Size: 3, Cores: 3}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		begin := time.Now()
		if err := p.Ready(context.Background()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d != sec {
			t.Errorf("ready after %v, want one start of 1s", d)
		}
		time.Sleep(2 * youth) // else its death is that of a bad start
		_ = l.Ports()[1].Kill()
		synctest.Wait()
		time.Sleep(sec)
		synctest.Wait()
		if s := p.Stat(); s.Idle != 3 || s.Deaths != 1 {
			t.Errorf("a second after an idle worker died: %+v, want 3 idle and 1 death", s)
		}
	})
}

func TestALazyPoolStartsNothingUntilItIsAsked(t *testing.T) {
	bubble(t, Config{Size: 3, Lazy: true}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(time.Hour)
		if n := len(l.Ports()); n != 0 {
			t.Fatalf("%d workers were started", n)
		}
		if _, err := p.Call(context.Background(), "echo", nil); err != nil {
			t.Fatal(err)
		}
		if n := len(l.Ports()); n != 1 {
			t.Errorf("%d workers were started for one call", n)
		}
	})
}

func TestColdCallersAreAllServedOneStartLater(t *testing.T) {
	bubble(t, Config{Size: 4, Lazy: true, Cores: 2}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		out := together(p, 4, 100*ms)
		if failures(out) > 0 || last(out) > 1300*ms {
			t.Errorf("got %v, want all four served by 1.3 s", out)
		}
	})
}

func TestACallerWaitsForWhicheverWorkerIsFreeFirstNotForItsOwnStart(t *testing.T) {
	// The second caller causes a start of an hour; the first gives its worker back after a second.
	slow := first(1, model.Profile{}, model.Profile{BootWait: time.Hour})
	bubble(t, Config{Size: 2, Lazy: true}, slow, func(t *testing.T, p *Pool, l *model.Launcher) {
		out := together(p, 2, sec)
		if failures(out) > 0 || last(out) != 2*sec {
			t.Errorf("got %v, want the second served by the first worker at 2 s", out)
		}
		if n := len(l.Ports()); n != 2 {
			t.Errorf("%d starts, want the second caller to have caused one", n)
		}
	})
}

func TestAStartOutlivesTheCallerWhoCausedIt(t *testing.T) {
	bubble(t, Config{Size: 1, Lazy: true}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		ctx, cancel := until(300 * ms)
		defer cancel()
		if _, err := p.Checkout(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want the ctx's deadline", err)
		}
		time.Sleep(700 * ms)
		synctest.Wait()
		if s := p.Stat(); s.Idle != 1 || s.Starts != 1 || s.GaveUp != 1 {
			t.Errorf("%+v, want the start's worker idle", s)
		}
	})
}

func TestCallersAreServedInTheOrderInWhichTheyCame(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		held, err := p.Checkout(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * ms)
				got, err := p.Checkout(context.Background())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				time.Sleep(ms)
				got.Checkin()
			})
		}
		time.Sleep(sec)
		held.Checkin()
		wg.Wait()
		if !slices.IsSorted(order) || len(order) != 8 {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestACallerThatGivesUpLeavesNothingBehindAndTakesNoWorkerAlong(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		held, _ := p.Checkout(context.Background())
		ctx, cancel := until(sec)
		defer cancel()
		if _, err := p.Checkout(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if s := p.Stat(); s.Waiting != 0 {
			t.Errorf("%d still wait", s.Waiting)
		}
		held.Checkin()
		if _, err := p.Call(context.Background(), "echo", nil); err != nil {
			t.Errorf("the worker went with the caller that gave up: %v", err)
		}
		if n := len(l.Ports()); n != 1 {
			t.Errorf("%d workers were started, want the one", n)
		}
	})
}

func TestACallCancelledBeforeItIsSentGivesItsWorkerBackUnharmed(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		held, _ := p.Checkout(context.Background())
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := held.Call(ctx, "echo", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		held.Checkin()
		synctest.Wait()
		if s := p.Stat(); s.Replaced != 0 || s.Idle != 1 {
			t.Errorf("%+v, want the worker back", s)
		}
	})
}

func TestOverflowWorkersAreRealAndAreReapedWhenIdle(t *testing.T) {
	cfg := Config{Size: 1, Overflow: 2, OverflowIdle: 5 * sec, Cores: 2}
	bubble(t, cfg, boots(300*ms), func(t *testing.T, p *Pool, l *model.Launcher) {
		p.Ready(context.Background())
		out := together(p, 3, sec)
		if failures(out) > 0 || workers(out) != 3 || last(out) != 1300*ms {
			t.Errorf("got %v, want three workers and the last at one call and one start", out)
		}
		if l.Alive() != 3 {
			t.Fatalf("%d are alive, want 3", l.Alive())
		}
		// The size's own worker has been idle since 1 s, the others since 1.3 s.
		time.Sleep(4600 * ms)
		synctest.Wait()
		if l.Alive() != 3 {
			t.Errorf("%d are alive after 4.9 s of idleness, want 3", l.Alive())
		}
		time.Sleep(400 * ms)
		synctest.Wait()
		if s := p.Stat(); l.Alive() != 1 || s.Reaped != 2 {
			t.Errorf("%d are alive, %d reaped, want 1 and 2", l.Alive(), s.Reaped)
		}
	})
}

func TestWithoutOverflowSizeIsAllThereIs(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		if out := together(p, 3, sec); failures(out) > 0 || last(out) != 3*sec {
			t.Errorf("got %v, want one after another", out)
		}
	})
}

func TestQueueLimitBoundsTheLine(t *testing.T) {
	bubble(t, Config{Size: 1, QueueLimit: 2}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		p.Ready(context.Background())
		out := together(p, 5, sec)
		if failures(out) != 2 || last(out) != 3*sec {
			t.Errorf("got %v, want one served, two in line, two refused", out)
		}
		for _, s := range out {
			if s.err != nil && (!errors.Is(s.err, ErrQueueFull) || s.after != 0) {
				t.Errorf("refused after %v with %v, want ErrQueueFull at once", s.after, s.err)
			}
		}
	})
}

func TestWithAQueueLimitBelowZeroNobodyWaits(t *testing.T) {
	bubble(t, Config{Size: 1, QueueLimit: -1, Lazy: true}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_, err := p.Call(context.Background(), "echo", nil)
		if !errors.Is(err, ErrQueueFull) {
			t.Errorf("got %v, want ErrQueueFull", err)
		}
		synctest.Wait() // the start that it caused
		if out := together(p, 2, sec); failures(out) != 1 || last(out) != sec {
			t.Errorf("got %v, want one served and one refused at once", out)
		}
	})
}

func TestStartConcurrencyBoundsTheStartsUnderWay(t *testing.T) {
	for _, c := range []struct {
		width int
		want  time.Duration
	}{{1, 8 * sec}, {2, 4 * sec}, {8, sec}} {
		bubble(t, Config{Size: 8, StartConcurrency: c.width}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
			begin := time.Now()
			p.Ready(context.Background())
			if d := time.Since(begin); d != c.want {
				t.Errorf("width %d: ready after %v, want %v", c.width, d, c.want)
			}
		})
	}
}

func TestStartsThatWaitAreSoonAllUnderWay(t *testing.T) {
	bubble(t, Config{Size: 8, Cores: 2}, boots(2*sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		begin := time.Now()
		p.Ready(context.Background())
		if d := time.Since(begin); d.Round(time.Microsecond) != 2100*ms { // 2 at 0, 4 by 50 ms, 8 by 100 ms
			t.Errorf("ready after %v, want 2.1 s", d)
		}
	})
}

func TestAStartThatHasOnlyJustBegunSpeaksForNoMore(t *testing.T) {
	bubble(t, Config{Size: 4, Cores: 1}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		for _, c := range []struct {
			after  time.Duration
			starts int
		}{{0, 1}, {paceEvery, 2}} {
			time.Sleep(c.after)
			synctest.Wait()
			if c.after == 0 { // as at the end of a rest, which may come at the instant of a look
				p.mu.Lock()
				p.pace.last = time.Now().Add(-paceEvery)
				p.mu.Unlock()
				p.widen()
				synctest.Wait()
			}
			if n := len(l.Ports()); n != c.starts {
				t.Errorf("after %v: %d starts, want %d", c.after, n, c.starts)
			}
		}
	})
}

func TestStartsThatComputeStayAtTheCores(t *testing.T) {
	computes := func(int) model.Profile { return model.Profile{BootCPU: sec} } // each on a core of its own
	for _, c := range []struct {
		cores float64
		want  time.Duration
	}{{2, 4 * sec}, {4, 2 * sec}} {
		bubble(t, Config{Size: 8, Cores: c.cores}, computes, func(t *testing.T, p *Pool, l *model.Launcher) {
			begin := time.Now()
			p.Ready(context.Background())
			if d := time.Since(begin); d != c.want {
				t.Errorf("%v cores: ready after %v, want %v", c.cores, d, c.want)
			}
			if most := startedWithin(l, 900*ms); most != int(c.cores) {
				t.Errorf("%v cores: %d starts began in the first 0.9 s", c.cores, most)
			}
		})
	}
}

func startedWithin(l *model.Launcher, d time.Duration) (n int) {
	ports := l.Ports()
	for _, p := range ports {
		if p.Begin.Sub(ports[0].Begin) < d {
			n++
		}
	}
	return n
}

func TestStartTimeoutIsAbsoluteAndTheNextStartIsBegun(t *testing.T) {
	mute := first(1, model.Profile{Mute: true}, model.Profile{})
	bubble(t, Config{Size: 1, Lazy: true, StartTimeout: 2 * sec}, mute, func(t *testing.T, p *Pool, l *model.Launcher) {
		out := together(p, 1, 0)
		if failures(out) > 0 || last(out) != 2*sec {
			t.Errorf("got %v, want to be served by a second start after 2 s", out)
		}
		if s := p.Stat(); s.StartsFailed != 1 || l.Alive() != 1 {
			t.Errorf("%+v with %d alive, want the mute one counted and gone", s, l.Alive())
		}
	})
}

func TestCheckoutTimeoutBoundsTheWaitAndSaysHowThePoolStood(t *testing.T) {
	bubble(t, Config{Name: "blue", Size: 1, CheckoutTimeout: 2 * sec}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		held, _ := p.Checkout(context.Background())
		defer held.Checkin()
		begin := time.Now()
		_, err := p.Call(context.Background(), "echo", nil)
		if d := time.Since(begin); d != 2*sec {
			t.Errorf("gave up after %v", d)
		}
		if !errors.Is(err, ErrCheckoutTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if want := "pool blue: no worker after 2s: checkout timeout: context deadline exceeded (1 of 1 busy, 0 starting, 0 ending, 0 waiting)"; err.Error() != want {
			t.Errorf("got  %v\nwant %v", err, want)
		}
	})
}

func TestCallTimeoutReplacesTheWorker(t *testing.T) {
	bubble(t, Config{Size: 1, CallTimeout: 2 * sec}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		out := together(p, 1, 10*sec)
		var e *worker.CallError
		if !errors.As(out[0].err, &e) || !errors.Is(e, context.DeadlineExceeded) || out[0].after != 2*sec || e.Worker != "w1" {
			t.Errorf("got %v", out)
		}
		r, err := p.Call(context.Background(), "echo", map[string]any{"n": 1})
		if err != nil || r.Worker != "w2" || string(r.Result) != `{"n":1}` {
			t.Errorf("the next caller got %s from %s, %v; want its own answer from a new worker", r.Result, r.Worker, err)
		}
		if s := p.Stat(); s.Replaced != 1 {
			t.Errorf("%+v, want one replaced", s)
		}
	})
}

func TestAWorkerThatAnsweredUnderAWrongIDIsNotUsedAgain(t *testing.T) {
	wrong := first(1, model.Profile{WrongIDAt: 2}, model.Profile{})
	bubble(t, Config{Size: 1}, wrong, func(t *testing.T, p *Pool, l *model.Launcher) {
		var from []string
		for range 3 {
			r, err := p.Call(context.Background(), "echo", nil)
			from = append(from, fmt.Sprint(r.Worker, " ", errors.Is(err, worker.ErrWrongID)))
		}
		if want := []string{"w1 false", "w1 true", "w2 false"}; !slices.Equal(from, want) {
			t.Errorf("got %q, want %q", from, want)
		}
	})
}

func TestAnAnswerTooManyCostsNoCallerAnything(t *testing.T) {
	for name, twice := range map[string]model.Profile{
		"at once":            {TwiceAt: 2},
		"while it is idle":   {TwiceAt: 2, TwiceAfter: sec},
		"at its first call":  {TwiceAt: 1},
		"idle, at its first": {TwiceAt: 1, TwiceAfter: sec},
	} {
		t.Run(name, func(t *testing.T) {
			log := &bytes.Buffer{}
			cfg := Config{Size: 1, Logger: slog.New(slog.NewTextHandler(log, nil))}
			bubble(t, cfg, first(1, twice, model.Profile{}), func(t *testing.T, p *Pool, l *model.Launcher) {
				for range 4 {
					lease, err := p.Checkout(context.Background())
					if err != nil {
						t.Fatal(err)
					}
					if _, err := lease.Call(context.Background(), "echo", nil); err != nil {
						t.Errorf("call on %s: %v", lease.Worker(), err)
					}
					synctest.Wait()
					lease.Checkin()
					time.Sleep(2 * sec)
				}
				if s := p.Stat(); s.Replaced != 1 || s.Checkouts != 4 || len(l.Ports()) != 2 {
					t.Errorf("%+v, want 4 checkouts and one replaced", s)
				}
			})
			if !strings.Contains(log.String(), "nobody asked for") {
				t.Errorf("the log says nothing of it: %s", log)
			}
		})
	}
}

func TestWorkersThatAllSayMoreThanTheyAreAskedAreStartsThatFail(t *testing.T) {
	for name, talkative := range map[string]model.Profile{"hello": {TwoHellos: true}, "first answer": {TwiceAt: 1}} {
		bubble(t, Config{Size: 1, Lazy: true}, func(int) model.Profile { return talkative }, func(t *testing.T, p *Pool, l *model.Launcher) {
			var err error
			for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(10 * ms) {
				ctx, cancel := until(sec)
				_, err = p.Call(ctx, "echo", nil)
				cancel()
			}
			if n := len(l.Ports()); n > 30 {
				t.Errorf("%s: %d starts in a minute", name, n)
			}
			if !errors.Is(err, ErrUnavailable) || !errors.Is(err, worker.ErrUnasked) {
				t.Errorf("%s: the last caller got %v, want the reason", name, err)
			}
		})
	}
}

func TestASlotStaysTakenUntilTheOldProcessIsGone(t *testing.T) {
	// The worker that is discarded gently lives on for 3 s after its port closed.
	stubborn := first(3, model.Profile{Stubborn: 3 * sec}, model.Profile{})
	bubble(t, Config{Size: 1, Overflow: 2, OverflowIdle: sec}, stubborn, func(t *testing.T, p *Pool, l *model.Launcher) {
		together(p, 3, sec) // three live; two are reaped a second later and linger
		time.Sleep(1100 * ms)
		synctest.Wait()
		if s := p.Stat(); s.Ending != 2 || l.Alive() != 3 {
			t.Fatalf("%+v with %d alive, want two that linger", s, l.Alive())
		}
		out := together(p, 3, 10*ms) // the limit, which bubble checks, would be broken by a start now
		if failures(out) > 0 || workers(out) != 1 {
			t.Errorf("got %v, want all from the one worker left", out)
		}
	})
}

func TestDeathInMidCallIsToldAtOnceAndCapacityComesBack(t *testing.T) {
	dies := first(1, model.Profile{DieAtCall: 1}, model.Profile{})
	bubble(t, Config{Size: 1}, dies, func(t *testing.T, p *Pool, l *model.Launcher) {
		out := together(p, 1, time.Hour)
		var e *worker.CallError
		if !errors.As(out[0].err, &e) || e.Exit == nil || e.Exit.Code != 1 || out[0].after != 0 {
			t.Fatalf("got %v, want at once the exit status", out)
		}
		if !errors.Is(e, io.EOF) {
			t.Errorf("%v is no io.EOF", e)
		}
		if out := together(p, 1, 0); failures(out) > 0 || out[0].worker != "w2" {
			t.Errorf("then got %v, want a new worker", out)
		}
		if s := p.Stat(); s.Deaths != 1 || s.Replaced != 0 {
			t.Errorf("%+v, want one death", s)
		}
	})
}

func TestAWorkerThatDiedIdleIsNotHandedOut(t *testing.T) {
	bubble(t, Config{Size: 2, Lazy: true}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		p.Warm(context.Background(), 2)
		for _, port := range l.Ports() {
			_ = port.Kill()
		}
		synctest.Wait()
		if out := together(p, 2, sec); failures(out) > 0 {
			t.Errorf("got %v", out)
		}
	})
}

func TestAHandlersErrorLeavesTheWorkerInUse(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_, err := p.Call(context.Background(), "no such command", nil)
		var e *worker.RemoteError
		if !errors.As(err, &e) || e.Type != "UnknownCommand" {
			t.Errorf("got %v", err)
		}
		if r, err := p.Call(context.Background(), "echo", nil); err != nil || r.Worker != "w1" {
			t.Errorf("the next call went to %q, %v", r.Worker, err)
		}
	})
}

func TestArgumentsThatCannotBeSentLeaveTheWorkerInUse(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		if _, err := p.Call(context.Background(), "echo", map[string]any{"f": func() {}}); err == nil {
			t.Error("a function was sent")
		}
		if r, err := p.Call(context.Background(), "echo", nil); err != nil || r.Worker != "w1" {
			t.Errorf("the next call went to %q, %v", r.Worker, err)
		}
	})
}

func TestOnlyStatusOkToIDZeroIsAHello(t *testing.T) {
	for name, bad := range map[string]model.Profile{
		"loading":  {Hello: map[string]any{"status": "loading"}},
		"a string": {Hello: "ok"},
		"id 7":     {HelloID: 7},
		"dies":     {DieAtHello: &worker.Exit{Code: 1}},
		"refused":  {Refuse: errors.New("no such interpreter")},
	} {
		bubble(t, Config{Size: 1, Lazy: true}, first(1, bad, model.Profile{}), func(t *testing.T, p *Pool, l *model.Launcher) {
			r, err := p.Call(context.Background(), "echo", nil)
			if err != nil || r.Worker != "w2" {
				t.Errorf("%s: served by %q, %v; want the second start", name, r.Worker, err)
			}
		})
	}
}

func TestWhenStartsKeepFailingCallersAreToldTheReason(t *testing.T) {
	never := func(int) model.Profile { return model.Profile{DieAtHello: &worker.Exit{Code: 1}} }
	bubble(t, Config{Size: 2, Lazy: true}, never, func(t *testing.T, p *Pool, l *model.Launcher) {
		out := together(p, 3, 0)
		for _, s := range out {
			var e *worker.StartError
			if !errors.Is(s.err, ErrUnavailable) || !errors.As(s.err, &e) || e.Exit == nil {
				t.Errorf("got %v, want ErrUnavailable with the last start's exit status", s.err)
			}
		}
		tried := len(l.Ports())
		if tried > 2*stormAfter || last(out) > 5*sec {
			t.Errorf("%d starts in %v", tried, last(out))
		}
		if _, err := p.Call(context.Background(), "echo", nil); !errors.Is(err, ErrUnavailable) {
			t.Errorf("during the rest: %v", err)
		}
		if len(l.Ports()) != tried {
			t.Error("a start was begun during the rest")
		}
		if err := p.Warm(context.Background(), 1); !errors.Is(err, ErrUnavailable) {
			t.Errorf("warm: %v", err)
		}
	})
}

func TestAStartThatTookItsTimeToFailNeedsNoRest(t *testing.T) {
	slow := model.Profile{BootWait: sec, DieBooted: &worker.Exit{Code: 1}}
	bubble(t, Config{Size: 1, Lazy: true}, first(stormAfter, slow, model.Profile{}), func(t *testing.T, p *Pool, l *model.Launcher) {
		if out := together(p, 1, 0); failures(out) > 0 || last(out) != stormAfter*sec {
			t.Errorf("got %v, want to be served as soon as a start comes to something", out)
		}
	})
	bubble(t, Config{Size: 1, Lazy: true}, first(stormAfter+1, slow, model.Profile{}), func(t *testing.T, p *Pool, l *model.Launcher) {
		out := together(p, 1, 0) // the sixth rest is 1.6 s, of which one is over
		if !errors.Is(out[0].err, ErrUnavailable) || last(out) != (stormAfter+1)*sec {
			t.Errorf("got %v, want ErrUnavailable once there is a rest", out)
		}
		time.Sleep(599 * ms)
		if n := len(l.Ports()); n != stormAfter+1 {
			t.Errorf("%d starts before the rest was over", n)
		}
		time.Sleep(2 * ms)
		if _, err := p.Call(context.Background(), "echo", nil); err != nil {
			t.Errorf("after the rest: %v", err)
		}
	})
}

func TestStartsThatFailTogetherCountAsOne(t *testing.T) {
	// One bad moment: the first eight launches are refused.
	bad := first(8, model.Profile{Refuse: errors.New("no memory")}, model.Profile{})
	bubble(t, Config{Size: 8, StartConcurrency: 8, Lazy: true}, bad, func(t *testing.T, p *Pool, _ *model.Launcher) {
		if out := together(p, 8, 0); failures(out) > 0 || last(out) != restFirst {
			t.Errorf("got %v, want all served after one rest", out)
		}
	})
}

func TestNobodyIsRefusedWhileAStartIsUnderWay(t *testing.T) {
	slow := func(n int) model.Profile {
		if n == 0 {
			return model.Profile{BootWait: 10 * sec}
		}
		return model.Profile{DieAtHello: &worker.Exit{Code: 1}}
	}
	bubble(t, Config{Size: 2, StartConcurrency: 2, Lazy: true}, slow, func(t *testing.T, p *Pool, _ *model.Launcher) {
		if out := together(p, 4, 0); failures(out) > 0 || last(out) != 10*sec {
			t.Errorf("got %v, want all served by the slow one", out)
		}
	})
}

func TestAWorkerThatDiesAfterItsHelloIsAStartThatFailed(t *testing.T) {
	short := func(int) model.Profile { return model.Profile{DieAged: &worker.Exit{Code: 1}, DieAge: ms} }
	bubble(t, Config{Size: 1}, short, func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(time.Minute)
		if n := len(l.Ports()); n > 30 {
			t.Errorf("%d starts in a minute", n)
		}
		time.Sleep(10 * ms)
		_, err := p.Call(context.Background(), "echo", nil)
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "after its hello") {
			t.Errorf("got %v, want ErrUnavailable with the reason", err)
		}
	})
}

// Who comes now is refused: who came before is not left to wait for what is not
// even begun.
func TestWhoIsInLineIsToldOfAStormToo(t *testing.T) {
	deadly := func(int) model.Profile { return model.Profile{DieAtCall: 1} }
	bubble(t, Config{Size: 1, Lazy: true}, deadly, func(t *testing.T, p *Pool, l *model.Launcher) {
		unavailable := 0
		for _, s := range together(p, stormAfter+3, 0) {
			if errors.Is(s.err, ErrUnavailable) {
				unavailable++
			}
		}
		if n := len(l.Ports()); unavailable != 3 || n != stormAfter {
			t.Errorf("%d were told that no worker can be started, and there were %d starts; want 3 and %d", unavailable, n, stormAfter)
		}
		if _, err := p.Call(context.Background(), "echo", nil); !errors.Is(err, ErrUnavailable) {
			t.Errorf("who comes then: %v", err)
		}
	})
}

func TestAGoodAnswerEndsTheStorm(t *testing.T) {
	// Four bad starts, one that answers, four more bad ones: never five.
	turns := func(n int) model.Profile {
		if n%5 == 4 {
			return model.Profile{DieAtCall: 2}
		}
		return model.Profile{DieAtHello: &worker.Exit{Code: 1}}
	}
	bubble(t, Config{Size: 1, Lazy: true}, turns, func(t *testing.T, p *Pool, _ *model.Launcher) {
		for range 3 {
			if out := together(p, 1, 0); failures(out) > 0 {
				t.Errorf("got %v, want to be served", out)
			}
			together(p, 1, 0) // which kills it
		}
	})
}

func TestWarmIsToldThatItsWorkersWillNotComeThoughOneLives(t *testing.T) {
	never := func(n int) model.Profile {
		if n > 0 {
			return model.Profile{DieAtHello: &worker.Exit{Code: 1}}
		}
		return model.Profile{}
	}
	bubble(t, Config{Size: 2}, never, func(t *testing.T, p *Pool, _ *model.Launcher) {
		ctx, cancel := until(time.Hour)
		defer cancel()
		if err := p.Ready(ctx); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if _, err := p.Call(context.Background(), "echo", nil); err != nil {
			t.Errorf("the one that lives does not serve: %v", err)
		}
	})
}

func TestStartsThatWaitForACPUCountAsAskingForIt(t *testing.T) {
	// Outside load: each start has half a core, and waits for it the other half.
	starved := func(int) model.Profile { return model.Profile{BootCPU: sec, Share: .5} }
	bubble(t, Config{Size: 8, Cores: 2}, starved, func(t *testing.T, p *Pool, l *model.Launcher) {
		p.Ready(context.Background())
		if n := startedWithin(l, 1900*ms); n != 2 {
			t.Errorf("%d starts began while the first two competed, want those two", n)
		}
	})
}

func TestStartsThatHardlyGetACPUAreWidenedSlowly(t *testing.T) {
	for _, c := range []struct {
		share, others float64 // of a core, that each of the first two starts has, and each other
		want          int     // starts in the first 2 s
	}{
		{.15, .15, 8}, // a quota: 2 at 0, 4 by 250 ms, 8 by 500 ms
		{.35, .35, 2}, // two of them have enough
		{.25, .06, 4}, // four have hardly more than two
		{.01, 0, 8},   // hardly any: nothing is lost by trying
	} {
		starved := func(n int) model.Profile {
			if n < 2 {
				return model.Profile{BootCPU: sec, Share: c.share}
			}
			return model.Profile{BootCPU: sec, Share: max(1e-9, c.others)}
		}
		bubble(t, Config{Size: 8, Cores: 2, StartTimeout: 10 * sec}, starved, func(t *testing.T, p *Pool, l *model.Launcher) {
			time.Sleep(2 * sec)
			if n := startedWithin(l, 240*ms); n != 2 {
				t.Errorf("%+v: %d starts began within 240 ms, want 2", c, n)
			}
			if n := startedWithin(l, 2*sec); n != c.want {
				t.Errorf("%+v: %d starts began within 2 s", c, n)
			}
		})
	}
}

// A watched launcher's ports say whether their workers run, and are had after a
// while.
type watched struct {
	*model.Launcher
	runs  bool
	after time.Duration
}

type watchedPort struct {
	worker.Port
	runs bool
}

func (p watchedPort) Runnable() bool { return p.runs }

func (l watched) Launch(ctx context.Context, id string) (worker.Port, error) {
	port, err := l.Launcher.Launch(ctx, id)
	time.Sleep(l.after)
	return watchedPort{port, l.runs}, err
}

func TestStartsThatCanNotGetACPUCountAsAskingForIt(t *testing.T) {
	// None has had a CPU yet, nor ended its wait for one: nothing is measured.
	for name, c := range map[string]struct {
		watched
		within time.Duration // of the first
		want   int           // starts
	}{
		"they could run":             {watched{runs: true}, 240 * ms, 2},
		"they wait for another":      {watched{}, 110 * ms, 8},
		"forks that take their time": {watched{after: 120 * ms}, 140 * ms, 2},
		"launches of another kind":   {watched{after: 3 * sec}, 1400 * ms, 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.Launcher = &model.Launcher{Profile: boots(sec)}
			p, err := New(context.Background(), c, Config{Size: 8, Cores: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close(context.Background())
			if err := p.Ready(context.Background()); err != nil {
				t.Fatal(err)
			}
			if n := startedWithin(c.Launcher, c.within); n != c.want {
				t.Errorf("%s: %d starts began within %v, want %d", name, n, c.within, c.want)
			}
		})
	}
}

// As those of containers, whose engine takes a while for each.
func TestWhatStartsAskForIsSeenOnceTheyAreLaunched(t *testing.T) {
	const launch = 300 * ms
	for name, c := range map[string]struct {
		profile model.Profile
		begun   map[time.Duration]int // starts, by so long after the first
	}{
		"they compute": {model.Profile{Launch: launch, BootCPU: sec}, map[time.Duration]int{1290 * ms: 2, 2590 * ms: 4, 3890 * ms: 6}},
		"they wait":    {model.Profile{Launch: launch, BootWait: 2 * sec}, map[time.Duration]int{launch: 2, 410 * ms: 4, 700 * ms: 8}},
	} {
		bubble(t, Config{Size: 8, Cores: 2}, func(int) model.Profile { return c.profile }, func(t *testing.T, p *Pool, l *model.Launcher) {
			if err := p.Ready(context.Background()); err != nil {
				t.Fatal(err)
			}
			for within, want := range c.begun {
				if n := startedWithin(l, within); n != want {
					t.Errorf("%s: %d starts began within %v, want %d", name, n, within, want)
				}
			}
		})
	}
}

// What a launch takes may be all that there is of a start, as of one on another machine.
// Nothing is seen of it before it is over, and that is not waited for any longer than a
// second.
func TestLaunchesThatAreAllOfAStartAreSoonAllUnderWay(t *testing.T) {
	for _, c := range []struct {
		size   int
		cores  float64
		launch time.Duration
		most   time.Duration // until all are ready
	}{
		{8, 2, 1900 * ms, 1300*ms + 1900*ms},
		{64, 8, sec, sec + 600*ms + sec},
		{64, 8, 1800 * ms, 1600*ms + 1800*ms},
		{8, 2, 100 * ms, 500 * ms}, // four generations are as fast
	} {
		jitter := func(n int) model.Profile { return model.Profile{Launch: c.launch + time.Duration(n%7)*16*ms} }
		bubble(t, Config{Size: c.size, Cores: c.cores}, jitter, func(t *testing.T, p *Pool, _ *model.Launcher) {
			begin := time.Now()
			if err := p.Ready(context.Background()); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(begin); d > c.most+100*ms {
				t.Errorf("%+v: ready after %v", c, d)
			}
		})
	}
}

// A launch that hangs is no reason not to see that the others are starved.
func TestOneLaunchThatHangsLeavesTheOthersTheirWidth(t *testing.T) {
	profile := func(n int) model.Profile {
		if n == 0 {
			return model.Profile{Launch: time.Hour}
		}
		return model.Profile{BootCPU: sec, Share: .05}
	}
	bubble(t, Config{Size: 16, Cores: 8, StartTimeout: 2 * time.Minute}, profile, func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(10 * sec)
		if n := startedWithin(l, 10*sec); n != 16 {
			t.Errorf("%d starts began within 10 s, want all 16", n)
		}
	})
}

// The second generation is launched beside what is left of the first, which alone does not
// use the cores.
func TestALaunchIsNoWantOfWork(t *testing.T) {
	profile := func(n int) model.Profile {
		p := model.Profile{Launch: 300 * ms, BootCPU: 300 * ms}
		if n == 0 { // it has half a core, and asks for a whole one
			p.BootCPU, p.Share = 2*sec, .5
		}
		return p
	}
	bubble(t, Config{Size: 6, Cores: 2}, profile, func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(4 * sec)
		for n, port := range l.Ports() {
			if after, least := port.Begin.Sub(l.Ports()[0].Begin), time.Duration(max(0, n-1))*600*ms; after < least {
				t.Errorf("start %d began after %v, want %v: two at once", n+1, after, least)
			}
		}
	})
}

func TestWarmMakesDistinctWorkersReady(t *testing.T) {
	bubble(t, Config{Size: 4, Lazy: true, Cores: 4}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		begin := time.Now()
		if err := p.Warm(context.Background(), 3); err != nil || time.Since(begin) != sec {
			t.Fatalf("%v after %v", err, time.Since(begin))
		}
		if out := together(p, 3, sec); workers(out) != 3 || last(out) != sec {
			t.Errorf("got %v, want three workers at once", out)
		}
		if err := p.Warm(context.Background(), 5); err == nil {
			t.Error("five workers were promised of a pool of four")
		}
		ctx, cancel := until(100 * ms)
		defer cancel()
		if err := p.Warm(ctx, 4); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the ctx's end", err)
		}
	})
}

func TestALeaseIsWorthlessAfterCheckin(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		a, _ := p.Checkout(context.Background())
		a.Checkin()
		b, _ := p.Checkout(context.Background())
		a.Checkin() // must not give away b's worker
		if s := p.Stat(); s.Busy != 1 {
			t.Errorf("%+v: a second check-in took the worker from its new holder", s)
		}
		if _, err := a.Call(context.Background(), "echo", nil); !errors.Is(err, ErrReturned) {
			t.Errorf("got %v", err)
		}
		b.Discard()
		b.Checkin()
		if r, err := p.Call(context.Background(), "echo", nil); err != nil || r.Worker != "w2" {
			t.Errorf("after Discard: %q, %v", r.Worker, err)
		}
		Lease{}.Checkin()
		if _, err := (Lease{}).Call(context.Background(), "echo", nil); !errors.Is(err, ErrReturned) {
			t.Errorf("an empty lease: %v", err)
		}
	})
}

func TestCloseLetsCallsFinishAndSendsTheLineHome(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		var out []served
		var wg sync.WaitGroup
		wg.Go(func() { out = together(p, 2, 3*sec) })
		time.Sleep(sec)
		begin := time.Now()
		if err := p.Close(context.Background()); err != nil || time.Since(begin) != 2*sec {
			t.Errorf("closed after %v, %v; want when the call was done", time.Since(begin), err)
		}
		wg.Wait()
		slices.SortFunc(out, func(a, b served) int { return int(a.after - b.after) })
		if !errors.Is(out[0].err, ErrClosed) || out[0].after != sec || out[1].err != nil {
			t.Errorf("got %v, want ErrClosed at 1 s and an answer at 3 s", out)
		}
		if _, err := p.Call(context.Background(), "echo", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := p.Warm(context.Background(), 1); !errors.Is(err, ErrClosed) {
			t.Errorf("warm after Close: %v", err)
		}
	})
}

func TestCloseKillsWhatIsLeftAtItsDeadline(t *testing.T) {
	stubborn := func(int) model.Profile { return model.Profile{Stubborn: time.Hour} }
	bubble(t, Config{Size: 3}, stubborn, func(t *testing.T, p *Pool, l *model.Launcher) {
		p.Ready(context.Background())
		var out []served
		var wg sync.WaitGroup
		wg.Go(func() { out = together(p, 1, time.Hour) })
		time.Sleep(sec)
		begin := time.Now()
		ctx, cancel := until(2 * sec)
		defer cancel()
		err := p.Close(ctx)
		if d := time.Since(begin); d != 2*sec || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 workers") {
			t.Errorf("closed after %v: %v", d, err)
		}
		if l.Alive() != 0 {
			t.Errorf("%d live", l.Alive())
		}
		wg.Wait()
		if e := (*worker.CallError)(nil); !errors.As(out[0].err, &e) || !errors.Is(out[0].err, ErrClosed) || out[0].after != 3*sec {
			t.Errorf("the call that was cut short got %v", out)
		}
	})
}

func TestCloseEndsStartsUnderWay(t *testing.T) {
	bubble(t, Config{Size: 4, Cores: 1}, boots(time.Hour), func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(10 * ms)
		begin := time.Now()
		var wg sync.WaitGroup
		for range 3 { // at once, and again later
			wg.Go(func() {
				if err := p.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if d := time.Since(begin); d != 0 {
			t.Errorf("took %v", d)
		}
	})
}

func TestThePoolEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		l := &model.Launcher{}
		p, err := New(ctx, l, Config{Size: 2})
		if err != nil {
			t.Fatal(err)
		}
		var out []served
		var wg sync.WaitGroup
		wg.Go(func() { out = together(p, 1, time.Hour) })
		time.Sleep(sec)
		cancel()
		wg.Wait()
		synctest.Wait()
		if out[0].after != sec || l.Alive() != 0 || !errors.Is(out[0].err, ErrClosed) {
			t.Errorf("the call ended after %v with %v, %d processes live", out[0].after, out[0].err, l.Alive())
		}
	})
}

func TestTwoPoolsCanBeToldApartByName(t *testing.T) {
	bubble(t, Config{Name: "blue", Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		if r, err := p.Call(context.Background(), "echo", nil); err != nil || r.Worker != "blue-w1" {
			t.Errorf("got %q, %v", r.Worker, err)
		}
	})
}

func TestEvidenceIsAskedForWhereItWasOfferedAndWanted(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		bubble(t, Config{Size: 1, Evidence: wanted}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
			r, err := p.Call(context.Background(), "burn", map[string]any{"cpu_s": .5})
			if err != nil || (r.Evidence != nil) != wanted || wanted && r.Evidence.OnCPU != 500*ms {
				t.Errorf("wanted %v: got %+v, %v", wanted, r.Evidence, err)
			}
		})
	}
	silent := func(int) model.Profile { return model.Profile{Hello: map[string]any{"status": "ok"}} }
	bubble(t, Config{Size: 1, Evidence: true}, silent, func(t *testing.T, p *Pool, l *model.Launcher) {
		if r, err := p.Call(context.Background(), "echo", nil); err != nil || r.Evidence != nil {
			t.Errorf("not offered: got %+v, %v", r.Evidence, err)
		}
	})
}

func TestTheLoggerIsToldOfDeathsFailedStartsAndExhaustion(t *testing.T) {
	var log bytes.Buffer
	cfg := Config{Name: "blue", Size: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	bubble(t, cfg, first(1, model.Profile{DieAtHello: &worker.Exit{Code: 1}}, model.Profile{}), func(t *testing.T, p *Pool, l *model.Launcher) {
		p.Ready(context.Background())
		together(p, 3, sec)
		_ = l.Ports()[1].Kill()
		synctest.Wait()
	})
	for _, want := range []string{`msg="worker did not start" pool=blue worker=blue-w1`, `msg="worker died" pool=blue worker=blue-w2`, `msg="pool exhausted: callers wait" pool=blue size=1`} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%d lines say %s, want one:\n%s", n, want, log.String())
		}
	}
}

func TestStatCountsWhatHappened(t *testing.T) {
	bubble(t, Config{Size: 2, QueueLimit: 2}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		p.Ready(context.Background())
		out := together(p, 5, sec) // 2 at once, 2 in line, 1 refused
		if failures(out) != 1 {
			t.Fatal(out)
		}
		want := Stat{Size: 2, Idle: 2, Checkouts: 4, Waited: 2, WaitTime: 2 * sec, Refused: 1, Starts: 2, StartTime: 2 * sec}
		if got := p.Stat(); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}
