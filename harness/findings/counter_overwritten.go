package findings

import (
	"fmt"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var counterOverwritten = Finding{
	ID:     "counter-overwritten",
	Claim:  "the count of a session's calls is late: a test has to sleep, and to look again",
	Source: "V2-last",
	Truth:  "each call makes the session's entry anew, and its count with it: three calls are one, however late one looks",
	Kind:   "test",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		sc := warmed(u, 1, scenario.Workload{Clients: 1, Sessions: 1, Calls: 3, Command: "echo", Args: hello})
		slept := sc
		slept.Workload = at(u.Waits, []float64{0, 3}, "echo", hello) // the other client has the count looked at later
		slept.Workload.Sessions, slept.Workload.Calls = 2, 3
		last := dspex.V2Last()
		return showing(counted, append(append(
			try(sc, u.Waits, "boots", trial{"", last, nil, "", Accept{Served: 3}}),
			try(slept, u.Waits, "boots", trial{"their fix alone: to sleep and look again", last, nil, "", Accept{Served: 6}})...),
			try(sc, u.Waits, "boots",
				trial{"the real fix alone", last, without(dspex.CounterOverwritten), scenario.Sound, Accept{Served: 3}},
				trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 3}})...))
	},
	Together: each("calls counted", func(r *scenario.Record, want int) []string {
		n := callsOf(r, "s1")
		return wrongIf(n != want, "the pool counts %d of the session's 3 calls, expected %d", n, want)
	}, 1, 1, 3),
}

// callsOf is how many calls a session has made, as its pool says; -1 if it does not.
func callsOf(r *scenario.Record, session string) int {
	for _, e := range r.Events {
		if e.Kind == scenario.SessionCalls && e.Session == session && e.Err == "" {
			return e.N
		}
	}
	return -1
}

// counted is that in words.
func counted(r *scenario.Record) string {
	if n := callsOf(r, "s1"); n >= 0 {
		return fmt.Sprintf("counted %d", n)
	}
	return "counts none"
}
