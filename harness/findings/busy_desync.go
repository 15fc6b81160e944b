package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var busyDesync = Finding{
	ID:     "busy-desync",
	Claim:  "V3 takes a worker back when its call has timed out",
	Source: "V3",
	Truth:  "it is still busy with that call, and tells the next one so",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		// The caller gives up on a call of 2 ops just before the pool does at 1, and calls
		// again at 1.4: the worker is still at it.
		op := times(3, u.Waits)
		return try(scenario.Scenario{
			Config: subject.Config{Size: 1, CallTimeout: op},
			Start:  u.Wait,
			Warm:   1,
			Workload: scenario.Workload{
				Clients: 1, Command: "sleep", Args: map[string]any{"s": times(2, op).Seconds()},
				Think: times(.5, op), Then: []scenario.Step{{Command: "echo", Args: hello}},
			},
			Deadline: op,
			Patience: times(2, op),
			Faults:   faults.Plan{{Fault: faults.GiveUp{After: times(.9, op)}, Times: 1}},
		}, op, "ops",
			trial{"", dspex.V3(), nil, scenario.Architectural, Accept{Told: "worker busy"}},
			trial{"a worker in doubt goes", dspex.V3(), without(dspex.BusyDesync), scenario.Sound, Accept{Served: 1}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
		)
	},
}
