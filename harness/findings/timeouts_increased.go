package findings

import (
	"fmt"

	"github.com/butfor/butfor/harness/scenario"
)

var timeoutsIncreased = Finding{
	ID:     "timeouts-increased",
	Claim:  "timeouts increased for slow Python startup",
	Source: conclusion + ", implementation status",
	Truth:  "refuted: a lost request is as lost after 60 boots as after 5",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		for _, boots := range []float64{5, 15, 30, 60} {
			cases = append(cases, coldCases(u, boots, false)...)
		}
		return cases
	},
	// V2-seed's record and ours, in turn.
	Together: []Property{{Name: "as many with each deadline", Of: []int{0, 2, 4, 6}, Wrong: func(_ Unit, of []*scenario.Record) (problems []string) {
		first := len(of[0].Served())
		for _, r := range of[1:] {
			if n := len(r.Served()); n != first {
				problems = append(problems, fmt.Sprintf("V2-seed served %d callers with one deadline and %d with another: it must be the same", first, n))
			}
		}
		return problems
	}}},
}
