package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var silentFrames = Finding{
	ID:     "silent-frames",
	Claim:  "whoever calls is told what is wrong",
	Source: "V2-seed",
	Truth:  "what the worker can't send has no answer, nor what it can't read: callers wait until their time is over",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		w := at(u.Waits, []float64{0, 3}, "call", map[string]any{"function": "builtins:object"})
		w.Fails, w.Sessions = "ResultError", 2
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: w,
			Deadline: u.Waits,
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{}},
			trial{"an error for each", dspex.V2Seed(), without(dspex.SilentFrames), scenario.Sound, Accept{Served: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		)
	},
}
