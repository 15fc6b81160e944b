package main

import (
	"os"

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
					o := map[string]any{"id": f.ID, "kind": f.Kind, "claim": f.Claim, "source": f.Source, "truth": f.Truth, "worlds": f.Worlds}
					for name, text := range map[string]string{"unreal": f.Unreal, "unmodelled": f.Unmodelled, "set": f.Set} {
						if text != "" {
							o[name] = text
						}
					}
					if err := report.JSON(c.OutOrStdout(), o); err != nil {
						return err
					}
				}
				return nil
			}
			stdout, printed := watched(c.OutOrStdout())
			t := report.TerminalOf(os.Stdout)
			for _, f := range findings.All() {
				t.Finding(stdout, f)
			}
			return printed()
		},
	}
}
