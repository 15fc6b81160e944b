package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var aliveGuard = Finding{
	ID:     "alive-guard",
	Claim:  "Process.alive? guards added to prevent :badarg errors",
	Source: conclusion + ", implementation status; " + report + ", code quality 2",
	Truth:  "refuted: the guard's own answer is an illegal return, which ends the pool as badarg did",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		w := at(u.Waits, []float64{0, 1.6}, "echo", hello)
		w.DieAfter = times(.5, u.Waits) // the first while its worker starts, the second long after its answer
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Start:    u.Wait,
			Workload: w,
			Deadline: times(.4, u.Waits),
			Patience: times(5, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Told: "illegal return at check-out"}},
			trial{"without the guard", dspex.V2Seed(), without(dspex.AliveGuard), scenario.Architectural, Accept{Told: "badarg"}},
			trial{"the dead are passed over", dspex.V2Seed(), without(dspex.GiveUpCrashesPool), scenario.Sound, Accept{Served: 1}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
		)
	},
}
