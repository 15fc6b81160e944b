package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var diesOnFirstSuccess = Finding{
	ID:     "dies-on-first-success",
	Claim:  "V1 serves its callers, one at a time",
	Source: "V1",
	Truth:  "the answer of a successful command is an illegal return: the pool dies of its first success",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return first(u, dspex.DiesOnFirstSuccess, Accept{Told: "illegal return of a successful command", Lost: 1})
	},
}

// first are the first two calls of V1, with a bug that none of its calls survives and
// what comes of it, and repaired.
func first(u Unit, bug dspex.Switch, a Accept) []Case {
	return try(scenario.Scenario{
		Config:   subject.Config{Size: 1},
		Start:    u.Wait,
		Workload: at(u.Waits, []float64{2, 3}, "echo", hello),
		Deadline: u.Waits,
	}, u.Waits, "boots",
		trial{"", dspex.V1(), with(bug), scenario.Architectural, a},
		trial{"repaired", dspex.V1(), nil, scenario.Sound, Accept{Served: 2}},
		trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
	)
}
