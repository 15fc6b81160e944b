package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var prewarmLeaks = Finding{
	ID:     "prewarm-leaks",
	Claim:  "pre-warm all workers during application startup",
	Source: conclusion + ", recommendation 2, as V2-last did it",
	Truth:  "refuted: each check-in of a pre-warmed worker is eaten by the next one's start",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 4, Lazy: true},
			Start:    u.Wait,
			Warm:     4,
			Workload: op(4, u.Waits),
			Deadline: times(1.5, u.Waits),
			Patience: times(8, u.Waits),
		}, u.Waits, "ops",
			trial{"", dspex.V2Last(), nil, scenario.Architectural, Accept{Served: 4, Times: []float64{1, 2, 3, 4}, Workers: 4, Lost: 3}},
			trial{"check-ins outlive a start", dspex.V2Last(), without(dspex.PrewarmLeaks), scenario.Sound, Accept{Served: 4, Times: repeat(1, 4), Workers: 4}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4, Times: repeat(1, 4), Workers: 4}},
		)
	},
}
