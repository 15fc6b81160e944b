package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/matrix"
	"github.com/butfor/butfor/harness/mutant"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/world/process"
	"github.com/butfor/butfor/harness/world/virtual"
)

// matrixFlags are what is played, and where what came out goes.
type matrixFlags struct {
	world, subject, out, page string
	seed                      uint64
	seeds, cases              int
	tenth, resume             bool
}

// matrixSeeds are as many as make 10,000 cases that the judge is held to.
const matrixSeeds = 3

// matrixSeedsMost are a day's work.
const matrixSeedsMost = 1000

// On real workers all takes a third of the time, and so many cases are played, in two
// hours, that the judge is held to 400 of them: some turn out to be near ties there.
const (
	realScale = 1. / 3
	realCases = 480
	// realPatience is how long the runs of a case may take: most take seconds, but some
	// wait for starts that never end.
	realPatience = 5 * time.Minute
)

func matrixCommand() *cobra.Command {
	var f matrixFlags
	c := &cobra.Command{
		Use:   "matrix",
		Short: "Measure how often the verdict is wrong",
		Long: `Puts known bugs into pools, injects known environments, and holds the judge to
what is true of each case by how it was made: four runs of the same pool, with the
bug or without it, in the environment or without it. The bugs are those of
ci/mutants and of the historical pools; Go and the module's source must be at hand.

With --world process the same is done on real Python workers, real hogs and real
quotas: to those cases which the virtual world says fail by the code alone or by the
environment alone, at a third of all their times. What is true of each is found
anew, by four real runs, and whether it is a near tie by up to three more. The
machine must have nothing else to do for two hours; --cases N plays fewer. Of the
rivals only the one that wants no further runs is asked.

Prints the confusion matrix of the judge and of its rivals, rules of thumb on the
same cases; Ctrl-C prints that of the cases played so far. With --out DIR --resume
the same command goes on where it was stopped, or begins if nothing is there yet:
with the same flags and the same code only. docs/verdict.md says what the figures
mean.

Exit status: 0 if the targets hold, 1 if not, 2 wrong usage, 5 the lab itself
failed, 130 interrupted.`,
		Example: `  butfor matrix
  butfor matrix --tenth
  butfor matrix --world process --cases 100
  butfor matrix --world process --out /tmp/matrix --resume
  butfor matrix --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			return f.run(c.Context(), asJSON, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&f.world, "world", virtual.Name, "where to run: virtual, or process, on real Python workers")
	c.Flags().StringVar(&f.subject, "subject", "", "only the bugs of this pool: "+strings.Join(matrix.Pools(), ", "))
	c.Flags().Uint64Var(&f.seed, "seed", 0, "the first seed")
	c.Flags().IntVar(&f.seeds, "seeds", matrixSeeds, "how many seeds for each bug, environment and load")
	c.Flags().IntVar(&f.cases, "cases", 0, fmt.Sprintf("play so many at most, drawn from all (default all; in the process world %d)", realCases))
	c.Flags().BoolVar(&f.tenth, "tenth", false, "play one case of ten; the target is then that no failure of the code is dismissed")
	c.Flags().StringVar(&f.out, "out", "", "save what came out of each case in this folder, as JSON Lines")
	c.Flags().BoolVar(&f.resume, "resume", false, "go on with what is in the folder of --out already")
	c.Flags().StringVar(&f.page, "page", "", "write the table into this page, between its markers")
	return c
}

func (f *matrixFlags) run(ctx context.Context, asJSON bool, stdout io.Writer) (err error) {
	switch {
	case f.world != virtual.Name && f.world != process.Name:
		return usageError{fmt.Errorf("--world is %q: there are %s and %s", f.world, virtual.Name, process.Name)}
	case f.cases < 0:
		return usageError{fmt.Errorf("--cases is %d: it can't be negative", f.cases)}
	case f.seeds < 1 || f.seeds > matrixSeedsMost:
		return usageError{fmt.Errorf("--seeds is %d: it must be from 1 to %d", f.seeds, matrixSeedsMost)}
	case f.subject != "" && !slices.Contains(matrix.Pools(), f.subject):
		return usageError{fmt.Errorf("--subject is %q: there are %s", f.subject, strings.Join(matrix.Pools(), ", "))}
	case f.resume && f.out == "":
		return usageError{errors.New("--resume goes on with a folder: name it with --out")}
	}
	if f.page != "" { // before the minutes that it takes
		if err := matrix.CheckPage(f.page, f.world); err != nil {
			return usageError{fmt.Errorf("--page: %w", err)}
		}
	}
	if f.world == process.Name {
		f.cases = cmp.Or(f.cases, realCases)
	}
	plan := matrixPlan{World: f.world, Subject: f.subject, Seed: f.seed, Seeds: f.seeds, Cases: f.cases, Tenth: f.tenth}
	stdout, printed := watched(stdout)
	var saved *savedMatrix
	if f.out != "" {
		if saved, err = saveMatrix(f.out, plan, f.resume); err != nil {
			return usageError{fmt.Errorf("--out: %w", err)}
		}
		defer saved.close()
	}
	dir, end, err := ownFolder(os.TempDir(), "butfor-matrix-")
	if err != nil {
		return err
	}
	defer end()
	progress := newProgress(os.Stderr)
	progress.say("building the mutants")
	path, mutants, err := withMutants(ctx, dir)
	if err != nil {
		progress.end()
		return saved.kept(err)
	}
	children := func() *exec.Cmd { return exec.Command(path, childName) }
	fleet := &harness.Fleet{Command: children}
	defer fleet.Close()

	cases := matrix.Cases(mutants, f.subject, f.seed, f.seeds)
	if f.tenth {
		cases = matrix.Tenth(cases)
	}
	if f.world == process.Name {
		if cases, err = f.real(ctx, fleet, cases, saved, progress); err != nil {
			progress.end()
			return saved.kept(err)
		}
		fleet = &harness.Fleet{Command: children, Size: 1, Threads: runtime.GOMAXPROCS(0), Patience: realPatience}
		defer fleet.Close()
	} else if f.cases > 0 {
		cases = matrix.Some(cases, f.cases)
	}
	var outcomes []matrix.Outcome
	left := cases
	if saved != nil {
		program, err := hashOf(path)
		if err == nil {
			outcomes, left, err = saved.begin(program, plan, cases)
		}
		if err != nil {
			progress.end()
			return usageError{fmt.Errorf("--out: %w", err)}
		}
		if f.resume {
			progress.end()
			fmt.Fprintf(os.Stderr, "butfor: %d of %d cases are in %s already\n", len(outcomes), len(cases), saved.path)
		}
	}
	begin := time.Now()
	var failed error // of printing and saving
	tell := func(o matrix.Outcome) {
		if asJSON {
			failed = errors.Join(failed, report.JSON(stdout, o))
		}
	}
	for _, o := range outcomes { // took its share of the time before
		begin = begin.Add(-time.Duration(o.Took * float64(time.Second) / float64(fleet.Width())))
		tell(o)
	}
	saving, unsaved := context.WithCancelCause(ctx)
	defer unsaved(nil)
	err = fleet.Matrix(saving, left, func(o matrix.Outcome) {
		if saving.Err() != nil {
			return
		}
		outcomes = append(outcomes, o)
		progress.count(len(outcomes), len(cases), "case")
		tell(o)
		if saved != nil {
			if err := saved.write(o); err != nil { // also of the last one, which nothing stops
				failed = errors.Join(failed, err)
				unsaved(err)
			}
		}
	})
	progress.end()
	stopped := err != nil && ctx.Err() != nil
	if stopped {
		fmt.Fprintf(os.Stderr, "butfor: stopped after %d of %d cases\n", len(outcomes), len(cases))
	}
	if err != nil && saved != nil {
		fmt.Fprintln(os.Stderr, "butfor: the same command with --resume goes on")
	}
	if err != nil && (!stopped || len(outcomes) == 0) {
		return err
	}
	t := matrix.Tabulate(outcomes, matrix.Bugs(mutants, f.subject))
	t.Seconds, t.Tenth, t.Pool = time.Since(begin).Seconds(), f.tenth, f.subject
	if asJSON {
		for _, s := range t.Summaries() {
			failed = errors.Join(failed, report.JSON(stdout, s))
		}
	} else {
		_, _ = stdout.Write(t.Markdown())
	}
	if stopped { // the page is of all cases
		return errors.Join(err, failed, printed())
	}
	if f.page != "" {
		failed = errors.Join(failed, t.Into(f.page))
	}
	if err := errors.Join(failed, printed()); err != nil {
		return err
	}
	if missed := t.Missed(); len(missed) > 0 {
		fmt.Fprintf(os.Stderr, "butfor: targets missed: %s\n", strings.Join(missed, "; "))
		return statusError(exitOtherwise)
	}
	return nil
}

// real are those of the cases that are played on real workers: that fail by the code
// alone or by the environment alone in virtual time. What a start takes besides is
// measured once for them all: also for those that are saved already.
func (f *matrixFlags) real(ctx context.Context, fleet *harness.Fleet, cases []matrix.Case, saved *savedMatrix, progress *progress) (counting []matrix.Case, err error) {
	var own time.Duration
	if saved != nil && len(saved.had) > 0 {
		own = saved.had[0].Real.Own
	} else {
		progress.say("measuring what a start takes")
		if own, err = harness.OwnStart(ctx); err != nil {
			return nil, err
		}
	}
	cases = slices.DeleteFunc(cases, func(c matrix.Case) bool { return !c.OfProcesses() })
	n := 0
	err = fleet.Sift(ctx, cases, func(o matrix.Outcome) {
		n++
		progress.count(n, len(cases), "sifted case")
		if o.Counts() {
			o.Real = matrix.Real{Scale: realScale, Own: own}
			counting = append(counting, o.Case)
		}
	})
	return matrix.Some(counting, f.cases), err
}

// ownFolder makes a folder below another that is this program's alone until end, and
// removes those of programs that were killed before theirs: the system gives up a
// lock of whoever is gone.
func ownFolder(below, prefix string) (dir string, end func(), err error) {
	lock := func(dir string) (*os.File, error) {
		f, err := os.Open(dir)
		if err == nil {
			if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
				f.Close()
			}
		}
		return f, err
	}
	all, _ := filepath.Glob(filepath.Join(below, prefix+"*"))
	for _, old := range all {
		const unlocked = time.Minute // and far more than it is between made and locked
		if info, err := os.Lstat(old); err != nil || !info.IsDir() || time.Since(info.ModTime()) < unlocked {
			continue
		}
		if f, err := lock(old); err == nil {
			_ = os.RemoveAll(old)
			f.Close()
		}
	}
	if dir, err = os.MkdirTemp(below, prefix); err != nil {
		return "", nil, err
	}
	f, err := lock(dir)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, func() {
		_ = os.RemoveAll(dir)
		f.Close()
	}, nil
}

// togetherWithOthers are the mutants that can be in one program with others: all that the matrix has.
func togetherWithOthers(all []mutant.Mutant) []mutant.Mutant {
	return slices.DeleteFunc(slices.Clone(all), func(m mutant.Mutant) bool { return m.Alone != "" })
}

// withMutants builds this program with all mutants in it, from the module that the
// current folder is in, and gives their names.
func withMutants(ctx context.Context, dir string) (path string, names []string, err error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/butfor/butfor").Output()
	root := strings.TrimSpace(string(out))
	if err == nil && root == "" {
		err = errors.New("no folder")
	}
	if err != nil {
		return "", nil, usageError{fmt.Errorf("the mutants need Go and the source of butfor: run it in its folder (go list: %w)", err)}
	}
	all, err := mutant.All(root)
	if err != nil {
		return "", nil, err
	}
	all = togetherWithOthers(all)
	overlay, err := mutant.Together(root, dir, all)
	if err != nil {
		return "", nil, err
	}
	for _, m := range all {
		names = append(names, m.Name)
	}
	path = filepath.Join(dir, "butfor")
	// What tells one version from another is what is built, not where or from which commit.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-overlay", overlay, "-tags", "butfor_points", "-o", path, "./cmd/butfor")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("the mutants can't be built: %w\n%s", err, out)
	}
	return path, names, nil
}
