package findings

import (
	"fmt"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var simpleTests = Finding{
	ID:     "simple-tests",
	Claim:  "2 simple tests pass, in 5.5 s and 10.5 s",
	Source: report + ", test results",
	Truth:  "they are one start and two, one after the other; ours takes one start for each test",
	Kind:   "figure",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		// A start of theirs took 5 s, what the test did with it half a second: a tenth
		// of a boot.
		const start, rest = 5, .1
		one := func(variant string, n int, s subject.Subject, word scenario.Word, at ...float64) {
			cases = append(cases, Case{
				Variant: variant,
				Scenario: scenario.Scenario{
					Subject:  s,
					Config:   subject.Config{Size: n},
					Start:    u.Wait,
					Workload: op(n, times(rest, u.Waits)),
					Deadline: times(3, u.Waits),
				},
				Expected: word,
				Accept:   Accept{Unit: u.Waits, UnitName: "boots", Served: n, Times: at},
			})
		}
		one(basic, 1, dspex.V2Seed(), "", 1+rest)
		one(basic, 1, subject.Ours(), scenario.Sound, 1+rest)
		one(minimal, 2, dspex.V2Seed(), "", 2+rest, 2+rest)
		one(minimal, 2, subject.Ours(), scenario.Sound, 1+rest, 1+rest)
		return showing(func(r *scenario.Record) string {
			served := r.Served()
			if len(served) == 0 {
				return "nothing served"
			}
			return fmt.Sprintf("%.1f s if a start takes %d s", start*served[len(served)-1].Seconds()/u.Waits.Seconds(), start)
		}, cases)
	},
}
