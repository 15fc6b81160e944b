package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var rollingDeadline = Finding{
	ID:     "rolling-deadline",
	Claim:  "a start that gets no answer has a limit",
	Source: "V2",
	Truth:  "the limit begins anew at each message of anybody: who calls prolongs the start that he waits for",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		sc := scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true, StartTimeout: times(2, u.Waits)},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{0, 1.5, 3, 4.5, 6, 7.5}, "echo", hello),
			Deadline: times(5, u.Waits),
			Faults:   faults.Plan{{Fault: faults.NeverSaysHello{}, Times: 1}},
		}
		sc.Contract = mute(u)
		// Each with what else it does during a start out of the way.
		p3, last := without(dspex.DeafStart, dspex.InlineBreaker, dspex.RetryAmplifies), without(dspex.RequeueSpin, dspex.PrewarmLeaks)
		stays := without(dspex.RollingDeadline)
		return oneVersion(try(sc, u.Waits, "boots",
			trial{"", dspex.V2Seed(), without(dspex.DeafStart), scenario.Architectural, Accept{Workers: 1}},
			trial{"a limit that stays", dspex.V2Seed(), and(without(dspex.DeafStart), stays), scenario.Sound, Accept{Served: 6, Workers: 2}},
			trial{"", dspex.V2P3(), p3, scenario.Architectural, Accept{Workers: 1}},
			trial{"a limit that stays", dspex.V2P3(), and(p3, stays), scenario.Sound, Accept{Served: 6, Workers: 2}},
			trial{"", dspex.V2Last(), last, scenario.Architectural, Accept{Workers: 1}},
			trial{"a limit that stays", dspex.V2Last(), and(last, stays), scenario.Sound, Accept{Served: 6, Workers: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 6, Workers: 2}},
		))
	},
}
