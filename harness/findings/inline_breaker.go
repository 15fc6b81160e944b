package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var inlineBreaker = Finding{
	ID:     "inline-breaker",
	Claim:  "a circuit breaker keeps failures from spreading",
	Source: "V2-P3",
	Truth:  "it makes the calls inside itself: one at a time, as V1",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 4},
			Start:    u.Wait,
			Warm:     4,
			Workload: op(4, u.Waits),
			Deadline: times(1.5, u.Waits),
			Patience: times(8, u.Waits),
		}, u.Waits, "ops",
			trial{"", dspex.V2P3(), nil, scenario.Architectural, Accept{Served: 4, Times: []float64{1, 2, 3, 4}}},
			trial{"a breaker that only counts", dspex.V2P3(), without(dspex.InlineBreaker), scenario.Sound, Accept{Served: 4, Times: repeat(1, 4)}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4, Times: repeat(1, 4)}},
		)
	},
}
