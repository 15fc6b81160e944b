package dspex

import (
	"fmt"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

// A start of the models below is a boot of 1.0 s and a hello of 0.1 s.
func slowStarts() *models { return &models{boot: second, hello: second / 10} }

func TestConcurrentWhenWarm(t *testing.T) {
	t.Run("V2-seed serves four warm callers at once", func(t *testing.T) {
		try(t, V2Seed(), eagerly(4), &models{}, func(b *bed) {
			for _, o := range b.together(4, sleep(1)) {
				b.came(o, true, 1)
			}
		})
	})
	t.Run("V1 serves them one after another", func(t *testing.T) {
		try(t, V1(), eagerly(4), &models{}, func(b *bed) {
			for i, o := range b.together(4, sleep(1)) {
				b.came(o, true, float64(i+1))
			}
		})
	})
}

func TestV1Serial(t *testing.T) {
	// No real call takes exactly as long as it sleeps; without a cost the fifth
	// answer would come at the very deadline of its caller.
	try(t, V1(), eagerly(4), &models{cost: time.Millisecond}, func(b *bed) {
		for i, o := range b.together(8, sleep(1)) {
			b.came(o, i < 4, float64(min(i+1, 5)))
		}
		if b.launches() != 1 {
			b.Errorf("%d workers started, want 1", b.launches())
		}
	})
}

func TestV1StartsItsWorkerWithTheFirstCallIfLazy(t *testing.T) {
	try(t, V1(), lazily(4), slowStarts(), func(b *bed) {
		b.later(3 * second)
		if b.launches() != 0 {
			b.Errorf("%d workers started before the first call", b.launches())
		}
		b.came(b.call("c1", echo()), true, 4.1)
	})
}

// The findings cold-start-timeouts and timeouts-increased.
func TestColdStartLosesAllCallersButTheFirst(t *testing.T) {
	for _, deadline := range []time.Duration{5 * second, 15 * second, 30 * second, 60 * second} {
		cfg := lazily(4)
		cfg.CheckoutTimeout, cfg.CallTimeout = deadline, deadline
		t.Run(fmt.Sprint("within ", deadline), func(t *testing.T) {
			try(t, V2Seed(), cfg, slowStarts(), func(b *bed) {
				outs := b.together(4, echo())
				b.came(outs[0], true, 1.1)
				for _, o := range outs[1:] {
					b.came(o, false, deadline.Seconds())
				}
				if b.launches() != 1 {
					b.Errorf("%d workers started, want 1", b.launches())
				}
			})
		})
	}
	t.Run("a manager that hears serves all, one start after another", func(t *testing.T) {
		try(t, New("hearing", Seed, Without(DeafStart)), lazily(4), slowStarts(), func(b *bed) {
			for i, o := range b.together(4, echo()) {
				b.came(o, true, 1.1*float64(i+1))
			}
		})
	})
}

func TestWhatIsPostedAgainIsNotDropped(t *testing.T) {
	for name, also := range map[string]Change{"all of it": Without(PrewarmLeaks), "requests alone": With(PrewarmLeaks)} {
		t.Run(name, func(t *testing.T) {
			try(t, New("posts again", Seed, With(RequeueSpin), also), lazily(4), slowStarts(), func(b *bed) {
				if n := served(b.together(4, echo())); n != 4 {
					b.Errorf("%d of 4 served", n)
				}
			})
		})
	}
}

func TestSerialStart(t *testing.T) {
	t.Run("eager: eight starts of 2 s keep everybody waiting for 16 s", func(t *testing.T) {
		try(t, V2Seed(), eagerly(8), &models{boot: 2 * second}, func(b *bed) {
			for _, o := range b.together(8, echo()) {
				b.came(o, true, 16)
			}
		})
	})
	t.Run("lazy: n workers are ready at n times a start", func(t *testing.T) {
		cfg := lazily(8)
		cfg.CheckoutTimeout, cfg.CallTimeout = 60*second, 60*second
		try(t, New("hearing", Seed, Without(DeafStart)), cfg, &models{boot: 2 * second}, func(b *bed) {
			for i, o := range b.together(8, sleep(20)) {
				b.came(o, true, float64(2*(i+1)+20))
			}
		})
	})
}

func TestPrewarmWarmsOne(t *testing.T) {
	try(t, V2Seed(), lazily(4), slowStarts(), func(b *bed) {
		b.warm(4)
		if b.launches() != 1 {
			b.Fatalf("4 pings started %d workers, want 1", b.launches())
		}
		b.begin = time.Now()
		onTime := 0
		for _, o := range b.together(4, sleep(1)) {
			if o.err == nil && o.at <= 1500*time.Millisecond {
				onTime++
			}
		}
		if onTime != 1 {
			b.Errorf("%d of 4 calls within 1.5 s, want 1", onTime)
		}
	})
}

func TestPrewarmedWorkerOutlivesThePings(t *testing.T) {
	try(t, V2Seed(), lazily(4), slowStarts(), func(b *bed) {
		b.warm(2)
		b.came(b.call("c1", echo()), true, 1.1)
	})
}

func TestPrewarmingHasAPatienceOfItsOwn(t *testing.T) {
	cfg := lazily(2)
	cfg.CheckoutTimeout, cfg.CallTimeout = second, second
	try(t, V2Seed(), cfg, &models{boot: 2 * second, cost: 2 * second}, func(b *bed) {
		b.warm(2)
		b.came(outcome{at: time.Since(b.begin)}, true, 6)
	})
}

func TestOverflowIsANoOp(t *testing.T) {
	cfg := eagerly(1)
	cfg.Overflow = 2
	try(t, V2Seed(), cfg, &models{}, func(b *bed) {
		for i, o := range b.together(3, sleep(1)) {
			b.came(o, true, float64(i+1))
		}
		if b.launches() != 1 {
			b.Errorf("%d workers started, want 1", b.launches())
		}
	})
}

func TestLongLivedWorkers(t *testing.T) {
	for _, c := range []struct {
		says            string
		pool            subject.Subject
		served, workers int
	}{
		{"V2-seed: the worker dies with the first client, and the pool of the second check-out", V2Seed(), 1, 1},
		{"an answer that is legal: a worker for each client", New("legal", Seed, Without(IllegalReturn)), 20, 20},
		{"their fix alone: the same", New("takes over", Seed, With(PortHandedBack)), 20, 20},
		{"the real fix alone: one worker for all", New("hands back", Seed, Without(LongLivedWorkers)), 20, 1},
	} {
		t.Run(c.says, func(t *testing.T) {
			try(t, c.pool, lazily(4), &models{boot: second / 10}, func(b *bed) {
				var outs []outcome
				for i := range 20 {
					client := fmt.Sprint("c", i)
					outs = append(outs, b.call(client, echo()))
					b.died(client)
					b.later(time.Millisecond)
				}
				if n := served(outs); n != c.served || b.launches() != c.workers {
					b.Errorf("%d of 20 served by %d workers, want %d by %d; last error: %v", n, b.launches(), c.served, c.workers, outs[19].err)
				}
			})
		})
	}
}
