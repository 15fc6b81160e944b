package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
)

func judgeCommand() *cobra.Command {
	contract := ""
	c := &cobra.Command{
		Use:   "judge BUNDLE...",
		Short: "Judge runs that were saved, without Python and on any machine",
		Long: `Judges runs that butfor run --out has saved, once more: from what is in the
bundle, with replays in virtual time. Prints of each the verdict with its reason,
the four cells that it comes from, and what the pool would not keep at the corners
of its contract.

Exit status: 0 sound, 1 architectural, amplified, overdetermined or infeasible,
3 environmental, 4 inconclusive; 2 for what is no bundle, or a damaged one, or a
newer one than this butfor reads.`,
		Example: `  butfor judge /tmp/runs/serial-start.starts-wait.V2-seed
  butfor judge --contract strict.yaml /tmp/runs/*`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("judge what? Name a folder that butfor run --out has made")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			var held *scenario.Contract
			if contract != "" {
				own, err := scenario.ReadContract(contract)
				if err != nil {
					return usageError{err}
				}
				held = &own
			}
			for _, dir := range args {
				if _, err := harness.Reopen(dir); err != nil {
					return usageError{err}
				}
			}
			return judge(c.Context(), args, held, asJSON, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&contract, "contract", "", "hold them to the contract of this file, in place of the one that they were made under")
	return c
}

// judged is a bundle's run, judged again.
func judged(ctx context.Context, f *harness.Fleet, dir string, contract *scenario.Contract) (report.Line, error) {
	r, err := f.Judge(ctx, dir, contract)
	if err != nil {
		return report.Line{}, fmt.Errorf("%s: %w", dir, err)
	}
	return lineOf(harness.Outcome{
		Finding: findings.Finding{ID: r.Scenario.Name, File: dir, Kind: "verdict"}, Case: findings.Case{Variant: variant(dir, r)},
		Result: r, Figure: findings.Accept{}.Figure(r.Record),
	}), nil
}

// variant is what the folder that run has made of a run says, with dashes: see folder.
func variant(dir string, r harness.Result) string {
	rest, ok := strings.CutPrefix(filepath.Base(dir), r.Scenario.Name+".")
	if end := strings.LastIndex(rest, "."+r.Record.Subject); ok && end >= 0 {
		return rest[:end]
	}
	return ""
}

func judge(ctx context.Context, dirs []string, contract *scenario.Contract, asJSON bool, stdout io.Writer) error {
	f, err := fleet()
	if err != nil {
		return err
	}
	defer f.Close()
	stdout, printed := watched(stdout)
	var lines []report.Line
	for _, dir := range dirs {
		line, err := judged(ctx, f, dir, contract)
		if err != nil {
			return err
		}
		lines = append(lines, line)
		if asJSON {
			err = report.JSON(stdout, line)
		} else {
			report.TerminalOf(os.Stdout).Story(stdout, line)
		}
		if err != nil {
			return err
		}
	}
	if err := printed(); err != nil {
		return err
	}
	return verdictStatus(lines)
}
