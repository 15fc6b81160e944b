package findings

import (
	"slices"
	"time"

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
	Unreal: "it takes hours",
	Cases: func(u Unit) (cases []Case) {
		const size = 4
		one := func(variant string, sc scenario.Scenario, s subject.Subject, word scenario.Word, a Accept) {
			sc.Subject, sc.Start, sc.Others = s, u.Compute, slices.Clone(sc.Others)
			for i := range sc.Others {
				sc.Others[i].Subject = s
			}
			a.Unit, a.UnitName = u.Waits, "boots"
			cases = append(cases, Case{Variant: variant, Scenario: sc, Expected: word, Accept: a})
		}
		// Short-lived, many starts: a pool for each of several tests at once, used as it is
		// made. Each has a name of its own: what comes of one name is a finding of its own.
		test := scenario.Scenario{Config: subject.Config{Size: size, Lazy: true, Name: "test 3"}, Workload: op(size, times(.1, u.Waits))}
		for _, name := range []string{"test 1", "test 2"} {
			test.Others = append(test.Others, scenario.Other{Config: subject.Config{Size: size, Lazy: true, Name: name}, Workload: test.Workload})
		}
		// Long-lived, few starts: all workers ready before the first of many clients, of whom
		// one comes every half minute for hours, makes one call and ends.
		const clients = 400
		production := scenario.Scenario{
			Config: subject.Config{Size: size}, Warm: size,
			Workload: scenario.Workload{
				Clients: clients, Arrive: scenario.Rate, Every: 30 * time.Second, Mortal: true,
				Command: "sleep", Args: op(1, times(.2, u.Waits)).Args,
			},
		}
		for _, preset := range []struct {
			variant string
			sc      scenario.Scenario
			calls   int
			seed    Accept        // of V2-seed: neither it nor V2-last ever has two starts under way
			lasts   scenario.Word // of V2-last
			last    Accept
		}{
			{inTest, test, size, Accept{Served: 1, Workers: 1, Together: 1}, scenario.Architectural, Accept{Served: 2, Workers: 3, Together: 1}},
			{inService, production, clients, Accept{Served: size, Workers: size, Together: 1}, scenario.Sound, Accept{Served: clients, Workers: size + clients - 1, Together: 1}},
		} {
			one(preset.variant, preset.sc, dspex.V1(), "", Accept{Served: preset.calls})
			one(preset.variant, preset.sc, dspex.V2Seed(), scenario.Architectural, preset.seed)
			// In the circuit breaker of V2-P3 calls are made one at a time, by a process that
			// does not die: none is lost, but one worker is all that can be had.
			one(preset.variant, preset.sc, dspex.V2P3(), scenario.Architectural, Accept{Served: preset.calls})
			// V2-last needs a new worker for each call, started one after another: in a test
			// as those that come back are lost, in production as each dies with its client. With
			// half a minute between clients it is ready in time there.
			one(preset.variant, preset.sc, dspex.V2Last(), preset.lasts, preset.last)
			one(preset.variant, preset.sc, dspex.V3(), scenario.Sound, Accept{Served: preset.calls})
			one(preset.variant, preset.sc, subject.Herd(), "", Accept{Served: preset.calls})
			one(preset.variant, preset.sc, subject.Puddle(), "", Accept{Served: preset.calls})
			one(preset.variant, preset.sc, subject.Ours(), scenario.Sound, Accept{Served: preset.calls})
		}
		return cases
	},
	Together: []Property{endsMeanwhile(9, 4), endsMeanwhile(11, 399)}, // V2-seed and V2-last in production
}

// endsMeanwhile claims of the nth case that at least so many of its workers end while it
// is in use.
func endsMeanwhile(nth, least int) Property {
	return Property{Name: "workers end meanwhile", Of: []int{nth}, Wrong: func(_ Unit, of []*scenario.Record) []string {
		n := 0
		over, _ := of[0].First(scenario.Probing)
		for _, w := range claimed(of[0]) {
			if w.Exited >= 0 && w.Exited < over.At {
				n++
			}
		}
		return wrongIf(n < least, "%d workers of %s ended while it was in use, expected at least %d", n, of[0].Subject, least)
	}}
}
