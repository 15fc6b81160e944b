package findings

import (
	"fmt"
	"reflect"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var configNeverRead = Finding{
	ID:     "config-never-read",
	Claim:  "in production: config :dspex with pool_size, overflow, lazy and checkout_timeout",
	Source: report + ", production recommendation 1",
	Truth:  "refuted: nobody reads these keys; with all of them the run is the same, event by event",
	Kind:   "test",
	Worlds: []string{"virtual"},
	Unreal: "two runs are compared event by event, and no two on real workers are alike",
	Cases: func(u Unit) []Case {
		// Two workers, for which two callers too many wait longer than they may. Those of
		// an eager pool have begun to start when they come.
		before := subject.Config{Size: 2, Lazy: true, CheckoutTimeout: times(1.2, u.Waits)}
		sc := scenario.Scenario{
			Config:   before,
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{.5, .5, .5, .5}, "sleep", map[string]any{"s": u.Waits.Seconds()}),
			Deadline: times(6, u.Waits),
		}
		patient := times(30, u.Waits)
		keys := map[string]any{"pool_size": 4, "overflow": 2, "lazy": false, "checkout_timeout": patient.Seconds() * 1000}
		cases := try(sc, u.Waits, "boots",
			trial{"without any", dspex.V2Seed(), nil, "", Accept{Served: 1}},
			trial{"with all four", dspex.V2Seed(), keys, "", Accept{Served: 1}},
			trial{"with all four, which are read", dspex.V2Seed(), and(keys, without(dspex.ConfigNeverRead)), "", Accept{Served: 4}},
		)
		ours := func(variant string, word scenario.Word, served int, change func(*subject.Config)) {
			sc := sc
			change(&sc.Config)
			cases = append(cases, try(sc, u.Waits, "boots", trial{variant, subject.Ours(), nil, word, Accept{Served: served}})...)
		}
		size := func(c *subject.Config) { c.Size = 4 }
		overflow := func(c *subject.Config) { c.Overflow = 2 }
		eager := func(c *subject.Config) { c.Lazy = false }
		waits := func(c *subject.Config) { c.CheckoutTimeout = patient }
		ours("without any", "", 2, func(*subject.Config) {})
		ours("pool_size", scenario.Sound, 4, size)
		ours("overflow", scenario.Sound, 4, overflow)
		ours("lazy", "", 2, eager)
		ours("checkout_timeout", scenario.Sound, 4, waits)
		ours("with all four", scenario.Sound, 4, func(c *subject.Config) {
			for _, change := range []func(*subject.Config){size, overflow, eager, waits} {
				change(c)
			}
		})
		return cases
	},
	Together: func(_ Unit, records []*scenario.Record) (problems []string) {
		const seed, ours = 0, 3 // without any
		for i, r := range records {
			of, alike := ours, false
			if i < ours {
				of, alike = seed, i != 2
			}
			if i != of && reflect.DeepEqual(r.Events, records[of].Events) != alike {
				problems = append(problems, fmt.Sprintf("%s, case %d: the same run as without any key: %v", r.Subject, i+1, !alike))
			}
		}
		return problems
	},
}
