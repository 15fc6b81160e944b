package findings

import (
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var halfOpenStuck = Finding{
	ID:     "half-open-stuck",
	Claim:  "a circuit breaker closes once all is well again",
	Source: "V2-P3",
	Truth:  "its count of probes never goes down: after three it rejects everybody, for ever",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Unreal: "it has not been tried on real workers yet",
	Cases: func(u Unit) []Case {
		alone := without(dspex.InlineBreaker, dspex.BreakerNeverOpens, dspex.RetryAmplifies, dspex.DegradedIsDeath, dspex.HealthBlocksPool)
		sc := scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Warm:     2,
			Workload: at(time.Second, []float64{1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17}, "echo", hello),
			Deadline: time.Second,
			Faults:   faults.Plan{{Fault: faults.ExitAtCall{}, At: faults.Clock, Times: 5}},
		}
		c := agreed(u)
		c.Crashes = 5
		sc.Contract = &c
		return try(sc, time.Second, "s",
			trial{"", dspex.V2P3(), alone, scenario.Architectural, Accept{Served: 3}},
			trial{"a count that goes down", dspex.V2P3(), and(alone, without(dspex.HalfOpenStuck)), scenario.Sound, Accept{Served: 6}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 6}},
		)
	},
}
