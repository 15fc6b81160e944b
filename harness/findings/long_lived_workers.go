package findings

import (
	"context"
	"slices"
	"strings"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var longLivedWorkers = Finding{
	ID:     "long-lived-workers",
	Claim:  "in production workers live for hours",
	Source: report + ", test environment vs production",
	Truth:  "refuted: a worker dies with the last client that used it, and the next check-out takes the pool down",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process", "container"},
	Quick:  true,
	Cases: func(u Unit) []Case {
		const clients, size = 20, 4
		sc := scenario.Scenario{
			Config: subject.Config{Size: size, Lazy: true},
			Start:  u.Wait,
			Warm:   1,
			Workload: scenario.Workload{
				Clients: clients, Arrive: scenario.Rate, Every: times(.3, u.Waits), Mortal: true,
				Command: "echo", Args: hello,
			},
			// Room for several starts on a busy machine: nobody fails here by being late.
			Deadline: times(5, u.Waits),
		}
		// There is time for a start between two clients here, and whoever is late waits for
		// it. The deadline is told by the reference, which starts none.
		rare := sc
		rare.Workload.Every, rare.Deadline, rare.Patience = times(2, u.Waits), 0, times(5, u.Waits)
		all := Accept{Served: clients, MostUsed: size}
		anew := Accept{Served: clients, Workers: clients}
		cases := try(sc, u.Waits, "boots",
			trial{"", dspex.V1(), nil, "", Accept{Served: clients}},
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 1}},
			trial{"", subject.Ours(), nil, scenario.Sound, all},
			trial{"the real fix alone", dspex.V2Seed(), without(dspex.LongLivedWorkers), scenario.Sound, all},
		)
		// Their fix has the port back at the check-in, when the client is gone and his worker
		// with him. It races with his end for the 20 µs that it takes: hence in virtual time.
		return slices.Concat(cases, inVirtualTime(slices.Concat(
			try(sc, u.Waits, "boots", trial{"their fix alone", dspex.V2Seed(), with(dspex.PortHandedBack), scenario.Architectural, Accept{Served: 6}}),
			try(rare, u.Waits, "boots",
				trial{"their fix alone, clients 2 boots apart", dspex.V2Seed(), with(dspex.PortHandedBack), scenario.Architectural, anew},
				trial{"the whole of their last version, clients 2 boots apart", dspex.V2Last(), nil, scenario.Architectural, anew},
				trial{"the real fix alone, clients 2 boots apart", dspex.V2Seed(), without(dspex.LongLivedWorkers), scenario.Sound, all}),
		)))
	},
	Together: []Property{{Name: "errors, no timeouts", Of: []int{1}, Wrong: func(_ Unit, of []*scenario.Record) []string {
		const clients = 20
		errors := 0
		for _, c := range of[0].Calls() {
			if c.Err != "" && !strings.Contains(c.Err, context.DeadlineExceeded.Error()) {
				errors++
			}
		}
		return wrongIf(errors != clients-1, "%d callers were told of an error that is no timeout, expected %d", errors, clients-1)
	}}},
}
