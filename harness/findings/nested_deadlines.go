package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var nestedDeadlines = Finding{
	ID:     "nested-deadlines",
	Claim:  "starts, check-outs and calls have time limits",
	Source: snakepit,
	Truth:  "the outer one is over first: its caller has gone, and the work goes on where nobody waits for it",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		cfg := subject.Config{Size: 1, StartTimeout: times(2, u.Waits), CheckoutTimeout: times(5, u.Waits), CallTimeout: times(2, u.Waits)}
		for _, c := range []struct {
			variant, right string
			sc             scenario.Scenario
			served         int
			told           string
			word           scenario.Word // on who does it wrong
			wrong          Accept
		}{
			// The first start is mute for 2 boots, and the next takes one: at about 3 the
			// caller is served. The outer limit is over at 5.
			{"a start in a check-out", "the start's limit is over first", scenario.Scenario{
				Workload: at(u.Waits, []float64{0}, "echo", hello),
				Faults:   faults.Plan{{Fault: faults.NeverSaysHello{}, Times: 1}},
				Contract: mute(u),
			}, 1, "", scenario.Architectural, Accept{Failed: []float64{5}}},
			// The first call hangs for 2 boots, and the next start takes one: at about 3 the
			// second caller is served. His check-out's limit is over at 5.5. No replay has
			// what hangs, so there is no verdict on who keeps him waiting.
			{"a call before a check-out", "the call's limit ends the call", scenario.Scenario{
				Warm:     1,
				Workload: at(u.Waits, []float64{0, .5}, "echo", hello),
				Faults:   faults.Plan{{Fault: faults.Hangs{How: "deadlock"}, Times: 1}},
			}, 1, "no reply within", "", Accept{Failed: []float64{5}}},
		} {
			c.sc.Config, c.sc.Start, c.sc.Deadline = cfg, u.Wait, times(4.5, u.Waits)
			c.sc.Patience = times(10, u.Waits)
			cases = append(cases, try(c.sc, u.Waits, "boots",
				trial{c.variant, subject.Snakepit(), with(subject.InnerLast), c.word, c.wrong},
				trial{c.variant + ", " + c.right, subject.Snakepit(), nil, scenario.Sound, Accept{Served: c.served}},
				trial{c.variant, subject.Ours(), nil, scenario.Sound, Accept{Served: c.served, Told: c.told}},
			)...)
		}
		return cases
	},
}
