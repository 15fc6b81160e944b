package dspex

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

func TestAFailingStartIsBegunAgainAtOnce(t *testing.T) {
	t.Run("a worker that is refused twice comes with the third start", func(t *testing.T) {
		l := &models{boot: second, refuse: func(n int) bool { return n <= 2 }}
		try(t, V2Seed(), lazily(1), l, func(b *bed) {
			b.came(b.call("c1", echo()), true, 1.002)
			if o := b.call("c1", echo()); o.Worker != "w3" {
				b.Errorf("served by %q, want w3", o.Worker)
			}
		})
	})
	t.Run("the callers of one that never comes see only a timeout", func(t *testing.T) {
		l := &models{refuse: func(int) bool { return true }}
		try(t, V2Seed(), lazily(1), l, func(b *bed) {
			b.came(b.call("c1", echo()), false, 5)
			if n := b.launches(); n < 4000 || n > 5000 {
				b.Errorf("%d starts in 5 s, want one each ms: no back-off, and no standstill", n)
			}
		})
	})
	t.Run("an eager pool opens without the worker that failed", func(t *testing.T) {
		l := &models{boot: second, refuse: func(n int) bool { return n == 1 }}
		try(t, V2Seed(), eagerly(2), l, func(b *bed) {
			b.came(outcome{at: time.Since(b.begin)}, true, 1.001)
			b.later(1001 * time.Millisecond)
			for _, o := range b.together(2, echo()) {
				b.came(o, true, 2.002)
			}
		})
	})
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	for _, s := range []subject.Subject{V1(), V2Seed(), V2P3(), V2Last(), mendedV3()} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), second)
			defer cancel()
			l := &models{mute: func(int) bool { return true }}
			cfg := eagerly(2)
			cfg.StartTimeout = 0
			if _, err := s.Open(ctx, l, cfg); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: open: %v, want a deadline", s.Name, err)
			}
			if n := l.alive(); n > 0 {
				t.Errorf("%s: %d workers left", s.Name, n)
			}
		})
	}
}

func TestAWorkerThatIsMadeForALateCallerServesTheNextOne(t *testing.T) {
	cfg := lazily(1)
	cfg.CheckoutTimeout = second
	try(t, New("pool", Seed, Without(DeafStart), Without(StartThenKill)), cfg, &models{boot: 1500 * time.Millisecond}, func(b *bed) {
		b.came(b.call("c1", echo()), false, 1)
		b.later(second)
		b.died("c1") // who owned it for a moment
		b.later(time.Millisecond)
		if o := b.call("c2", echo()); o.err != nil || o.Worker != "w1" {
			b.Errorf("served by %q, %v", o.Worker, o.err)
		}
	})
}

func TestWhoeverGaveUpInLineGetsNoWorker(t *testing.T) {
	for _, by := range []string{"ctx", "timeout"} {
		cfg := eagerly(1)
		if by == "timeout" {
			cfg.CheckoutTimeout = second
		}
		try(t, V2Seed(), cfg, &models{}, func(b *bed) {
			ctx, cancel := context.WithTimeout(b.Context(), second)
			defer cancel()
			if by == "timeout" {
				ctx = b.Context()
			}
			go b.call("c1", sleep(1.5))
			b.later(time.Millisecond)
			b.came(b.callWith(ctx, "c2", echo()), false, map[string]float64{"ctx": 1, "timeout": 1.001}[by])
			b.came(b.call("c3", echo()), true, 1.5)
			if b.launches() != 1 || b.alive() != 1 {
				b.Errorf("%d workers started, %d alive: none was in doubt", b.launches(), b.alive())
			}
		})
	}
}

func TestNoWorkerIsStartedForWhoeverIsTooLate(t *testing.T) {
	cfg := lazily(3)
	cfg.CheckoutTimeout = 2 * second
	try(t, New("hearing", Seed, Without(DeafStart)), cfg, &models{boot: 1500 * time.Millisecond}, func(b *bed) {
		go b.call("c1", sleep(1))
		b.later(time.Millisecond)
		ctx, cancel := context.WithTimeout(b.Context(), second)
		defer cancel()
		// Both are heard at 1.5: c2 is in time for a start of its own, though it
		// left, and c3, heard at 3.0, is not.
		go b.callWith(ctx, "c2", echo())
		b.later(time.Millisecond)
		b.came(b.call("c3", echo()), false, 2.002)
		b.later(4 * second)
		if b.launches() != 2 {
			b.Errorf("%d workers started, want 2", b.launches())
		}
	})
}

func TestAWorkerThatEndsInMidCallIsReplaced(t *testing.T) {
	for _, s := range []subject.Subject{V1(), V2Seed(), New("V2-P3", Phase3, Without(RetryAmplifies)), V2Last()} {
		try(t, s, lazily(1), slowStarts(), func(b *bed) {
			b.came(b.call("c1", subject.Call{Command: "exit"}), false, 1.1)
			b.came(b.call("c1", echo()), true, 2.2)
		})
		try(t, s, eagerly(1), slowStarts(), func(b *bed) {
			b.came(b.call("c1", subject.Call{Command: "exit"}), false, 1.1)
			b.later(second)
			want := 2
			if s.Name == "V1" { // it is lazy, whatever it is told
				want = 1
			}
			if n := b.launches(); n != want {
				b.Errorf("%s: %d workers started, want %d", s.Name, n, want)
			}
		})
	}
}

func TestAnIdleWorkerThatNobodyUsedIsMissedAtOnce(t *testing.T) {
	for _, cfg := range []subject.Config{eagerly(2), lazily(2)} {
		try(t, New("hands back", Seed, Without(LongLivedWorkers), Without(DeafStart)), cfg, &models{}, func(b *bed) {
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

func TestACrashIsHeardAtOnceByThoseWhoWaitAndThoseWhoWork(t *testing.T) {
	try(t, V2Seed(), eagerly(1), &models{}, func(b *bed) {
		var working, waiting outcome
		go func() { working = b.call("c1", sleep(4)) }()
		b.later(time.Millisecond)
		go func() { waiting = b.call("c2", echo()) }()
		b.later(time.Millisecond)
		go b.call("c3", subject.Call{Command: "get_stats"})
		b.later(time.Millisecond)
		// The manager is linked to every port it opened: they close, and their
		// owners, who do not trap, die with them.
		b.came(working, false, .002)
		b.came(waiting, false, .002)
		for _, o := range []outcome{working, waiting} {
			if o.err == nil || !strings.Contains(o.err.Error(), "no function clause") {
				b.Errorf("no reason in %v", o.err)
			}
		}
		if n := b.alive(); n != 0 {
			b.Errorf("%d workers outlived the crash", n)
		}
	})
}
