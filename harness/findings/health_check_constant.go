package findings

import (
	"time"

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
		w := at(u.Waits, []float64{6}, "echo", hello)
		w.Health = []time.Duration{times(.5, u.Waits), times(5, u.Waits)} // when it can't have been replaced yet, and when it is
		return showing(diagnosed, try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: w,
			Deadline: times(1.5, u.Waits),
			Faults:   faults.Plan{{Fault: faults.KillIdle{}, At: faults.Clock, Times: 1}},
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Health: AlwaysWell}},
			trial{"a check that checks", dspex.V2Seed(), without(dspex.HealthCheckConstant), scenario.Sound, Accept{Served: 1, Health: AsItIs}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1, Health: AsItIs}},
		))
	},
}
