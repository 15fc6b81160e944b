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
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		// Five calls, each of which finds a worker that then dies; once the breaker has been
		// open for its five seconds, six more.
		const open = 5 * time.Second
		w := at(u.Waits, []float64{2, 4, 6, 8, 10, 11, 11.3, 11.6, 11.9, 12.2, 12.5}, "echo", hello)
		for i := 5; i < w.Clients; i++ {
			w.At[i] += open
		}
		alone := without(dspex.DeafStart, dspex.InlineBreaker, dspex.BreakerNeverOpens, dspex.RetryAmplifies, dspex.DegradedIsDeath, dspex.HealthBlocksPool)
		sc := scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Warm:     2,
			Workload: w,
			Deadline: times(3, u.Waits),
			Faults:   faults.Plan{{Fault: faults.ExitAtCall{}, At: faults.Clock, Times: 5}},
		}
		c := agreed(u)
		c.Crashes = 5
		sc.Contract = &c
		cases := try(sc, u.Waits, "boots",
			trial{"", dspex.V2P3(), alone, scenario.Architectural, Accept{Served: 3}},
			trial{"a count that goes down", dspex.V2P3(), and(alone, without(dspex.HalfOpenStuck)), scenario.Sound, Accept{Served: 6}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 6}},
		)
		cases[1].Virtual = true // each takes ten seconds on real workers
		return cases
	},
}
