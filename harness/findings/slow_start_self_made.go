package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var slowStartSelfMade = Finding{
	ID:     "slow-start-self-made",
	Claim:  "Python start-up takes 1.5 to 2 s a worker, and 0.5 to 1 s more to be ready",
	Source: conclusion + ", remaining test issues 1 and 2; " + report + ", finding 2",
	Truth:  "refuted in part: three quarters of a start are the pool's own, which starts Python three times before to see whether it starts",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{0}, "echo", hello),
			Deadline: times(2.5, u.Waits),
			Patience: times(8, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), with(dspex.SlowStartSelfMade), scenario.Architectural, Accept{Served: 1, Times: []float64{4}}},
			trial{"without the check", dspex.V2Seed(), nil, scenario.Sound, Accept{Served: 1, Times: []float64{1}}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1, Times: []float64{1}}},
		)
	},
}
