package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
)

// bundlesFirst tells bundles among what is to be reproduced from the rest.
func bundlesFirst(args []string) (bundles, rest []string) {
	for _, arg := range args {
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			bundles = append(bundles, arg)
		} else {
			rest = append(rest, arg)
		}
	}
	return bundles, rest
}

// reopened are the runs of these bundles, before any is replayed.
func reopened(dirs []string) (runs []harness.Result, err error) {
	for _, dir := range dirs {
		r, err := harness.Reopen(dir)
		if err == nil && r.Scenario.Subject.Open == nil {
			err = fmt.Errorf("%s: its pool, %s, is none that this program knows", dir, r.Record.Subject)
		}
		if err == nil && r.Record.Environment == nil {
			err = fmt.Errorf("%s: what its run met was not recorded: it can't be replayed", dir)
		}
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// replayBundles replays recorded runs in virtual time, each under all that it met,
// and says what is as it was.
func replayBundles(ctx context.Context, dirs []string, runs []harness.Result, out string, asJSON bool, stdout io.Writer) (lines []report.Line, err error) {
	if err := writable(out); err != nil {
		return nil, usageError{err}
	}
	fleet, err := fleet()
	if err != nil {
		return nil, err
	}
	defer fleet.Close()
	stdout, printed := watched(stdout)
	for i, r := range runs {
		a, same, err := harness.Again(ctx, r, fleet.Run)
		if err == nil && !same {
			a, err = harness.Agree(ctx, nil, r, fleet.Run)
		}
		if err != nil {
			return lines, fmt.Errorf("%s: %w", dirs[i], err)
		}
		line := lineOfReplay(dirs[i], r, a)
		lines = append(lines, line)
		again := harness.Result{Verdict: a.Reacting.Verdict, Scenario: a.Reacting.Scenario, Record: a.Reacting.Record}
		if err := saved(out, filepath.Base(dirs[i]), again); err != nil {
			return lines, err
		}
		if asJSON {
			if err := report.JSON(stdout, line); err != nil {
				return lines, err
			}
			continue
		}
		t := report.TerminalOf(os.Stdout)
		t.Story(stdout, line)
		report.Timeline(stdout, a.Reacting.Record, t.Width)
		fmt.Fprintln(stdout)
		compared := []string{a.Reacting.String()}
		if same {
			compared = append(compared, "in the order of its choices the trace is the same, to the last event")
		}
		for _, d := range a.Differences() {
			compared = append(compared, "✗ "+d)
		}
		for _, d := range a.Doubts {
			compared = append(compared, "in doubt: "+d)
		}
		t.Entry(stdout, "held against the recording "+dirs[i], compared...)
	}
	for _, l := range lines {
		if !l.AsExpected() {
			fmt.Fprintf(beside(stdout, asJSON), "\nagain: butfor reproduce %s\n", quoted(l.File))
		}
	}
	return lines, printed()
}

// lineOfReplay is the replay of a recorded run as a result. What is expected of
// it is the verdict of the recording, if that had one.
func lineOfReplay(dir string, of harness.Result, a harness.Agreement) report.Line {
	r := a.Reacting
	o := harness.Outcome{Result: harness.Result{
		Verdict: r.Verdict, Scenario: r.Scenario, Record: r.Record, Hash: trace.Hash(r.Record), Order: r.Record.Order,
	}}
	o.Finding.ID, o.Finding.File, o.Finding.Kind = of.Scenario.Name, dir, "verdict"
	if of.Word != scenario.Inconclusive {
		o.Case.Expected = of.Word
	}
	line := lineOf(o)
	line.Problems = append(line.Problems, a.Who...)
	if line.Expected != "" && line.Verdict != line.Expected {
		line.Problems = append(line.Problems, fmt.Sprintf("the verdict is %s, of the recording it was %s", line.Verdict, line.Expected))
	}
	line.Problems = append(line.Problems, a.When...)
	line.Compared, line.Doubts = &r.Comparison, a.Doubts
	if !a.Ok() && len(a.Doubts) > 0 {
		line.Verdict, line.Reason = scenario.Inconclusive, "the recording leaves it in doubt: "+strings.Join(a.Doubts, "; ")
	}
	return line
}

// bundleFlags says which flags can't go with a bundle: its run has these already.
func (f *labFlags) bundleFlags(changed func(name string) bool, times int) error {
	for _, name := range []string{"subject", "seed", "order", "boot"} {
		if changed(name) {
			return fmt.Errorf("--%s: a bundle is replayed as it was recorded", name)
		}
	}
	if f.world != "" && f.world != virtual.Name {
		return fmt.Errorf("--world %s: a bundle is replayed in the world %s", f.world, virtual.Name)
	}
	if times > 1 {
		return errors.New("--times: the replay of a bundle is the same each time")
	}
	return nil
}
