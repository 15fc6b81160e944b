package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var orphanSpin = Finding{
	ID:     "orphan-spin",
	Claim:  "a worker ends with its pool",
	Source: "V2-last",
	Truth:  "it takes no notice of the end of its port, and outlives the pool on a full core",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{3, 3}, "echo", hello),
			Deadline: u.Waits,
		}, u.Waits, "boots",
			trial{"", dspex.V2Last(), with(dspex.OrphanSpin), scenario.Architectural, Accept{Served: 2}},
			trial{"a worker that sees it", dspex.V2Last(), nil, scenario.Sound, Accept{Served: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		)
	},
}
