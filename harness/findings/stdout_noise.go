package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var stdoutNoise = Finding{
	ID:     "stdout-noise",
	Claim:  "called code may print",
	Source: "all versions",
	Truth:  "what it prints is taken for the length of a frame: the call hangs until it times out",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		cases := try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{0}, "call", map[string]any{"function": "builtins:print"}),
			Deadline: times(1.5, u.Waits),
			Patience: times(5, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V1(), nil, scenario.Architectural, Accept{Failed: []float64{5}}},
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Failed: []float64{5}}},
			trial{"", dspex.V2P3(), without(dspex.RetryAmplifies), scenario.Architectural, Accept{Failed: []float64{5}}},
			trial{"", dspex.V2Last(), nil, scenario.Architectural, Accept{Failed: []float64{5}}},
			trial{"", dspex.V3(), nil, scenario.Architectural, Accept{Failed: []float64{5}}},
			trial{"stdout is not the port", dspex.V2Last(), without(dspex.StdoutNoise), scenario.Sound, Accept{Served: 1}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
		)
		// Both frame as the others do: on real workers those are enough.
		cases[0].Virtual, cases[2].Virtual = true, true
		return cases
	},
}
