package findings

import (
	"slices"
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
	Truth:  "what may have been carried out is carried out twice; who found no worker in time joins the line again, at its end; and under stress workers have three times the calls to make",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		alone, once := without(dspex.InlineBreaker, dspex.DeafStart), without(dspex.RetryAmplifies)
		create := at(u.Waits, []float64{0, 2, 4}, "create_program", map[string]any{"id": "p", "callable": "builtins:len"})
		create.Sessions = create.Clients
		twice := scenario.Scenario{ // the first worker exits once it has created the program, in place of saying so
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Warm:     2,
			Workload: create,
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
		limited := stress // each call outlasts its limit, that of one which is tried again too
		limited.Config.Size, limited.Config.CallTimeout, limited.Warm = 8, 2*time.Second, 8
		limited.Deadline, limited.Patience = 4*time.Second, 36*time.Second
		unlimited := limited
		unlimited.Config.CallTimeout = 0
		cases := slices.Concat(
			try(twice, u.Waits, "boots",
				trial{"a program created twice", dspex.V2P3(), alone, scenario.Architectural, Accept{Served: 3, PerCall: 4. / 3}},
				trial{"a program created twice, nothing is tried again", dspex.V2P3(), and(alone, once), scenario.Sound, Accept{Served: 2, PerCall: 1}},
				trial{"a program created twice", subject.Ours(), nil, scenario.Sound, Accept{Served: 2, PerCall: 1}}),
			try(hurried, time.Second, "s",
				trial{"calls that ask for 3 times the contract's", dspex.V2P3(), alone, scenario.Amplified, Accept{Served: 6}}),
			try(stress, time.Second, "s",
				trial{"calls that ask for 3 times the contract's", subject.Ours(), nil, scenario.Sound, Accept{Served: 8}}),
			try(limited, time.Second, "s",
				trial{"load under stress", dspex.V2P3(), alone, scenario.Architectural, Accept{PerCall: 3}},
				trial{"load under stress, nothing is tried again", dspex.V2P3(), and(alone, once), "", Accept{PerCall: 1}}),
			try(unlimited, time.Second, "s",
				trial{"load under stress", subject.Ours(), nil, scenario.Sound, Accept{Served: 8}}),
		)
		for i := range cases[3:] {
			cases[3+i].Virtual = true // the limit is the original's, and takes half a minute
		}
		return cases
	},
}
