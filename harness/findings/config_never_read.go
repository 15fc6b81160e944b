package findings

import (
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
	Together: []Property{
		sameRun("V2-seed with all four", 0, 1, true),
		sameRun("V2-seed with all four, which are read", 0, 2, false),
		sameRun("ours with pool_size", 3, 4, false),
		sameRun("ours with overflow", 3, 5, false),
		sameRun("ours with lazy", 3, 6, false),
		sameRun("ours with checkout_timeout", 3, 7, false),
		sameRun("ours with all four", 3, 8, false),
	},
}

// sameRun says of a case whether it is the same run, event by event, as one without any
// key.
func sameRun(what string, without, with int, same bool) Property {
	name := what + ": another run than without"
	if same {
		name = what + ": the same run as without"
	}
	return Property{Name: Assertion(name), Of: []int{without, with}, Wrong: func(_ Unit, of []*scenario.Record) []string {
		return wrongIf(reflect.DeepEqual(of[0].Events, of[1].Events) != same, "%s: the same run as without any key: %v", what, !same)
	}}
}
