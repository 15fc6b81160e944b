package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var thawedWorker = Finding{
	ID:     "thawed-worker",
	Claim:  "a worker was paused, so calls failed for the pause",
	Source: ourOwn,
	Truth:  "one did, which it had in hand: whoever gives the worker back has it answer the next caller's call with that one's answer",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process", "container"},
	Cases: func(u Unit) []Case {
		// The first caller's call is sent to a worker that is paused, and is over when its
		// limit is; the second's, where that worker is given back, half a boot before it goes
		// on.
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1, CallTimeout: u.Waits},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{.5, 2, 4}, "echo", hello),
			Deadline: times(3, u.Waits), // a limit and a start
			Faults:   faults.Plan{{Fault: faults.Pause{}, At: faults.Clock, From: times(.2, u.Waits), Until: times(2.5, u.Waits), Times: 1}},
		}, u.Waits, "boots",
			trial{"", dspex.V2Last(), nil, scenario.Architectural, Accept{Served: 1, Told: "expected 3, got 2", Workers: 1}},
			trial{"a worker in doubt goes", dspex.V2Last(), without(dspex.LateReply), scenario.Sound, Accept{Served: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		)
	},
}
