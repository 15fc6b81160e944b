package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var concurrentWhenWarm = Finding{
	ID:     "concurrent-when-warm",
	Claim:  "V2 eliminated V1's bottleneck: true concurrent execution",
	Source: conclusion + ", achievements 1 and 4",
	Truth:  "holds for warm workers",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Quick:  true,
	Cases: func(u Unit) []Case {
		op4 := scenario.Scenario{
			Config:   subject.Config{Size: 4},
			Start:    u.Wait,
			Warm:     4,
			Workload: op(4, u.Waits),
			Deadline: times(1.5, u.Waits),
			Patience: times(8, u.Waits),
		}
		one := func(s subject.Subject, word scenario.Word, at ...float64) Case {
			sc := op4
			sc.Subject = s
			return Case{Scenario: sc, Expected: word, Accept: Accept{Unit: u.Waits, UnitName: "ops", Served: 4, Times: at}}
		}
		return []Case{
			one(dspex.V1(), scenario.Architectural, 1, 2, 3, 4),
			one(dspex.V2Seed(), scenario.Sound, 1, 1, 1, 1),
			one(subject.Ours(), scenario.Sound, 1, 1, 1, 1),
		}
	},
}
