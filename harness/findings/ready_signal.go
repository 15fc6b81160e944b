package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var readySignal = Finding{
	ID:     "ready-signal",
	Claim:  "an init ping response with status ok confirms that the worker is fully initialized",
	Source: report + ", finding 3",
	Truth:  "holds in part: the worker says so, but the pool takes any map for it and hands out one that says it is loading",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		sc := scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{0}, "echo", hello),
			Deadline: times(4, u.Waits),
			Faults:   faults.Plan{{Fault: faults.OddHello{Status: "loading"}, Target: faults.Target{Starts: []int{1}}}},
		}
		sc.Contract = mute(u)
		return try(sc, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 1, Times: []float64{1}}},
			trial{"whoever is loading is not ready", dspex.V2Seed(), without(dspex.ReadySignal), scenario.Sound, Accept{Served: 1}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
		)
	},
}
