package findings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var requeueSpin = Finding{
	ID:     "requeue-spin",
	Claim:  "a start that gets no answer has a limit",
	Source: "V2-last",
	Truth:  "the manager posts to itself what it can not take: it takes a core for the whole start, callers are served out of order, and the limit of the start begins anew each time",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Set:    "the manager's CPU, which is the time for which it spins, and takes no core from others; beside real workers it is measured",
	Cases: func(u Unit) []Case {
		// One worker: of two the check-in of the one would be dropped while the other starts,
		// which is a finding of its own.
		sc := scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true, StartTimeout: times(2, u.Waits)},
			Start:    u.Wait,
			Workload: op(2, times(.1, u.Waits)),
			Deadline: times(6, u.Waits),
			Faults:   faults.Plan{{Fault: faults.NeverSaysHello{}, Times: 1}},
		}
		sc.Contract = mute(u)
		aCore, none := 1.0, 0.0
		cases := showing(burns, try(sc, u.Waits, "boots",
			trial{"", dspex.V2Last(), with(dspex.SpinsForReal), scenario.Architectural, Accept{Own: &aCore}},
			trial{"a manager that hears", dspex.V2Last(), and(with(dspex.SpinsForReal), without(dspex.RequeueSpin)), scenario.Sound, Accept{Served: 2, Own: &none}},
		))
		cases = append(cases, try(sc, u.Waits, "boots", trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}})...)
		return append(cases, overtaken(u)...)
	},
}

// overtaken are callers who come one after another while a worker starts. If three go
// before the second one, he is late by that alone. Their order is that of the machine
// where that is so busy that two of them come at one moment: hence in virtual time.
func overtaken(u Unit) []Case {
	cases := showing(turns, try(scenario.Scenario{
		Config:   subject.Config{Size: 1, Lazy: true},
		Start:    u.Wait,
		Workload: at(u.Waits, []float64{0, .2, .4, .6, .8}, "sleep", map[string]any{"s": times(.5, u.Waits).Seconds()}),
		Deadline: times(3, u.Waits),
		Patience: times(5, u.Waits),
	}, u.Waits, "boots",
		trial{"callers one after another", dspex.V2Last(), nil, scenario.Architectural, Accept{Served: 5, Order: Lost}},
		trial{"callers one after another, a manager that hears", dspex.V2Last(), without(dspex.RequeueSpin), scenario.Sound, Accept{Served: 5, Order: Kept}},
		trial{"callers one after another", subject.Ours(), nil, scenario.Sound, Accept{Served: 5, Order: Kept}},
	))
	return inVirtualTime(cases)
}

// ownCores is how much of a core a pool itself has had, or could have run on and had to
// wait for, of the time in which workers of its started.
func ownCores(r *scenario.Record) float64 {
	starting, began := map[string]bool{}, time.Duration(0)
	var took time.Duration
	over := func(e scenario.Event) {
		delete(starting, e.Worker)
		if len(starting) == 0 {
			took += e.At - began
		}
	}
	for _, e := range r.Events {
		switch e.Kind {
		case scenario.Launched:
			if e.Err == "" {
				if len(starting) == 0 {
					began = e.At
				}
				starting[e.Worker] = true
			}
		case scenario.Ready, scenario.Exit:
			if starting[e.Worker] {
				over(e)
			}
		case scenario.Burnt:
			if len(starting) > 0 {
				took += e.At - began
			}
			return (e.OnCPU + e.Delay).Seconds() / max(took, 1).Seconds()
		}
	}
	return 0
}

// burns is that in words.
func burns(r *scenario.Record) string {
	return fmt.Sprintf("its own CPU while workers start: %.2f cores", ownCores(r))
}

// inTurn are the calls that workers were given, in that order.
func inTurn(r *scenario.Record) (ids []string) {
	for _, c := range given(r) {
		ids = append(ids, c.ID)
	}
	return ids
}

func given(r *scenario.Record) []scenario.Call {
	calls := slices.DeleteFunc(r.Calls(), func(c scenario.Call) bool { return c.Worker == "" })
	slices.SortStableFunc(calls, func(a, b scenario.Call) int { return cmp.Compare(a.Sent, b.Sent) })
	return calls
}

func orderOf(r *scenario.Record) Order {
	if slices.IsSortedFunc(given(r), func(a, b scenario.Call) int { return cmp.Compare(a.Arrived, b.Arrived) }) {
		return Kept
	}
	return Lost
}

// turns is that in words.
func turns(r *scenario.Record) string {
	return fmt.Sprintf("order %s: %s", orderOf(r), strings.Join(inTurn(r), " "))
}
