package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness/overlay"
	"github.com/butfor/butfor/harness/report"
)

func overlayCommand() *cobra.Command {
	out := ""
	c := &cobra.Command{
		Use:   "overlay PACKAGE...",
		Short: "Let pools be judged that hold a lock across a start",
		Long: `Writes an overlay for go build and go test, in which the packages that are named
have other locks, and prints the path of its file. Their code stays as it is.

In virtual time a goroutine that waits for a sync.Mutex stops the clock; where its
holder waits for a start, for ever: such a run is inconclusive, stuck. With the
overlay sync.Mutex, sync.RWMutex and sync.Once of these packages are such that time
goes on, and the pool gets its verdict. They are handed over in the order in which
they were asked for. Lines and files keep their places in messages and stacks.

PACKAGE is as for go list: ./pool, ./..., example.com/pool; of a dependency too,
which is then built from a copy. Tests are in it. Name all packages that pass locks
to each other. Write it again when the code has changed. Where the
module does not require butfor, or vendors it, go test needs -vet=off beside it.

Exit status: 0, or 2 where a package is not found, has no Go files or no locks.`,
		Example: `  # my pool is judged stuck: it holds a lock across a start
  go test -overlay "$(butfor overlay ./mypool)" ./mypool

  # the pool of a dependency
  go test -overlay "$(butfor overlay github.com/jackc/puddle/v2)" ./...`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("overlay what? Name the package of a pool, such as ./mypool")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			asJSON, _ := c.Flags().GetBool("json")
			made, err := overlay.Locks(c.Context(), ".", out, args)
			if errors.Is(err, overlay.ErrPackages) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			return printOverlay(c.OutOrStdout(), made, asJSON)
		},
	}
	c.Flags().StringVar(&out, "out", "", "write it into this folder, in place of one of the user's cache")
	return c
}

// printOverlay prints the path alone, for $(…), and tells of the rest on stderr.
func printOverlay(stdout io.Writer, made overlay.Swap, asJSON bool) error {
	for _, p := range made.Packages {
		if asJSON {
			if err := report.JSON(stdout, struct {
				Overlay string `json:"overlay"`
				overlay.Package
				Adds string `json:"adds,omitempty"` // a package that go vet does not bear
			}{made.File, p, made.Adds}); err != nil {
				return err
			}
			continue
		}
		times := "once"
		if p.Locks > 1 {
			times = fmt.Sprintf("%d times", p.Locks)
		}
		fmt.Fprintf(os.Stderr, "butfor: %s names a lock %s, in %s\n", p.Path, times, strings.Join(p.Files, ", "))
	}
	if asJSON {
		return nil
	}
	if made.Adds != "" {
		fmt.Fprintf(os.Stderr, "butfor: this module can't import butfor's locks, so it is to have %s: give go test -vet=off\n", made.Adds)
	}
	_, err := fmt.Fprintln(stdout, made.File)
	return err
}
