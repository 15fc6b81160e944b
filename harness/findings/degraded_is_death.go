package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var degradedIsDeath = Finding{
	ID:     "degraded-is-death",
	Claim:  "a worker that answered with an error is degraded, and recovers",
	Source: "V2-P3",
	Truth:  "it is thrown away at the next check-out, for which a start is needed: the next caller pays for one error",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		w := scenario.Workload{Clients: 1, Think: u.Waits, Command: "call", Args: divide, Fails: divided,
			Then: []scenario.Step{{Command: "echo", Args: hello}}}
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Start:    u.Wait,
			Warm:     1,
			Workload: w,
			Deadline: times(.5, u.Waits),
			Patience: times(3, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V2P3(), nil, scenario.Architectural, Accept{Served: 2, Workers: 2}},
			trial{"an error is an answer", dspex.V2P3(), without(dspex.DegradedIsDeath), scenario.Sound, Accept{Served: 2, Workers: 1, LastBy: .5}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2, Workers: 1, LastBy: .5}},
		)
	},
}
