package findings

import (
	"slices"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var stopRace = Finding{
	ID:     "stop-race",
	Claim:  "a pool is stopped, and the next one takes its place",
	Source: "all versions",
	Truth:  "its manager is killed before it is stopped: an error, and an orphan that goes on stopping while its name is taken",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		// The orphan has two workers to remove, and takes a second for each: see
		// slow-goodbye.
		cfg := subject.Config{Size: 2}
		for _, t := range []trial{
			{"", dspex.V2Seed(), with(dspex.SlowGoodbye, dspex.StopRace), scenario.Architectural, Accept{}},
			{"whoever stops it waits", dspex.V2Seed(), with(dspex.SlowGoodbye), scenario.Sound, Accept{Served: 2}},
			{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		} {
			of := cfg
			of.Options = t.options
			cases = append(cases, try(scenario.Scenario{
				Config:   cfg,
				Start:    u.Wait,
				Warm:     2,
				Workload: at(u.Waits, []float64{0, 0}, "echo", hello),
				Deadline: times(3, u.Waits),
				Others:   []scenario.Other{{Subject: t.of, Config: of, Warm: 2, Workload: at(u.Waits, []float64{0}, "echo", hello), Stops: true}},
			}, u.Waits, "boots", t)...)
		}
		return cases
	},
	Together: slices.Concat(
		each("the stop fails", func(r *scenario.Record, want bool) []string {
			stopped, _ := r.Others[0].First(scenario.Closed)
			return wrongIf((stopped.Err != "") != want, "%s was stopped with the error %q", r.Subject, stopped.Err)
		}, true, false, false),
		each("the next one does not open", func(r *scenario.Record, want bool) []string {
			opened, _ := r.First(scenario.Opened)
			return wrongIf((opened.Err != "") != want, "after it %s opened with the error %q", r.Subject, opened.Err)
		}, true, false, false),
	),
}
