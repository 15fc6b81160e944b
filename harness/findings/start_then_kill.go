package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var startThenKill = Finding{
	ID:     "start-then-kill",
	Claim:  "a caller who gave up harms nobody",
	Source: "NimblePool and V2",
	Truth:  "the worker that was started for him is destroyed: while starts take longer than callers wait, nobody is served",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Unreal: "a run lasts for 40 boots, as those whom the slow start alone keeps waiting must be few among its callers",
	Cases: func(u Unit) []Case {
		when := []float64{0}
		for i := 1; i < 40; i++ { // nobody whose deadline is the start's end
			when = append(when, float64(i)+.5)
		}
		// One worker: of two the second would be started inside the manager while callers wait,
		// which is a finding of its own.
		sc := scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true, CheckoutTimeout: times(4, u.Waits)},
			Start:    u.Wait,
			Workload: at(u.Waits, when, "echo", hello),
			Deadline: times(4, u.Waits),
			Faults:   faults.Plan{{Fault: faults.SlowStart{Wait: times(8, u.Waits)}}}, // 9 in all, 6 times the contract's
		}
		return try(sc, u.Waits, "boots",
			trial{"", dspex.V2Seed(), without(dspex.DeafStart), scenario.Amplified, Accept{Workers: 5}},
			trial{"the real fix alone: the next caller has it", dspex.V2Seed(), without(dspex.DeafStart, dspex.StartThenKill), scenario.Environmental, Accept{Served: 35}},
			trial{"", subject.Ours(), nil, scenario.Environmental, Accept{Served: 35}},
		)
	},
}
