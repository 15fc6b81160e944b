package findings

import (
	"slices"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var deafStart = Finding{
	ID:     "deaf-start",
	Claim:  "callers wait in line for a worker",
	Source: "V2-seed to V2-P3",
	Truth:  "what the manager is sent while a worker starts is dropped: requests, check-ins, cancels, deaths, the order to stop",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		requests := scenario.Scenario{
			Config:   subject.Config{Size: 4, Lazy: true},
			Start:    u.Wait,
			Workload: op(4, times(.1, u.Waits)),
			Deadline: times(5, u.Waits),
		}
		// The second caller has a worker started, and the first one's check-in comes meanwhile.
		checkins := scenario.Scenario{
			Config:   subject.Config{Size: 2, Lazy: true},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{0, .1, 3, 3}, "sleep", map[string]any{"s": times(.5, u.Waits).Seconds()}),
			Deadline: times(2, u.Waits),
		}
		heard := without(dspex.DeafStart)
		cases := slices.Concat(
			try(requests, u.Waits, "boots",
				trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 1, Times: []float64{1.1}}},
				trial{"", dspex.V2P3(), without(dspex.InlineBreaker), scenario.Architectural, Accept{Served: 1, Times: []float64{1.1}}},
				trial{"a manager that hears", dspex.V2Seed(), heard, scenario.Sound, Accept{Served: 4, Times: []float64{1.1, 2.1, 3.1, 4.1}}},
				trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4, LastBy: 1.3}}),
			try(checkins, u.Waits, "boots",
				trial{"a check-in", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 4, Times: []float64{.5, .5, 1, 1.5}, Lost: 1}},
				trial{"a check-in, a manager that hears", dspex.V2Seed(), heard, scenario.Sound, Accept{Served: 4, Times: []float64{.5, .5, .5, 1.5}}},
				trial{"a check-in", subject.Ours(), nil, scenario.Sound, Accept{Served: 4, LastBy: 1}}),
			leavings(u, heard),
			stopsInAStart(u, heard),
		)
		return oneVersion(cases)
	},
}

// leavings are a caller who gives up, or dies, in mid-call, while a worker starts for
// another one: with a manager that is deaf, and without.
func leavings(u Unit, heard map[string]any) (cases []Case) {
	for _, l := range []struct {
		how   string
		fault faults.Fault
	}{{"a cancel", faults.GiveUp{After: times(.5, u.Waits)}}, {"a death", faults.DieHolding{After: times(.5, u.Waits)}}} {
		cases = append(cases, try(scenario.Scenario{
			Config:   subject.Config{Size: 2, Lazy: true},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{0, .1}, "sleep", map[string]any{"s": times(2, u.Waits).Seconds()}),
			Deadline: times(4, u.Waits),
			Faults:   faults.Plan{{Fault: l.fault, Target: faults.Target{Clients: []string{"c1"}}}},
		}, u.Waits, "boots",
			trial{l.how, dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 1, Lost: 1}},
			trial{l.how + ", a manager that hears", dspex.V2Seed(), heard, scenario.Sound, Accept{Served: 1}},
			trial{l.how, subject.Ours(), nil, scenario.Sound, Accept{Served: 1}})...)
	}
	return cases
}

// stopsInAStart are a pool that is stopped once its first caller has been served, and
// while it starts a worker for the second one, who gave up: with a manager that is deaf,
// and without.
func stopsInAStart(u Unit, heard map[string]any) []Case {
	return showing(stopped, try(scenario.Scenario{
		Config:   subject.Config{Size: 2, Lazy: true},
		Start:    u.Wait,
		Warm:     1,
		Workload: at(u.Waits, []float64{0, .1}, "sleep", map[string]any{"s": times(.5, u.Waits).Seconds()}),
		Deadline: times(2, u.Waits),
		Faults:   faults.Plan{{Fault: faults.GiveUp{After: times(.3, u.Waits)}, Target: faults.Target{Clients: []string{"c2"}}}},
		Stops:    true,
	}, u.Waits, "boots",
		trial{"a stop", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 1, Stop: InVain}},
		trial{"a stop, a manager that hears", dspex.V2Seed(), heard, scenario.Sound, Accept{Served: 1}},
		trial{"a stop", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
	))
}
