package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var tableOwnerDies = Finding{
	ID:     "table-owner-dies",
	Claim:  "sessions are kept in a table of the pool",
	Source: "V2-last",
	Truth:  "the table belongs to the client who came first: when he is gone, so are the sessions of all",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		w := at(u.Waits, []float64{0, .5}, "put", look)
		w.Sessions, w.Then, w.Think, w.Mortal = 2, []scenario.Step{{Command: "get", Args: look}}, u.Waits, true
		alone := without(dspex.LongLivedWorkers) // else his worker goes with him, too
		return try(warmed(u, 2, w), u.Waits, "boots",
			trial{"", dspex.V2Last(), alone, scenario.Architectural, Accept{Served: 3}},
			trial{"a table of the pool's own", dspex.V2Last(), and(alone, without(dspex.TableOwnerDies)), scenario.Sound, Accept{Served: 4}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4}},
		)
	},
}
