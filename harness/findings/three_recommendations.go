package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var threeRecommendations = Finding{
	ID:     "three-recommendations",
	Claim:  "in production: schedulers × 2 workers, lazy: false, checkout_timeout: 30_000",
	Source: report + ", production recommendation 1",
	Truth:  "only lazy: false changes who V2-seed serves, and its starts still go one after another",
	Kind:   "figure",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		// As the tests had it: 2 workers, started on demand, 5 boots to check one out.
		// Two callers for each worker that is recommended arrive at once.
		before := subject.Config{Size: max(1, u.Cores), Lazy: true, CheckoutTimeout: times(5, u.Waits)}
		callers := 2 * before.Size
		more := func(c *subject.Config) { c.Size = 2 * before.Size }
		eager := func(c *subject.Config) { c.Lazy = false }
		patient := func(c *subject.Config) { c.CheckoutTimeout = times(30, u.Waits) }
		for _, setting := range []struct {
			variant string
			changes []func(*subject.Config)
		}{
			{"as tested", nil},
			{"schedulers × 2", []func(*subject.Config){more}},
			{"lazy: false", []func(*subject.Config){eager}},
			{"checkout_timeout: 30 boots", []func(*subject.Config){patient}},
			{"all three", []func(*subject.Config){more, eager, patient}},
		} {
			cfg := before
			for _, change := range setting.changes {
				change(&cfg)
			}
			one := func(s subject.Subject, word scenario.Word, a Accept) {
				a.Unit, a.UnitName = u.Waits, "boots"
				if a.Times != nil {
					a.Served = len(a.Times)
				}
				// On real workers 40 cases would take too long, and V2-seed waits for 30 boots.
				quick := s.Name == subject.Ours().Name || s.Name == dspex.V2Seed().Name && setting.variant != "checkout_timeout: 30 boots"
				cases = append(cases, Case{
					Virtual: !quick,
					Variant: setting.variant,
					Scenario: scenario.Scenario{
						Subject:  s,
						Config:   cfg,
						Start:    u.Wait,
						Workload: op(callers, times(.1, u.Waits)),
						Deadline: cfg.CheckoutTimeout,
					},
					Expected: word,
					Accept:   a,
				})
			}
			// V2 starts one after another. A lazy V2-seed loses who waits meanwhile; V2-last
			// does not, but loses the workers that come back, each but the one started last.
			seed, last := []float64{1.1}, leaking(callers, cfg.Size)
			first := 1. // when V2-P3 has all the workers that it waits for
			if !cfg.Lazy {
				first = float64(cfg.Size)
				seed = rounds(first, callers, cfg.Size)
				last = seed
			}
			one(dspex.V2Seed(), "", Accept{Times: seed})
			one(dspex.V2Last(), "", Accept{Times: last})
			// V1 makes one call at a time, and never has a second worker. So does V2-P3, in
			// its circuit breaker: none of its callers waits at the manager, to be lost there.
			one(dspex.V1(), "", Accept{Times: rounds(1, callers, 1)})
			one(dspex.V2P3(), "", Accept{Times: rounds(first, callers, 1)})
			// These start as many at once as are wanted. No setting changes more than how
			// many callers take turns.
			for _, s := range []subject.Subject{dspex.V3(), subject.Herd(), subject.Puddle()} {
				one(s, "", Accept{Times: rounds(1, callers, cfg.Size)})
			}
			one(subject.Ours(), scenario.Sound, Accept{Served: callers})
		}
		return cases
	},
}

// rounds are the times of callers with a call of 0.1 each, who take turns at workers
// that are all ready at first.
func rounds(first float64, callers, workers int) (at []float64) {
	for i := range callers {
		at = append(at, first+.1*float64(1+i/workers))
	}
	return at
}

// leaking are those where each start but the last costs the pool the worker before:
// only the last one serves more than a call.
func leaking(callers, workers int) (at []float64) {
	for i := range workers - 1 {
		at = append(at, float64(i+1)+.1)
	}
	return append(at, rounds(float64(workers), callers-len(at), 1)...)
}
