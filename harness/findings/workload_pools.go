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
	Together: func(u Unit, records []*scenario.Record) (problems []string) {
		for i, r := range records {
			most := r.Subject + ", two pools: at most 0.2"
			wrong := func(p99 float64) bool { return p99 > .2 }
			if i%2 == 0 {
				most = r.Subject + ", one pool: at least 0.8"
				wrong = func(p99 float64) bool { return p99 < .8 }
			}
			if p99 := slowest(r, "echo", .99).Seconds() / u.Waits.Seconds(); wrong(p99) {
				problems = append(problems, fmt.Sprintf("the 99th percentile of quick calls is %.2f boots, expected of %s", p99, most))
			}
			if i%2 == 0 {
				continue
			}
			if ratio := slowest(r.Others[0], "sleep", 1).Seconds() / slowest(records[i-1], "sleep", 1).Seconds(); ratio < 2*(1-u.Tolerance) || ratio > 2*(1+u.Tolerance) {
				problems = append(problems, fmt.Sprintf("slow calls of %s take %.1f times as long in a pool of their own, expected 2", r.Subject, ratio))
			}
		}
		return problems
	},
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
