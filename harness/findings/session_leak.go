package findings

import (
	"slices"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var sessionLeak = Finding{
	ID:     "session-leak",
	Claim:  "whoever ends a session has it cleaned up",
	Source: "all versions",
	Truth:  "the pool takes it out of its table and tells no worker: they keep what each session left, for ever",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		sessions := func(command string, args map[string]any) scenario.Scenario {
			w := at(u.Waits, []float64{.2, .4, .6, .8, 1, 1.2}, command, args)
			w.Sessions, w.EndSessions = 6, true
			return warmed(u, 2, w)
		}
		put := sessions("put", look)
		// In the last version what sessions put is in the pool's own store; programs are not.
		created := sessions("create_program", map[string]any{"id": "p", "callable": "builtins:len"})
		abreast := without(dspex.InlineBreaker) // else its capacity can't be probed
		return slices.Concat(
			try(put, u.Waits, "boots",
				trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 6}},
				trial{"workers are told", dspex.V2Seed(), without(dspex.SessionLeak), scenario.Sound, Accept{Served: 6}},
				trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 6}},
				trial{"", dspex.V1(), nil, scenario.Architectural, Accept{Served: 6}},
				trial{"", dspex.V2P3(), abreast, scenario.Architectural, Accept{Served: 6}},
				trial{"workers are told", dspex.V2P3(), and(abreast, without(dspex.SessionLeak)), scenario.Sound, Accept{Served: 6}},
				trial{"", dspex.V3(), nil, scenario.Architectural, Accept{Served: 6}}),
			try(created, u.Waits, "boots",
				trial{"programs", dspex.V2Last(), nil, scenario.Architectural, Accept{Served: 6}},
				trial{"programs, workers are told", dspex.V2Last(), without(dspex.SessionLeak), scenario.Sound, Accept{Served: 6}},
				trial{"programs", subject.Ours(), nil, scenario.Sound, Accept{Served: 6}}))
	},
	Together: each("sessions kept", func(r *scenario.Record, want int) []string {
		n := stillKept(r)
		return wrongIf(n != want, "of 6 sessions the workers of %s keep %d, expected %d", r.Subject, n, want)
	}, 6, 0, 0, 6, 6, 0, 6, 6, 0, 0),
}

// stillKept is how many sessions have put something on a worker that was never told to
// clean it up.
func stillKept(r *scenario.Record) int {
	kept := map[string]bool{}
	for _, e := range r.Events {
		switch {
		case e.Kind != scenario.Send || e.Err != "":
		case e.Command == "put", e.Command == "create_program":
			kept[e.Session+" on "+e.Worker] = true
		case e.Command == "cleanup_session":
			delete(kept, e.Session+" on "+e.Worker)
		}
	}
	return len(kept)
}
