package findings

import (
	"github.com/butfor/butfor/faults"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var healthCheckConstant = Finding{
	ID:     "health-check-constant",
	Claim:  "health checks keep workers warm",
	Source: conclusion + ", production deployment 3",
	Truth:  "refuted: the check says healthy whatever is, and its timer does nothing but begin again",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{6}, "echo", hello),
			Deadline: times(1.5, u.Waits),
			Faults:   faults.Plan{{Fault: faults.KillIdle{}, At: faults.Clock, Times: 1}},
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{}},
			trial{"a check that checks", dspex.V2Seed(), without(dspex.HealthCheckConstant), scenario.Sound, Accept{Served: 1}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
		)
	},
}
