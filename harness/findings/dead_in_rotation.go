package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var deadInRotation = Finding{
	ID:     "dead-in-rotation",
	Claim:  "V3 keeps a queue of available workers",
	Source: "V3",
	Truth:  "nobody watches them: dead workers are handed out, again and again",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Warm:     2,
			Workload: at(u.Waits, []float64{2, 3, 4, 5}, "echo", hello),
			Deadline: u.Waits,
			Faults:   faults.Plan{{Fault: faults.KillIdle{}, At: faults.Clock, Times: 1}},
		}, u.Waits, "boots",
			trial{"", dspex.V3(), nil, scenario.Architectural, Accept{Served: 2}},
			trial{"workers are watched", dspex.V3(), without(dspex.DeadInRotation), scenario.Sound, Accept{Served: 4}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4}},
		)
	},
}
