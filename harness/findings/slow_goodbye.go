package findings

import (
	"fmt"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var slowGoodbye = Finding{
	ID:     "slow-goodbye",
	Claim:  "the removal of one worker is no matter of the others",
	Source: "all versions",
	Truth:  "each removal waits for a second, inside the manager, for an exit that nobody tells",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Unreal: "it has not been tried on real workers yet",
	Cases: func(u Unit) []Case {
		return append(removals(u, dspex.SlowGoodbye), stops(u, dspex.SlowGoodbye)...)
	},
	Together: stopped(3),
}

// removals are a caller who gives up in mid-call, so that his worker is removed, and
// one of another worker: with a bug of V2's that makes removals slow, and without.
func removals(u Unit, slow dspex.Switch) []Case {
	return try(scenario.Scenario{
		Config:   subject.Config{Size: 2},
		Start:    u.Wait,
		Warm:     2,
		Workload: at(u.Waits, []float64{0, .5}, "sleep", map[string]any{"s": times(2, u.Waits).Seconds()}),
		Deadline: times(4, u.Waits),
		Patience: 10 * time.Second,
		Faults:   faults.Plan{{Fault: faults.GiveUp{After: times(.4, u.Waits)}, Target: faults.Target{First: 1}, Times: 1}},
	}, time.Second, "s",
		trial{"", dspex.V2Seed(), and(without(dspex.DeafStart), with(slow)), scenario.Architectural, Accept{Served: 1, Times: []float64{(time.Second + times(1.9, u.Waits)).Seconds()}}},
		trial{"without it", dspex.V2Seed(), without(dspex.DeafStart), scenario.Sound, Accept{Served: 1, LastBy: times(3, u.Waits).Seconds()}},
		trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1, Times: []float64{times(2, u.Waits).Seconds()}}},
	)
}

// stops are a pool of 6 idle workers that is stopped, as a supervisor does it, and the
// next one, which opens then: with such a bug, and without.
func stops(u Unit, slow dspex.Switch) (cases []Case) {
	const idle = 6
	for _, t := range []trial{
		{"6 idle workers stopped", dspex.V2Seed(), with(slow), "", Accept{Served: 1}},
		{"6 idle workers stopped, without it", dspex.V2Seed(), nil, "", Accept{Served: 1}},
		{"6 idle workers stopped", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
	} {
		sc := warmed(u, 1, at(u.Waits, []float64{0}, "echo", hello))
		sc.Others = []scenario.Other{{
			Subject: t.of, Config: subject.Config{Size: idle, Options: t.options}, Warm: idle,
			Workload: at(u.Waits, []float64{0}, "echo", hello), Stops: true,
		}}
		cases = append(cases, try(sc, u.Waits, "boots", t)...)
	}
	return showing(func(r *scenario.Record) string {
		took, err := stop(r)
		return fmt.Sprintf("stopped after %.1f s, in time: %v", took.Seconds(), err == "")
	}, cases)
}

// stop is how long the pool that was stopped for this one took, and its error.
func stop(r *scenario.Record) (took time.Duration, err string) {
	begun, _ := r.Others[0].First(scenario.Close)
	over, _ := r.Others[0].First(scenario.Closed)
	return over.At - begun.At, over.Err
}

// stopped says of three cases, from the first of them on, that with the bug a supervisor
// waits in vain.
func stopped(first int) (all []Property) {
	const patience = 5 * time.Second
	for i, inVain := range []bool{true, false, false} {
		of := []int{first + i}
		all = append(all,
			Property{Name: "stopped in vain", Of: of, Wrong: func(_ Unit, of []*scenario.Record) []string {
				_, err := stop(of[0])
				return wrongIf(inVain != (err != ""), "%s was stopped with the error %q", of[0].Others[0].Subject, err)
			}},
			Property{Name: "stopped late", Of: of, Times: true, Wrong: func(_ Unit, of []*scenario.Record) []string {
				took, _ := stop(of[0])
				return wrongIf(inVain != (took >= patience), "%s was stopped after %v", of[0].Others[0].Subject, took)
			}})
	}
	return all
}
