package dspex

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

func both(t *testing.T, story func(t *testing.T, s subject.Subject)) {
	for _, s := range []subject.Subject{V1(), V2Seed()} {
		t.Run(s.Name, func(t *testing.T) { story(t, s) })
	}
}

func TestCloseAsksIdleWorkersToGoOneAfterAnother(t *testing.T) {
	l := &models{stubborn: true}
	try(t, V2Seed(), eagerly(3), l, func(b *bed) {
		if err := b.pool.Close(b.Context()); err != nil {
			b.Errorf("close: %v", err)
		}
		if took := time.Since(b.begin); took != 3*second {
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
			if err := b.pool.Close(b.Context()); err != nil || time.Since(b.begin) != 0 {
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

func TestAClientWhoDiesInMidCallTakesItsWorkerAlong(t *testing.T) {
	try(t, V2Seed(), eagerly(2), &models{}, func(b *bed) {
		ctx, die := context.WithCancelCause(b.Context())
		var o outcome
		go func() { o = b.callWith(ctx, "c1", sleep(4)) }()
		b.later(second)
		die(subject.ErrClientDied)
		b.died("c1")
		b.later(time.Millisecond)
		if !errors.Is(o.err, subject.ErrClientDied) || o.at.Round(time.Millisecond) != second {
			b.Errorf("the dead client's call: %v at %v", o.err, o.at)
		}
		b.came(b.call("c2", echo()), true, 1.001)
		b.later(second)
		if b.launches() != 3 || b.alive() != 2 {
			b.Errorf("%d workers started, %d alive, want 3 and 2: an eager pool replaces it", b.launches(), b.alive())
		}
	})
}

func TestAClientWhoGivesUpInMidCallLosesItsWorkerAndLives(t *testing.T) {
	for _, patience := range []string{"ctx", "call timeout"} {
		cfg := lazily(1)
		if patience != "ctx" {
			cfg.CallTimeout = second
		}
		try(t, New("pool", Seed, Without(StartThenKill)), cfg, &models{}, func(b *bed) {
			ctx, cancel := context.WithTimeout(b.Context(), second)
			defer cancel()
			if patience != "ctx" {
				ctx = b.Context()
			}
			o := b.callWith(ctx, "c1", subject.Call{Command: "hang"}) // used, so in doubt
			if b.came(o, false, 1); !errors.Is(o.err, context.DeadlineExceeded) {
				b.Errorf("by %s: %v", patience, o.err)
			}
			o = b.call("c1", echo())
			if b.came(o, true, 1); o.Worker != "w2" {
				b.Errorf("by %s: served by %q, want a fresh w2", patience, o.Worker)
			}
		})
	}
}

func TestAWorkerThatEndsInMidCallIsReplaced(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, lazily(1), slowStarts(), func(b *bed) {
			b.came(b.call("c1", subject.Call{Command: "exit"}), false, 1.1)
			b.came(b.call("c1", echo()), true, 2.2)
		})
		try(t, s, eagerly(1), slowStarts(), func(b *bed) {
			b.came(b.call("c1", subject.Call{Command: "exit"}), false, 1.1)
			b.later(second)
			want := map[string]int{"V1": 1, "V2-seed": 2}[s.Name] // V1 is lazy, whatever it is told
			if n := b.launches(); n != want {
				b.Errorf("%d workers started, want %d", n, want)
			}
		})
	})
}

func TestAReplyToAnotherRequestIsAnErrorAndTheEndOfTheWorker(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, lazily(1), &models{}, func(b *bed) {
			o := b.call("c1", subject.Call{Command: "stray"})
			if o.err == nil || !strings.Contains(o.err.Error(), "expected 1, got 2") {
				b.Errorf("%v", o.err)
			}
			if o = b.call("c1", echo()); o.Worker != "w2" {
				b.Errorf("served by %q, want w2", o.Worker)
			}
		})
	})
}

func TestHowAClientEndsMattersToThoseWhoHadItsWorkers(t *testing.T) {
	for _, killed := range []bool{true, false} {
		try(t, V2Seed(), eagerly(2), &models{}, func(b *bed) {
			b.call("c1", echo()) // w1, to which it stays linked
			var c1, c2 outcome
			go func() { c1 = b.call("c1", sleep(map[bool]float64{true: 3, false: .5}[killed])) }() // w2
			b.later(time.Millisecond)
			go func() { c2 = b.call("c2", sleep(3)) }() // w1
			b.later(second)
			b.died("c1") // in mid-call, or after it
			b.later(3 * second)
			b.came(c1, !killed, map[bool]float64{true: 1.001, false: .5}[killed])
			b.came(c2, !killed, map[bool]float64{true: 1.001, false: 3.001}[killed])
		})
	}
}

func TestAWorkerThatWasHandedBackIsNoMatterOfItsClients(t *testing.T) {
	try(t, New("hands back", Seed, Without(LongLivedWorkers)), eagerly(2), &models{}, func(b *bed) {
		b.call("c1", echo())      // w1
		go b.call("c1", sleep(3)) // w2
		b.later(time.Millisecond)
		b.died("c1") // killed, and w2 with it
		b.later(time.Millisecond)
		if w := b.workers(); !w[0].living() || w[1].living() {
			b.Errorf("w1 alive: %v, w2 alive: %v", w[0].living(), w[1].living())
		}
	})
}

func TestACallWhoseClientDiedAsItEndedIsADeadClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t.Context(), "pool")
		ctx, die := context.WithCancelCause(t.Context())
		var me *process
		_, err := n.as(ctx, "c1", func(p *process) (subject.Reply, error) {
			me = p
			die(subject.ErrClientDied)
			return subject.Reply{}, nil
		})
		if reason, dead := me.death(); !errors.Is(err, subject.ErrClientDied) || !dead || reason != errKilled {
			t.Errorf("%v, dead: %v of %v", err, dead, reason)
		}
		_ = n.close(t.Context())
	})
}

func TestACallLeavesNoWatcherBehind(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, lazily(1), &models{}, func(b *bed) {
			for range 3 {
				b.came(b.call("c1", echo()), true, 0)
			}
			synctest.Wait()
			var all []*process
			switch p := b.pool.(type) {
			case *v1:
				all = []*process{p.self, p.coordinator, p.clients["c1"].process}
			case v2:
				all = []*process{p.self, p.clients["c1"].process}
			}
			for _, p := range all {
				if len(p.watchers)+len(p.box.queue)+len(p.box.bells) > 1 { // an actor's bell is up
					b.Errorf("%s: watchers %v, mail %v, %d bells", p.name, p.watchers, p.box.queue, len(p.box.bells))
				}
			}
		})
	})
}

func TestAnIdleWorkerThatNobodyUsedIsMissedAtOnce(t *testing.T) {
	for _, cfg := range []subject.Config{eagerly(2), lazily(2)} {
		try(t, New("hands back", Seed, Without(LongLivedWorkers)), cfg, &models{}, func(b *bed) {
			b.came(b.call("c1", echo()), true, 0)
			_ = b.workers()[0].Kill()
			b.later(time.Millisecond)
			if n, want := b.alive(), map[bool]int{true: 0, false: 2}[cfg.Lazy]; n != want {
				b.Errorf("lazy %v: %d workers alive, want %d", cfg.Lazy, n, want)
			}
			for _, o := range b.together(2, echo()) {
				b.came(o, true, .001)
			}
		})
	}
}

func TestACallWithoutAClientIsAProcessOfItsOwn(t *testing.T) {
	try(t, V2Seed(), lazily(1), &models{}, func(b *bed) {
		b.came(b.call("", echo()), true, 0)
		b.later(time.Millisecond)
		if n := b.alive(); n != 0 {
			b.Errorf("%d workers alive: their owner is gone", n)
		}
	})
}

func TestOneClientMayMakeSeveralCallsAtOnce(t *testing.T) {
	try(t, V2Seed(), eagerly(3), &models{}, func(b *bed) {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { b.came(b.call("c1", sleep(1)), true, 1) })
		}
		wg.Wait()
	})
}

func TestADeadClientThatCallsAgainIsANewOne(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, eagerly(1), &models{}, func(b *bed) {
			b.died("c1") // nobody of that name yet
			b.came(b.call("c1", sleep(1)), true, 1)
			b.died("c1")
			b.died("c1")
			o := b.call("c1", echo())
			if (o.err == nil) != (s.Name == "V1") {
				b.Errorf("%v", o.err)
			}
		})
	})
}

func TestWhoeverCallsV1AndLeavesIsServedAllTheSame(t *testing.T) {
	try(t, V1(), eagerly(1), &models{}, func(b *bed) {
		args := map[string]any{"s": 2.}
		ctx, cancel := context.WithTimeout(b.Context(), second)
		defer cancel()
		go b.call("c1", sleep(1))
		b.later(time.Millisecond)
		b.came(b.callWith(ctx, "c2", subject.Call{Command: "sleep", Args: args}), false, 1)
		args["s"] = 60. // his to do with as he likes
		b.came(b.call("c3", echo()), true, 3)
	})
}

func TestTheSessionGoesToTheWorkerAndTheCallersArgumentsStayHis(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, eagerly(1), &models{}, func(b *bed) {
			c := echo()
			c.Session = "s1"
			if o := b.call("c1", c); string(o.Result) != `{"session_id":"s1","x":1}` {
				b.Errorf("%s, %v", o.Result, o.err)
			}
			if !reflect.DeepEqual(c.Args, echo().Args) {
				b.Errorf("args became %v", c.Args)
			}
			if o := b.call("c1", subject.Call{Command: "echo", Session: "s2"}); string(o.Result) != `{"session_id":"s2"}` {
				b.Errorf("%s, %v", o.Result, o.err)
			}
		})
	})
}

// storm makes calls of all kinds, some of whose clients give up or die, and
// says what came of them.
func storm(ctx context.Context, pool subject.Pool, seed uint64, unit time.Duration) string {
	const calls = 40
	said := make([]string, calls)
	var wg sync.WaitGroup
	for i := range said {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			time.Sleep(time.Duration(r.IntN(3000))*unit + time.Duration(i)*unit/100)
			patience := time.Duration(100+r.IntN(3000))*unit + time.Duration(i)*unit/100
			ctx, die := context.WithCancelCause(ctx)
			defer die(nil)
			cause := []error{subject.ErrClientDied, context.DeadlineExceeded}[r.IntN(2)]
			timer := time.AfterFunc(patience, func() { die(cause) })
			defer timer.Stop()
			call := []subject.Call{echo(), sleep(float64(r.IntN(2000)) * unit.Seconds()), {Command: "fail"}, {Command: "hang"}}[min(r.IntN(24), 3)]
			call.Client = fmt.Sprint("c", r.IntN(calls))
			reply, err := pool.Call(ctx, call)
			said[i] = fmt.Sprint(reply.Worker, err)
			time.Sleep(time.Duration(i+1) * unit / 100) // a crash wakes many at once
			if r.IntN(2) == 0 {
				pool.(subject.ClientWatcher).ClientDied(call.Client)
			}
		})
	}
	wg.Wait()
	return fmt.Sprint(said)
}

func TestTheSameStoryComesOutTheSame(t *testing.T) {
	for _, s := range []subject.Subject{V1(), V2Seed(), New("hearing", Seed, Without(DeafStart), Without(IllegalReturn))} {
		for seed := range uint64(20) {
			var said [2]string
			for k := range said {
				try(t, s, lazily(4), &models{boot: second / 2, hello: second / 10}, func(b *bed) {
					said[k] = storm(b.Context(), b.pool, seed, time.Millisecond) + fmt.Sprint(b.launches())
				})
			}
			if said[0] != said[1] {
				t.Errorf("%s, seed %d:\n%s\n%s", s.Name, seed, said[0], said[1])
			}
		}
	}
}

// TestRealTime is for the race detector: the same storm on the real clock.
func TestRealTime(t *testing.T) {
	for _, s := range []subject.Subject{V1(), V2Seed(), New("mended", Seed, Without(DeafStart), Without(IllegalReturn), Without(LongLivedWorkers), Without(StartThenKill), Without(GiveUpCrashesPool))} {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			l := &models{boot: time.Millisecond}
			cfg := lazily(4)
			cfg.StartTimeout, cfg.CheckoutTimeout, cfg.CallTimeout = 50*time.Millisecond, 40*time.Millisecond, 40*time.Millisecond
			for seed := range uint64(3) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				p, err := s.Open(ctx, l, cfg)
				if err != nil {
					t.Fatal(err)
				}
				storm(ctx, p, seed, 20*time.Microsecond)
				soon, done := context.WithTimeout(ctx, 200*time.Millisecond)
				_ = p.Close(soon)
				done()
				cancel()
				if n := l.alive(); n != 0 {
					t.Errorf("seed %d: %d workers left", seed, n)
				}
			}
		})
	}
}
