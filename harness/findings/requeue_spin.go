package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var requeueSpin = Finding{
	ID:     "requeue-spin",
	Claim:  "a start that gets no answer has a limit",
	Source: "V2-last",
	Truth:  "the manager posts to itself what it can not take: its core is busy, and the limit of the start begins anew each time",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Cases: func(u Unit) []Case {
		sc := scenario.Scenario{
			Config:   subject.Config{Size: 2, Lazy: true, StartTimeout: times(2, u.Waits)},
			Start:    u.Wait,
			Workload: op(2, times(.1, u.Waits)),
			Deadline: times(6, u.Waits),
			Faults:   faults.Plan{{Fault: faults.NeverSaysHello{}, Times: 1}},
		}
		sc.Contract = mute(u)
		return try(sc, u.Waits, "boots",
			trial{"", dspex.V2Last(), nil, scenario.Architectural, Accept{}},
			trial{"a manager that hears", dspex.V2Last(), without(dspex.RequeueSpin, dspex.RollingDeadline, dspex.PrewarmLeaks), scenario.Sound, Accept{Served: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		)
	},
}
