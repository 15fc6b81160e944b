package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var giveUpCrashesPool = Finding{
	ID:     "give-up-crashes-pool",
	Claim:  "a caller who gives up harms nobody",
	Source: "V2-seed",
	Truth:  "one who gave up and is dead when his worker is ready takes the pool down",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		w := at(u.Waits, []float64{0, 1.6, 1.7, 1.8}, "echo", hello)
		w.DieAfter = times(.5, u.Waits) // the first while his worker starts
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Start:    u.Wait,
			Workload: w,
			Deadline: times(.4, u.Waits),
			Patience: times(5, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Told: "illegal return", Lost: 1}},
			trial{"the dead are passed over", dspex.V2Seed(), without(dspex.GiveUpCrashesPool), scenario.Sound, Accept{Served: 3}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 3}},
		)
	},
}
