package findings

import (
	"slices"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var sessionIsolation = Finding{
	ID:     "session-isolation",
	Claim:  "session isolation works as designed",
	Source: report + ", finding 1",
	Truth:  "holds in part: each worker keeps sessions apart, but a session has whichever worker is next, and so a state on each; and a listing without a session shows what all have put",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		w := scenario.Workload{Clients: 1, Think: times(.2, u.Waits), Sessions: 1, Command: "put", Args: look}
		finds, lists, apart := w, w, w
		finds.Calls, finds.Then = 7, []scenario.Step{{Command: "get", Args: look}}
		apart.Clients, apart.Sessions, apart.Calls, apart.Then = 2, 2, 3, finds.Then
		lists.Calls, lists.Then = 2, []scenario.Step{{Command: "list", Anonymous: true}}
		return slices.Concat(
			try(warmed(u, 3, finds), u.Waits, "boots",
				trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 3}},
				trial{"a worker for each session", dspex.V2Seed(), without(dspex.SessionIsolation), scenario.Sound, Accept{Served: 7, MostUsed: 1}},
				trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 7, MostUsed: 1}}),
			try(warmed(u, 1, apart), u.Waits, "boots", trial{"two sessions on one worker", dspex.V2Seed(), nil, scenario.Sound, Accept{Served: 6}}),
			try(warmed(u, 1, lists), u.Waits, "boots",
				trial{"a listing without a session", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 1}},
				trial{"a listing of what is of no session", dspex.V2Seed(), without(dspex.SessionListing), scenario.Sound, Accept{Served: 2}},
				trial{"a listing without a session", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}}),
		)
	},
	Together: []Property{{Name: "workers in turn", Of: []int{0}, Wrong: func(_ Unit, of []*scenario.Record) []string {
		calls := of[0].Calls()
		for i := range len(calls) - 3 {
			if turn := calls[i : i+4]; turn[3].Worker != turn[0].Worker || turn[1].Worker == turn[0].Worker || turn[2].Worker == turn[0].Worker || turn[2].Worker == turn[1].Worker {
				return wrongIf(true, "four calls of V2-seed went to %s, %s, %s and %s, expected three in turn", turn[0].Worker, turn[1].Worker, turn[2].Worker, turn[3].Worker)
			}
		}
		return nil
	}}},
}
