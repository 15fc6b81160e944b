package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var illegalReturn = Finding{
	ID:     "illegal-return",
	Claim:  "a worker that has died is replaced",
	Source: "V2-seed",
	Truth:  "an error at the check-out is an answer that NimblePool does not know: the whole pool goes down",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{2, 4, 6}, "echo", hello),
			Deadline: times(1.5, u.Waits),
			Faults:   faults.Plan{{Fault: faults.KillIdle{}, At: faults.Clock, Times: 1}},
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Told: "illegal return", Lost: 1}},
			trial{"a legal one", dspex.V2Seed(), without(dspex.IllegalReturn), scenario.Sound, Accept{Served: 3}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 3}},
		)
	},
}
