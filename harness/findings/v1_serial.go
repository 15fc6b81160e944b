package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// v1CallDeadline is in ops. The fifth call would be answered at 5 ops: 4.75
// keeps its failure from hanging on which of two timers fires first.
const v1CallDeadline = 4.75

var v1Serial = Finding{
	ID:     "v1-serial",
	Claim:  "V1's coordinator is a bottleneck: it serialises",
	Source: conclusion + ", achievement 1",
	Truth:  "holds: one call at a time, and only one worker is ever started",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Quick:  true,
	Cases: func(u Unit) []Case {
		ops8 := scenario.Scenario{
			Config:   subject.Config{Size: 4},
			Start:    u.Wait,
			Warm:     4,
			Workload: op(8, u.Waits),
			Deadline: times(v1CallDeadline, u.Waits),
			Patience: times(12, u.Waits),
		}
		one := func(s subject.Subject, word scenario.Word, a Accept) Case {
			sc := ops8
			sc.Subject = s
			a.Unit, a.UnitName = u.Waits, "ops"
			return Case{Scenario: sc, Expected: word, Accept: a}
		}
		v1 := one(dspex.V1(), scenario.Architectural, Accept{Served: 4, Times: []float64{1, 2, 3, 4}, Failed: repeat(v1CallDeadline, 4), Workers: 1})
		v1.Scenario.Config.CallTimeout = times(v1CallDeadline, u.Waits)
		twice := Accept{Served: 8, Times: []float64{1, 1, 1, 1, 2, 2, 2, 2}}
		return []Case{
			v1,
			one(dspex.V2Seed(), "", twice),
			one(subject.Ours(), scenario.Sound, twice),
		}
	},
}
