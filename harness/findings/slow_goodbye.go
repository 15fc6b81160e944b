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
	Truth:  "each removal waits for a second, inside the manager, for an exit that nobody tells, and a stop of six takes longer than supervisors wait",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return oneVersion(append(removals(u, dspex.SlowGoodbye), stops(u, dspex.SlowGoodbye)...))
	},
}

// of is a version of V2's with what else would get into the way of a removal or a stop
// turned off.
type of struct {
	subject.Subject
	options map[string]any
}

// thoseOfV2 are such.
func thoseOfV2() []of {
	return []of{
		{dspex.V2Seed(), without(dspex.DeafStart)},
		{dspex.V2P3(), without(dspex.DeafStart, dspex.InlineBreaker, dspex.RetryAmplifies)},
		{dspex.V2Last(), without(dspex.RequeueSpin, dspex.PrewarmLeaks, dspex.LateReply)},
	}
}

// removals are a caller who gives up in mid-call, so that his worker is removed, and
// one of another worker: with a bug of V2's that makes removals slow, and without.
func removals(u Unit, slow dspex.Switch) []Case {
	var trials []trial
	for _, v := range thoseOfV2() {
		trials = append(trials,
			trial{"", v.Subject, and(v.options, with(slow)), scenario.Architectural, Accept{Served: 1, Times: []float64{(time.Second + times(1.9, u.Waits)).Seconds()}}},
			trial{"without it", v.Subject, v.options, scenario.Sound, Accept{Served: 1, LastBy: times(3, u.Waits).Seconds()}})
	}
	return try(scenario.Scenario{
		Config:   subject.Config{Size: 2},
		Start:    u.Wait,
		Warm:     2,
		Workload: at(u.Waits, []float64{0, .5}, "sleep", map[string]any{"s": times(2, u.Waits).Seconds()}),
		Deadline: times(4, u.Waits),
		Patience: 10 * time.Second,
		Faults:   faults.Plan{{Fault: faults.GiveUp{After: times(.4, u.Waits)}, Target: faults.Target{First: 1}, Times: 1}},
	}, time.Second, "s", append(trials,
		trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1, Times: []float64{times(2, u.Waits).Seconds()}}})...)
}

// stops are a pool of 6 idle workers that is stopped, as a supervisor does it: with such a
// bug, and without. V1 has but one.
func stops(u Unit, slow dspex.Switch) []Case {
	const idle = 6
	var trials []trial
	for _, v := range thoseOfV2() {
		trials = append(trials,
			trial{"6 idle workers stopped", v.Subject, and(v.options, with(slow)), scenario.Architectural, Accept{Served: 1, Stop: InVain}},
			trial{"6 idle workers stopped, without it", v.Subject, v.options, scenario.Sound, Accept{Served: 1}})
	}
	sc := warmed(u, idle, at(u.Waits, []float64{0}, "echo", hello))
	sc.Stops = true
	return showing(stopped, try(sc, u.Waits, "boots", append(trials,
		trial{"6 idle workers stopped", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}})...))
}

// stopped tells how a pool's stop went.
func stopped(r *scenario.Record) string {
	begun, _ := r.First(scenario.Close)
	over, _ := r.First(scenario.Closed)
	text := fmt.Sprintf("stopped after %.1f s", (over.At - begun.At).Seconds())
	if how := howStopped(r); how != "" {
		text += fmt.Sprintf(": it %s", how)
	}
	return text
}
