package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
)

func doctorCommand() *cobra.Command {
	contract := ""
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can do, what is missing, and what will be skipped",
		Long: `Looks at what the lab needs: cores, CPU quota, pressure and stolen time, Python
and what a start of it costs, a C compiler for go test -race, a Docker engine.

With --contract it measures this machine, as it is now, against the contract: the
worst environment in which a pool must keep its deadlines.

Exit status: 0 if findings can run, 5 if something that they need is missing;
with --contract 0 inside it, 3 beyond it.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && c.Flags().Changed("contract") {
				return usageError{fmt.Errorf("which contract? Write --contract=%s for that of a file", args[0])}
			}
			return noArgs(c, args)
		},
		RunE: func(c *cobra.Command, _ []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			measured := c.Flags().Changed("contract")
			look := harness.Examine
			if measured {
				held, err := contractOf(contract)
				if err != nil {
					return usageError{err}
				}
				look = func(ctx context.Context) []harness.Check { return harness.Measure(ctx, held) }
			}
			checks := look(c.Context())
			stdout, printed := watched(c.OutOrStdout())
			unfit, beyond := false, false
			for _, k := range checks {
				unfit = unfit || k.Status == "missing" && (measured || k.Name == "python3")
				beyond = beyond || measured && k.Status == "note"
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
			switch {
			case unfit:
				return statusError(exitLab)
			case beyond:
				return statusError(exitEnvironment)
			}
			return nil
		},
	}
	c.Flags().StringVar(&contract, "contract", "", "measure this machine against the contract, or against that of --contract=FILE")
	c.Flags().Lookup("contract").NoOptDefVal = projectContract
	return c
}

// projectContract stands for the contract that is part of the program.
const projectContract = "the project's"

// contractOf is the contract of a file, or else the project's.
func contractOf(path string) (scenario.Contract, error) {
	if path == projectContract {
		return harness.Contract(), nil
	}
	return scenario.ReadContract(path)
}
