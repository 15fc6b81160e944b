package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var lateReply = Finding{
	ID:     "late-reply",
	Claim:  "a call that timed out is over",
	Source: "V2-last",
	Truth:  "its worker is given back all the same, and the next caller gets its answer",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process", "container"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{0, .3, 1.2, 3.2}, "sleep", map[string]any{"s": u.Waits.Seconds()}),
			Deadline: times(5, u.Waits),
			Faults:   faults.Plan{{Fault: faults.GiveUp{After: times(.2, u.Waits)}, Target: faults.Target{First: 1}, Times: 1}},
		}, u.Waits, "ops",
			trial{"", dspex.V2Last(), nil, scenario.Architectural, Accept{Served: 1, Failed: []float64{.7, .8}, Told: "expected 3, got 2", Workers: 2}},
			trial{"a worker in doubt goes", dspex.V2Last(), without(dspex.LateReply), scenario.Sound, Accept{Served: 3}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 3}},
		)
	},
}
