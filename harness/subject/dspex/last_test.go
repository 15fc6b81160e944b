package dspex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

func healthy() *models { return &models{} }

func TestPrewarmingByTasksLeaksAllWorkersButTheLast(t *testing.T) {
	each(t, Last, PrewarmLeaks, lazily(4), slowStarts, func(b *bed, on bool) {
		b.warm(4)
		if took := time.Since(b.begin); b.launches() != 4 || (took-4400*time.Millisecond).Abs() > 10*time.Millisecond {
			b.Errorf("%d workers were started in %v, want 4 in 4.4 s", b.launches(), took)
		}
		b.later(second)
		b.begin = time.Now()
		for i, o := range b.together(4, sleep(1)) {
			b.came(o, true, map[bool]float64{true: float64(i + 1), false: 1}[on])
		}
	})
}

func TestASpinningManagerWaitsForAMuteWorkerForEver(t *testing.T) {
	cfg := lazily(2)
	cfg.StartTimeout = 2 * second
	mute := func() *models { return &models{mute: func(n int) bool { return n == 1 }} }
	each(t, Last, RequeueSpin, cfg, mute, func(b *bed, on bool) {
		outs := b.together(2, echo())
		if n := served(outs); (n == 0) != on {
			b.Errorf("%d of 2 served", n)
		}
		if w1 := b.workers()[0]; w1.living() != on {
			b.Errorf("the mute worker is waited for after 5 s: %v, want %v", w1.living(), on)
		}
	})
	t.Run("alone it has a limit", func(t *testing.T) {
		try(t, V2Last(), cfg, mute(), func(b *bed) {
			go b.call("c1", echo())
			b.later(3 * second)
			if w1 := b.workers()[0]; w1.living() {
				b.Error("nobody called meanwhile, but the worker is waited for after 3 s")
			}
		})
	})
}

func TestASpinningManagerTakesACoreForTheWholeStart(t *testing.T) {
	each(t, Last, RequeueSpin, lazily(2), slowStarts, func(b *bed, on bool) {
		b.together(2, echo())
		want := map[bool]time.Duration{true: 1100 * time.Millisecond}[on]
		if spun, _ := b.pool.(v2).Burnt(); (spun - want).Abs() > 10*time.Millisecond {
			b.Errorf("it spun for %v, want %v", spun, want)
		}
	})
}

func TestASpinningManagerLosesTheOrderOfCallers(t *testing.T) {
	each(t, Last, RequeueSpin, lazily(1), slowStarts, func(b *bed, on bool) {
		outs := b.together(5, sleep(.1))
		inOrder := slices.IsSortedFunc(outs, func(x, y outcome) int { return cmp.Compare(x.at, y.at) })
		if served(outs) != 5 || inOrder == on {
			b.Errorf("in order: %v, of %v", inOrder, outs)
		}
	})
}

func TestALateReplyIsTheNextCallers(t *testing.T) {
	cfg := eagerly(1)
	cfg.CallTimeout = second
	each(t, Last, LateReply, cfg, healthy, func(b *bed, on bool) {
		b.came(b.call("c1", echo()), true, 0)
		b.came(b.call("c1", sleep(1.7)), false, 1)
		o := b.call("c2", sleep(.5))
		if !on {
			b.came(o, true, 1.5)
			if o.Worker != "w2" {
				b.Errorf("served by %s, want another worker", o.Worker)
			}
			return
		}
		b.came(o, false, 1.7)
		if o.err == nil || !strings.Contains(o.err.Error(), "expected 3, got 2") {
			b.Errorf("the next caller: %v", o.err)
		}
		o = b.call("c3", sleep(.5))
		b.came(o, false, 2.2)
		if o.err == nil || !strings.Contains(o.err.Error(), "expected 4, got 3") {
			b.Errorf("the third: %v", o.err)
		}
		b.later(time.Millisecond)
		if o = b.call("c4", echo()); o.err != nil || o.Worker != "w2" {
			b.Errorf("after the third strike: %s, %v", o.Worker, o.err)
		}
	})
}

func TestTheCounterOfASession(t *testing.T) {
	each(t, Last, CounterOverwritten, eagerly(1), healthy, func(b *bed, on bool) {
		for range 3 {
			c := echo()
			c.Session = "s1"
			b.call("c1", c)
		}
		// Their fix: to sleep and look again.
		b.later(second)
		n, known := b.pool.(v2).SessionCalls("s1")
		if want := map[bool]int{true: 1, false: 3}[on]; n != want || !known {
			b.Errorf("3 calls, count %d (%v), want %d", n, known, want)
		}
	})
}

func inSession(id, command string, args map[string]any) subject.Call {
	return subject.Call{Command: command, Session: id, Args: args}
}

func put(id string, value any) subject.Call {
	return inSession(id, "put", map[string]any{"key": "k", "value": value})
}

func get(id string) subject.Call { return inSession(id, "get", map[string]any{"key": "k"}) }

func TestTheTableOfSessionsGoesWithItsOwner(t *testing.T) {
	for _, v := range []Version{Seed, Phase3, Last} {
		each(t, v, TableOwnerDies, eagerly(2), healthy, func(b *bed, on bool) {
			b.call("c1", put("s1", 7))
			b.call("c2", put("s2", 8))
			b.died("c1")
			if _, known := b.pool.(v2).SessionCalls("s2"); known == on {
				b.Errorf("%s: s2 is known: %v", v, known)
			}
			if v != Last {
				return
			}
			o := b.call("c2", get("s2"))
			if found := strings.Contains(string(o.Result), `"value":8`); o.err != nil || found == on {
				b.Errorf("what s2 put: %s, %v", o.Result, o.err)
			}
		}, Without(IllegalReturn))
	}
}

func TestTheLastV2KeepsWhatSessionsPutAndWorkersDont(t *testing.T) {
	try(t, V2Last(), eagerly(3), healthy(), func(b *bed) {
		b.call("c1", put("s1", 7))
		for _, id := range []string{"s1", "s2"} {
			o := b.call("c1", get(id))
			if found := strings.Contains(string(o.Result), `"found":true`); o.err != nil || found != (id == "s1") {
				b.Errorf("%s: %s, %v", id, o.Result, o.err)
			}
		}
		if o := b.call("c1", inSession("s1", "list", nil)); !strings.Contains(string(o.Result), `"keys":["k"]`) {
			b.Errorf("%s, %v", o.Result, o.err)
		}
		for _, w := range b.workers() {
			if len(w.kept) > 0 {
				b.Errorf("%s keeps %v", w.id, w.kept)
			}
		}
	})
}

func TestAPortThatIsHandedBackOutlivesAClientThatWaits(t *testing.T) {
	for _, end := range []string{"at once", "later", "killed later"} {
		each(t, Seed, PortHandedBack, eagerly(1), healthy, func(b *bed, on bool) {
			b.call("c1", echo())
			switch end {
			case "later":
				b.later(time.Millisecond)
				b.died("c1")
			case "killed later":
				b.later(time.Millisecond)
				ctx, die := context.WithCancelCause(b.Context())
				go b.callWith(ctx, "c1", sleep(9))
				b.later(time.Millisecond)
				die(subject.ErrClientDied)
				b.died("c1")
			default:
				b.died("c1")
			}
			b.later(time.Millisecond)
			if lives := b.workers()[0].living(); lives != (on && end == "later") {
				b.Errorf("%s: the worker lives: %v", end, lives)
			}
		}, Without(IllegalReturn))
	}
}

func TestAGoodbyeThatIsSlowStallsWhoeverCalls(t *testing.T) {
	for _, v := range []struct {
		Version
		also []Change
	}{{First, nil}, {Seed, []Change{Without(DeafStart)}}, {Phase3, []Change{Without(DeafStart), Without(RetryAmplifies)}}, {Last, []Change{Without(LateReply)}}} {
		for _, bug := range []Switch{SlowGoodbye, ShutdownIgnored} {
			each(t, v.Version, bug, eagerly(2), healthy, func(b *bed, on bool) {
				b.came(b.call("c1", subject.Call{Command: "stray"}), false, 0)
				b.came(b.call("c2", echo()), true, map[bool]float64{true: 1}[on])
			}, v.also...)
		}
	}
}

func TestSixIdleWorkersTakeLongerToStopThanASupervisorWaits(t *testing.T) {
	for _, bug := range []Switch{SlowGoodbye, ShutdownIgnored} {
		each(t, Seed, bug, eagerly(6), healthy, func(b *bed, on bool) {
			ctx, cancel := context.WithTimeout(b.Context(), 5*second)
			defer cancel()
			err := b.pool.Close(ctx)
			if (err != nil) != on {
				b.Errorf("%v", err)
			}
			if took := time.Since(b.begin); took.Round(10*time.Millisecond) != map[bool]time.Duration{true: 5 * second}[on] {
				b.Errorf("it took %v", took)
			}
		})
	}
}

func TestWhoStopsThePoolOutrunsItsManager(t *testing.T) {
	for _, on := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(OnNode(t.Context()))
			defer cancel()
			l := &models{}
			s := New("pool", Seed, Change{StopRace, on}, With(SlowGoodbye))
			p, err := s.Open(ctx, l, eagerly(3))
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			err = p.Close(ctx)
			if (err != nil) != on || (time.Since(begin) < second) != on {
				t.Errorf("race %v: Close: %v after %v", on, err, time.Since(begin))
			}
			open := func(want bool) {
				t.Helper()
				p, err := s.Open(ctx, l, eagerly(1))
				if (err == nil) != want {
					t.Errorf("race %v: the next pool: %v", on, err)
				}
				if err == nil {
					_ = p.Close(ctx)
				}
			}
			open(!on)
			time.Sleep(4 * second)
			open(true)
			if other, err := s.Open(t.Context(), l, eagerly(1)); err != nil {
				t.Errorf("on a node of its own: %v", err)
			} else {
				_ = other.Close(ctx)
			}
			time.Sleep(4 * second)
		})
	}
}

func TestAFailingStartThatIsToldOf(t *testing.T) {
	for _, cfg := range []subject.Config{lazily(1), eagerly(1)} {
		l := func() *models { return &models{refuse: func(n int) bool { return n <= 3 }} }
		each(t, Seed, HotRestart, cfg, l, func(b *bed, on bool) {
			o := b.call("c1", echo())
			if on {
				b.came(o, true, .003)
				return
			}
			if o.err == nil || !strings.Contains(o.err.Error(), "did not start: no such interpreter") {
				b.Errorf("c1 was told %v", o.err)
			}
			for range 20 {
				if o = b.call("c1", echo()); o.err == nil {
					break
				}
				b.later(50 * time.Millisecond)
			}
			if n := b.launches(); o.err != nil || n != 4 || o.at < 350*time.Millisecond {
				b.Errorf("%d starts until %v, %v: want one after 50, 100 and 200 ms", n, o.at, o.err)
			}
		})
	}
}

func TestWhoeverSendsToAPortThatIsNotHisKillsItsOwner(t *testing.T) {
	for _, send := range []bool{true, false} {
		each(t, Seed, NonOwnerSend, eagerly(2), healthy, func(b *bed, on bool) {
			o := b.call("c1", echo())
			if (o.err == nil) == on {
				b.Errorf("c1: %v", o.err)
			}
			if on && !errors.Is(o.err, errBadSig) {
				b.Errorf("c1 died of %v", o.err)
			}
		}, Change{PortSend, send}) // for the owner that is all the same
	}
}

func TestACheckInToNowhereEmptiesThePool(t *testing.T) {
	each(t, Seed, CheckinToNowhere, eagerly(2), healthy, func(b *bed, on bool) {
		for i := range 4 {
			if o := b.call("c1", echo()); (o.err == nil) != (!on || i < 2) {
				b.Errorf("call %d: %v", i+1, o.err)
			}
		}
	})
}

func TestAHealthCheckThatChecksReplacesTheDead(t *testing.T) {
	start := func() *models { return &models{boot: second} }
	each(t, Seed, HealthCheckConstant, eagerly(1), start, func(b *bed, on bool) {
		b.call("c1", echo())
		_ = b.workers()[0].Kill()
		health := b.pool.(subject.HealthTeller)
		b.later(second / 10)
		if err := health.Health(b.Context()); (err == nil) != on {
			b.Errorf("without a worker it is told: %v", err)
		}
		b.later(3*second - second/10)
		if err := health.Health(b.Context()); err != nil {
			b.Errorf("health: %v", err)
		}
		if n := b.alive(); n != map[bool]int{false: 1}[on] {
			b.Errorf("%d workers alive", n)
		}
		b.came(b.call("c2", echo()), !on, 4)
	})
}

func TestASessionFindsItsStateOnOneWorkerOfThree(t *testing.T) {
	each(t, Seed, SessionIsolation, eagerly(3), healthy, func(b *bed, on bool) {
		b.came(b.call("c1", put("s1", 7)), true, 0)
		var went []string
		found := 0
		for range 6 {
			o := b.call("c1", get("s1"))
			went = append(went, o.Worker)
			if strings.Contains(string(o.Result), `"found":true`) {
				found++
			}
		}
		want := map[bool]string{true: "[w2 w3 w1 w2 w3 w1]", false: "[w1 w1 w1 w1 w1 w1]"}[on]
		if fmt.Sprint(went) != want || found != map[bool]int{true: 2, false: 6}[on] {
			b.Errorf("%v found it %d times, want %s", went, found, want)
		}
	})
	t.Run("whoever waits for its worker keeps nobody else waiting", func(t *testing.T) {
		try(t, New("pool", Seed, Without(SessionIsolation)), eagerly(2), healthy(), func(b *bed) {
			long := sleep(2)
			long.Session = "s1"
			go b.call("c1", long)
			b.later(time.Millisecond)
			go func() { b.came(b.call("c2", get("s1")), true, 2) }()
			b.later(time.Millisecond)
			b.came(b.call("c3", echo()), true, .002)
			b.came(b.call("c3", sleep(3)), true, 3.002)
		})
	})
}

func TestThatASessionHasEndedReachesItsWorkers(t *testing.T) {
	each(t, Seed, SessionLeak, eagerly(2), healthy, func(b *bed, on bool) {
		for range 2 {
			b.call("c1", put("s1", 7))
		}
		b.call("c1", put("s2", 8))
		go b.call("c1", sleep(1)) // w2
		b.later(time.Millisecond)
		if err := b.pool.(interface {
			EndSession(context.Context, string) error
		}).EndSession(b.Context(), "s1"); err != nil {
			b.Errorf("end of session: %v", err)
		}
		b.later(2 * second)
		for i, w := range b.workers() {
			want := map[bool]int{true: 1}[on]
			if i == 0 {
				want++ // s2
			}
			if len(w.kept) != want {
				b.Errorf("%s keeps %v", w.id, w.kept)
			}
		}
		b.came(b.call("c2", echo()), true, 2.001)
	})
}

func TestThreeQuartersOfAStartAreThePoolsOwnDoing(t *testing.T) {
	l := func() *models { return &models{boot: 1300 * time.Millisecond} }
	cfg := lazily(1)
	cfg.CheckoutTimeout = 10 * second
	each(t, Seed, SlowStartSelfMade, cfg, l, func(b *bed, on bool) {
		b.came(b.call("c1", echo()), true, map[bool]float64{true: 5.2, false: 1.3}[on])
		if n := b.alive(); n != 1 {
			b.Errorf("%d alive", n)
		}
	})
}
