//go:build linux

// Package fidelity measures on the machine at hand how well a replay predicts:
// spans by the model of cores, runs by their replay, other policies by a replay
// of what was recorded under one. What a replay is belongs to harness; here are
// only the experiments and the page that they fill.
package fidelity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/process"
)

// Settings say how much is measured.
type Settings struct {
	Spans    int // runs of about 36 spans for each load
	Starts   int // pairs of runs of eight starts for each load
	Findings int // runs of all findings for each load
	Often    int // of those that are Named, if that is more
	Named    []string
	World    string
	T        *testing.T // for the virtual world; programs have none
	Progress io.Writer  // nil: nobody is told
}

// Measured is what came out.
type Measured struct {
	Machine  Machine
	Spans    []SpansRow
	Starts   []StartsRow
	Findings []FindingsRow
	Skipped  []string // what could not be measured here, and why
}

// Measure does all experiments, one after another. The machine should have
// nothing else to do: what it does is recorded, and so no error, but it makes
// every figure noisier.
func Measure(ctx context.Context, s Settings) (m Measured, err error) {
	if s.World == "" {
		s.World = process.Name
	}
	for _, name := range s.Named {
		if !slices.ContainsFunc(findings.In("process"), func(f findings.Finding) bool { return f.ID == name && f.Unmodelled == "" }) {
			return m, fmt.Errorf("no finding on real workers that can be replayed is called %q", name)
		}
	}
	m.Machine = machine()
	for _, l := range spansLoads() {
		if s.Spans == 0 {
			break
		}
		row, err := s.spans(ctx, l)
		if s.skips(&m, err) {
			continue
		}
		if err != nil {
			return m, err
		}
		s.say("spans, %s: %s", l.Name, row)
		m.Spans = append(m.Spans, row)
	}
	for _, l := range startsLoads() {
		if s.Starts == 0 {
			break
		}
		row, err := s.starts(ctx, l)
		if s.skips(&m, err) {
			continue
		}
		if err != nil {
			return m, err
		}
		s.say("starts, %s: %s", l.Name, row)
		m.Starts = append(m.Starts, row)
	}
	for _, l := range findingsLoads() {
		for _, f := range findings.In("process") {
			if f.Unmodelled != "" || s.times(f) == 0 {
				continue
			}
			row, err := s.findings(ctx, l, f)
			if s.skips(&m, err) {
				continue
			}
			if err != nil {
				return m, err
			}
			s.say("%s, %s: %s", f.ID, l.Name, row)
			m.Findings = append(m.Findings, row)
		}
	}
	return m, nil
}

// skips notes what this machine can't have: a fault, or a load that lasts. Any
// other error ends the measuring.
func (s *Settings) skips(m *Measured, err error) bool {
	if !errors.Is(err, faults.ErrUnavailable) && !errors.Is(err, errDied) {
		return false
	}
	s.say("skipped: %v", err)
	m.Skipped = append(m.Skipped, err.Error())
	return true
}

func (s *Settings) say(format string, args ...any) {
	if s.Progress != nil {
		_, _ = fmt.Fprintf(s.Progress, format+"\n", args...)
	}
}

// run runs a scenario beside a load.
func (s *Settings) run(ctx context.Context, l Load, sc harness.Scenario) (r harness.Result, err error) {
	end, err := l.begin(ctx)
	if err != nil {
		return r, err
	}
	defer func() { _ = end() }() // early only after another error
	sc.World, sc.Faults = s.World, append(sc.Faults, l.faults...)
	if s.T != nil {
		return harness.RunT(s.T, sc), end()
	}
	if r, err = harness.Run(ctx, sc); err != nil {
		return r, err
	}
	return r, end()
}

// patience is a deadline that nothing here comes near: a run with a miss would
// be followed by one of the reference.
const patience = 10 * time.Minute

// spans runs scattered calls beside a load and holds each start and call against
// the model of cores.
func (s *Settings) spans(ctx context.Context, l Load) (row SpansRow, err error) {
	row = SpansRow{Load: l.Name}
	for n := range s.Spans {
		r, err := s.run(ctx, l, harness.Scenario{
			Name: "spans", Seed: uint64(n), Subject: scattered(uint64(n)), Config: scattering,
			Start:    scenario.Demand{CPU: 250 * time.Millisecond, Wait: 100 * time.Millisecond},
			Workload: scenario.Workload{Clients: scatteredWorkers, Calls: scatteredCalls, Think: 20 * time.Millisecond, Command: "burn", Args: anything},
			Deadline: patience,
		})
		if err != nil {
			return row, fmt.Errorf("spans, %s: %w", l.Name, err)
		}
		row.add(r.Record.Environment)
	}
	return row, nil
}

// starts records eight starts at once, runs them again from the recording, and
// predicts from it how as many would go one for each core at a time; then that is
// run for real.
func (s *Settings) starts(ctx context.Context, l Load) (row StartsRow, err error) {
	row = StartsRow{Load: l.Name}
	const n = 8
	sc := func(p subject.Subject) harness.Scenario {
		return harness.Scenario{
			Name: "starts", Subject: p, Config: subject.Config{Size: n, Lazy: true}, Warm: n,
			Start: scenario.Demand{CPU: 300 * time.Millisecond}, Workload: scenario.Workload{Clients: 1, Command: "echo"}, Deadline: patience,
		}
	}
	few := subject.Ideal(subject.Cores)
	for range s.Starts {
		recorded, err := s.run(ctx, l, sc(subject.Herd()))
		if err != nil {
			return row, fmt.Errorf("starts, %s: %w", l.Name, err)
		}
		own, err := s.run(ctx, l, sc(few))
		if err != nil {
			return row, fmt.Errorf("starts, %s: %w", l.Name, err)
		}
		if err := row.compare(ctx, s.T, recorded, own, few); err != nil {
			return row, err
		}
	}
	return row, nil
}

// compare replays a recorded run, and holds what it foretells of another policy
// against that one's own.
func (r *StartsRow) compare(ctx context.Context, t *testing.T, recorded, own harness.Result, other subject.Subject) error {
	for _, frozen := range []bool{false, true} {
		again, err := harness.Replay(ctx, t, recorded, harness.Replaying{Frozen: frozen})
		if err != nil {
			return err
		}
		foretold, err := harness.Replay(ctx, t, recorded, harness.Replaying{Frozen: frozen, Subject: other, Demands: own.Record.Environment})
		if err != nil {
			return err
		}
		r.add(frozen, &again.Comparison, scenario.Compare(own.Record, foretold.Record, frozen))
	}
	return nil
}

// times is how often a finding is run for each load.
func (s *Settings) times(f findings.Finding) int {
	if slices.Contains(s.Named, f.ID) {
		return max(s.Findings, s.Often)
	}
	return s.Findings
}

// findings runs a finding beside a load and replays it.
func (s *Settings) findings(ctx context.Context, l Load, f findings.Finding) (row FindingsRow, err error) {
	row = FindingsRow{Load: l.Name, Finding: f.ID}
	for range s.times(f) {
		if err := s.finding(ctx, l, f, &row); err != nil {
			return row, fmt.Errorf("%s, %s: %w", f.ID, l.Name, err)
		}
	}
	return row, nil
}

func (s *Settings) finding(ctx context.Context, l Load, f findings.Finding, row *FindingsRow) error {
	lab := harness.Lab{World: s.World, T: s.T, Boot: 100 * time.Millisecond}
	unit, err := lab.Measure(ctx) // without the load; beside it what a start computes is taken anew
	if err != nil {
		return err
	}
	lab.Unit = &unit
	end, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = end() }() // early only after another error
	outcomes, err := lab.Reproduce(ctx, []findings.Finding{f})
	if err != nil {
		return err
	}
	if err := end(); err != nil {
		return err
	}
	for _, o := range outcomes {
		a, err := harness.Agree(ctx, s.T, o.Result, nil)
		if err != nil {
			return err
		}
		row.add(&a)
		if len(a.Reacting.Others()) > 0 {
			s.say("  %s %s: %s; doubts: %q; differences: %q", o.Result.Record.Subject, o.Case.Variant, a.Reacting.String(), a.Doubts, a.Differences())
		}
	}
	return nil
}

// coresHere are those that this program may use.
func coresHere() int { return runtime.GOMAXPROCS(0) }
