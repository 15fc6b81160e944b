package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var overflowIsANoOp = Finding{
	ID:     "overflow-is-a-no-op",
	Claim:  "overflow: 2, as recommended for production",
	Source: report + ", production recommendation 1",
	Truth:  "refuted: the setting does nothing",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Quick:  true,
	Cases: func(u Unit) (cases []Case) {
		length := times(10./3, u.Waits) // of a call: starts take 0.3 of it
		one := func(s subject.Subject, word scenario.Word, at ...float64) {
			cases = append(cases, Case{
				Scenario: scenario.Scenario{
					Subject:  s,
					Config:   subject.Config{Size: 1, Overflow: 2, Lazy: true},
					Start:    u.Wait,
					Warm:     1,
					Workload: op(3, length),
					Deadline: times(1.8, length),
					Patience: times(6, length),
				},
				Expected: word,
				Accept:   Accept{Unit: length, UnitName: "ops", Served: 3, Times: at},
			})
		}
		one(dspex.V1(), "", 1, 2, 3)
		one(dspex.V2Seed(), scenario.Architectural, 1, 2, 3)
		one(subject.Ours(), scenario.Sound, 1, 1.3, 1.3)
		return cases
	},
}
