package findings

import (
	"fmt"
	"slices"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var doubleUnwrap = Finding{
	ID:     "double-unwrap",
	Claim:  "V1 gives back what the worker answered",
	Source: "V1",
	Truth:  "the result is unwrapped twice: every answer is nil, and nobody is told",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		cases := first(u, dspex.DoubleUnwrap, Accept{})
		later := cases[1] // V2 no longer does it
		later.Variant, later.Scenario.Subject = "", dspex.V2Seed()
		return slices.Insert(cases, 2, later)
	},
	Together: []Property{{Name: "wrong, and nobody is told", Of: []int{0}, Wrong: func(_ Unit, of []*scenario.Record) (problems []string) {
		for _, c := range of[0].Calls() {
			if !c.Wrong || c.Err != "" {
				problems = append(problems, fmt.Sprintf("%s was told %q, expected that it is given a wrong answer and told nothing", c.ID, c.Err))
			}
		}
		return problems
	}}},
}
