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
	Truth:  "only lazy: false changes who V2 serves, and its starts still go one after another",
	Kind:   "figure",
	Worlds: []string{"virtual"},
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
			served  int // by V2
		}{
			{"as tested", nil, 1},
			{"schedulers × 2", []func(*subject.Config){more}, 1},
			{"lazy: false", []func(*subject.Config){eager}, callers},
			{"checkout_timeout: 30 boots", []func(*subject.Config){patient}, 1},
			{"all three", []func(*subject.Config){more, eager, patient}, callers},
		} {
			cfg := before
			for _, change := range setting.changes {
				change(&cfg)
			}
			one := func(s subject.Subject, word scenario.Word, served int) {
				cases = append(cases, Case{
					Variant: setting.variant,
					Scenario: scenario.Scenario{
						Subject:  s,
						Config:   cfg,
						Start:    u.Wait,
						Workload: op(callers, times(.1, u.Waits)),
						Deadline: cfg.CheckoutTimeout,
					},
					Expected: word,
					Accept:   Accept{Unit: u.Waits, UnitName: "boots", Served: served},
				})
			}
			one(dspex.V2Seed(), "", setting.served)
			one(subject.Ours(), scenario.Sound, callers)
		}
		return cases
	},
}
