package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var testVsProduction = Finding{
	ID:     "test-vs-production",
	Claim:  "the test issues do not reflect production, where workers live long and start once",
	Source: report + ", test environment vs production",
	Truth:  "refuted: in production V2 fails as well, otherwise: a worker dies with the client that used it",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Unreal: "it has not been tried on real workers yet",
	Cases: func(u Unit) (cases []Case) {
		const size = 4
		one := func(variant string, sc scenario.Scenario, s subject.Subject, word scenario.Word, a Accept) {
			sc.Subject, sc.Start = s, u.Wait
			a.Unit, a.UnitName = u.Waits, "boots"
			cases = append(cases, Case{Variant: variant, Scenario: sc, Expected: word, Accept: a})
		}
		// Short-lived, many starts: a pool for each test, used as it is made.
		test := scenario.Scenario{
			Config: subject.Config{Size: size, Lazy: true}, Workload: op(size, times(.1, u.Waits)), Deadline: times(3, u.Waits),
		}
		// Long-lived, few starts: all workers ready before the first of many clients,
		// of whom each makes one call and ends.
		const clients = 20
		production := scenario.Scenario{
			Config: subject.Config{Size: size}, Warm: size, Deadline: times(3, u.Waits),
			Workload: scenario.Workload{
				Clients: clients, Arrive: scenario.Rate, Every: times(.3, u.Waits), Mortal: true,
				Command: "sleep", Args: op(1, times(.2, u.Waits)).Args,
			},
		}
		for _, preset := range []struct {
			variant string
			sc      scenario.Scenario
			calls   int
			seed    int // calls that V2-seed serves
			last    int // ... and V2-last
		}{{"test", test, size, 1, 2}, {"production", production, clients, size, 11}} {
			one(preset.variant, preset.sc, dspex.V1(), "", Accept{Served: preset.calls})
			one(preset.variant, preset.sc, dspex.V2Seed(), scenario.Architectural, Accept{Served: preset.seed})
			// In the circuit breaker of V2-P3 calls are made one at a time, by a process that
			// does not die: none is lost, but one worker is all that can be had.
			one(preset.variant, preset.sc, dspex.V2P3(), scenario.Architectural, Accept{Served: preset.calls})
			// V2-last needs a new worker for each call, started one after another: in a test
			// as those that come back are lost, in production as each dies with its client.
			one(preset.variant, preset.sc, dspex.V2Last(), scenario.Architectural, Accept{Served: preset.last})
			one(preset.variant, preset.sc, dspex.V3(), scenario.Sound, Accept{Served: preset.calls})
			one(preset.variant, preset.sc, subject.Herd(), "", Accept{Served: preset.calls})
			one(preset.variant, preset.sc, subject.Puddle(), "", Accept{Served: preset.calls})
			one(preset.variant, preset.sc, subject.Ours(), scenario.Sound, Accept{Served: preset.calls})
		}
		return cases
	},
}
