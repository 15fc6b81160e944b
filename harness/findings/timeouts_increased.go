package findings

import (
	"fmt"
	"slices"

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
		for i := range cases { // one after another: who is lost is no matter of chance
			w := &cases[i].Scenario.Workload
			*w = at(u.Waits, []float64{0, .1, .2, .3}, w.Command, w.Args)
		}
		return cases
	},
	Together: []Property{sameCallers(0, 2, 4, 6)}, // V2-seed's record and ours, in turn
}

// sameCallers says that the same ones were not served in these cases.
func sameCallers(cases ...int) Property {
	return Property{Name: "the same callers with each deadline", Of: cases, Wrong: func(_ Unit, of []*scenario.Record) (problems []string) {
		first := unserved(of[0])
		for _, r := range of[1:] {
			if those := unserved(r); !slices.Equal(those, first) {
				problems = append(problems, fmt.Sprintf("V2-seed failed the calls %q with one deadline and %q with another: they must be the same", first, those))
			}
		}
		return problems
	}}
}

// unserved are the calls that had no right answer, in the order of their arrival.
func unserved(r *scenario.Record) (ids []string) {
	for _, c := range r.Calls() {
		if c.Ended < 0 || c.Err != "" || c.Wrong {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
