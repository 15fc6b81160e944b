package findings

import (
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var workloadPools = Finding{
	ID:     "workload-pools",
	Claim:  "consider separate pools for different workload types",
	Source: report + ", production recommendation 3",
	Truth:  "holds: with as many workers in two pools quick calls wait for nobody, in one for the slow ones; these take twice as long in two",
	Kind:   "figure",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		// Twice as many clients as workers, each with a slow call and then a quick one:
		// those of the first half come when the slow calls of the others are in line.
		const workers, clients = 4, 8
		slow, quick := op(clients, u.Waits), at(u.Waits, []float64{1, 1, 1, 1, 2, 2, 2, 2}, "echo", hello)
		both := slow
		both.Then = []scenario.Step{{Command: quick.Command, Args: quick.Args}}
		for _, t := range []trial{{"", dspex.V2Seed(), nil, "", Accept{}}, {"", subject.Ours(), nil, scenario.Sound, Accept{}}} {
			sc := scenario.Scenario{Config: subject.Config{Size: workers}, Start: u.Wait, Warm: workers, Workload: both, Deadline: times(6, u.Waits)}
			t.variant, t.accept.Served = "one pool", 2*clients
			cases = append(cases, try(sc, u.Waits, "boots", t)...)
			sc.Config, sc.Warm, sc.Workload = subject.Config{Size: workers / 2, Name: "quick"}, workers/2, quick
			other := sc.Config
			other.Name = "slow"
			sc.Others = []scenario.Other{{Subject: t.of, Config: other, Warm: sc.Warm, Workload: slow}}
			t.variant, t.accept.Served = "two pools", clients
			cases = append(cases, try(sc, u.Waits, "boots", t)...)
		}
		return showing(func(r *scenario.Record) string {
			return fmt.Sprintf("99 %% of the quick ones by %.1f", slowest(r, "echo", .99).Seconds()/u.Waits.Seconds())
		}, cases)
	},
	Together: []Property{
		quickBy(0, false), quickBy(1, true), slowInTheirOwn(0, 1),
		quickBy(2, false), quickBy(3, true), slowInTheirOwn(2, 3),
	},
}

// quickBy says of the nth case how long quick calls take at most, in a pool of their own,
// or at least, in that which slow ones use too.
func quickBy(n int, own bool) Property {
	return Property{Name: "quick calls", Of: []int{n}, Times: true, Wrong: func(u Unit, of []*scenario.Record) []string {
		p99, pools, expected := slowest(of[0], "echo", .99).Seconds()/u.Waits.Seconds(), "one pool", "at least 0.8"
		wrong := p99 < .8
		if own {
			pools, expected, wrong = "two pools", "at most 0.2", p99 > .2
		}
		return wrongIf(wrong, "the 99th percentile of quick calls is %.2f boots, expected of %s, %s: %s", p99, of[0].Subject, pools, expected)
	}}
}

// slowInTheirOwn says that slow calls take twice as long with half of the workers.
func slowInTheirOwn(onePool, twoPools int) Property {
	return Property{Name: "slow calls", Of: []int{onePool, twoPools}, Times: true, Wrong: func(u Unit, of []*scenario.Record) []string {
		ratio := slowest(of[1].Others[0], "sleep", 1).Seconds() / slowest(of[0], "sleep", 1).Seconds()
		return wrongIf(ratio < 2*(1-u.Tolerance) || ratio > 2*(1+u.Tolerance), "slow calls of %s take %.1f times as long in a pool of their own, expected 2", of[0].Subject, ratio)
	}}
}

// slowest is how long the slowest took of that share of the calls of a command which
// were served soonest.
func slowest(r *scenario.Record, command string, share float64) time.Duration {
	var took []time.Duration
	of := map[string]string{}
	for _, e := range r.Events {
		if e.Kind == scenario.Arrive {
			of[e.Call] = e.Command
		}
	}
	for _, c := range r.Calls() {
		if of[c.ID] == command && c.Err == "" {
			took = append(took, c.Took)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[min(len(took)-1, int(share*float64(len(took))))]
}
