package subject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func TestWhoFindsPuddleEmptyStartsAWorkerHimself(t *testing.T) {
	for _, c := range []struct {
		cfg   Config
		calls int
		want  []time.Duration // of launches
	}{
		{Config{Size: 4, Lazy: true}, 0, nil},
		{Config{Size: 4, Lazy: true}, 3, all(0, 0, 0)},
		{Config{Size: 2, Lazy: true}, 9, all(0, 0)},
		{Config{Size: 2, Overflow: 1, Lazy: true}, 9, all(0, 0, 0)},
		{Config{Size: 3}, 0, all(0, 0, 0)},
		{Config{Size: 2, Overflow: 2}, 1, all(0, 0, 0)}, // who calls while two start starts a third
	} {
		begin := time.Time{}
		bubble(t, Puddle(), c.cfg, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
			begin = time.Now()
			synctest.Wait() // an eager one has begun
			after(t, together(context.Background(), p, c.calls, 10*sec))
			time.Sleep(10 * sec) // virtual: nothing more is started, nor anything ended
			if got := begun(l, begin); !slices.Equal(got, c.want) || l.Alive() != len(c.want) {
				t.Errorf("%+v, %d calls: starts began at %v, and %d live; want %v", c.cfg, c.calls, got, l.Alive(), c.want)
			}
		})
	}
}

func TestPuddleServesItsLineInOrder(t *testing.T) {
	bubble(t, Puddle(), Config{Size: 1, Lazy: true}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if _, err := p.Call(context.Background(), Call{Command: "sleep", Args: map[string]any{"s": 1}}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait() // one after another into the line
		}
		wg.Wait()
		if !slices.Equal(order, []int{0, 1, 2, 3}) {
			t.Errorf("served %v", order)
		}
	})
}

func TestPuddlesTimeoutsBoundWhatTheySay(t *testing.T) {
	t.Run("checkout", func(t *testing.T) {
		bubble(t, Puddle(), Config{Size: 1, CheckoutTimeout: 2 * sec}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
			synctest.Wait()
			if out := together(context.Background(), p, 2, 5*sec); !errors.Is(out[0].err, context.DeadlineExceeded) || out[0].after != 2*sec || out[1].err != nil {
				t.Errorf("got %v, want one that gave up after 2 s", out)
			}
		})
	})
	t.Run("call", func(t *testing.T) {
		stubborn := func(int) model.Profile { return model.Profile{BootWait: sec, Stubborn: time.Hour} }
		bubble(t, Puddle(), Config{Size: 1, Lazy: true, CallTimeout: 2 * sec}, stubborn, func(t *testing.T, p Pool, l *model.Launcher) {
			if out := together(context.Background(), p, 1, 5*sec); !errors.Is(out[0].err, context.DeadlineExceeded) || out[0].after != 3*sec || out[0].worker != "w1" {
				t.Errorf("got %v, want it cut short 2 s after its start", out)
			}
			if out := together(context.Background(), p, 1, 0); out[0].err != nil || out[0].worker != "w2" || out[0].after != sec {
				t.Errorf("got %v, want another worker, and the one in doubt killed at once", out)
			}
			p.Close(ended())
		})
	})
	t.Run("start", func(t *testing.T) {
		bubble(t, Puddle(), Config{Size: 1, Lazy: true, StartTimeout: 2 * sec}, first(model.Profile{Mute: true}, model.Profile{}), func(t *testing.T, p Pool, l *model.Launcher) {
			told, served := 0, 0
			for _, s := range together(context.Background(), p, 2, 0) {
				switch {
				case s.after != 2*sec:
					t.Errorf("got %v", s)
				case errors.As(s.err, new(*worker.StartError)):
					told++
				case s.worker == "w2":
					served++
				}
			}
			if told != 1 || served != 1 {
				t.Errorf("%d were told that their start failed, %d served by another, want one each", told, served)
			}
		})
	})
}

func TestNobodyWaitsForPuddleWhereNobodyMay(t *testing.T) {
	bubble(t, Puddle(), Config{Size: 1, QueueLimit: -1, Lazy: true}, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
		ctx, cancel := context.WithCancel(context.Background())
		if out := together(ctx, p, 1, 0); !errors.Is(out[0].err, puddle.ErrNotAvailable) || out[0].after != 0 {
			t.Errorf("got %v, want to be refused at once", out)
		}
		cancel()
		time.Sleep(2 * sec) // virtual: the start outlives who caused it
		out := together(context.Background(), p, 2, sec)
		if !errors.Is(out[0].err, puddle.ErrNotAvailable) || out[1].err != nil || len(l.Ports()) != 1 {
			t.Errorf("got %v after %d starts, want one of two served", out, len(l.Ports()))
		}
	})
}

func TestAStartOutlivesThePuddleCallerWhoGaveUp(t *testing.T) {
	bubble(t, Puddle(), Config{Size: 1, Lazy: true, Name: "blue"}, boots(2*sec), func(t *testing.T, p Pool, l *model.Launcher) {
		ctx, cancel := context.WithTimeout(context.Background(), sec)
		defer cancel()
		if out := together(ctx, p, 1, 0); !errors.Is(out[0].err, context.DeadlineExceeded) || out[0].after != sec {
			t.Errorf("got %v", out)
		}
		time.Sleep(sec) // virtual
		synctest.Wait()
		if out := together(context.Background(), p, 1, 0); out[0].err != nil || out[0].after != 0 || out[0].worker != "blue-w1" {
			t.Errorf("got %v, want the worker that the first one had caused", out)
		}
	})
}

func TestAWorkerThatDiedIdleIsMissedByOnePuddleCallerAlone(t *testing.T) {
	bubble(t, Puddle(), Config{Size: 1}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
		synctest.Wait()
		_ = l.Ports()[0].Kill()
		time.Sleep(sec) // virtual: nobody watches
		if n := len(l.Ports()); n != 1 {
			t.Errorf("%d starts before anybody called", n)
		}
		var e *worker.CallError
		if out := together(context.Background(), p, 1, 0); !errors.As(out[0].err, &e) || e.Exit == nil || out[0].after != 0 {
			t.Errorf("got %v, want the worker's end at once", out)
		}
		synctest.Wait()
		if out := together(context.Background(), p, 1, 0); out[0].err != nil || out[0].worker != "w2" {
			t.Errorf("got %v, want another worker", out)
		}
	})
}

func TestAHandlersErrorLeavesPuddlesWorkerInUse(t *testing.T) {
	bubble(t, Puddle(), Config{Size: 1}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
		var e *worker.RemoteError
		if _, err := p.Call(context.Background(), Call{Command: "no such command"}); !errors.As(err, &e) {
			t.Errorf("got %v", err)
		}
		r, err := p.Call(context.Background(), Call{Command: "burn", Args: map[string]any{"cpu_s": 1}})
		if err != nil || r.Worker != "w1" || r.Evidence == nil || r.Evidence.OnCPU != sec {
			t.Errorf("the next call: %+v, %v", r, err)
		}
	})
}

func TestWarmingPuddleMakesDistinctWorkersReady(t *testing.T) {
	bubble(t, Puddle(), Config{Size: 4, Lazy: true}, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
		w := p.(Warmer)
		begin := time.Now()
		var both sync.WaitGroup
		for range 2 { // each would hold half of what the other wants
			both.Go(func() {
				if err := w.Warm(context.Background(), 4); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if d := time.Since(begin); d != sec || l.Alive() != 4 {
			t.Errorf("after %v with %d, want 4 after 1 s", d, l.Alive())
		}
		if got := after(t, together(context.Background(), p, 4, sec)); !slices.Equal(got, all(sec, sec, sec, sec)) {
			t.Errorf("four calls on four warm workers were served at %v", got)
		}
		if err := w.Warm(context.Background(), 5); err == nil {
			t.Error("it warmed more than its size")
		}
	})
	bubble(t, Puddle(), Config{Size: 2, Lazy: true}, first(model.Profile{DieAtHello: &worker.Exit{Code: 1}}, model.Profile{BootWait: sec}), func(t *testing.T, p Pool, l *model.Launcher) {
		var e *worker.StartError
		if err := p.(Warmer).Warm(context.Background(), 2); !errors.As(err, &e) || l.Alive() != 1 {
			t.Errorf("got %v with %d, want to be told of the start that failed", err, l.Alive())
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*ms)
		defer cancel()
		if err := p.(Warmer).Warm(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the ctx's end", err)
		}
		synctest.Wait()
		if out := together(context.Background(), p, 1, 0); out[0].err != nil {
			t.Errorf("what it held is not given back: %v", out)
		}
	})
}

func TestPuddleClosesOnceItsCallsHaveEnded(t *testing.T) {
	for _, c := range []struct {
		patience time.Duration // of Close
		took     time.Duration
		cut      int
	}{{10 * sec, 4 * sec, 0}, {sec, sec, 2}} {
		t.Run(fmt.Sprint(c.patience), func(t *testing.T) {
			slowThird := func(n int) model.Profile {
				if n < 2 {
					return model.Profile{}
				}
				return model.Profile{BootWait: time.Hour}
			}
			bubble(t, Puddle(), Config{Size: 3, Lazy: true}, slowThird, func(t *testing.T, p Pool, l *model.Launcher) {
				var out []served
				var calls sync.WaitGroup
				calls.Go(func() { out = together(context.Background(), p, 5, 5*sec) }) // 2 executing, 1 starting, 2 in line
				time.Sleep(sec)                                                        // virtual
				begin := time.Now()
				ctx, cancel := context.WithTimeout(context.Background(), c.patience)
				defer cancel()
				err := p.Close(ctx)
				if d := time.Since(begin); d != c.took || l.Alive() != 0 || (err != nil) != (c.cut > 0) || c.cut > 0 && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v after %v with %d left, want %d calls cut short after %v", err, d, l.Alive(), c.cut, c.took)
				}
				calls.Wait()
				cut, refused, told := 0, 0, 0
				for _, s := range out {
					switch {
					case errors.Is(s.err, errPuddleClosed):
						cut++
					case errors.Is(s.err, puddle.ErrClosedPool):
						refused++
					case errors.As(s.err, new(*worker.StartError)):
						told++
					case s.err != nil:
						t.Errorf("a call ended with %v", s.err)
					}
				}
				if cut != c.cut || refused != 2 || told != 1 {
					t.Errorf("%d were cut short, %d refused, %d told of their start, want %d, 2, 1: %v", cut, refused, told, c.cut, out)
				}
				if _, err := p.Call(context.Background(), Call{Command: "ping"}); !errors.Is(err, puddle.ErrClosedPool) {
					t.Errorf("a call after Close: %v", err)
				}
			})
		})
	}
}

func TestPuddleEndsStartsThatNobodyWaitsForAsItIsClosed(t *testing.T) {
	bubble(t, Puddle(), Config{Size: 2}, boots(time.Hour), func(t *testing.T, p Pool, l *model.Launcher) {
		begin := time.Now()
		time.Sleep(sec) // virtual
		if err := p.Close(context.Background()); err != nil || time.Since(begin) != sec || l.Alive() != 0 {
			t.Errorf("%v after %v with %d left", err, time.Since(begin), l.Alive())
		}
	})
}

// ended is a context that has.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestPuddleEndsWithTheContextOfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		l := &model.Launcher{Profile: func(n int) model.Profile {
			return model.Profile{BootWait: time.Duration(n) * time.Hour, Stubborn: time.Hour}
		}}
		p, err := Puddle().Open(ctx, l, Config{Size: 3})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var calls sync.WaitGroup
		calls.Go(func() {
			if out := together(context.Background(), p, 2, time.Hour); out[0].err == nil || out[1].err == nil || out[0].after != sec {
				t.Errorf("got %v", out)
			}
		})
		time.Sleep(sec) // virtual
		cancel()
		synctest.Wait()
		if l.Alive() != 0 {
			t.Errorf("%d workers live", l.Alive())
		}
		calls.Wait()
	})
}
