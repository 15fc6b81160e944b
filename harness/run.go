// Package harness takes a scenario from its settings to its verdict. It alone
// knows all the rooms; each of them knows only its own work.
//
//	scenario → a world runs it against a subject → trace → judge → verdict
//
// What runs look like stands in testdata, to be read by anybody: settings, and
// below them the timeline and the verdict that they must give, to the letter. A
// change of behaviour is a difference there. What is meant to change is written
// anew by
//
//	go test ./harness -run Timelines -rewrite
package harness

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
)

// Scenario is what is to be run; Result is what came out.
type (
	Scenario = scenario.Scenario
	Result   = scenario.Result
)

// Run runs a scenario and judges what came out. Where the deadline is set in terms
// of it, a simple ideal pool runs before, alone in the same world under the same
// demands.
//
// An error means that the lab could not do its work (bad scenario, no Python,
// ctx ended); what a subject does wrong is in the result. No process that the run
// started is left when Run returns; of the subject's goroutines those may be that
// nobody can end, which the record says (Left, and Stranded in virtual time). Runs
// may go on concurrently, but then they compete for the machine.
//
// It is for programs: what is played in virtual time, as the judge's replays are in every
// world, takes a test's own T. Tests use RunT.
func Run(ctx context.Context, sc Scenario) (Result, error) {
	if sc.World != virtual.Name {
		return runIn(ctx, nil, sc)
	}
	var result Result
	var err error
	if failed := virtual.Program(func(t *testing.T) { result, err = runIn(ctx, t, sc) }); failed != nil {
		return Result{}, failed
	}
	return result, err
}

// runIn is Run; t is for what is played in virtual time: the run, if that is its world,
// and the judge's replays of it in any.
func runIn(ctx context.Context, t *testing.T, sc Scenario) (Result, error) {
	begin := time.Now()
	if err := sc.Check(); err != nil {
		return Result{}, err
	}
	fill(&sc)

	var reference *scenario.Record
	var err error
	if o := &sc.Order; sc.World == virtual.Name && o.Strategy == scenario.PCT && o.Length == 0 && o.Choices == nil {
		if o.Length, err = length(ctx, t, sc); err != nil {
			r, ok := endless(sc, err)
			if ok {
				err = nil
			}
			return r, err
		}
	}
	if sc.Deadline == 0 {
		if reference, err = ideal(ctx, t, sc); err != nil {
			return Result{}, err
		}
		if sc.Deadline, err = deadlineFrom(reference, sc.Slack); err != nil {
			return Result{}, err
		}
		reference.Deadline = sc.Deadline
	}
	record, err := stage(ctx, t, sc, sc.Subject, true)
	if r, ok := endless(sc, err); ok {
		return r, nil
	}
	if err != nil {
		return Result{}, err
	}
	r := Result{Scenario: sc, Record: record, Reference: reference, Hash: trace.Hash(record), Order: record.Order}
	r.Verdict = Judge(ctx, t, r)
	r.Seconds = time.Since(begin).Seconds()
	return r, nil
}

// length is how many steps the subject's run takes where lots are drawn.
func length(ctx context.Context, t *testing.T, sc Scenario) (int, error) {
	sc.Order = scenario.Order{Seed: sc.Order.Seed}
	r, err := stage(ctx, t, sc, sc.Subject, true)
	if err != nil {
		return 0, err
	}
	return len(r.Choices), nil
}

// order says how far the order of what happens is controlled: at the edges of
// the pool, at points inside it too, if it came to any, or not at all.
func order(world string, inside bool) string {
	switch {
	case world != virtual.Name:
		return "none" // real time: the order is the machine's
	case inside:
		return "points"
	}
	return "edges"
}

// endless is the result of a run that would never have ended.
func endless(sc Scenario, err error) (r Result, ok bool) {
	r = unseen(sc)
	r.Word = scenario.Architectural // no environment keeps it from waiting
	r.Record.Stranded = true
	r.Reason = fmt.Sprint(err)
	var livelock *virtual.LivelockError
	var stuck *virtual.StuckError
	at := ""
	switch {
	case errors.As(err, &livelock):
		r.Mechanism, at = "livelock", inSubject(livelock.Stacks)
	case errors.As(err, &stuck):
		r.Mechanism, at = "deadlock", inSubject(stuck.Stacks)
	default:
		return r, false
	}
	if at != "" {
		r.Reason += "; " + at
	}
	return r, true
}

// unseen is the result of a run of which there is no trace.
func unseen(sc Scenario) Result {
	return Result{Scenario: sc, Order: order(sc.World, false), Record: &scenario.Record{
		Subject: sc.Subject.Name, Seed: sc.Seed, Size: sc.Config.Size, Overflow: sc.Config.Overflow, Deadline: sc.Deadline,
	}}
}

// fill sets what a scenario leaves to the harness; plain takes away what fill
// would set again, so that a file says no more than it must.
func fill(sc *Scenario) {
	if sc.World == "" {
		sc.World = "process"
	}
	if sc.Slack == 0 {
		sc.Slack = 1.5
	}
	sc.Others = slices.Clone(sc.Others)
	for _, w := range workloads(sc) {
		if w.Arrive == "" {
			w.Arrive = scenario.Burst
		}
		w.Calls = w.Each()
	}
	if sc.Swarm > 0 {
		sc.Faults = slices.Concat(sc.Faults, faults.Swarm(rand.New(rand.NewPCG(sc.Seed, lotsOfSwarm)), sc.Swarm, swarming()))
		sc.Swarm = 0
	}
	if sc.Recovery == 0 {
		sc.Recovery = recovery(sc)
	}
	if sc.Contract == nil {
		c := Contract()
		sc.Contract = &c
	}
}

// swarming are the faults that a swarm may have: all of the virtual world but those of
// the harness itself, as nothing is said of a pool then.
func swarming() []string {
	return slices.DeleteFunc(faults.Modelled(), func(name string) bool {
		return name == faults.HarnessStopped{}.Name() || name == faults.HarnessStarved{}.Name()
	})
}

// lotsOfSwarm keeps what a swarm draws apart from what else the seed is for.
const lotsOfSwarm = 11

// workloads are those of all pools of a scenario.
func workloads(sc *Scenario) (all []*scenario.Workload) {
	all = append(all, &sc.Workload)
	for i := range sc.Others {
		all = append(all, &sc.Others[i].Workload)
	}
	return all
}

// recovery is what a scenario's own contract says, or else what the project's does,
// and at least what a pool needs for three starts.
func recovery(sc *Scenario) time.Duration {
	if sc.Contract != nil && *sc.Contract != Contract() {
		return sc.Contract.Recovery
	}
	return max(Contract().Recovery, time.Second+3*(sc.Start.CPU+sc.Start.Wait))
}

func plain(sc Scenario) Scenario {
	if sc.Deadline > 0 {
		sc.Slack = 0
	}
	sc.Others = slices.Clone(sc.Others)
	for _, w := range workloads(&sc) {
		if w.Arrive == scenario.Burst {
			w.Arrive = ""
		}
		if w.Calls == 1+len(w.Then) {
			w.Calls = 0
		}
	}
	if sc.Recovery == recovery(&sc) {
		sc.Recovery = 0
	}
	if sc.Contract != nil && *sc.Contract == Contract() {
		sc.Contract = nil
	}
	return sc
}

// ideal runs a simple ideal pool, to set a deadline by: one that begins as many
// starts at once as there are cores, or all of them. The better of the two counts.
func ideal(ctx context.Context, t *testing.T, sc Scenario) (best *scenario.Record, err error) {
	for _, s := range []subject.Subject{subject.Ideal(subject.Cores), subject.Ideal(subject.All)} {
		r, err := stage(ctx, t, sc, s, false)
		if err != nil {
			return nil, err
		}
		if best == nil || better(r, best) {
			best = r
		}
	}
	return best, nil
}

func better(a, b *scenario.Record) bool {
	if len(a.Served()) != len(b.Served()) {
		return len(a.Served()) > len(b.Served())
	}
	return last(a) < last(b)
}

func last(r *scenario.Record) time.Duration {
	served := r.Served()
	if len(served) == 0 {
		return 0
	}
	return served[len(served)-1]
}

// leastSlack is what a deadline from the reference leaves at least: below that
// a call is late or not by the machine's noise.
const leastSlack = 50 * time.Millisecond

func deadlineFrom(reference *scenario.Record, slack float64) (time.Duration, error) {
	if took := last(reference); took > 0 {
		return max(time.Duration(slack*float64(took)), took+leastSlack), nil
	}
	calls := reference.Calls()
	return 0, fmt.Errorf("no deadline can be had from the reference: it served none of %d calls (the first: %s); name a deadline", len(calls), calls[0].Err)
}
