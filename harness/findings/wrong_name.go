package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var wrongName = Finding{
	ID:     "wrong-name",
	Claim:  "monitor pool metrics",
	Source: conclusion + ", recommendation 3; " + report + ", health monitoring",
	Truth:  "the pool's figures are asked of the manager, which knows no such call and dies of it",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{3, 4, 5}, "get_stats", nil),
			Deadline: u.Waits,
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Told: "no function clause matching", Lost: 2}},
			trial{"asked of the server in front", dspex.V2Seed(), without(dspex.WrongName), scenario.Sound, Accept{Served: 3}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 3}},
		)
	},
}
