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
	"strings"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
)

// foundDir is where what fails is saved unless --out says otherwise.
const foundDir = "butfor-found"

// tally is what became of one case under all seeds.
type tally struct {
	tried  int
	words  map[scenario.Word]int
	lines  []report.Line // the first of each verdict, expected or not
	failed int
	swarm  bool        // what hurts the runs is drawn
	first  report.Line // that failed, the lab's seed, and its run
	seed   uint64
	run    harness.Result
}

func (t *tally) add(seed uint64, l report.Line, r harness.Result) {
	t.tried++
	t.words[l.Verdict]++
	if !slices.ContainsFunc(t.lines, func(other report.Line) bool {
		return other.Verdict == l.Verdict && other.AsExpected() == l.AsExpected()
	}) {
		t.lines = append(t.lines, l)
	}
	if !t.failing(l) {
		return
	}
	if t.failed++; t.failed == 1 {
		t.first, t.seed, t.run = l, seed, r
	}
}

// failing says whether a result is what one looks for: something other than is
// expected, or in a file that expects nothing a verdict that says whose fault it
// is. What is drawn may well be too much for any pool.
func (t *tally) failing(l report.Line) bool {
	if l.File != "" && l.Expected == "" {
		return l.Verdict != scenario.Sound && l.Verdict != scenario.Inconclusive && !(t.swarm && (l.Verdict == scenario.Environmental || l.Verdict == scenario.Infeasible))
	}
	return !l.AsExpected()
}

// explore runs findings under many seeds, says how often what came out, and
// makes the first of each that failed smaller.
func explore(ctx context.Context, lab harness.Lab, fs []findings.Finding, seeds int, out string, asJSON bool, stdout io.Writer) error {
	if lab.Fleet == nil {
		return usageError{errors.New("--seeds explores the virtual world alone: in real time a seed does not say what happens")}
	}
	out = cmp.Or(out, foundDir)
	_, missing := os.Stat(out)
	if err := writable(out); err != nil {
		return usageError{err}
	}
	if missing != nil {
		defer os.Remove(out) // if nothing has come into it
	}
	stdout, printed := watched(stdout)
	progress := newProgress(os.Stderr)
	var tallies []*tally
	done := 0
	err := lab.Explore(ctx, fs, seeds, func(seed uint64, outcomes []harness.Outcome) error {
		for i, o := range outcomes {
			line := lineOf(o)
			if i == len(tallies) {
				tallies = append(tallies, &tally{words: map[scenario.Word]int{}, swarm: o.Case.Scenario.Swarm > 0})
			}
			tallies[i].add(seed, line, o.Result)
			if asJSON {
				if err := report.JSON(stdout, line); err != nil {
					return err
				}
			}
		}
		done++
		progress.count(done, seeds, "seed")
		return printed()
	})
	progress.end()
	if err != nil && ctx.Err() != nil {
		fmt.Fprintf(os.Stderr, "butfor: stopped after %d of %d seeds\n", done, seeds)
	}
	t := report.TerminalOf(os.Stdout)
	if asJSON {
		t = report.TerminalOf(os.Stderr)
	}
	stdout = beside(stdout, asJSON)
	var lines []report.Line
	for _, y := range tallies {
		t.Entry(stdout, y.lines[0].Name(), y.String())
		lines = append(lines, slices.DeleteFunc(y.lines, func(l report.Line) bool { // what was drawn may be too much for any pool, or for a verdict
			return y.swarm && y.words[scenario.Sound] > 0 && !y.failing(l)
		})...)
		switch word := y.run.Word; {
		case y.failed == 0 || ctx.Err() != nil:
		case word == scenario.Sound || word == scenario.Inconclusive, len(y.first.Between) > 0: // there is nothing that could be kept, or not in one run
			lab.Seed = y.seed
			fmt.Fprintf(stdout, "  again: butfor run %s\n", asked(y.first, lab))
		default:
			if err := smaller(ctx, lab, y, out, stdout); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
	if err := errors.Join(err, printed()); err != nil {
		return err
	}
	return verdictStatus(lines)
}

func (t *tally) String() string {
	var words []string
	for w, n := range t.words {
		words = append(words, fmt.Sprintf("%d %s", n, w))
	}
	slices.Sort(words)
	s := fmt.Sprintf("%d seeds: %s", t.tried, strings.Join(words, ", "))
	if t.failed == 0 {
		for _, l := range t.lines {
			if l.Verdict == scenario.Inconclusive {
				s += fmt.Sprintf("; with seed %d: %s", l.Seed, l.Reason)
			}
		}
		return s
	}
	why := t.first.Reason
	if !t.first.AsExpected() {
		why = strings.Join(t.first.Otherwise(), "; ")
	}
	return fmt.Sprintf("%s; %d failed, the first with seed %d: %s", s, t.failed, t.first.Seed, why)
}

// smaller reduces the first failure of a case and saves it.
func smaller(ctx context.Context, lab harness.Lab, y *tally, out string, w io.Writer) error {
	progress := newProgress(os.Stderr)
	r := harness.Reducer{
		Run: lab.Fleet.Run,
		Progress: func(left harness.Scenario, runs int) {
			progress.say(fmt.Sprintf("making it smaller: %s after %d runs", parts(left), runs))
		},
	}
	least, err := r.Reduce(ctx, y.run)
	progress.end()
	if err != nil {
		return err
	}
	f := scenario.File{Scenario: least.Scenario, Expected: least.Word, Mechanism: least.Mechanism}
	f.Scenario.Name = ""
	if f.Scenario.Order.Choices != nil {
		f.Scenario.Order.Trace = least.Hash
	}
	path := filepath.Join(out, fmt.Sprintf("%s.seed%d.yaml", folder(y.first), y.first.Seed))
	comment := fmt.Sprintf("%s: %s\n\nFound with seed %d, and made smaller. Again: butfor reproduce %s", least.Word, least.Reason, y.first.Seed, quoted(path))
	if err := replaced(path, func(path string) error { return f.Write(path, comment) }); err != nil {
		return err
	}
	fmt.Fprintf(w, "  smaller: %s: %s, %s\n  again: butfor reproduce %s\n", least.Word, orNone(least.Mechanism), parts(least.Scenario), quoted(path))
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "no mechanism"
	}
	return s
}

// replaced writes a file anew, whole or not at all: the same search finds the same,
// at the same time too.
func replaced(path string, write func(path string) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o777); err != nil { // another search may have removed it, as it found nothing
		return err
	}
	half, err := os.MkdirTemp(dir, ".butfor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(half)
	whole := filepath.Join(half, filepath.Base(path))
	if err := write(whole); err != nil {
		return err
	}
	return os.Rename(whole, path)
}

// parts says how large a scenario is.
func parts(sc harness.Scenario) string {
	s := fmt.Sprintf("%s, %s", count(sc.Workload.Clients, "client"), count(sc.Config.Size+sc.Config.Overflow, "worker"))
	if n := sc.Workload.Calls; n > 1 {
		s += fmt.Sprintf(", %d calls each", n)
	}
	if n := len(sc.Faults); n > 0 {
		s += ", " + count(n, "fault")
	}
	if sc.Order.Choices != nil {
		s += fmt.Sprintf(", %s", count(len(sc.Order.Choices), "choice"))
	}
	return s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
