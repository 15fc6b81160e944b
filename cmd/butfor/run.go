package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/worker/process"
)

func runCommand() *cobra.Command {
	lab := harness.Lab{}
	out := ""
	c := &cobra.Command{
		Use:   "run [FINDING...]",
		Short: "Run findings and say what came out",
		Long: `Runs the named findings, or all of them, on real Python workers, and prints a
table with a row for each claim and the figures of each pool, then the reason
of each verdict. Times are told in boots or ops: multiples of what one start or
one call takes on this machine, measured at the beginning.

Exit status: 0 if all came out as expected, 1 if not (of results that expect
nothing: 0 sound, 1 architectural, amplified, overdetermined or infeasible,
3 environmental, 4 inconclusive), 2 wrong usage, 5 the lab itself failed,
130 interrupted.`,
		Example: `  butfor run
  butfor run serial-start cold-start-timeouts
  butfor run --subject V2-seed --out /tmp/runs cold-start-timeouts`,
		RunE: func(c *cobra.Command, ids []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			return runFindings(c.Context(), lab, ids, out, asJSON, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&lab.World, "world", "process", "where to run: process, on real Python workers, or virtual, on models in virtual time")
	c.Flags().StringVar(&lab.Subject, "subject", "", "only this pool: V1, V2-seed, herd or ours")
	c.Flags().Uint64Var(&lab.Seed, "seed", 0, "of what is drawn: arrivals of clients")
	c.Flags().DurationVar(&lab.Boot, "boot", harness.DefaultBoot, "what a start of a worker asks for")
	c.Flags().StringVar(&out, "out", "", "save each run as a bundle in a folder below this one")
	return c
}

func runFindings(ctx context.Context, lab harness.Lab, ids []string, out string, asJSON bool, stdout io.Writer) error {
	fs, err := findings.Find(ids...)
	if err != nil {
		return usageError{err}
	}
	if lab.Boot < 10*time.Millisecond {
		return usageError{fmt.Errorf("--boot is %v: below 10ms a start can't be told from noise", lab.Boot)}
	}
	if lab.Boot > time.Hour {
		return usageError{fmt.Errorf("--boot is %v: nobody waits longer than an hour for a start", lab.Boot)}
	}
	if err := lab.Check(fs); err != nil {
		return usageError{err}
	}
	if err := writable(out, fs); err != nil {
		return usageError{err}
	}
	if lab.World == virtual.Name {
		f, err := fleet()
		if err != nil {
			return err
		}
		defer f.Close()
		lab.Fleet = f
	} else if python, err := process.Find(ctx, "python3"); err == nil && python.Shim != "" {
		fmt.Fprintf(os.Stderr, "butfor: python3 is the shim %s, slow to start; using %s behind it\n", python.Shim, python.Path)
	}
	var lines []report.Line
	var failed error // of writing what came out
	stdout, printed := watched(stdout)
	progress := newProgress(os.Stderr)
	runs := 0
	lab.Progress = func(f findings.Finding, c findings.Case, nth, of int) {
		runs = of
		progress.step(f, c, nth, of)
	}
	lab.Done = func(o harness.Outcome) {
		line := lineOf(o)
		lines = append(lines, line)
		if asJSON {
			failed = errors.Join(failed, report.JSON(stdout, line))
		}
		if out != "" {
			failed = errors.Join(failed, trace.Save(filepath.Join(out, folder(line)), o.Result))
		}
	}
	outcomes, err := lab.Reproduce(ctx, fs)
	progress.end()
	if !asJSON && len(lines) > 0 {
		t := report.TerminalOf(os.Stdout)
		t.Table(stdout, lines)
		t.Reasons(stdout, lines)
		again(stdout, lines, lab)
	}
	failed = errors.Join(failed, printed())
	if err != nil {
		if ctx.Err() != nil {
			fmt.Fprintf(os.Stderr, "butfor: stopped after %d of %d runs\n", len(outcomes), runs)
		}
		return err
	}
	if failed != nil {
		return failed
	}
	return verdictStatus(lines)
}

// again prints the commands that run once more what came out otherwise.
func again(w io.Writer, lines []report.Line, lab harness.Lab) {
	for _, l := range lines {
		if !l.AsExpected() {
			fmt.Fprintf(w, "\nagain: butfor run %s --subject %s --seed %d --boot %v", l.Finding, l.Subject, l.Seed, lab.Boot)
		}
	}
	fmt.Fprintln(w)
}

// writable says, before anything is run, why no bundle of these findings could
// be written below a folder.
func writable(out string, fs []findings.Finding) error {
	if out == "" {
		return nil
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	for _, e := range entries {
		for _, f := range fs {
			if strings.HasPrefix(e.Name(), f.ID+".") {
				return fmt.Errorf("--out: %s holds a run of %s already: name a new folder", out, f.ID)
			}
		}
	}
	probe, err := os.MkdirTemp(out, ".butfor-")
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return os.Remove(probe)
}

// watched is a writer that remembers the first error of writing to it: what
// prints tables looks at none.
func watched(w io.Writer) (io.Writer, func() error) {
	k := &keeper{Writer: w}
	return k, func() error { return k.err }
}

type keeper struct {
	io.Writer
	err error
}

func (k *keeper) Write(b []byte) (int, error) {
	n, err := k.Writer.Write(b)
	if err != nil && k.err == nil {
		k.err = fmt.Errorf("output: %w", err)
	}
	return n, err
}

// folder is a bundle's name.
func folder(l report.Line) string {
	parts := []string{l.Finding}
	if l.Variant != "" {
		parts = append(parts, strings.ReplaceAll(l.Variant, " ", "-"))
	}
	return strings.Join(append(parts, l.Subject), ".")
}

func lineOf(o harness.Outcome) report.Line {
	r := o.Result
	served := []float64{}
	for _, d := range r.Record.Served() {
		served = append(served, d.Seconds())
	}
	return report.Line{
		Finding: o.Finding.ID, Kind: o.Finding.Kind, Variant: o.Case.Variant, Claim: o.Finding.Claim, Truth: o.Finding.Truth,
		Subject: r.Record.Subject, World: r.Scenario.World, Seed: r.Record.Seed,
		Verdict: r.Word, Expected: o.Case.Expected, Mechanism: r.Mechanism, Reason: r.Reason,
		Seconds: r.Seconds, Hash: r.Hash, Order: r.Order,
		Figure: o.Figure, Calls: len(r.Record.Calls()), Served: served, UnitS: o.Case.Accept.Unit.Seconds(), Deadline: r.Record.Deadline.Seconds(),
		Problems: append(append([]string{}, o.Who...), o.When...), Safety: r.Safety, Evidence: r.Evidence, Path: r.Path,
	}
}

// verdictStatus is the exit status of what came out.
func verdictStatus(lines []report.Line) error {
	claimed, otherwise := false, false
	var words []scenario.Word
	for _, l := range lines {
		claimed = claimed || l.Expected != ""
		otherwise = otherwise || !l.AsExpected()
		words = append(words, l.Verdict)
	}
	if claimed || otherwise {
		if otherwise {
			return statusError(exitOtherwise)
		}
		return nil
	}
	worst := exitOK
	for _, w := range words { // of several the first in 1, 4, 3, 0
		status := map[scenario.Word]int{scenario.Sound: exitOK, scenario.Environmental: exitEnvironment, scenario.Inconclusive: exitUnclear}
		s, ok := status[w]
		if !ok {
			return statusError(exitOtherwise)
		}
		worst = max(worst, s)
	}
	if worst == exitOK {
		return nil
	}
	return statusError(worst)
}

// progress says on stderr which case runs: as a bar on a terminal, else as
// lines.
type progress struct {
	w   *os.File
	tty bool
	bar *progressbar.ProgressBar
}

func newProgress(w *os.File) *progress {
	width, _, err := term.GetSize(int(w.Fd()))
	return &progress{w: w, tty: err == nil && width >= 80} // a bar that wraps piles up
}

func (p *progress) step(f findings.Finding, c findings.Case, nth, of int) {
	what := f.ID + ", " + c.Scenario.Subject.Name
	if c.Variant != "" {
		what += ", " + c.Variant
	}
	if !p.tty {
		fmt.Fprintf(p.w, "%d/%d %s\n", nth, of, what)
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(of, progressbar.OptionSetWriter(p.w), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(20), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false),
			progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""), progressbar.OptionSetElapsedTime(true))
	}
	p.bar.Describe(what)
	p.bar.Set(nth - 1)
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
