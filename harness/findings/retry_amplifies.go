package findings

import (
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var retryAmplifies = Finding{
	ID:     "retry-amplifies",
	Claim:  "what fails is tried again, so that callers see fewer failures",
	Source: "V2-P3",
	Truth:  "what may have been carried out is carried out twice; and who found no worker in time joins the line again, at its end",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		alone := without(dspex.InlineBreaker, dspex.DeafStart)
		twice := scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Warm:     2,
			Workload: at(u.Waits, []float64{0, 2, 4}, "sleep", map[string]any{"s": times(.5, u.Waits).Seconds()}),
			Deadline: times(3, u.Waits),
			Faults:   faults.Plan{{Fault: faults.ExitMidCall{After: times(.2, u.Waits)}, Target: faults.Target{Calls: []string{"c1"}}, Times: 1}},
		}
		stress := scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: op(8, 3*time.Second),
			Deadline: 36 * time.Second,
		}
		c := agreed(u)
		c.Call.Wait = time.Second
		stress.Contract = &c
		hurried := stress // it is the pool's own limit, and no one else's
		hurried.Config.CheckoutTimeout = 5 * time.Second
		cases := append(append(
			try(twice, u.Waits, "boots",
				trial{"a call made twice", dspex.V2P3(), alone, scenario.Architectural, Accept{Served: 3}},
				trial{"a call made twice, nothing is tried again", dspex.V2P3(), and(alone, without(dspex.RetryAmplifies)), scenario.Sound, Accept{Served: 2}},
				trial{"a call made twice", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}}),
			try(hurried, time.Second, "s",
				trial{"calls that ask for 3 times the contract's", dspex.V2P3(), alone, scenario.Amplified, Accept{Served: 6}})...),
			try(stress, time.Second, "s",
				trial{"calls that ask for 3 times the contract's", subject.Ours(), nil, scenario.Sound, Accept{Served: 8}})...)
		for i := range cases[3:] {
			cases[3+i].Virtual = true // the limit is the original's, and takes half a minute
		}
		return cases
	},
}
