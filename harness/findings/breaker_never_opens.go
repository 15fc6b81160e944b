package findings

import (
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var breakerNeverOpens = Finding{
	ID:     "breaker-never-opens",
	Claim:  "a circuit breaker opens after five failures",
	Source: "V2-P3",
	Truth:  "an error that is an answer counts as a success: after twenty of them it is closed",
	Kind:   "test",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		alone := without(dspex.InlineBreaker, dspex.DegradedIsDeath)
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Warm:     2,
			Workload: scenario.Workload{Clients: 1, Calls: 20, Command: "call", Args: divide, Fails: divided},
			Deadline: u.Waits,
			Recovery: 8 * time.Second, // it is open for five
		}, u.Waits, "boots",
			trial{"", dspex.V2P3(), alone, "", Accept{Served: 20}},
			trial{"errors are failures", dspex.V2P3(), and(alone, without(dspex.BreakerNeverOpens)), "", Accept{Served: 5}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 20}},
		)
	},
	Together: each("calls let through", func(r *scenario.Record, want int) []string {
		n := carriedOut(r)
		return wrongIf(n != want, "the breaker lets %d of 20 calls through that fail, expected %d", n, want)
	}, 20, 5),
}

// carriedOut is how many of a workload's calls came to a worker.
func carriedOut(r *scenario.Record) (n int) {
	for _, c := range r.Calls() {
		if c.Worker != "" {
			n++
		}
	}
	return n
}
