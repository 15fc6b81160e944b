package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var doubleUnwrap = Finding{
	ID:     "double-unwrap",
	Claim:  "V1 gives back what the worker answered",
	Source: "V1",
	Truth:  "the result is unwrapped twice: every answer is nil, and nobody is told",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{2, 3}, "echo", hello),
			Deadline: u.Waits,
		}, u.Waits, "boots",
			trial{"", dspex.V1(), with(dspex.DoubleUnwrap), scenario.Architectural, Accept{}},
			trial{"repaired", dspex.V1(), nil, scenario.Sound, Accept{Served: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		)
	},
}
