package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var deafStart = Finding{
	ID:     "deaf-start",
	Claim:  "callers wait in line for a worker",
	Source: "V2-seed to V2-P3",
	Truth:  "what the manager is sent while a worker starts is dropped: requests, check-ins, cancels, deaths",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 4, Lazy: true},
			Start:    u.Wait,
			Workload: op(4, times(.1, u.Waits)),
			Deadline: times(5, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 1, Times: []float64{1.1}}},
			trial{"", dspex.V2P3(), without(dspex.InlineBreaker), scenario.Architectural, Accept{Served: 1, Times: []float64{1.1}}},
			trial{"a manager that hears", dspex.V2Seed(), without(dspex.DeafStart), scenario.Sound, Accept{Served: 4, Times: []float64{1.1, 2.1, 3.1, 4.1}}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4, LastBy: 1.3}},
		)
	},
}
