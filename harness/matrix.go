package harness

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/matrix"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// Matrix has the fleet play cases, whose children must have the mutants among them
// built in, and gives done each outcome, in order. It stops at the first error of
// the lab itself, or when ctx ends.
func (f *Fleet) Matrix(ctx context.Context, cases []matrix.Case, done func(matrix.Outcome)) error {
	return f.matrix(ctx, cases, false, done)
}

// Sift is Matrix, of which nobody is judged: the outcomes have the truth alone.
func (f *Fleet) Sift(ctx context.Context, cases []matrix.Case, done func(matrix.Outcome)) error {
	return f.matrix(ctx, cases, true, done)
}

func (f *Fleet) matrix(ctx context.Context, cases []matrix.Case, sift bool, done func(matrix.Outcome)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	outcomes := make([]chan matrix.Outcome, len(cases))
	for i := range outcomes {
		outcomes[i] = make(chan matrix.Outcome, 1)
	}
	next := make(chan int)
	var work sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for i := range next {
				o, err := f.try(ctx, cases[i], sift)
				if err != nil {
					stop(fmt.Errorf("%v: %w", cases[i], err))
					return
				}
				outcomes[i] <- o
			}
		})
	}
	work.Go(func() {
		defer close(next)
		for i := range cases {
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	defer work.Wait()
	for _, o := range outcomes {
		select {
		case o := <-o:
			done(o)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// try has a child play a case. One that hangs or crashes it is fallen.
func (f *Fleet) try(ctx context.Context, c matrix.Case, sift bool) (matrix.Outcome, error) {
	a, err := f.ask(ctx, job{Case: &c, Sift: sift})
	if fell := (*fallenError)(nil); errors.As(err, &fell) {
		return matrix.Outcome{Case: c, Truth: matrix.Fallen, Reason: fell.Error()}, nil
	} else if err != nil {
		return matrix.Outcome{}, err
	}
	return *a.Outcome, nil
}

// A dock is where a child tries cases, one after another.
type dock struct {
	t        *testing.T
	stranded bool                // something of a run is left in the program
	failed   map[direct]failing  // runs without a bug, or a bug's in the calm, which many cases have in common
	drawn    map[direct]int      // which draw of the environment is clear; matrix.Draws: none is
	rivals   map[direct]evidence // and runs of a bug that do not hang on the environment
}

// A direct run is one that is only looked at.
type direct struct {
	pool, environment, load string
	seed                    uint64
}

// A failing is how a run failed, and for how many calls.
type failing struct {
	matrix.Failure
	misses int
}

type evidence struct{ reruns, throttled int }

func newDock(t *testing.T) *dock {
	return &dock{t: t, failed: map[direct]failing{}, drawn: map[direct]int{}, rivals: map[direct]evidence{}}
}

// mutant finds one of those that this program has built in.
func mutant(name string) (subject.Subject, error) {
	for _, s := range subject.Mutants() {
		if s.Name == name {
			return s, nil
		}
	}
	return subject.Subject{}, fmt.Errorf("this program has no mutant %q built in", name)
}

// try plays a case: the run that is judged, the direct ones beside it that its
// truth hangs on, and those of the rivals. On real workers the rivals that want
// further runs are not asked.
func (d *dock) try(c matrix.Case) (o matrix.Outcome, err error) {
	begin := time.Now()
	defer func() { o.Took = time.Since(begin).Seconds() }()
	c, marginal, err := d.draw(c)
	o.Case = c
	if err != nil || marginal {
		o.Truth = matrix.Marginal
		return o, err
	}
	sc, err := scenarioOf(c, true, true)
	if err != nil {
		return o, err
	}
	judged := time.Now()
	r, err := runIn(context.Background(), d.t, sc)
	if errors.Is(err, faults.ErrUnavailable) {
		o.Truth, o.Reason = matrix.NotInjected, err.Error()
		return o, nil
	} else if err != nil {
		return o, err
	}
	o.Judged = time.Since(judged).Seconds()
	d.stranded = d.stranded || r.Record.Stranded || r.Reference != nil && r.Reference.Stranded
	o.Verdict, o.Mechanism, o.Reason = r.Word, r.Mechanism, r.Reason
	o.Evidence.Pressure = matrix.Pressure(r.Record)
	if err := d.truth(&o, r.Record); err != nil || !o.Counts() || c.Real != (matrix.Real{}) {
		return o, err
	}
	return o, d.askRivals(c, &o.Evidence)
}

// sift finds the truth of a case, and has nobody judge it.
func (d *dock) sift(c matrix.Case) (o matrix.Outcome, err error) {
	c, marginal, err := d.draw(c)
	o.Case = c
	if err != nil || marginal {
		o.Truth = matrix.Marginal
		return o, err
	}
	r, err := d.run(c, true, true, nil)
	if err != nil {
		return o, err
	}
	return o, d.truth(&o, r)
}

// draw draws the case's environment until every fault finds an occasion in it and it
// is clear whether the pool, without the bug, keeps the deadline there. What is inside
// the contract it has to keep, and what is played on real workers has been drawn.
func (d *dock) draw(c matrix.Case) (drawn matrix.Case, marginal bool, err error) {
	if c.Inside() || c.Real != (matrix.Real{}) {
		return c, false, nil
	}
	pool, err := c.Pool()
	if err != nil {
		return c, false, err
	}
	key := direct{pool, c.Environment, c.Load, c.Seed}
	nth, known := d.drawn[key]
	for c.Draw = nth; !known && c.Draw < matrix.Draws; c.Draw++ {
		is, err := d.clear(c)
		if err != nil {
			return c, false, err
		}
		if is {
			break
		}
	}
	d.drawn[key] = c.Draw
	if c.Draw == matrix.Draws {
		c.Draw, marginal = 0, true
	}
	return c, marginal, nil
}

// clear says whether what is true of a case's pool in its environment would be
// true at other deadlines as well.
func (d *dock) clear(c matrix.Case) (bool, error) {
	var misses [3]int
	for i, scale := range []float64{1, matrix.Margin, 1 / matrix.Margin} {
		r, err := d.run(c, false, true, func(sc *Scenario) { scaled(sc, scale) })
		switch {
		case err != nil:
			return false, err
		case len(r.Events) == 0 || matrix.Failed(r) == matrix.Broken:
			return true, nil
		case i == 0 && !matrix.Injected(r):
			return false, nil
		}
		misses[i] = r.Misses()
	}
	return matrix.Clear(misses[2], misses[0], misses[1]), nil
}

// truth finds what is true of a case, of which the run with bug and environment was
// played.
func (d *dock) truth(o *matrix.Outcome, both *scenario.Record) (err error) {
	o.Runs.Both = failed(both)
	if len(both.Events) > 0 && !matrix.Injected(both) {
		o.Truth = matrix.NotInjected
		return nil
	}
	if o.Truth = o.Runs.Truth(); o.Truth == matrix.Quiet {
		return nil
	}
	pool, err := o.Pool()
	if err != nil {
		return err
	}
	environment, err := d.without(o.Case, pool, true)
	if err != nil {
		return err
	}
	neither, err := d.without(o.Case, pool, o.Inside())
	if err != nil {
		return err
	}
	if o.Runs.Bug, err = d.alone(o.Case, 1); err != nil {
		return err
	}
	o.Runs.Environment, o.Runs.Neither = environment.Failure, neither.Failure
	o.Truth = o.Runs.Truth()
	if !o.Counts() || o.Runs.Both != matrix.Late {
		return nil
	}
	if stays, err := d.stays(o.Case, pool, environment); err != nil || !stays {
		o.Marginal()
		return err
	}
	if o.Truth == matrix.Environment {
		if shorter, err := d.alone(o.Case, 1/matrix.Margin); err != nil || shorter != matrix.Kept {
			o.Marginal() // without its environment it all but fails, too
			return err
		}
	}
	if o.Real != (matrix.Real{}) && o.Truth == matrix.Environment {
		return nil // the pool without the bug was asked already
	}
	longer, err := d.at(o.Case, o.Bug, true, matrix.Margin)
	if err == nil && longer.Failure == matrix.Kept {
		o.Marginal()
	}
	return err
}

// at says how a case's pool, which is called so, fails in its environment at so many of
// its deadlines.
func (d *dock) at(c matrix.Case, pool string, bug bool, deadlines float64) (failing, error) {
	return d.shared(direct{pool, heldTo(c.Environment, deadlines), c.Load, c.Seed}, func() (*scenario.Record, error) {
		return d.run(c, bug, true, func(sc *Scenario) { scaled(sc, deadlines) })
	})
}

// heldTo is how an environment is called in which a pool has so many of its deadlines.
func heldTo(environment string, deadlines float64) string {
	if deadlines == 1 {
		return environment
	}
	return fmt.Sprintf("%s, at %.2f of the deadline", environment, deadlines)
}

// scaled gives a scenario so many of its deadlines.
func scaled(sc *Scenario, deadlines float64) {
	sc.Deadline = time.Duration(deadlines * float64(sc.Deadline))
}

// stays says whether what the pool without the bug does in the case's environment, on
// real workers, it does at another deadline as well: what of it comes when is not what
// it was in virtual time, where the environment was drawn to be clear.
func (d *dock) stays(c matrix.Case, pool string, at failing) (bool, error) {
	if c.Inside() || c.Real == (matrix.Real{}) || at.Failure == matrix.Broken {
		return true, nil
	}
	scale := 1 / matrix.Margin
	if at.misses > 0 {
		scale = matrix.Margin
	}
	then, err := d.at(c, pool, false, scale)
	return err == nil && (then.Failure == matrix.Broken || matrix.Clear(then.misses, at.misses, then.misses)), err
}

// failed is matrix.Failed, also of a run that never ended and left no record.
func failed(r *scenario.Record) matrix.Failure {
	if len(r.Events) == 0 {
		return matrix.Broken
	}
	return matrix.Failed(r)
}

// scenarioOf is a case's, with or without its bug and its environment.
func scenarioOf(c matrix.Case, bug, injected bool) (Scenario, error) {
	sc, err := c.Scenario(bug, injected, mutant)
	if err == nil && c.Real != (matrix.Real{}) {
		contract := c.Real.Contract(Contract())
		sc.Contract = &contract
	}
	return sc, err
}

// alone says how a case's pool fails with the bug and no environment, or with what of
// it is inside the contract, at so many of its deadlines.
func (d *dock) alone(c matrix.Case, deadlines float64) (matrix.Failure, error) {
	calm, err := d.shared(direct{c.Bug, heldTo("", deadlines), c.Load, c.Seed}, func() (*scenario.Record, error) {
		return d.run(c, true, false, func(sc *Scenario) { scaled(sc, deadlines) })
	})
	if err != nil || c.Real != (matrix.Real{}) && deadlines == 1 { // virtual time has said how it fails inside the contract
		return calm.Failure, err
	}
	inside := func(sc *Scenario) {
		contract := Contract()
		if sc.Contract != nil {
			contract = *sc.Contract
		}
		matrix.Within(sc, contract)
		scaled(sc, deadlines)
	}
	sc, err := scenarioOf(c, false, true) // its faults are the same
	if err != nil {
		return calm.Failure, err
	}
	if inside(&sc); len(sc.Faults) == 0 {
		return calm.Failure, nil
	}
	failure, err := d.fails(c, true, true, inside)
	return max(calm.Failure, failure), err
}

// without says how a case's pool fails without the bug.
func (d *dock) without(c matrix.Case, pool string, injected bool) (failing, error) {
	key := direct{pool, "", c.Load, c.Seed}
	if injected {
		key.environment = c.Environment
	}
	return d.shared(key, func() (*scenario.Record, error) { return d.run(c, false, injected, nil) })
}

// shared says how a run fails that cases have in common.
func (d *dock) shared(key direct, run func() (*scenario.Record, error)) (failing, error) {
	had, known := d.failed[key]
	if known {
		return had, nil
	}
	r, err := run()
	if err != nil {
		return failing{}, err
	}
	had = failing{failed(r), r.Misses()}
	d.failed[key] = had
	return had, nil
}

// fails says how a run of a case fails. change, unless nil, changes it first.
func (d *dock) fails(c matrix.Case, bug, injected bool, change func(*Scenario)) (matrix.Failure, error) {
	r, err := d.run(c, bug, injected, change)
	if err != nil {
		return matrix.Kept, err
	}
	return failed(r), nil
}

// run makes a direct run of a case.
func (d *dock) run(c matrix.Case, bug, injected bool, change func(*Scenario)) (*scenario.Record, error) {
	sc, err := scenarioOf(c, bug, injected)
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(&sc)
	}
	fill(&sc)
	r, err := stage(context.Background(), d.t, sc, sc.Subject, true)
	if _, ok := endless(sc, err); ok {
		d.stranded = true
		return &scenario.Record{}, nil
	} else if err != nil {
		return nil, err
	}
	d.stranded = d.stranded || r.Stranded
	return r, nil
}

// askRivals makes the runs that the rivals want.
func (d *dock) askRivals(c matrix.Case, e *matrix.Evidence) error {
	patient, err := d.fails(c, true, true, func(sc *Scenario) { sc.Deadline *= 3 })
	if err != nil {
		return err
	}
	e.Patient = patient != matrix.Kept
	key := direct{c.Bug, "", c.Load, c.Seed}
	had, known := d.rivals[key]
	if !known {
		for i := range matrix.Reruns {
			again := func(sc *Scenario) { sc.Seed += rerunSeeds * uint64(i+1) }
			throttled := func(sc *Scenario) {
				again(sc)
				sc.Faults = append(sc.Faults, faults.Entry{Fault: faults.CPUQuota{Cores: matrix.ThrottledCores}})
			}
			if err := d.count(&had.reruns, c, again); err != nil {
				return err
			}
			if err := d.count(&had.throttled, c, throttled); err != nil {
				return err
			}
		}
	}
	d.rivals[key] = had
	e.Reruns, e.Throttled = had.reruns, had.throttled
	return nil
}

// count adds one to n if a run of a case's bug, alone, fails.
func (d *dock) count(n *int, c matrix.Case, change func(*Scenario)) error {
	failed, err := d.fails(c, true, false, change)
	if failed != matrix.Kept {
		*n++
	}
	return err
}

// rerunSeeds is how far apart the seeds of reruns are: beyond those of the cases.
const rerunSeeds = 1 << 20
