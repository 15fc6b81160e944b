package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
)

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the findings: what was claimed, by whom, and what is true",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			if asJSON {
				for _, f := range findings.All() {
					if err := report.JSON(c.OutOrStdout(), map[string]any{
						"id": f.ID, "kind": f.Kind, "claim": f.Claim, "source": f.Source, "truth": f.Truth, "worlds": f.Worlds,
					}); err != nil {
						return err
					}
				}
				return nil
			}
			tw := table.NewWriter()
			tw.SetOutputMirror(c.OutOrStdout())
			style := table.StyleLight
			style.Format.Header = text.FormatDefault
			style.Options.SeparateRows = true
			tw.SetStyle(style)
			width := (report.TerminalOf(os.Stdout).Width - 22 - 9 - 10) / 2
			tw.SetColumnConfigs([]table.ColumnConfig{
				{Number: 2, WidthMax: width, WidthMaxEnforcer: text.WrapSoft},
				{Number: 3, WidthMax: width, WidthMaxEnforcer: text.WrapSoft},
			})
			tw.AppendHeader(table.Row{"finding", "claim and source", "truth", "worlds"})
			for _, f := range findings.All() {
				tw.AppendRow(table.Row{f.ID, fmt.Sprintf("“%s”\n%s", f.Claim, f.Source), f.Truth, strings.Join(f.Worlds, " ")})
			}
			tw.Render()
			return nil
		},
	}
}
