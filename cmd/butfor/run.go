package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
)

func runCommand() *cobra.Command {
	var f labFlags
	out, seeds, quiet, quick := "", 0, false, false
	c := &cobra.Command{
		Use:   "run [FINDING|FILE...]",
		Short: "Run findings and say what came out",
		Long: `Runs the named findings, or all of them, on real Python workers, and prints a
table with a row for each claim and the figures of each pool, then the reason
of each verdict. Times are told in boots or ops: multiples of what one start or
one call takes on this machine, measured at the beginning.

A FILE is a scenario of your own, in YAML: see README.

With --world virtual the workers are models and time is virtual: minutes take
milliseconds, and the same seed gives the same run. There --seeds N explores N
seeds on all cores. The first that fails is made smaller, as far as its verdict
and mechanism stay the same, and is saved as a file for butfor reproduce: below
--out, or in butfor-found.
With swarm: N in a FILE each seed draws N faults more. What they make too much for
any pool, or for a verdict, fails nothing then, if there are sound runs as well.

Exit status: 0 if all came out as expected, 1 if not (of results that expect
nothing: 0 sound, 1 architectural, amplified, overdetermined or infeasible,
3 environmental, 4 inconclusive), 2 wrong usage, 5 the lab itself failed,
130 interrupted.`,
		Example: `  butfor run
  butfor run serial-start cold-start-timeouts
  butfor run --subject V2-seed --out /tmp/runs cold-start-timeouts
  butfor run --seeds 1000 my-scenario.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			if quick && len(args) > 0 {
				return usageError{errors.New("--quick names the findings: name none besides")}
			}
			if c.Flags().Changed("seeds") {
				if seeds < 1 {
					return usageError{fmt.Errorf("--seeds is %d: it takes one at least", seeds)}
				}
				f.world = cmp.Or(f.world, virtual.Name)
			}
			lab, fs, end, err := f.lab(c.Context(), args)
			if err != nil {
				return err
			}
			defer end()
			if quick {
				fs = slices.DeleteFunc(fs, func(f findings.Finding) bool { return !f.Quick })
			}
			if seeds > 0 {
				return explore(c.Context(), lab, fs, seeds, out, asJSON, c.OutOrStdout())
			}
			return runFindings(c.Context(), lab, fs, out, printing{asJSON, quiet}, c.OutOrStdout())
		},
	}
	f.of(c)
	f.alsoLatent(c, "say also what each pool that is not to blame would miss at the corners of its contract")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print the table alone, with reasons only where something came out otherwise")
	c.Flags().BoolVar(&quick, "quick", false, "run the headline findings alone, which take a minute or two on real workers")
	c.Flags().IntVar(&seeds, "seeds", 0, "explore that many seeds, from --seed on, in the virtual world")
	c.Flags().StringVar(&out, "out", "", "save each run as a bundle in a folder below this one; with --seeds, what fails as a scenario file")
	return c
}

// printing is how what comes out is printed: as JSON, or as a table with or
// without the reasons of what came out as expected.
type printing struct{ asJSON, quiet bool }

func runFindings(ctx context.Context, lab harness.Lab, fs []findings.Finding, out string, how printing, stdout io.Writer) error {
	if err := writable(out); err != nil {
		return usageError{err}
	}
	var lines []report.Line
	var failed error // of saving what came out
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
		if how.asJSON {
			_ = report.JSON(stdout, line) // printed says what fails
		}
		if failed == nil {
			failed = saved(out, folder(line), o.Result)
		}
	}
	outcomes, err := lab.Reproduce(ctx, fs)
	progress.end()
	if !how.asJSON && len(lines) > 0 {
		t := report.TerminalOf(os.Stdout)
		t.Table(stdout, lines)
		told := lines
		if how.quiet {
			told = slices.DeleteFunc(slices.Clone(lines), report.Line.AsExpected)
		}
		t.Reasons(stdout, told)
	}
	again(beside(stdout, how.asJSON), "run", lines, lab)
	failed = errors.Join(failed, printed())
	if err != nil {
		switch {
		case ctx.Err() == nil:
		case runs == 0:
			fmt.Fprintln(os.Stderr, "butfor: stopped before the first run")
		default:
			fmt.Fprintf(os.Stderr, "butfor: stopped after %d of %d runs\n", len(outcomes), runs)
		}
		return err
	}
	if failed != nil {
		return failed
	}
	return verdictStatus(lines)
}

// again prints the commands that run once more what came out otherwise, or of which
// nothing is claimed and which is not sound.
func again(w io.Writer, verb string, lines []report.Line, lab harness.Lab) {
	var told []string
	whole := map[string]report.Line{} // findings of which one pool alone does not show all
	for _, l := range lines {
		if len(l.Between) > 0 {
			whole[l.Finding] = l
		}
	}
	for _, l := range lines {
		if unclaimed := l.File != "" && l.Expected == "" && l.Verdict != scenario.Sound; !unclaimed && l.AsExpected() {
			continue
		}
		if of, ok := whole[l.Finding]; ok {
			l = of
		}
		what := asked(l, lab)
		if slices.Contains(told, what) { // one command runs all variants
			continue
		}
		if told = append(told, what); len(told) == 1 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "again: butfor %s %s\n", verb, what)
	}
}

// asked is what is to be asked for so that a result comes out once more.
func asked(l report.Line, lab harness.Lab) string {
	what := []string{l.Finding}
	if len(l.Between) == 0 { // else all its cases are needed
		what = append(what, "--subject", l.Subject)
	}
	if what = append(what, "--boot", lab.Boot.String()); l.File != "" {
		what = []string{quoted(l.File)}
	}
	// The seed is the lab's: a scenario from a file may have one of its own.
	what = append(what, "--world", l.World, "--seed", strconv.FormatUint(lab.Seed, 10))
	switch o := lab.Order; o.Strategy {
	case "":
	case scenario.PCT:
		what = append(what, "--order", fmt.Sprintf("%s:%d", o.Strategy, o.Depth))
	default:
		what = append(what, "--order", o.Strategy)
	}
	return strings.Join(what, " ")
}

// quoted is a path as a shell and its program must be given it.
func quoted(path string) string {
	if strings.HasPrefix(path, "-") { // it is no flag
		path = "./" + path
	}
	if strings.ContainsFunc(path, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.N) && !strings.ContainsRune("_.,:/@%+=-", r)
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// writable says, before anything is run, why nothing could be written below a folder.
func writable(out string) error {
	if out == "" {
		return nil
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	probe, err := os.MkdirTemp(out, ".butfor-")
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return os.Remove(probe)
}

// beside is where what is no result goes: in JSON there is nothing else on stdout.
func beside(stdout io.Writer, asJSON bool) io.Writer {
	if asJSON {
		return os.Stderr
	}
	return stdout
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

// saved writes a result as a bundle below out, if that names a folder, and says
// where it is if not where one expects it: an earlier run is there, or that of
// another butfor which runs at the same time.
func saved(out, name string, r harness.Result) error {
	if out == "" {
		return nil
	}
	dir, err := trace.SaveIn(out, name, r)
	if err == nil && filepath.Base(dir) != name {
		fmt.Fprintf(os.Stderr, "butfor: %s was there already: this run is in %s\n", filepath.Join(out, name), dir)
	}
	return err
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
	var others []report.Other
	for i, v := range r.Others {
		others = append(others, report.Other{Subject: r.Record.Others[i].Subject, Verdict: v.Word, Mechanism: v.Mechanism, Reason: v.Reason})
	}
	word, expected := o.Words()
	reason, judged := r.Reason, scenario.Word("")
	if word != r.Word {
		reason, judged = fmt.Sprintf("the run itself is %s: %s", r.Word, r.Reason), r.Word
	}
	var doubts []string
	if astray := r.Astray(); astray != "" {
		doubts = append(doubts, astray)
	}
	return report.Line{
		Others: others, Doubts: doubts, Finding: o.Finding.ID, File: o.Finding.File, Kind: o.Finding.Kind, Variant: o.Case.Variant, Claim: o.Finding.Claim, Truth: o.Finding.Truth, Unreal: o.Finding.Unreal, Set: o.Finding.Set,
		Subject: r.Record.Subject, World: r.Scenario.World, Seed: r.Record.Seed,
		Verdict: word, Expected: expected, Judged: judged, Mechanism: r.Mechanism, Reason: reason,
		Seconds: r.Seconds, Hash: r.Hash, Order: r.Order,
		Figure: o.Figure, Calls: len(r.Record.Calls()), Served: served, UnitS: o.Case.Accept.Unit.Seconds(), Unit: o.Case.Accept.UnitName, Deadline: r.Record.Deadline.Seconds(),
		Problems: append([]string{}, slices.Concat(o.Who, o.When).Texts()...), Between: o.Between.Texts(), Beside: o.Beside, Safety: r.Safety, Evidence: r.Evidence, Path: r.Path, Table: r.Table, Latent: r.Latent,
	}
}

// verdictStatus is the exit status of what came out. Where something is claimed, the
// pools of a finding of which nothing is are there to be looked at.
func verdictStatus(lines []report.Line) error {
	claimed := slices.ContainsFunc(lines, func(l report.Line) bool { return l.Expected != "" })
	came := map[int]bool{}
	for _, l := range lines {
		switch {
		case !l.AsExpected():
			came[exitOtherwise] = true
		case l.Expected != "" || claimed && l.File == "" || l.Verdict == scenario.Sound:
		case l.Verdict == scenario.Inconclusive:
			came[exitUnclear] = true
		case l.Verdict == scenario.Environmental:
			came[exitEnvironment] = true
		default:
			came[exitOtherwise] = true
		}
	}
	for _, status := range []int{exitOtherwise, exitUnclear, exitEnvironment} {
		if came[status] {
			return statusError(status)
		}
	}
	return nil
}

// progress says on stderr which case runs: as a bar on a terminal, else as
// lines.
type progress struct {
	w    *os.File
	tty  bool
	told time.Time // when it last said something
	bar  *progressbar.ProgressBar
}

func newProgress(w *os.File) *progress {
	width, _, err := term.GetSize(int(w.Fd()))
	return &progress{w: w, tty: err == nil && width >= 80, told: time.Now()} // a bar that wraps piles up
}

func (p *progress) step(f findings.Finding, c findings.Case, nth, of int) {
	p.show(findings.Name(f.ID, c.Scenario.Subject.Name, c.Variant), nth, of, true)
}

// count says how many of what are done: in lines at each tenth, and now and then
// where that takes long.
func (p *progress) count(done, of int, what string) {
	tenth := done == of || done*10/of > (done-1)*10/of
	p.show(what+"s", done, of, tenth || time.Since(p.told) > quietMost)
}

// quietMost is how long nothing is said of what goes on.
const quietMost = 10 * time.Second

// say says what is going on where nobody knows how long it takes.
func (p *progress) say(what string) { p.show(what, 0, -1, false) }

// show moves a terminal's bar; elsewhere it is a line, if it is worth one.
func (p *progress) show(what string, nth, of int, line bool) {
	if !p.tty {
		if line {
			fmt.Fprintf(p.w, "%d/%d %s\n", nth, of, what)
			p.told = time.Now()
		}
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(of, progressbar.OptionSetWriter(p.w), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(20), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false),
			progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""), progressbar.OptionSetElapsedTime(true))
	}
	p.bar.Describe(what)
	if of > 0 {
		p.bar.Set(nth - 1)
	}
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
