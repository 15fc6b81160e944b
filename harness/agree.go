package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
)

// An Agreement says whether a run in real time and its replays in virtual time
// tell the same story. A disagreement without a doubt is a fault of the lab.
type Agreement struct {
	Reacting, Frozen Replayed // with the load from outside
	Doubts           []string // why they may differ without anybody's fault
	Outside          []string // who else wanted the machine; nil: it did nothing else
	Who, When        []string // what did differ: who was served, and after how long
}

// Ok says whether there was nothing to find: not whether that says anything.
func (a Agreement) Ok() bool { return len(a.Who)+len(a.When) == 0 }

// Differences are all that there are.
func (a Agreement) Differences() []string { return slices.Concat(a.Who, a.When) }

// Again runs a run of the virtual world once more, in the order of its own choices,
// where play does. same says whether its trace is that of the recording, to the last
// event. It is not where a pool, this program or its tags are others than they were,
// and of a run in real time there are no choices: then Agree is to be asked.
func Again(ctx context.Context, of Result, play func(context.Context, Scenario) (Result, error)) (a Agreement, same bool, err error) {
	sc := of.Scenario
	if sc.World != virtual.Name || of.Record == nil || of.Record.Choices == nil {
		return a, false, nil
	}
	sc.Order = scenario.Order{Seed: sc.Order.Seed, Choices: of.Record.Choices}
	r, err := play(ctx, sc)
	if err != nil || r.Record == nil || trace.Hash(r.Record) != trace.Hash(of.Record) {
		return a, false, err
	}
	a.Reacting = Replayed{Comparison: scenario.Compare(of.Record, r.Record, false), Scenario: r.Scenario, Record: r.Record, Verdict: r.Verdict, Tried: 1}
	return a, true, nil
}

// orders are how many orders of what happened at one moment are tried.
const orders = 64

// Agree replays a run and compares. t and play are as for Replay: one of them may
// be nil, or both.
func Agree(ctx context.Context, t *testing.T, of Result, play func(context.Context, Scenario) (Result, error)) (a Agreement, err error) {
	for _, r := range []*Replayed{&a.Reacting, &a.Frozen} {
		if *r, err = Replay(ctx, t, of, Replaying{Orders: orders, Frozen: r == &a.Frozen, Play: play}); err != nil {
			return a, err
		}
	}
	if late := of.Record.Late; late > scenario.NearTime {
		a.Doubts = append(a.Doubts, fmt.Sprintf("the harness itself was starved: its timers were up to %v late", late))
	}
	a.Outside = append(slices.Clone(a.Doubts), of.Record.Environment.Outside()...)
	a.Doubts = append(a.Doubts, of.Record.Environment.Doubts()...)
	a.Doubts = append(a.Doubts, a.Reacting.Doubts()...)
	missed := func(r *Replayed) string {
		var ids []string
		for _, c := range r.Calls {
			if c.Missed[1] {
				ids = append(ids, c.ID)
			}
		}
		slices.Sort(ids)
		return strings.Join(ids, " ")
	}
	if r, f := missed(&a.Reacting), missed(&a.Frozen); r != f {
		a.Doubts = append(a.Doubts, fmt.Sprintf("it hangs on whether the load from outside reacts: if so these miss: %s; else these: %s", r, f))
	}
	a.Who, a.When = a.Reacting.Who(), a.Reacting.When()
	return a, nil
}
