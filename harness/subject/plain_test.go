package subject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// plains are the plain pools, all of which must do what follows.
func plains(t *testing.T, test func(t *testing.T, s Subject)) {
	for _, s := range []Subject{Ideal(Cores), Ideal(All), Herd()} {
		t.Run(s.Name, func(t *testing.T) { test(t, s) })
	}
}

func TestTheIdealPoolStartsAsManyAtOnceAsItsWidth(t *testing.T) {
	for _, c := range []struct {
		s     Subject
		cfg   Config
		calls int
		want  []time.Duration // of launches
	}{
		{Ideal(Cores), Config{Size: 4, Cores: 2}, 0, all(0, 0, sec, sec)},
		{Ideal(Cores), Config{Size: 4, Cores: 3.9}, 0, all(0, 0, 0, sec)},
		{Ideal(Cores), Config{Size: 2, Cores: 0.5}, 0, all(0, sec)},
		{Ideal(Cores), Config{Size: 2, Cores: 8}, 0, all(0, 0)},
		{Ideal(All), Config{Size: 4, Cores: 2}, 0, all(0, 0, 0, 0)},
		// One, and two once that is ready, and then all that are left.
		{Ideal(Grown), Config{Size: 5, Cores: 2}, 0, all(0, sec, sec, 2*sec, 2*sec)},
		// Lazy: as many as callers wait.
		{Ideal(All), Config{Size: 4, Cores: 2, Lazy: true}, 0, nil},
		{Ideal(All), Config{Size: 4, Cores: 2, Lazy: true}, 3, all(0, 0, 0)},
		{Ideal(Cores), Config{Size: 4, Cores: 2, Lazy: true}, 3, all(0, 0, sec)},
		{Ideal(All), Config{Size: 2, Overflow: 1, Lazy: true}, 9, all(0, 0, 0)},
		{Ideal(All), Config{Size: 2, Overflow: 1}, 9, all(0, 0, 0)},
		// The herd: all, at the first demand, and no more.
		{Herd(), Config{Size: 4, Cores: 2, Lazy: true}, 0, nil},
		{Herd(), Config{Size: 4, Cores: 2, Lazy: true}, 1, all(0, 0, 0, 0)},
		{Herd(), Config{Size: 4, Cores: 2}, 0, all(0, 0, 0, 0)},
		{Herd(), Config{Size: 2, Overflow: 2, Lazy: true}, 1, all(0, 0)},
		{Herd(), Config{Size: 2, Overflow: 2, Lazy: true}, 9, all(0, 0, 0, 0)},
	} {
		name := fmt.Sprintf("%s %+v %d calls", c.s.Name, c.cfg, c.calls)
		begin := time.Time{}
		bubble(t, c.s, c.cfg, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
			begin = time.Now()
			after(t, together(context.Background(), p, c.calls, 10*sec))
			time.Sleep(10 * sec) // virtual: nothing more is started
			if got := begun(l, begin); !slices.Equal(got, c.want) {
				t.Errorf("%s: starts began at %v, want %v", name, got, c.want)
			}
		})
	}
}

func TestCallersAreServedInLineByWhicheverWorkerIsFreeFirst(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		slowSecond := func(n int) model.Profile { return model.Profile{BootWait: time.Duration(1+9*n) * sec} } // 1 s, 10 s
		bubble(t, s, Config{Size: 2, Cores: 2}, slowSecond, func(t *testing.T, p Pool, l *model.Launcher) {
			var mu sync.Mutex
			var order []int
			by := map[string]int{}
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() {
					r, err := p.Call(context.Background(), Call{Command: "sleep", Args: map[string]any{"s": 1}})
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					order = append(order, i)
					by[r.Worker]++
				})
				synctest.Wait() // one after another into the line
			}
			wg.Wait()
			if !slices.Equal(order, []int{0, 1, 2}) || len(by) != 1 {
				t.Errorf("served %v, by %v; want in the order of the line, all by the one that was ready", order, by)
			}
		})
	})
}

func TestACallerWhoGivesUpLeavesNothingBehind(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		bubble(t, s, Config{Size: 1, Lazy: true, Cores: 1}, boots(2*sec), func(t *testing.T, pool Pool, l *model.Launcher) {
			p := pool.(*plain)
			why := errors.New("had enough")
			ctx, cancel := context.WithTimeoutCause(context.Background(), sec, why)
			defer cancel()
			out := together(ctx, p, 3, 0)
			for _, s := range out {
				if !errors.Is(s.err, why) || s.after != sec {
					t.Errorf("got %v, want to give up after 1 s with the cause", s)
				}
			}
			if n := len(p.line); n != 0 {
				t.Errorf("%d are still in line", n)
			}
			time.Sleep(2 * sec) // the start goes on without them
			synctest.Wait()
			if got := after(t, together(context.Background(), p, 1, 0)); got[0] != 0 || len(l.Ports()) != 1 {
				t.Errorf("the next caller waited %v, after %d starts; want the worker that they had caused", got, len(l.Ports()))
			}
		})
	})
}

// A worker that comes at the very moment at which its caller gives up is not
// lost, whoever of the two is quicker: it is idle, unless a call was sent to it
// and cut short.
func TestAWorkerGivenToACallerWhoGivesUpAtThatMomentIsNotLost(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		for range 20 {
			bubble(t, s, Config{Size: 1, Lazy: true, Cores: 1}, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
				ctx, cancel := context.WithTimeout(context.Background(), sec)
				defer cancel()
				together(ctx, p, 2, 0)
				synctest.Wait()
				cut := l.Ports()[0].Gone()
				if got := after(t, together(context.Background(), p, 1, 0)); !cut && got[0] != 0 || got[0] > sec {
					t.Errorf("the next caller waited %v, after %d starts", got, len(l.Ports()))
				}
			})
		}
	})
}

func TestACallCutShortReplacesItsWorker(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		bubble(t, s, Config{Size: 1, Lazy: true, Cores: 1}, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
			ctx, cancel := context.WithTimeout(context.Background(), 2*sec)
			defer cancel()
			if out := together(ctx, p, 1, sec*60); !errors.Is(out[0].err, context.DeadlineExceeded) || out[0].worker != "w1" {
				t.Errorf("got %v", out)
			}
			out := together(context.Background(), p, 1, 0)
			if out[0].worker != "w2" || out[0].err != nil || out[0].after != sec {
				t.Errorf("the next caller got %v, want a new worker after 1 s", out)
			}
		})
	})
}

func TestAWorkerThatEndedIsReplacedWhereItIsMissed(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		dies := func(n int) model.Profile {
			if n == 0 {
				return model.Profile{DieAtCall: 1}
			}
			return model.Profile{}
		}
		bubble(t, s, Config{Size: 1, Cores: 1}, dies, func(t *testing.T, p Pool, l *model.Launcher) {
			synctest.Wait()
			var e *worker.CallError
			if out := together(context.Background(), p, 1, 0); !errors.As(out[0].err, &e) || e.Exit == nil {
				t.Errorf("got %v, want the worker's end", out)
			}
			synctest.Wait()
			if n := len(l.Ports()); n != 2 {
				t.Errorf("%d starts of an eager pool, want another at once", n)
			}
			_ = l.Ports()[1].Kill() // idle
			synctest.Wait()
			if out := together(context.Background(), p, 1, 0); out[0].err != nil || out[0].worker != "w3" {
				t.Errorf("got %v, want to be served by the third", out)
			}
		})
	})
}

func TestAStartThatDiedIsBegunAgain(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		for name, bad := range map[string]struct {
			model.Profile
			after time.Duration
		}{
			"dies":                {model.Profile{BootWait: sec, DieAtHello: &worker.Exit{Code: 1}}, sec},
			"is refused":          {model.Profile{Refuse: errors.New("no python")}, restAfterFailure},
			"says something else": {model.Profile{Hello: "ok"}, restAfterFailure},
		} {
			bubble(t, s, Config{Size: 1, Lazy: true, Cores: 1}, first(bad.Profile, model.Profile{}), func(t *testing.T, p Pool, l *model.Launcher) {
				if out := together(context.Background(), p, 2, 0); out[0].err != nil || out[1].err != nil || out[0].worker != "w2" || out[0].after != bad.after || len(l.Ports()) != 2 {
					t.Errorf("%s: got %v after %d starts", name, out, len(l.Ports()))
				}
			})
		}
		bubble(t, s, Config{Size: 1, Lazy: true, Cores: 1, StartTimeout: 2 * sec}, first(model.Profile{Mute: true}, model.Profile{}), func(t *testing.T, p Pool, l *model.Launcher) {
			if out := together(context.Background(), p, 1, 0); out[0].err != nil || out[0].after != 2*sec {
				t.Errorf("mute: got %v, want a second start after StartTimeout", out)
			}
		})
	})
}

func TestAStartThatFailedTakesNoneOfTheWidthUntilItIsBegunAgain(t *testing.T) {
	for name, c := range map[string]struct {
		bad  model.Profile
		want []time.Duration // of launches
	}{
		"is refused": {model.Profile{Refuse: errors.New("no python")}, all(0, 0, sec, 2*sec)},
		"dies":       {model.Profile{BootWait: sec, DieAtHello: &worker.Exit{Code: 1}}, all(0, sec, 2*sec, 3*sec)},
	} {
		begin := time.Time{}
		bubble(t, Ideal(Cores), Config{Size: 3, Cores: 1}, first(c.bad, model.Profile{BootWait: sec}), func(t *testing.T, p Pool, l *model.Launcher) {
			begin = time.Now()
			time.Sleep(10 * sec) // virtual: nothing more is started
			if got := begun(l, begin); !slices.Equal(got, c.want) {
				t.Errorf("%s: starts began at %v, want %v", name, got, c.want)
			}
		})
	}
}

func TestAHandlersErrorLeavesAPlainPoolsWorkerInUse(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		bubble(t, s, Config{Size: 1}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
			var e *worker.RemoteError
			if _, err := p.Call(context.Background(), Call{Command: "no such command"}); !errors.As(err, &e) {
				t.Errorf("got %v", err)
			}
			r, err := p.Call(context.Background(), Call{Command: "echo", Args: map[string]any{"n": 7}})
			if err != nil || r.Worker != "w1" || string(r.Result) != `{"n":7}` || r.Evidence != nil {
				t.Errorf("the next call: %+v, %v", r, err)
			}
		})
	})
}

func TestWarmMakesThatManyReadyAndSaysWhenTheyAre(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		bubble(t, s, Config{Size: 4, Lazy: true, Cores: 2}, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
			w := p.(Warmer)
			begin := time.Now()
			want := sec
			if s.Name == "ideal-cores" {
				want = 2 * sec
			}
			if err := w.Warm(context.Background(), 3); err != nil || time.Since(begin) != want || l.Alive() != 3 {
				t.Errorf("%v after %v with %d, want 3 after %v", err, time.Since(begin), l.Alive(), want)
			}
			begin = time.Now()
			if err := w.Warm(context.Background(), 2); err != nil || time.Since(begin) != 0 || l.Alive() != 3 {
				t.Errorf("fewer than there are: %v after %v with %d", err, time.Since(begin), l.Alive())
			}
			ctx, cancel := context.WithTimeout(context.Background(), 100*ms)
			defer cancel()
			if err := w.Warm(ctx, 4); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the ctx's end", err)
			}
			if got := after(t, together(context.Background(), p, 3, sec)); !slices.Equal(got, all(sec, sec, sec)) {
				t.Errorf("three calls on three warm workers were served at %v", got)
			}
		})
	})
}

func TestCloseEndsAllOfAPlainPoolAtOnce(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		slowThird := func(n int) model.Profile {
			if n < 2 {
				return model.Profile{Stubborn: time.Hour}
			}
			return model.Profile{BootWait: time.Hour}
		}
		bubble(t, s, Config{Size: 3, Cores: 3}, slowThird, func(t *testing.T, p Pool, l *model.Launcher) {
			var wg sync.WaitGroup
			var out []served
			wg.Go(func() { out = together(context.Background(), p, 5, time.Hour) }) // 2 executing, 3 in line behind a start
			wg.Go(func() {
				if err := p.(Warmer).Warm(context.Background(), 3); err == nil {
					t.Error("a pool that was closed says that it is warm")
				}
			})
			time.Sleep(sec) // virtual
			begin := time.Now()
			p.Close(context.Background())
			if d := time.Since(begin); d != 0 || l.Alive() != 0 {
				t.Errorf("Close took %v and left %d", d, l.Alive())
			}
			wg.Wait()
			closed := 0
			for _, s := range out {
				if s.err == nil || s.after != sec {
					t.Errorf("a call ended with %v after %v", s.err, s.after)
				}
				if errors.Is(s.err, errPlainClosed) {
					closed++
				}
			}
			if closed != 3 {
				t.Errorf("%d callers in line were told that it is closed, want 3: %v", closed, out)
			}
			if _, err := p.Call(context.Background(), Call{Command: "ping"}); !errors.Is(err, errPlainClosed) {
				t.Errorf("a call after Close: %v", err)
			}
			if err := p.(Warmer).Warm(context.Background(), 1); !errors.Is(err, errPlainClosed) {
				t.Errorf("warm after Close: %v", err)
			}
			started := len(l.Ports())
			synctest.Wait()
			if n := len(l.Ports()); n != 3 || n != started {
				t.Errorf("%d were started, want 3 and none after Close", n)
			}
		})
	})
}

func TestAStartThatIsDoneAsThePoolIsClosedIsEnded(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		for range 50 { // whoever of the two is quicker
			bubble(t, s, Config{Size: 2, Cores: 2}, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
				time.Sleep(sec) // virtual
			})
		}
	})
}

func TestAPlainPoolEndsItsStartsWithTheContextOfOpen(t *testing.T) {
	plains(t, func(t *testing.T, s Subject) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			l := &model.Launcher{Profile: boots(time.Hour)}
			p, err := s.Open(ctx, l, Config{Size: 2, Cores: 2})
			if err != nil {
				t.Fatal(err)
			}
			cancel()
			synctest.Wait()
			if l.Alive() != 0 {
				t.Errorf("%d starts go on", l.Alive())
			}
			if _, err := p.Call(context.Background(), Call{Command: "ping"}); !errors.Is(err, errPlainClosed) {
				t.Errorf("a call: %v", err)
			}
			p.Close(context.Background())
		})
	})
}

func TestOptionsAreRefusedByAllButTheIdealPool(t *testing.T) {
	cfg := Config{Size: 1, Lazy: true, Options: map[string]any{"turbo": true, "deaf": 1}}
	for _, s := range []Subject{Ours(), Herd(), Puddle()} {
		if p, err := s.Open(context.Background(), &model.Launcher{}, cfg); err == nil || p != nil || !strings.Contains(err.Error(), `["deaf" "turbo"]`) {
			t.Errorf("%s: got %v, %v; want an error that names both", s.Name, p, err)
		}
	}
	// It is run with the settings of the subject that is held against it.
	for _, w := range []Width{Cores, All} {
		bubble(t, Ideal(w), cfg, nil, func(t *testing.T, p Pool, l *model.Launcher) {
			after(t, together(context.Background(), p, 1, 0))
		})
	}
}
