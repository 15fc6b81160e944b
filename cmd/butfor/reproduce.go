package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
)

func reproduceCommand() *cobra.Command {
	var f labFlags
	out, times := "", 1
	c := &cobra.Command{
		Use:   "reproduce FINDING|FILE|BUNDLE...",
		Short: "Reproduce a finding, or what a search has found, and show how it goes",
		Long: `Runs findings, or the scenarios of files, in the virtual world unless told
otherwise, and prints of each what was claimed, what happens, and the verdict
with its reason. The same seed gives the same run, to the last event.

Of a finding those pools are run of which something is claimed, and the one that
--subject names.

A BUNDLE is a folder that --out has written. Its run is replayed in virtual time,
in the environment that it met: with what its starts and calls asked for, and
the load that was beside it. Then the replay is held against the recording: who
missed the deadline, after how long who was served, how near the model of cores
comes to each start and call; and what leaves that in doubt. Expected is what was
recorded, with its verdict. A run that was recorded in virtual time goes as it went
then, in the order of its choices, if pool and butfor are the same.

Exit status: 0 if everything came out as expected, else as of butfor run.`,
		Example: `  butfor reproduce serial-start
  butfor reproduce --times 1000 butfor-found/race.ours.seed17.yaml
  butfor reproduce runs/serial-start.starts-wait.V2-seed`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("reproduce what? Name a finding (butfor list), a scenario file or a bundle")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			if times < 1 {
				return usageError{fmt.Errorf("--times is %d: it takes one at least", times)}
			}
			bundles, others := bundlesFirst(args)
			if len(bundles) > 0 {
				if err := f.bundleFlags(c.Flags().Changed, times); err != nil {
					return usageError{err}
				}
				runs, err := reopened(bundles)
				if err != nil {
					return usageError{err}
				}
				if len(others) > 0 {
					return usageError{fmt.Errorf("%s is no bundle: replay bundles alone", others[0])}
				}
				lines, err := replayBundles(c.Context(), bundles, runs, out, asJSON, c.OutOrStdout())
				if err != nil {
					return err
				}
				return verdictStatus(lines)
			}
			f.virtually(args)
			lab, fs, end, err := f.lab(c.Context(), args)
			if err != nil {
				return err
			}
			defer end()
			return reproduce(c.Context(), lab, fs, times, out, asJSON, c.OutOrStdout())
		},
	}
	f.of(c)
	c.Flags().IntVar(&times, "times", 1, "run each that many times, and count how often it comes out the same")
	c.Flags().StringVar(&out, "out", "", "save the first run of each as a bundle in a folder below this one")
	return c
}

// repeated is a case that is run again and again.
type repeated struct {
	line       report.Line
	record     *scenario.Record // of the first
	times      int
	asExpected int
	sameTrace  int
}

func reproduce(ctx context.Context, lab harness.Lab, fs []findings.Finding, times int, out string, asJSON bool, stdout io.Writer) error {
	if err := writable(out); err != nil {
		return usageError{err}
	}
	stdout, printed := watched(stdout)
	progress := newProgress(os.Stderr)
	var cases []*repeated
	fs = claimedOnly(lab, fs)
	var stopped error
	done := 0
	for done < times && stopped == nil {
		var outcomes []harness.Outcome
		outcomes, stopped = lab.Reproduce(ctx, fs)
		for i, o := range outcomes {
			line := lineOf(o)
			if i == len(cases) {
				cases = append(cases, &repeated{line: line, record: o.Result.Record})
				if err := saved(out, folder(line), o.Result); err != nil {
					return err
				}
			}
			if asJSON {
				if err := report.JSON(stdout, line); err != nil {
					return err
				}
			}
			cases[i].times++
			if line.AsExpected() {
				cases[i].asExpected++
			}
			if line.Hash == cases[i].line.Hash {
				cases[i].sameTrace++
			}
		}
		if stopped == nil {
			done++
			progress.count(done, times, "run")
		}
	}
	progress.end()
	var lines []report.Line
	for _, y := range cases {
		lines = append(lines, y.line)
		if y.asExpected < y.times && y.line.AsExpected() { // of several the one that failed counts
			lines[len(lines)-1].Problems = []string{"not each time"}
		}
		if !asJSON {
			t := report.TerminalOf(os.Stdout)
			t.Story(stdout, y.line)
			report.Timeline(stdout, y.record, t.Width)
			fmt.Fprintln(stdout)
			if times > 1 {
				fmt.Fprintf(stdout, "  %d of %d as expected, %d with the same trace\n", y.asExpected, y.times, y.sameTrace)
			}
		}
	}
	again(beside(stdout, asJSON), "reproduce", lines, lab)
	if stopped != nil && ctx.Err() != nil {
		fmt.Fprintf(os.Stderr, "butfor: stopped after %d of %d runs of each\n", done, times)
	}
	if err := errors.Join(stopped, printed()); err != nil {
		return err
	}
	return verdictStatus(lines)
}

// claimedOnly leaves out the cases of which nothing is claimed, unless one subject
// is asked for, or nothing is claimed of any. What stands between the cases, as a
// figure and a test do, is claimed of them all.
func claimedOnly(lab harness.Lab, fs []findings.Finding) []findings.Finding {
	if lab.Subject != "" {
		return fs
	}
	for i, f := range fs {
		if f.Demonstrates() || f.Together != nil {
			continue
		}
		all := f.Cases
		fs[i].Cases = func(u findings.Unit) (cases []findings.Case) {
			for _, c := range all(u) {
				if c.Expected != "" {
					cases = append(cases, c)
				}
			}
			if len(cases) == 0 {
				return all(u)
			}
			return cases
		}
	}
	return fs
}
