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
	Truth:  "what may have been carried out is carried out twice; who found no worker in time joins the line again, at its end; and under stress workers have three times the calls to make, and are through with none",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		alone, once := without(dspex.InlineBreaker, dspex.DeafStart), without(dspex.RetryAmplifies)
		stressed := and(alone, without(dspex.HealthBlocksPool)) // whose first look at each comes after half a minute of it
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
		// The limit of a check-out is the original's, and what loses the callers: who has it and
		// tries nothing again loses six of them, in the line of the contract's own calls too.
		// Without it nobody is lost here, tried again or not.
		line := scenario.Scenario{
			Config:   subject.Config{Size: 1, CheckoutTimeout: 5 * time.Second},
			Start:    u.Wait,
			Warm:     1,
			Workload: op(8, 3*time.Second),
			Deadline: 36 * time.Second,
			Contract: &scenario.Contract{},
		}
		*line.Contract = agreed(u)
		line.Contract.Call.Wait = time.Second
		unlimited := line
		unlimited.Config.CheckoutTimeout = 0
		cases := slices.Concat(
			try(twice, u.Waits, "boots",
				trial{"a program created twice", dspex.V2P3(), alone, scenario.Architectural, Accept{Served: 3, PerCall: 4. / 3}},
				trial{"a program created twice, nothing is tried again", dspex.V2P3(), and(alone, once), scenario.Sound, Accept{Served: 2, PerCall: 1}},
				trial{"a program created twice", subject.Ours(), nil, scenario.Sound, Accept{Served: 2, PerCall: 1}}),
			try(line, time.Second, "s",
				trial{"calls that ask for 3 times the contract's", dspex.V2P3(), alone, scenario.Amplified, Accept{Served: 6, Failed: repeat(15.3, 2)}},
				trial{"calls that ask for 3 times the contract's, nothing is tried again", dspex.V2P3(), and(alone, once), scenario.Architectural, Accept{Served: 2, Failed: repeat(5, 6)}}),
			try(unlimited, time.Second, "s",
				trial{"calls that ask for 3 times the contract's, no limit", dspex.V2P3(), alone, scenario.Sound, Accept{Served: 8}},
				trial{"calls that ask for 3 times the contract's, no limit", subject.Ours(), nil, scenario.Sound, Accept{Served: 8}}),
			try(storm(u), time.Second, "s",
				trial{"load under stress", dspex.V2P3(), stressed, scenario.Architectural, Accept{PerCall: 3}},
				trial{"load under stress, nothing is tried again", dspex.V2P3(), and(stressed, once), scenario.Environmental, Accept{Served: 60, PerCall: 1}},
				trial{"load under stress", subject.Ours(), nil, scenario.Environmental, Accept{Served: 60, PerCall: 1}}),
		)
		for i := range cases[3:] {
			cases[3+i].Virtual = true // the limit is the original's, and takes half a minute
		}
		return cases
	},
}

// storm is calls that ask for 3 times the contract's: six at once, of which each takes
// longer on two cores than it may, and then one after another, of which none does where
// the six are no longer there.
func storm(u Unit) scenario.Scenario {
	const atOnce, later = 6, 60
	when := repeat(0, atOnce)
	for i := range later {
		when = append(when, 3.5+.8*float64(i))
	}
	c := agreed(u)
	c.Call.CPU = time.Second / 3
	return scenario.Scenario{
		Config:   subject.Config{Size: atOnce, CheckoutTimeout: 5 * time.Second, CallTimeout: 1100 * time.Millisecond},
		Start:    u.Wait,
		Warm:     atOnce,
		Workload: at(time.Second, when, "burn", map[string]any{"cpu_s": 1.}),
		Deadline: 1300 * time.Millisecond,
		Patience: 36 * time.Second,
		Contract: &c,
	}
}
