package findings

import (
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
	Worlds: []string{"virtual", "process"},
	Quick:  true,
	Cases: func(u Unit) (cases []Case) {
		const clients, size = 20, 4
		every := .3
		one := func(s subject.Subject, word scenario.Word, a Accept) {
			a.Unit, a.UnitName = u.Waits, "boots"
			cases = append(cases, Case{
				Scenario: scenario.Scenario{
					Subject: s,
					Config:  subject.Config{Size: size, Lazy: true},
					Start:   u.Wait,
					Warm:    1,
					Workload: scenario.Workload{
						Clients: clients, Arrive: scenario.Rate, Every: times(every, u.Waits), Mortal: true,
						Command: "echo", Args: map[string]any{"text": "hello"},
					},
					Deadline: times(5, u.Waits),
				},
				Expected: word,
				Accept:   a,
			})
		}
		one(dspex.V1(), "", Accept{Served: clients})
		one(dspex.V2Seed(), scenario.Architectural, Accept{Served: 1})
		one(subject.Ours(), scenario.Sound, Accept{Served: clients, MostUsed: size})
		// Their fix: V2-last has the port back at the check-in, when the client is gone
		// and its worker with it. Callers then wait for a start each, and most in vain.
		one(dspex.V2Last(), scenario.Architectural, Accept{Served: 11})
		cases[len(cases)-1].Variant = "their fix"
		cases[len(cases)-1].Virtual = true
		// Here there is time for each start.
		every = 2
		one(dspex.V2Last(), "", Accept{Served: clients, Workers: clients})
		fix := &cases[len(cases)-1]
		fix.Variant = "their fix, clients 2 boots apart"
		fix.Virtual = true // a client's end races with the 20 µs in which its worker is handed back
		one(dspex.V2Seed(), scenario.Sound, Accept{Served: clients, MostUsed: size})
		real := &cases[len(cases)-1]
		real.Variant = "the real fix"
		real.Scenario.Config.Options = without(dspex.LongLivedWorkers)
		return cases
	},
}
