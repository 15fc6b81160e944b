package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/process"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/internal/page"
)

// recordFlags are how much is tried, and which pages what came out is written into.
type recordFlags struct {
	seeds          int
	readme, claims string
}

// What the parts of the pages are called.
const (
	trackRecord = "the track record, by butfor record"
	claimsPage  = "the claims, by butfor record"
)

// recordSeedsMost is an hour's work.
const recordSeedsMost = 10_000

func recordCommand() *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "record",
		Short: "Reproduce the whole catalogue under many seeds, and write down how it came out",
		Long: `Plays each finding in virtual time, under many seeds, and prints the track record:
which pool shows it, with what verdict, in how many of the seeds. What no models show
is run once, on real workers; of that, some takes root, which is said.

With --readme and --claims the track record and the page of claims are written into
these pages, between their marks.

Exit status: 0 if each finding came out as claimed under each seed, 1 if not, 2 wrong
usage, 5 the lab itself failed, 130 interrupted.`,
		Example: `  butfor record --seeds 10
  butfor record --readme README.md --claims docs/claims.md`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			return f.run(c.Context(), asJSON, c.OutOrStdout())
		},
	}
	c.Flags().IntVar(&f.seeds, "seeds", 100, "how many seeds, from 0 on")
	c.Flags().StringVar(&f.readme, "readme", "", "write the track record into this page, between its marks")
	c.Flags().StringVar(&f.claims, "claims", "", "write what the reports claimed, and what came out, into this page, between its marks")
	return c
}

func (f *recordFlags) run(ctx context.Context, asJSON bool, stdout io.Writer) error {
	if f.seeds < 1 || f.seeds > recordSeedsMost {
		return usageError{fmt.Errorf("--seeds is %d: it must be from 1 to %d", f.seeds, recordSeedsMost)}
	}
	for _, p := range []struct{ flag, path, part string }{{"--readme", f.readme, trackRecord}, {"--claims", f.claims, claimsPage}} {
		if p.path == "" {
			continue
		}
		if _, err := page.Read(p.path, p.part); err != nil { // before the minutes that it takes
			return usageError{fmt.Errorf("%s: %w", p.flag, err)}
		}
	}
	onWorkers, missing := unmodelled()
	if missing != nil {
		if f.readme != "" {
			return usageError{fmt.Errorf("--readme: it is to have all findings: %w", missing)}
		}
		fmt.Fprintln(os.Stderr, "butfor: left out:", missing)
	}
	stdout, printed := watched(stdout)
	all, err := f.reproductions(ctx, onWorkers)
	if err != nil {
		return err
	}
	commit := head(ctx)
	others := slices.DeleteFunc(slices.Clone(all), func(r report.Reproduction) bool {
		return r.Expected == "" && r.Kind == "verdict" || r.Subject == subject.Ours().Name && r.Expected == scenario.Sound
	})
	table := report.TrackRecord(others, commit)
	var failed error
	if asJSON {
		for _, r := range all {
			failed = errors.Join(failed, report.JSON(stdout, map[string]any{
				"finding": r.Finding, "variant": r.Variant, "subject": r.Subject, "worlds": r.Worlds, "verdict": r.Verdict, "expected": r.Expected,
				"seeds": r.Seeds, "showed": r.Showed, "seconds": r.Seconds, "figure": r.Figure,
			}))
		}
	} else {
		_, _ = stdout.Write(table)
	}
	if f.readme != "" {
		failed = errors.Join(failed, page.Write(f.readme, trackRecord, table))
	}
	if f.claims != "" {
		failed = errors.Join(failed, page.Write(f.claims, claimsPage, claims(all, commit)))
	}
	if err := errors.Join(failed, printed()); err != nil {
		return err
	}
	for _, r := range all {
		if r.Showed < r.Seeds {
			fmt.Fprintf(os.Stderr, "butfor: %s, %s %s: as claimed in %d of %d seeds\n", r.Finding, r.Subject, r.Variant, r.Showed, r.Seeds)
			failed = statusError(exitOtherwise)
		}
	}
	return failed
}

// reproductions plays the catalogue under all seeds.
func (f *recordFlags) reproductions(ctx context.Context, onWorkers []findings.Finding) (all []report.Reproduction, err error) {
	lab := harness.Lab{World: virtual.Name}
	if lab.Fleet, err = fleet(); err != nil {
		return nil, err
	}
	defer lab.Fleet.Close()
	progress := newProgress(os.Stderr)
	defer progress.end()
	done := 0
	err = lab.Explore(ctx, findings.In(virtual.Name), f.seeds, func(_ uint64, outcomes []harness.Outcome) error {
		for i, o := range outcomes {
			if i == len(all) {
				all = append(all, report.Reproduction{})
			}
			add(&all[i], o)
		}
		done++
		progress.count(done, f.seeds, "seed")
		return nil
	})
	if err != nil {
		return nil, err
	}
	outcomes, err := harness.Lab{World: process.Name}.Reproduce(ctx, onWorkers)
	for _, o := range outcomes {
		var r report.Reproduction
		add(&r, o)
		all = append(all, r)
	}
	return all, err
}

// add adds an outcome to what is known of its case.
func add(r *report.Reproduction, o harness.Outcome) {
	line := lineOf(o)
	if r.Seeds == 0 {
		*r = report.Reproduction{Line: line, Worlds: o.Finding.WorldsOf(o.Case), Record: o.Result.Record}
	}
	r.Seeds++
	if line.AsExpected() {
		r.Showed++
	}
}

// unmodelled are the findings that real workers alone show, if they can be shown here.
func unmodelled() (fs []findings.Finding, missing error) {
	for _, f := range findings.In(process.Name) {
		if f.Unmodelled == "" {
			continue
		}
		if err := f.Missing(process.Name); err != nil {
			missing = errors.Join(missing, err)
			continue
		}
		fs = append(fs, f)
	}
	return fs, missing
}

// claims is the page of claims.
func claims(all []report.Reproduction, commit string) []byte {
	of := func(finding string) (some []report.Reproduction) {
		for _, r := range all {
			if r.Finding == finding {
				some = append(some, r)
			}
		}
		return some
	}
	var b bytes.Buffer
	b.Write(report.Claims(findings.Sentences(), all, commit))
	b.WriteString("\n## Test environment against production\n\n")
	b.Write(report.Lives(of("test-vs-production")))
	b.WriteString("\n## The three recommendations\n\n")
	b.Write(report.Settings(of("three-recommendations")))
	return b.Bytes()
}

// head is the commit that the source is at; with a + if it has been changed since.
func head(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty=+").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
