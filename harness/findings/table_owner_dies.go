package findings

import (
	"fmt"
	"slices"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var tableOwnerDies = Finding{
	ID:     "table-owner-dies",
	Claim:  "sessions are kept in a table of the pool",
	Source: "all V2",
	Truth:  "the table belongs to the client who came first: when he is gone, so are the sessions of all",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		w := at(u.Waits, []float64{0, .5}, "put", look)
		w.Sessions, w.Then, w.Think, w.Mortal = 2, []scenario.Step{{Command: "get", Args: look}}, u.Waits, true
		alone := without(dspex.LongLivedWorkers) // else his worker goes with him, too
		// The versions before keep in that table what calls there were, and nothing else. Of
		// what they say of it no verdict is: the first of their clients is dead by then.
		earlier := at(u.Waits, []float64{0, .5}, "echo", hello)
		earlier.Sessions, earlier.Mortal = 2, true
		own := without(dspex.TableOwnerDies)
		p3 := and(alone, without(dspex.InlineBreaker))
		return slices.Concat(
			try(warmed(u, 2, w), u.Waits, "boots",
				trial{"", dspex.V2Last(), alone, scenario.Architectural, Accept{Served: 3}},
				trial{"a table of the pool's own", dspex.V2Last(), and(alone, own), scenario.Sound, Accept{Served: 4}},
				trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4}}),
			showing(inTable, try(warmed(u, 2, earlier), u.Waits, "boots",
				trial{"what it counts", dspex.V2Seed(), alone, "", Accept{Served: 2}},
				trial{"what it counts, a table of the pool's own", dspex.V2Seed(), and(alone, own), "", Accept{Served: 2}},
				trial{"what it counts", dspex.V2P3(), p3, "", Accept{Served: 2}},
				trial{"what it counts, a table of the pool's own", dspex.V2P3(), and(p3, own), "", Accept{Served: 2}})))
	},
	Together: sessionsLeft(3, 0, 2, 0, 2),
}

// sessionsLeft claims of a finding's cases, from the nth on, how many of two sessions the
// pool knows of at the end.
func sessionsLeft(n int, wants ...int) (all []Property) {
	for i, want := range wants {
		all = append(all, Property{Name: "sessions left", Of: []int{n + i}, Wrong: func(_ Unit, of []*scenario.Record) []string {
			left := sessionsOf(of[0])
			return wrongIf(left != want, "%s knows of %d sessions, expected %d", of[0].Subject, left, want)
		}})
	}
	return all
}

// sessionsOf is how many sessions a pool knows of at the end.
func sessionsOf(r *scenario.Record) (n int) {
	for _, e := range r.Events {
		if e.Kind == scenario.SessionCalls && e.Err == "" {
			n++
		}
	}
	return n
}

// inTable is that in words.
func inTable(r *scenario.Record) string {
	return fmt.Sprintf("sessions in its table: %d", sessionsOf(r))
}
