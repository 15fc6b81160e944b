// Command butfor puts pools of Python workers on trial.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitOK          = 0   // all came out as expected
	exitOtherwise   = 1   // something came out otherwise; a failure of the architecture
	exitUsage       = 2   // wrong usage
	exitEnvironment = 3   // a failure of the environment
	exitUnclear     = 4   // a verdict is inconclusive
	exitLab         = 5   // the lab itself failed
	exitInterrupted = 130 // by a signal
)

// A statusError carries an exit status; a usageError means exitUsage.
type (
	statusError int
	usageError  struct{ error }
)

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	var signals []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as nohup has it
			signals = append(signals, s)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends us at once; no worker outlives that either
	}()
	os.Exit(run(ctx, os.Args[1:]))
}

// run is main without the process around it.
func run(ctx context.Context, args []string) int {
	root := command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var status statusError
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "butfor: interrupted; every worker was ended")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "butfor: %v\nRun 'butfor --help' for usage.\n", err)
		return exitUsage
	default:
		fmt.Fprintf(os.Stderr, "butfor: %v\n", err)
		return exitLab
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "butfor",
		Short: "Tells whether a pool of workers failed because of its architecture or its environment",
		Long: `butfor puts pools of Python workers on trial. A test of a pool timed out: but
for the environment, would it have failed? But for the code, would it?

It runs findings, scenarios with a claim and what must come out of it, on real
Python workers, and says the verdict with its reason.`,
		Example: `  butfor doctor                       what this machine can do
  butfor list                         the findings
  butfor run                          all of them
  butfor run cold-start-timeouts      one
  butfor run --world virtual          all of them, in virtual time: in seconds
  butfor reproduce serial-start       one, and how it goes
  butfor judge runs/serial-start.V1   a run that was saved, once more
  butfor gate                         whether anything got worse since the baseline
  butfor run --subject ours --json    one subject, as JSON Lines`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.PersistentFlags().Bool("json", false, "print JSON Lines, one result an object, and nothing else on stdout")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(runCommand(), reproduceCommand(), judgeCommand(), gateCommand(), listCommand(), doctorCommand(), matrixCommand(), recordCommand(), faultsCommand(), mutateCommand(), overlayCommand(), childCommand())
	return root
}

// noArgs is cobra.NoArgs with an error that counts as wrong usage.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown command or argument %q for %q", args[0], c.CommandPath())}
	}
	return nil
}
