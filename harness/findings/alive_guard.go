package findings

import (
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var aliveGuard = Finding{
	ID:     "alive-guard",
	Claim:  "Process.alive? guards added to prevent :badarg errors",
	Source: conclusion + ", implementation status; " + report + ", code quality 2",
	Truth:  "refuted: whoever dies between the check and the connect brings on badarg all the same, and the guard's own answer is an illegal return, which ends the pool as well",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		between := dying(u, u.Waits+midway) // where nobody asks he has had his answer by then
		between.Deadline = times(1.5, u.Waits)
		cases := slices.Concat(
			try(dying(u, times(.5, u.Waits)), u.Waits, "boots",
				trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Told: "not alive"}},
				trial{"without the guard", dspex.V2Seed(), without(dspex.AliveGuard), scenario.Architectural, Accept{Told: "badarg"}},
				trial{"the real fix alone", dspex.V2Seed(), without(dspex.GiveUpCrashesPool), scenario.Sound, Accept{Served: 1}},
				trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}}),
			try(between, u.Waits, "boots",
				trial{"between check and connect", dspex.V2Seed(), nil, scenario.Architectural, Accept{Told: "badarg"}},
				trial{"the real fix alone: between check and connect", dspex.V2Seed(), without(dspex.GiveUpCrashesPool), scenario.Sound, Accept{Served: 1}},
				trial{"between check and connect", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}}))
		for i := range cases {
			cases[i].Virtual = cases[i].Scenario.Workload.DieAfter == between.Workload.DieAfter
		}
		return cases
	},
}

// dying is a pool whose first caller, for whom a worker is started, dies so long after he
// came; the second one comes later, and is dead no sooner than long after his answer.
func dying(u Unit, after time.Duration) scenario.Scenario {
	w := at(u.Waits, []float64{0, 1.6}, "echo", hello)
	w.DieAfter = after
	return scenario.Scenario{
		Config:   subject.Config{Size: 1, Lazy: true},
		Start:    u.Wait,
		Workload: w,
		Deadline: times(.4, u.Waits),
		Patience: times(5, u.Waits),
	}
}

// midway is when, since the worker was ready, the manager has asked whether the caller
// lives, and has not connected him yet: that takes it 20 µs.
const midway = 12 * time.Microsecond
