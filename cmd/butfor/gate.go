package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/ci/gate"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/virtual"
)

// gateFlags are what is held against what.
type gateFlags struct {
	labFlags
	baseline string
	update   bool
}

func gateCommand() *cobra.Command {
	var f gateFlags
	c := &cobra.Command{
		Use:   "gate [FINDING|FILE|BUNDLE|RESULTS.jsonl|-]...",
		Short: "Hold results against a baseline: what got worse, what got better",
		Long: `Holds results against a baseline that was agreed to, a file in the repository,
and says what got worse, what got better, what is new and what is gone.

What it holds: results that butfor run --json has printed, in a .jsonl file or on
stdin (-); BUNDLEs, which it judges again; or findings and scenario FILEs, which it
runs as butfor run does, in virtual time unless told otherwise. Without any it runs
the catalogue.

The baseline is ci/baselines/WORLD.json, or that of --baseline. It has for each
result verdict, mechanism, what must never happen and did, who was served and when,
in boots, ops or s, and the tolerance of these times: so much of a time, or of a
unit where that is more. --update writes it: commit it, and read how it changes.

  worse    the verdict is worse or names another party (in virtual time also
           another mechanism); something new that must never happen; fewer calls
           served, or later than the tolerance allows
  gone     there is no result any more of what was asked for
  unclear  inconclusive, and was not; later, while something else wanted the CPUs;
           or another scenario: other calls, a longer deadline
  neutral  environmental on a real machine: that is this machine's doing and says
           nothing of the code. Never a failure, and always told
  better, new

With --latent it gates, apart, what a pool would miss at the corners of its contract
(butfor run --latent, butfor judge): more than before is worse.

Exit status: 0 if nothing is worse, 1 if something is, 4 if something is unclear or
gone, 2 wrong usage or no baseline that this butfor reads, 5 the lab itself failed,
130 interrupted.`,
		Example: `  butfor gate --update                            # once: this is how it is
  butfor gate                                     # from then on
  butfor run --json mine.yaml | butfor gate -     # real workers: ci/baselines/process.json
  butfor gate --baseline mine.json --world virtual scenarios/*.yaml
  butfor gate --latent runs/*`,
		RunE: func(c *cobra.Command, args []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			s, err := f.source(c.Context(), args, c.Flags().Changed)
			if err != nil {
				return err
			}
			defer s.end()
			return f.run(c.Context(), s, asJSON, c.OutOrStdout())
		},
	}
	f.of(c)
	f.alsoLatent(c, "gate also what each pool that is not to blame would miss at the corners of its contract")
	c.Flags().StringVar(&f.baseline, "baseline", "", "hold them against this file (default ci/baselines/WORLD.json)")
	c.Flags().BoolVar(&f.update, "update", false, "write the results into the baseline, in place of those that they are of")
	return c
}

// A source is where results come from.
type source struct {
	world string                                       // of them all, or "" if there are several
	asked func(gate.Result) bool                       // what of a baseline there must be results of
	lines func(context.Context) ([]report.Line, error) // the results
	again func(report.Line) string                     // the command that has one once more
	end   func()
}

// source tells by the arguments whether results are read, judged again, or run.
func (f *gateFlags) source(ctx context.Context, args []string, changed func(string) bool) (s source, err error) {
	read := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return !isRead(arg) })
	if len(read) == 0 {
		if info, err := os.Stdin.Stat(); err == nil && len(args) == 0 && info.Mode()&fs.ModeNamedPipe != 0 {
			fmt.Fprintln(os.Stderr, "butfor: what comes on stdin is not read: for that it is butfor gate -")
		}
		return f.runs(ctx, args)
	}
	if len(read) < len(args) {
		return s, usageError{errors.New("results and bundles are held against a baseline by themselves: run findings and scenario files apart")}
	}
	for _, name := range []string{"world", "subject", "seed", "order", "boot"} {
		if changed(name) {
			return s, usageError{fmt.Errorf("--%s: results and bundles are taken as they are", name)}
		}
	}
	return f.reads(args)
}

// isRead says whether an argument is results that there are, not what is to be run.
func isRead(arg string) bool {
	info, err := os.Stat(arg)
	return arg == "-" || strings.HasSuffix(arg, ".jsonl") || err == nil && info.IsDir()
}

// reads has results from files and stdin, and from bundles.
func (f *gateFlags) reads(args []string) (s source, err error) {
	var lines []report.Line
	var bundles, worlds []string
	for _, arg := range args {
		if dirs, _ := bundlesFirst([]string{arg}); dirs != nil {
			r, err := harness.Reopen(arg)
			if err != nil {
				return s, usageError{err}
			}
			bundles, worlds = append(bundles, arg), append(worlds, r.Scenario.World)
			continue
		}
		some, err := resultsOf(arg)
		if err != nil {
			return s, usageError{err}
		}
		for _, l := range some {
			worlds = append(worlds, l.World)
		}
		lines = append(lines, some...)
	}
	slices.Sort(worlds)
	worlds = slices.Compact(worlds)
	if len(worlds) == 1 {
		s.world = worlds[0]
	}
	s.asked = func(r gate.Result) bool { return slices.Contains(worlds, r.World) }
	s.again = func(l report.Line) string {
		if slices.Contains(bundles, l.File) {
			return "judge " + quoted(l.File)
		}
		lab := harness.Lab{Seed: l.Seed, Boot: f.boot}
		if of, err := scenario.Read(l.File, harness.Subject); l.File != "" && err == nil {
			lab.Seed -= of.Scenario.Seed
		}
		return "reproduce " + asked(l, lab)
	}
	s.end = func() {}
	s.lines = func(ctx context.Context) ([]report.Line, error) {
		fleet, err := fleet()
		if err != nil {
			return nil, err
		}
		defer fleet.Close()
		for _, dir := range bundles {
			l, err := judged(ctx, fleet, dir, nil)
			if err != nil {
				return nil, err
			}
			lines = append(lines, l)
		}
		return lines, nil
	}
	return s, nil
}

// resultsOf reads those of a file, or of stdin.
func resultsOf(path string) (lines []report.Line, err error) {
	name, file := "stdin", os.Stdin
	if path != "-" {
		name = path
		if file, err = os.Open(path); err != nil {
			return nil, err
		}
		defer file.Close()
	}
	lines, err = gate.Lines(file)
	if err == nil && len(lines) == 0 {
		err = errors.New("there are no results in it")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return lines, nil
}

// runs has results by running findings and scenario files.
func (f *gateFlags) runs(ctx context.Context, args []string) (s source, err error) {
	f.virtually(args)
	lab, all, end, err := f.lab(ctx, args)
	if err != nil {
		return s, err
	}
	lab.Seeds = 1 // the baseline is of one seed
	s.world, s.end = lab.World, end
	s.asked = func(r gate.Result) bool {
		return r.World == lab.World && (lab.Subject == "" || r.Subject == lab.Subject) &&
			(len(args) == 0 || slices.ContainsFunc(all, func(f findings.Finding) bool { return f.ID == r.Finding }))
	}
	s.again = func(l report.Line) string { return "reproduce " + asked(l, lab) }
	s.lines = func(ctx context.Context) (lines []report.Line, err error) {
		progress := newProgress(os.Stderr)
		defer progress.end()
		lab.Progress = progress.step
		outcomes, err := lab.Reproduce(ctx, all)
		for _, o := range outcomes {
			lines = append(lines, lineOf(o))
		}
		return lines, err
	}
	return s, nil
}

func (f *gateFlags) run(ctx context.Context, s source, asJSON bool, stdout io.Writer) error {
	path := f.baseline
	if path == "" {
		if s.world == "" {
			return usageError{errors.New("the results are of several worlds: say with --baseline what they are held against")}
		}
		path = filepath.Join("ci", "baselines", s.world+".json")
	}
	baseline, err := gate.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.update:
	case errors.Is(err, fs.ErrNotExist):
		return usageError{fmt.Errorf("%w: --update writes one", err)}
	case err != nil: // also where it is to be updated: it may be anybody's
		return usageError{err}
	}
	lines, err := s.lines(ctx)
	if err != nil {
		return err
	}
	changes, err := gate.Compare(baseline, lines, s.asked, f.latent)
	if err != nil {
		return usageError{err}
	}
	stdout, printed := watched(stdout)
	if asJSON {
		for _, c := range changes {
			_ = report.JSON(stdout, c) // printed says what fails
		}
	} else if len(baseline.Results) > 0 {
		table(stdout, changes)
	}
	beside := beside(stdout, asJSON)
	fmt.Fprintf(beside, "%s: %s\n", path, summary(changes, len(baseline.Results)))
	if f.update {
		if err := f.write(path, baseline, lines, s); err != nil {
			return err
		}
		return printed()
	}
	advise(beside, changes, s)
	if err := printed(); err != nil {
		return err
	}
	return gateStatus(changes)
}

// write writes the baseline anew, whole or not at all.
func (f *gateFlags) write(path string, baseline gate.Baseline, lines []report.Line, s source) error {
	updated, err := baseline.Updated(lines, s.asked)
	if err != nil {
		return fmt.Errorf("a result can't be kept: %w", err)
	}
	text, err := updated.Text()
	if err != nil {
		return err
	}
	if err := replaced(path, func(path string) error { return os.WriteFile(path, text, 0o666) }); err != nil {
		return err
	}
	vague := 0
	for _, r := range updated.Results {
		if r.Verdict == scenario.Inconclusive {
			vague++
		}
	}
	fmt.Fprintf(os.Stderr, "butfor: %s has now %s\n", path, count(len(updated.Results), "result"))
	if vague > 0 {
		fmt.Fprintf(os.Stderr, "butfor: %d of them inconclusive: of these the gate can tell nothing\n", vague)
	}
	return nil
}

// table prints what is otherwise than in the baseline, the gravest first.
func table(w io.Writer, changes []gate.Change) {
	rank := func(c gate.Change) int { return slices.Index(gate.Kinds, c.Kind) }
	changes = slices.SortedStableFunc(slices.Values(changes), func(a, b gate.Change) int { return rank(a) - rank(b) })
	var rows [][]string
	for _, c := range changes {
		if c.Kind == gate.Same {
			continue
		}
		what := strings.Join(c.What, "; ")
		if c.Reason != "" && c.Verdict != c.Was && c.Kind != gate.Better {
			what += ": " + c.Reason
		}
		rows = append(rows, []string{string(c.Kind), findings.Name(c.Finding, c.Subject, c.Variant), what})
	}
	if len(rows) > 0 {
		report.TerminalOf(os.Stdout).Rows(w, []string{"", "result", "what is otherwise"}, rows)
	}
}

// summary counts what became of them, and what of the baseline nobody asked for.
func summary(changes []gate.Change, held int) string {
	n := map[gate.Kind]int{}
	for _, c := range changes {
		n[c.Kind]++
	}
	var all []string
	for _, k := range gate.Kinds {
		if n[k] > 0 {
			all = append(all, fmt.Sprintf("%d %s", n[k], k))
		}
	}
	if left := held - (len(changes) - n[gate.New]); left > 0 {
		all = append(all, fmt.Sprintf("%d not asked for", left))
	}
	return strings.Join(all, ", ")
}

// advise says what to do about what is worse, and what can't be told.
func advise(w io.Writer, changes []gate.Change, s source) {
	of := func(kinds ...gate.Kind) bool {
		return slices.ContainsFunc(changes, func(c gate.Change) bool { return slices.Contains(kinds, c.Kind) })
	}
	if of(gate.Unclear) && s.world != virtual.Name {
		fmt.Fprintln(w, "unclear: run it again on a quiet machine; butfor doctor --contract says whether this is one")
	}
	if of(gate.Worse, gate.Gone, gate.Unclear, gate.Better, gate.New) {
		fmt.Fprintln(w, "if it is meant to be so: write it into the baseline with --update, and commit that")
	}
	var told []string
	for _, c := range changes {
		if c.Kind != gate.Worse && c.Kind != gate.Unclear {
			continue
		}
		if what := s.again(c.Line); !slices.Contains(told, what) {
			told = append(told, what)
			fmt.Fprintf(w, "again: butfor %s\n", what)
		}
	}
}

// gateStatus is the exit status of what became of the results.
func gateStatus(changes []gate.Change) error {
	status := exitOK
	for _, c := range changes {
		switch c.Kind {
		case gate.Worse:
			return statusError(exitOtherwise)
		case gate.Unclear, gate.Gone:
			status = exitUnclear
		}
	}
	if status != exitOK {
		return statusError(status)
	}
	return nil
}
