package dspex

import (
	"errors"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

func TestABreakerThatMakesTheCallsItself(t *testing.T) {
	each(t, Phase3, InlineBreaker, eagerly(4), healthy, func(b *bed, on bool) {
		for i, o := range b.together(4, sleep(.5)) {
			b.came(o, true, map[bool]float64{true: .5 * float64(i+1), false: .5}[on])
		}
	})
}

func TestABreakerForWhichErrorsAreSuccesses(t *testing.T) {
	each(t, Phase3, BreakerNeverOpens, eagerly(2), healthy, func(b *bed, on bool) {
		rejected := 0
		for range 20 {
			if o := b.call("c1", subject.Call{Command: "fail"}); errors.Is(o.err, errOpen) {
				rejected++
			}
		}
		if open := b.pool.(v2).CircuitOpen(); open == on || rejected != map[bool]int{false: 15}[on] {
			b.Errorf("after 20 failures: open %v, %d rejected", open, rejected)
		}
	}, Without(DegradedIsDeath))
	t.Run("a success in between begins the count anew", func(t *testing.T) {
		try(t, New("pool", Phase3, Without(BreakerNeverOpens), Without(DegradedIsDeath)), eagerly(1), healthy(), func(b *bed) {
			for range 4 {
				for range 4 {
					b.call("c1", subject.Call{Command: "fail"})
				}
				b.came(b.call("c1", echo()), true, 0)
			}
		})
	})
	t.Run("that the pool is dead is none", func(t *testing.T) {
		try(t, V2P3(), eagerly(1), healthy(), func(b *bed) {
			b.pool.(v2).self.exit(errKilled)
			for range 5 {
				b.call("c1", echo())
			}
			if o := b.call("c1", echo()); !errors.Is(o.err, errOpen) {
				b.Errorf("%v", o.err)
			}
		})
	})
}

func TestABreakerThatStaysHalfOpen(t *testing.T) {
	for _, inline := range []bool{true, false} {
		each(t, Phase3, HalfOpenStuck, eagerly(2), healthy, func(b *bed, on bool) {
			for range 5 {
				b.call("c1", subject.Call{Command: "fail"})
			}
			if o := b.call("c1", echo()); !errors.Is(o.err, errOpen) {
				b.Errorf("after 5 failures: %v", o.err)
			}
			b.later(openFor)
			for i := range 10 {
				if o := b.call("c1", echo()); (o.err == nil) != (!on || i < probesMost) {
					b.Errorf("call %d once it is half-open: %v", i+1, o.err)
				}
			}
			b.later(time.Hour)
			if o := b.call("c1", echo()); (o.err == nil) == on {
				b.Errorf("an hour later: %v", o.err)
			}
		}, Without(BreakerNeverOpens), Without(DegradedIsDeath), Without(HealthBlocksPool), Change{InlineBreaker, inline})
	}
	t.Run("a probe that fails opens it again", func(t *testing.T) {
		try(t, New("pool", Phase3, Without(HalfOpenStuck), Without(BreakerNeverOpens), Without(DegradedIsDeath), Without(HealthBlocksPool)), eagerly(1), healthy(), func(b *bed) {
			for range 5 {
				b.call("c1", subject.Call{Command: "fail"})
			}
			b.later(openFor)
			b.call("c1", subject.Call{Command: "fail"})
			b.later(openFor - second)
			if o := b.call("c1", echo()); !errors.Is(o.err, errOpen) {
				b.Errorf("4 s after its failure: %v", o.err)
			}
			b.later(second)
			b.came(b.call("c1", echo()), true, 10)
		})
	})
}

func TestRetriesMakeThreeOfOne(t *testing.T) {
	cfg := eagerly(1)
	cfg.CheckoutTimeout, cfg.CallTimeout = second, second
	t.Run("of a call that is not answered, on as many workers", func(t *testing.T) {
		each(t, Phase3, RetryAmplifies, cfg, healthy, func(b *bed, on bool) {
			b.came(b.call("c1", subject.Call{Command: "hang"}), false, map[bool]float64{true: 3.3, false: 1}[on])
			b.later(second)
			if n, want := b.launches(), map[bool]int{true: 4, false: 2}[on]; n != want {
				b.Errorf("%d workers were started, want %d", n, want)
			}
		})
	})
	t.Run("of a check-out that timed out", func(t *testing.T) {
		each(t, Phase3, RetryAmplifies, cfg, healthy, func(b *bed, on bool) {
			go b.pool.(v2).as(b.Context(), "c1", func(me *process) (subject.Reply, error) { // nobody gives up
				return b.pool.(v2).execute(b.Context(), me, sleep(60), limits{})
			})
			b.later(time.Millisecond)
			b.came(b.call("c2", echo()), false, map[bool]float64{true: 3.3, false: 1}[on])
		}, Without(InlineBreaker))
	})
	t.Run("but of no Python error", func(t *testing.T) {
		try(t, V2P3(), cfg, healthy(), func(b *bed) { b.came(b.call("c1", subject.Call{Command: "fail"}), false, 0) })
	})
}

func TestAHealthCheckAtTheCheckInStallsEverybody(t *testing.T) {
	cfg := eagerly(2)
	cfg.CheckoutTimeout = 20 * second
	each(t, Phase3, HealthBlocksPool, cfg, healthy, func(b *bed, on bool) {
		b.later(lookEvery)
		b.came(b.call("c1", echo()), true, 30)
		b.came(b.call("c2", echo()), true, map[bool]float64{true: 35, false: 30}[on]) // the other worker: it is the next to be pinged
		b.came(b.call("c3", echo()), true, map[bool]float64{true: 40, false: 30}[on])
		b.came(b.call("c4", echo()), true, map[bool]float64{true: 40, false: 30}[on]) // both were, not long ago
	}, Without(InlineBreaker))
}

func TestAWorkerThatAnsweredWithAnErrorIsThrownAway(t *testing.T) {
	start := func() *models { return &models{boot: second} }
	each(t, Phase3, DegradedIsDeath, lazily(1), start, func(b *bed, on bool) {
		b.came(b.call("c1", subject.Call{Command: "fail"}), false, 1)
		b.later(second)
		b.came(b.call("c2", echo()), true, map[bool]float64{true: 3, false: 2}[on])
		b.came(b.call("c3", echo()), true, map[bool]float64{true: 3, false: 2}[on])
	})
}
