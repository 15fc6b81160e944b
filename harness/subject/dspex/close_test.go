package dspex

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

func both(t *testing.T, story func(t *testing.T, s subject.Subject)) {
	for _, s := range []subject.Subject{V1(), V2Seed(), V2P3(), V2Last(), V3()} {
		t.Run(s.Name, func(t *testing.T) { story(t, s) })
	}
}

func TestCloseAsksIdleWorkersToGoOneAfterAnother(t *testing.T) {
	l := &models{stubborn: true}
	try(t, V2Seed(), eagerly(3), l, func(b *bed) {
		if err := b.pool.Close(b.Context()); err != nil {
			b.Errorf("close: %v", err)
		}
		if took := time.Since(b.begin); took.Round(time.Millisecond) != 3*second {
			b.Errorf("three stubborn workers took %v, want 1 s each", took)
		}
		if err := b.pool.Close(b.Context()); err != nil {
			b.Errorf("second close: %v", err)
		}
		if o := b.call("c1", echo()); !errors.Is(o.err, errClosed) {
			b.Errorf("a call after Close: %v", o.err)
		}
	})
}

func TestCloseIsDoneAtOnceIfNobodyIsBusy(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, eagerly(2), &models{}, func(b *bed) {
			b.call("c1", echo())
			if err := b.pool.Close(b.Context()); err != nil || time.Since(b.begin) > time.Millisecond {
				b.Errorf("%v after %v", err, time.Since(b.begin))
			}
		})
	})
}

func TestCloseFailsCallsUnderWayAndLeavesNoWorker(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, eagerly(2), &models{}, func(b *bed) {
			var outs []outcome
			var wg sync.WaitGroup
			wg.Go(func() { outs = b.together(4, sleep(60)) })
			b.later(second)
			ctx, cancel := context.WithTimeout(b.Context(), 2*second)
			defer cancel()
			_ = b.pool.Close(ctx)
			if took := time.Since(b.begin); took > 3100*time.Millisecond {
				b.Errorf("Close came back at %v, its ctx ended at 3 s", took)
			}
			if n := b.alive(); n != 0 {
				b.Errorf("%d workers left", n)
			}
			wg.Wait()
			for _, o := range outs {
				if o.err == nil || o.at > 3100*time.Millisecond {
					b.Errorf("%v at %v", o.err, o.at)
				}
			}
		})
	})
}

// Whoever is killed as Close's ctx ends does nothing more, also where its ports take
// a while to close. With an actor that goes on it is a matter of chance which of the two
// is first at a port.
func TestAManagerThatIsKilledAsksNoWorkerToGo(t *testing.T) {
	try(t, New("pool", Seed, With(SlowGoodbye)), eagerly(4), &models{dying: second / 10}, func(b *bed) {
		ctx, cancel := context.WithTimeout(b.Context(), 1500*time.Millisecond) // it is in the midst of the second goodbye
		defer cancel()
		if err := b.pool.Close(ctx); err == nil {
			b.Error("it stopped in time")
		}
		for i, w := range b.workers() {
			if early := i < 2; w.asked != early {
				b.Errorf("worker %d was asked to go: %v", i+1, w.asked)
			}
		}
	})
}

func TestAManagerThatIsKilledHandsOutNoWorker(t *testing.T) {
	cfg := eagerly(2)
	cfg.CallTimeout = 60 * second
	try(t, New("pool", Seed, With(HealthBlocksPool)), cfg, &models{dying: second / 10}, func(b *bed) {
		b.later(31 * second)
		var wg sync.WaitGroup
		wg.Go(func() { b.call("c1", sleep(60)) })
		b.later(second)
		wg.Go(func() { b.call("c2", sleep(1)) }) // whose worker is looked at then, for 5 s
		b.later(second / 2)
		wg.Go(func() {
			if o, dead := b.call("c3", echo()), new(deathError); !errors.As(o.err, &dead) {
				b.Errorf("who was in line heard: %v", o.err)
			}
		})
		b.later(second)
		ctx, cancel := context.WithTimeout(b.Context(), second)
		defer cancel()
		if err := b.pool.Close(ctx); err == nil {
			b.Error("it stopped in time")
		}
		wg.Wait()
	})
}

func TestEverythingEndsWithTheContextOfOpen(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		for _, cfg := range []subject.Config{lazily(2), eagerly(2)} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				l := slowStarts()
				p, err := s.Open(ctx, l, cfg)
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				for i := range 4 {
					wg.Go(func() {
						if _, err := p.Call(t.Context(), subject.Call{Client: fmt.Sprint("c", i), Command: "sleep", Args: map[string]any{"s": 60.}}); err == nil {
							t.Error("served")
						}
					})
				}
				time.Sleep(time.Second / 2)
				cancel() // during a start, or during calls; nobody calls Close
				wg.Wait()
				synctest.Wait()
				if n := l.alive(); n != 0 {
					t.Errorf("%d workers left", n)
				}
			})
		}
	})
}
