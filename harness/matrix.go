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
	"github.com/butfor/butfor/harness/subject"
)

// Matrix has the fleet play cases, whose children must have the mutants among them
// built in, and gives done each outcome, in order. It stops at the first error of
// the lab itself, or when ctx ends.
func (f *Fleet) Matrix(ctx context.Context, cases []matrix.Case, done func(matrix.Outcome)) error {
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
				o, err := f.try(ctx, cases[i])
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
func (f *Fleet) try(ctx context.Context, c matrix.Case) (matrix.Outcome, error) {
	a, err := f.ask(ctx, job{Case: &c})
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
	stranded bool                      // something of a run is left in the program
	failed   map[direct]matrix.Failure // runs without a bug, which many cases have in common
	rivals   map[direct]evidence       // and runs of a bug that do not hang on the environment
}

// A direct run is one that is only looked at.
type direct struct {
	pool, environment, load string
	seed                    uint64
}

type evidence struct{ reruns, throttled int }

func newDock(t *testing.T) *dock {
	return &dock{t: t, failed: map[direct]matrix.Failure{}, rivals: map[direct]evidence{}}
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
// truth hangs on, and those of the rivals.
func (d *dock) try(c matrix.Case) (o matrix.Outcome, err error) {
	o.Case = c
	sc, err := c.Scenario(true, true, mutant)
	if err != nil {
		return o, err
	}
	begin := time.Now()
	defer func() { o.Took = time.Since(begin).Seconds() }()
	r, err := runIn(context.Background(), d.t, sc)
	if err != nil {
		return o, err
	}
	o.Judged = time.Since(begin).Seconds()
	d.stranded = d.stranded || r.Record.Stranded || r.Reference != nil && r.Reference.Stranded
	o.Verdict, o.Mechanism, o.Reason = r.Word, r.Mechanism, r.Reason
	if len(r.Record.Events) == 0 {
		o.Runs.Both = matrix.Broken // it never ended
	} else {
		o.Runs.Both = matrix.Failed(r.Record)
		if !matrix.Injected(r.Record) {
			o.Truth = matrix.NotInjected
			return o, nil
		}
	}
	if o.Truth = o.Runs.Truth(); o.Truth == matrix.Quiet {
		return o, nil
	}
	o.Evidence.Pressure = matrix.Pressure(r.Record)
	pool, err := c.Pool()
	if err != nil {
		return o, err
	}
	if o.Runs.Environment, err = d.without(c, pool, true); err != nil {
		return o, err
	}
	if o.Runs.Neither, err = d.without(c, pool, c.Inside()); err != nil {
		return o, err
	}
	if o.Runs.Bug, err = d.fails(c, true, false, nil); err != nil {
		return o, err
	}
	if o.Truth = o.Runs.Truth(); !o.Counts() {
		return o, nil
	}
	return o, d.askRivals(c, &o.Evidence)
}

// without says how a case's pool fails without the bug.
func (d *dock) without(c matrix.Case, pool string, injected bool) (failed matrix.Failure, err error) {
	key := direct{pool, "", c.Load, c.Seed}
	if injected {
		key.environment = c.Environment
	}
	failed, known := d.failed[key]
	if !known {
		if failed, err = d.fails(c, false, injected, nil); err == nil {
			d.failed[key] = failed
		}
	}
	return failed, err
}

// fails says how a run of a case fails. change, unless nil, changes it first.
func (d *dock) fails(c matrix.Case, bug, injected bool, change func(*Scenario)) (matrix.Failure, error) {
	sc, err := c.Scenario(bug, injected, mutant)
	if err != nil {
		return matrix.Kept, err
	}
	if change != nil {
		change(&sc)
	}
	fill(&sc)
	r, err := stage(context.Background(), d.t, sc, sc.Subject, true)
	if _, ok := endless(sc, err); ok {
		d.stranded = true
		return matrix.Broken, nil
	} else if err != nil {
		return matrix.Kept, err
	}
	d.stranded = d.stranded || r.Stranded
	return matrix.Failed(r), nil
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
