package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var errorCrashesClient = Finding{
	ID:     "error-crashes-client",
	Claim:  "whoever calls is told of a Python error",
	Source: "V2-seed",
	Truth:  "without a session there is no clause for one: the caller's process dies, and his worker with it",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		w := at(u.Waits, []float64{0, 2, 4}, "call", divide)
		w.Fails = divided
		return try(warmed(u, 1, w), u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Told: "no case clause", Used: 3}},
			trial{"a clause for errors", dspex.V2Seed(), without(dspex.ErrorCrashesClient), scenario.Sound, Accept{Served: 3, Workers: 1}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 3, Workers: 1}},
		)
	},
}
