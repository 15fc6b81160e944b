package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var checkinToNowhere = Finding{
	ID:     "checkin-to-nowhere",
	Claim:  "a worker that was used is free again",
	Source: "one commit of V2",
	Truth:  "the check-in goes to the caller himself: the pool empties for ever",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{3, 4, 5, 6}, "echo", hello),
			Deadline: u.Waits,
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), with(dspex.CheckinToNowhere), scenario.Architectural, Accept{Served: 2, Lost: 2}},
			trial{"to the manager", dspex.V2Seed(), nil, scenario.Sound, Accept{Served: 4}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4}},
		)
	},
}
