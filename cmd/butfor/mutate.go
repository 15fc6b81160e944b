package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/world/virtual"
)

func mutateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "mutate [FINDING...]",
		Short: "Put the catalogue itself to the test: which of its assertions can fail?",
		Long: `Plays the named findings, or all of them, in virtual time on pools that were changed,
one change at a time: our pool with each bug of ci/mutants but one that never lets
virtual time go on, the historical ones and Snakepit with each of their switches turned
the other way. An assertion that fails for none of these
is tried on the finding's other pools. Lists those that fail for no bug. Of each of them
the catalogue says why it stands there all the same; of a pool that no bug can be put
into, as of the herd, it is enough that it fails for another.

Go and the module's source must be at hand.

Exit status: 0 if each assertion fails for some change, or has a reason that it needs,
1 if not, 2 wrong usage, 5 the lab itself failed, 130 interrupted.`,
		Example: `  butfor mutate
  butfor mutate --json serial-start`,
		RunE: func(c *cobra.Command, args []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			fs := findings.In(virtual.Name)
			if len(args) > 0 {
				var err error
				if fs, err = findings.Find(args...); err != nil {
					return usageError{err}
				}
				if err := (harness.Lab{World: virtual.Name}).Check(fs); err != nil {
					return usageError{err}
				}
			}
			return mutate(c.Context(), fs, asJSON, c.OutOrStdout())
		},
	}
}

func mutate(ctx context.Context, fs []findings.Finding, asJSON bool, stdout io.Writer) error {
	dir, end, err := ownFolder(os.TempDir(), "butfor-mutate-")
	if err != nil {
		return err
	}
	defer end()
	progress := newProgress(os.Stderr)
	progress.say("building the mutants")
	path, mutants, err := withMutants(ctx, dir)
	if err != nil {
		progress.end()
		return err
	}
	fleet := &harness.Fleet{Command: func() *exec.Cmd { return exec.Command(path, childName) }}
	defer fleet.Close()

	stdout, printed := watched(stdout)
	var all []harness.Tried
	done := 0
	err = harness.Lab{World: virtual.Name, Fleet: fleet}.Mutate(ctx, fs, mutants, func(tried []harness.Tried) {
		all = append(all, tried...)
		if asJSON {
			for _, a := range tried {
				_ = report.JSON(stdout, map[string]any{ // printed says what fails
					"finding": a.Finding, "variant": a.Variant, "subject": a.Subject, "assertion": a.Assertion,
					"fails_for": a.Fails, "other_pool": a.Other, "why": a.Why, "wrong": a.Wrong(),
				})
			}
		}
		done++
		progress.count(done, len(fs), "finding")
	})
	progress.end()
	if !asJSON {
		tellTried(report.TerminalOf(os.Stdout), stdout, all)
	}
	if err != nil && ctx.Err() != nil {
		fmt.Fprintf(os.Stderr, "butfor: stopped after %d of %s\n", done, count(len(fs), "finding"))
	}
	if err := errors.Join(err, printed()); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(a harness.Tried) bool { return a.Wrong() != "" }) {
		return statusError(exitOtherwise)
	}
	return nil
}

// tellTried lists the assertions that fail for no bug alone, or are wrong, and counts
// all.
func tellTried(t report.Terminal, w io.Writer, all []harness.Tried) {
	bug, wrong := 0, 0
	for _, a := range all {
		is := a.Wrong()
		if is != "" {
			wrong++
		} else if a.Fails != "" {
			bug++
			continue
		}
		t.Entry(w, a.Name(), cmp.Or(is, a.Why, "no bug can be put into its pool; it fails for another: "+a.Other))
	}
	fmt.Fprintf(w, "%s: %d fail for a bug alone, %d are wrong\n", count(len(all), "assertion"), bug, wrong)
}
