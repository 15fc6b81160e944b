package dspex

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

func mendedV3() subject.Subject {
	return New("mended V3", Third, Without(BusyDesync), Without(DeadInRotation), Without(Herd), Without(StartedIsNotReady))
}

func TestV3ServesAllAtOnceAndCallersThatDieTakeNothingAlong(t *testing.T) {
	for _, s := range []subject.Subject{V3(), mendedV3()} {
		try(t, s, lazily(4), healthy(), func(b *bed) {
			for _, o := range b.together(4, sleep(1)) {
				b.came(o, true, 1)
			}
			for range 20 {
				b.came(b.call("c9", echo()), true, 1)
				b.died("c9")
			}
			if n := b.launches(); n != 4 {
				b.Errorf("%s: %d workers", s.Name, n)
			}
		})
	}
}

func TestABusyWorkerIsGivenBack(t *testing.T) {
	cfg := lazily(1)
	cfg.CallTimeout = second
	each(t, Third, BusyDesync, cfg, healthy, func(b *bed, on bool) {
		b.came(b.call("c1", sleep(2)), false, 1)
		o := b.call("c2", echo())
		b.came(o, !on, 1)
		if on && !errors.Is(o.err, errBusy) {
			b.Errorf("c2: %v", o.err)
		}
		b.later(1500 * time.Millisecond)
		if o := b.call("c3", echo()); o.err != nil || o.Worker != map[bool]string{true: "w1", false: "w2"}[on] {
			b.Errorf("c3: %s, %v", o.Worker, o.err)
		}
	})
	t.Run("or replaced once it is gone", func(t *testing.T) {
		for _, also := range [][]Change{nil, {Without(DeadInRotation)}} {
			try(t, New("V3", Third, append(also, Without(BusyDesync))...), cfg, &models{lingers: 200 * time.Millisecond}, func(b *bed) {
				b.came(b.call("c1", sleep(2)), false, 1)
				b.came(b.call("c2", echo()), true, 1.2)
				if all := b.workers(); len(all) != 2 || all[1].born.Before(all[0].died) {
					b.Errorf("of %d workers the second was there before the first was gone", len(all))
				}
			})
		}
	})
	t.Run("a late answer is nobody's", func(t *testing.T) {
		try(t, V3(), cfg, healthy(), func(b *bed) {
			b.call("c1", sleep(1.5))
			b.later(second)
			o := b.call("c1", echo())
			if b.came(o, true, 2); string(o.Result) != `{"x":1}` {
				b.Errorf("%s", o.Result)
			}
		})
	})
}

func TestDeadWorkersAreHandedOut(t *testing.T) {
	each(t, Third, DeadInRotation, lazily(2), healthy, func(b *bed, on bool) {
		b.call("c1", echo())
		b.call("c1", echo())
		for _, w := range b.workers() { // two starts go at once: either may be the first
			if w.id == "w1" {
				_ = w.Kill()
			}
		}
		b.later(second)
		for i := range 6 {
			o := b.call("c1", echo())
			if (o.err == nil) != (!on || i%2 == 1) {
				b.Errorf("call %d: %v", i+1, o.err)
			}
			if o.err != nil && !strings.Contains(o.err.Error(), "worker w1 is dead") {
				b.Errorf("call %d: %v", i+1, o.err)
			}
		}
		if n := b.alive(); n != map[bool]int{true: 1, false: 2}[on] {
			b.Errorf("%d alive", n)
		}
	})
	t.Run("one that dies in mid-call too", func(t *testing.T) {
		try(t, mendedV3(), lazily(1), healthy(), func(b *bed) {
			b.came(b.call("c1", subject.Call{Command: "exit"}), false, 0)
			b.came(b.call("c1", echo()), true, 0)
		})
	})
	t.Run("and those that did not start", func(t *testing.T) {
		l := func() *models { return &models{refuse: func(n int) bool { return n <= 2 }} }
		each(t, Third, DeadInRotation, lazily(1), l, func(b *bed, on bool) {
			b.came(b.call("c1", echo()), !on, map[bool]float64{true: 5, false: .2}[on])
		}, Without(StartedIsNotReady))
		each(t, Third, DeadInRotation, lazily(1), l, func(b *bed, on bool) {
			// The call comes as the first start fails: before the next one is begun, or
			// after.
			if o := b.call("c1", echo()); o.err == nil {
				b.Errorf("served by %s, which did not start", o.Worker)
			}
			b.later(second)
			if o := b.call("c1", echo()); (o.err == nil) != !on {
				b.Errorf("a second later: %v", o.err)
			}
		})
	})
}

func TestAHerdStartsAllAtOnce(t *testing.T) {
	for _, c := range []struct {
		cores       float64
		concurrency int
		waves       float64
	}{{2, 0, 4}, {.5, 0, 8}, {2, 4, 2}} {
		cfg := lazily(8)
		cfg.Cores, cfg.StartConcurrency = c.cores, c.concurrency
		each(t, Third, Herd, cfg, func() *models { return &models{boot: second} }, func(b *bed, on bool) {
			b.came(outcome{at: time.Since(b.begin)}, true, map[bool]float64{true: 1, false: c.waves}[on])
		}, Without(StartedIsNotReady))
	}
}

func TestStartedIsTakenForReady(t *testing.T) {
	each(t, Third, StartedIsNotReady, lazily(4), slowStarts, func(b *bed, on bool) {
		b.came(outcome{at: time.Since(b.begin)}, true, map[bool]float64{true: 0, false: 1.1}[on])
		b.came(b.call("c1", echo()), true, 1.1)
	})
}

func TestWhoeverWaitsForV3GivesUp(t *testing.T) {
	cfg := lazily(1)
	cfg.CheckoutTimeout = second
	try(t, V3(), cfg, healthy(), func(b *bed) {
		go b.call("c1", sleep(3))
		b.later(time.Millisecond)
		b.came(b.call("c2", sleep(60)), false, 1.001)
		b.later(500 * time.Millisecond)
		b.came(b.call("c2", echo()), false, 2.501)
		b.later(second)
		b.came(b.call("c3", echo()), true, 3.501) // nobody makes c2's calls
	})
}

func TestV3StopsItsWorkersTogether(t *testing.T) {
	for _, s := range []subject.Subject{V3(), mendedV3()} {
		try(t, s, lazily(6), &models{stubborn: true}, func(b *bed) {
			if err := b.pool.Close(b.Context()); err != nil || time.Since(b.begin).Round(time.Millisecond) != second {
				b.Errorf("%v after %v", err, time.Since(b.begin))
			}
		})
	}
	for _, l := range []*models{slowStarts(), {mute: func(int) bool { return true }}} {
		try(t, V3(), lazily(3), l, func(b *bed) {
			b.later(second / 2)
			if err := b.pool.Close(b.Context()); err != nil || time.Since(b.begin).Round(time.Millisecond) != second/2 {
				b.Errorf("while they start: %v after %v", err, time.Since(b.begin))
			}
		})
	}
}
