package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
)

// Replaying says how a recorded run is to be run again in virtual time. The zero
// value runs the same subject under all that was recorded, and lets the load
// from outside react.
type Replaying struct {
	Subject subject.Subject       // another's code, unless its Open is nil
	Frozen  bool                  // the load from outside wants what it wanted, whatever it gets
	Alone   bool                  // there is no load from outside
	Demands *scenario.Environment // in place of the recording's own starts, calls and deaths; nil: those
	// Orders are how many orders of what happened at one moment are tried until
	// the same calls miss their deadline, for none was recorded: the likely ones
	// first, then by lots, from the recording's seed on. Whatever else is drawn
	// stays. 0: one.
	Orders int
	// Play plays and judges a run elsewhere, as Fleet.Run does. nil: it is played
	// in this program, and not judged.
	Play func(context.Context, Scenario) (Result, error)
}

// Replayed is what came out.
type Replayed struct {
	scenario.Comparison
	Scenario Scenario
	Record   *scenario.Record
	Verdict  scenario.Verdict // if it was judged
	Tried    int              // orders
}

// Replay runs a recorded run again, in the environment that it met, with clients
// that arrive as they did. t is for tests; programs have none.
//
// An error means that it can't be replayed: its environment is not known, or the
// run would never have ended.
func Replay(ctx context.Context, t *testing.T, of Result, how Replaying) (r Replayed, err error) {
	sc, err := again(of, how)
	if err != nil {
		return r, err
	}
	came := sc.Workload
	turns := likely(of.Record)
	_, probe := of.Record.First(scenario.Probing)
	play := func(t *testing.T) {
		for r.Tried < max(1, how.Orders) && err == nil {
			sc.Workload, sc.Order.Begin = came, nil
			if r.Tried < len(turns) {
				sc.Workload, sc.Order.Begin = setApart(came, callers(of.Record, turns[r.Tried]), momentOf(of.Record)), turns[r.Tried]
			}
			r.Tried++
			r.Scenario = sc
			if how.Play == nil {
				r.Record, err = stage(ctx, t, sc, sc.Subject, probe)
			} else if played, failed := how.Play(ctx, sc); failed == nil {
				r.Record, r.Verdict = played.Record, played.Verdict
				if len(r.Record.Events) == 0 {
					err = fmt.Errorf("replay: there is no trace of it: %s", played.Reason)
				}
			} else {
				err = failed
			}
			if err != nil {
				return
			}
			r.Comparison = scenario.Compare(of.Record, r.Record, how.Frozen)
			if len(r.Others()) == 0 {
				return
			}
			if r.Tried > len(turns) {
				sc.Order.Seed = sc.Lots() + 1 // what hurts its callers stays
			}
		}
	}
	if t != nil || how.Play != nil {
		play(t)
	} else if failed := virtual.Program(play); failed != nil {
		return r, failed
	}
	return r, err
}

// again is the scenario of a replay.
func again(of Result, how Replaying) (Scenario, error) {
	sc := of.Scenario
	switch {
	case of.Record == nil || len(of.Record.Events) == 0:
		return sc, errors.New("replay: there is no recording")
	case of.Record.Environment == nil:
		return sc, errors.New("replay: what the recorded run met is not known")
	}
	environment := *of.Record.MetByClients()
	if d := how.Demands; d != nil {
		environment.Starts, environment.Calls, environment.Deaths, environment.Victims = d.Starts, d.Calls, d.Deaths, d.Victims
	}
	if end, ok := of.Record.Through(); ok && how.Demands == nil {
		environment = begunBy(environment, end)
	}
	if how.Alone {
		environment.Rivals, environment.Load = nil, nil
	}
	sc.World, sc.Replay, sc.Frozen = virtual.Name, &environment, how.Frozen
	sc.Others, sc.Boxed = nil, false // what they asked for is in the environment, and who shared what
	sc.Order = scenario.Order{}
	sc.Cores = of.Record.Cores // that its workers might use: what a subject is told
	sc.Deadline = of.Record.Deadline
	if how.Subject.Open != nil {
		sc.Subject = how.Subject
	}
	at, err := arrived(of.Record, sc.Workload.Clients)
	if err != nil {
		return sc, err
	}
	sc.Workload.At, sc.Workload.Extra = at, extra(of)
	return sc, sc.Check()
}

// begunBy is an environment without the starts that were begun later: when the
// workload is over, so is what hurt it, and what they asked for says nothing of what
// the workload met. A pool that begins more starts before has them drawn from the
// others.
func begunBy(e scenario.Environment, end time.Duration) scenario.Environment {
	n := 0
	for n < len(e.Starts) && e.Starts[n].Begin < end {
		n++
	}
	later := func(worker int) bool { return worker >= n }
	e.Starts = e.Starts[:n:n]
	e.Deaths = slices.DeleteFunc(slices.Clone(e.Deaths), func(d scenario.Death) bool { return later(d.Worker) })
	calls := map[string][]scenario.Span{}
	for id, spans := range e.Calls {
		calls[id] = slices.DeleteFunc(slices.Clone(spans), func(s scenario.Span) bool { return later(s.Worker) })
	}
	e.Calls = calls
	return e
}

// arrived are the times at which the workload's clients came, since their clock
// started.
func arrived(r *scenario.Record, clients int) ([]time.Duration, error) {
	clock, ok := r.First(scenario.Go)
	if !ok {
		return nil, errors.New("replay: the recorded run ended before its clients arrived")
	}
	at := make([]time.Duration, clients)
	for i := range at {
		n := firstOf(r, i, scenario.Arrive)
		if n < 0 {
			return nil, fmt.Errorf("replay: client c%d never arrived in the recorded run", i+1)
		}
		at[i] = r.Events[n].At - clock.At
	}
	return at, nil
}

// extra are those who came beside the workload's clients.
func extra(of Result) (all []scenario.Extra) {
	clock, _ := of.Record.First(scenario.Go)
	for _, c := range of.Record.Extra() {
		all = append(all, scenario.Extra{Name: c.ID, At: c.Arrived - clock.At, Waits: of.Scenario.Faults.Waits(c.ID)})
	}
	return all
}

// firstOf is the place of a client's first event of a kind; -1 if there is none.
func firstOf(r *scenario.Record, client int, k scenario.Kind) int {
	name := fmt.Sprintf("c%d", client+1)
	return slices.IndexFunc(r.Events, func(e scenario.Event) bool { return e.Kind == k && e.Client == name && !e.Probe })
}

// likely are the orders in which the calls may have turned to the pool, the likeliest
// first. Where the order was controlled it is the one that was seen, whichever of them
// the pool served first. Else most pools served whoever was first.
func likely(r *scenario.Record) [][]string {
	if inOrder(r) {
		return [][]string{begun(r), firstSent(r)}
	}
	return [][]string{firstSent(r), begun(r)}
}

// inOrder says whether what is seen to be done first was done first.
func inOrder(r *scenario.Record) bool { return r.Order == "edges" || r.Order == "points" }

// begun are the calls in the order in which they turned to the pool, as far as
// that was seen: which of two was really in its line before the other was not.
func begun(r *scenario.Record) (ids []string) {
	for _, e := range r.Events {
		if e.Kind == scenario.Begin && !e.Probe {
			ids = append(ids, e.Call)
		}
	}
	return ids
}

// firstSent are the calls in the order in which workers had them, as most pools
// serve whoever came first, and then those that none ever had.
func firstSent(r *scenario.Record) (ids []string) {
	for _, e := range r.Events {
		if e.Kind == scenario.Send && e.Err == "" && e.Call != "" && !e.Probe && !slices.Contains(ids, e.Call) {
			ids = append(ids, e.Call)
		}
	}
	for _, id := range begun(r) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// callers are those whose calls they are, each once.
func callers(r *scenario.Record, calls []string) (who []string) {
	of := map[string]string{}
	for _, e := range r.Events {
		if e.Kind == scenario.Arrive {
			of[e.Call] = e.Client
		}
	}
	came := map[string]bool{}
	for _, id := range calls {
		if name := of[id]; !came[name] {
			came[name] = true
			who = append(who, name)
		}
	}
	return who
}

// setApart is a workload with its clients in turn, and with them those who came beside
// them.
func setApart(w scenario.Workload, order []string, moment time.Duration) scenario.Workload {
	at, names := slices.Clone(w.At), []string(nil)
	for i := range w.At {
		names = append(names, w.Client(i+1))
	}
	for _, x := range w.Extra {
		at, names = append(at, x.At), append(names, x.Name)
	}
	turn := map[string]int{}
	for n, name := range order {
		turn[name] = n + 1
	}
	turns := make([]int, len(names))
	for i, name := range names {
		turns[i] = cmp.Or(turn[name], len(order)+1) // one that never came so far is last
	}
	at = inTurn(at, turns, moment)
	w.At, w.Extra = at[:len(w.At):len(w.At)], slices.Clone(w.Extra)
	for i := range w.Extra {
		w.Extra[i].At = at[len(w.At)+i]
	}
	return w
}

// momentOf is how far apart the arrivals of one moment were recorded: whoever is
// seen to arrive may be kept waiting for as long as the harness was before it turns
// to the pool; where others wanted the CPUs, by them, which the harness need not notice.
func momentOf(r *scenario.Record) time.Duration {
	if !inOrder(r) && r.Environment != nil && r.Environment.Outside() != nil {
		return mostMoment
	}
	return max(scenario.OneMoment, min(r.Late, mostMoment))
}

// inTurn sets clients apart who came at one moment, as far as can be told, in
// their turns at the pool: who is first in its line may decide who is served.
func inTurn(arrived []time.Duration, turn []int, moment time.Duration) []time.Duration {
	at := slices.Clone(arrived)
	who := make([]int, len(at))
	for i := range at {
		who[i] = i
	}
	slices.SortStableFunc(who, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
	for from := 0; from < len(who); {
		to := from + 1
		for to < len(who) && (at[who[to]]-at[who[to-1]] < scenario.OneMoment || at[who[to]]-at[who[from]] < moment) {
			to++
		}
		together, t := who[from:to], at[who[from]]
		slices.SortStableFunc(together, func(a, b int) int { return cmp.Compare(turn[a], turn[b]) })
		for _, i := range together {
			at[i] = max(t, at[i])
			t = at[i] + apart
		}
		from = to
	}
	return at
}

const (
	// mostMoment is how far apart the arrivals of one moment may be recorded at most,
	// where the harness itself was kept waiting: some turns of others on its CPU.
	mostMoment = 20 * time.Millisecond
	// apart is more than a client needs in virtual time to get into the pool.
	apart = 20 * time.Microsecond
)

// Reopen reads a bundle. Its subject is the one that is known by that name; where
// none is, a replay has to name one.
func Reopen(dir string) (Result, error) {
	b, err := trace.Load(dir)
	if err != nil {
		return Result{}, err
	}
	r := Result{Verdict: *b.Verdict, Scenario: b.Scenario, Record: b.Record, Reference: b.Reference, Hash: trace.Hash(b.Record), Order: b.Record.Order}
	known := subject.Ours() // any will do, to look at the rest
	known.Name = b.Record.Subject
	if s, err := Subject(known.Name); err == nil {
		known = s
	}
	r.Scenario.Subject = known
	if r.Scenario.FindOthers(Subject) != nil {
		r.Scenario.Others = nil // what they asked for is recorded
	}
	if err := r.Scenario.Check(); err != nil {
		return Result{}, fmt.Errorf("%s: damaged: %w", filepath.Join(dir, "bundle.json"), err)
	}
	if _, err := Subject(known.Name); err != nil {
		r.Scenario.Subject.Open = nil
	}
	return r, nil
}
