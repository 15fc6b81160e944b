package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/report"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can do, what is missing, and what will be skipped",
		Long: `Looks at what the lab needs: cores, CPU quota, pressure and stolen time, Python
and what a start of it costs, a C compiler for go test -race, a Docker engine.

Exit status: 0 if findings can run, 5 if something that they need is missing.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			checks := harness.Examine(c.Context())
			stdout, printed := watched(c.OutOrStdout())
			unfit := false
			for _, k := range checks {
				unfit = unfit || k.Status == "missing" && k.Name == "python3"
				if asJSON {
					if err := report.JSON(stdout, k); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(stdout, "%-7s  %-12s  %s\n", k.Status, k.Name, k.Found)
				if k.Advice != "" {
					fmt.Fprintf(stdout, "%-7s  %-12s  → %s\n", "", "", k.Advice)
				}
			}
			if err := c.Context().Err(); err != nil {
				return err
			}
			if err := printed(); err != nil {
				return err
			}
			if unfit {
				return statusError(exitLab)
			}
			return nil
		},
	}
}
