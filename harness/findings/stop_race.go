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
	Cases: func(u Unit) []Case {
		races := with(dspex.SlowGoodbye, dspex.StopRace)
		waits := with(dspex.SlowGoodbye)
		alone := warmed(u, 2, at(u.Waits, []float64{0}, "echo", hello))
		alone.Stops = true
		return append(append(
			successors(u,
				trial{"", dspex.V2Seed(), races, scenario.Architectural, Accept{}},
				trial{"whoever stops it waits", dspex.V2Seed(), waits, scenario.Sound, Accept{Served: 2}},
				trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}}),
			showing(stopped, try(alone, u.Waits, "boots",
				trial{"the one that is stopped", dspex.V1(), races, scenario.Architectural, Accept{Served: 1, Stop: Refused}},
				trial{"the one that is stopped", dspex.V2Seed(), races, scenario.Architectural, Accept{Served: 1, Stop: Refused}},
				trial{"the one that is stopped", dspex.V2P3(), races, scenario.Architectural, Accept{Served: 1, Stop: Refused}},
				trial{"the one that is stopped", dspex.V2Last(), races, scenario.Architectural, Accept{Served: 1, Stop: Refused}},
				trial{"the one that is stopped, whoever stops it waits", dspex.V2Seed(), waits, scenario.Sound, Accept{Served: 1}},
				trial{"the one that is stopped", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}}))...),
			successors(u,
				trial{"", dspex.V1(), races, scenario.Architectural, Accept{}},
				trial{"", dspex.V2P3(), races, scenario.Architectural, Accept{}},
				trial{"", dspex.V2Last(), races, scenario.Architectural, Accept{}})...)
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

// successors are pools that open under the name of one that has been stopped. That one had
// two workers to remove, and took a second for each: see slow-goodbye.
func successors(u Unit, trials ...trial) (cases []Case) {
	cfg := subject.Config{Size: 2}
	for _, t := range trials {
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
}
