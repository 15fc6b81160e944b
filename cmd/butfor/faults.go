package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/internal/page"
)

// faultsPart is what the generated part of the page of faults is called.
const faultsPart = "the faults, by butfor faults"

func faultsCommand() *cobra.Command {
	path := ""
	c := &cobra.Command{
		Use:   "faults [NAME...]",
		Short: "List the faults that a scenario may have, with their settings and units",
		Long: `Says of each fault, or of those that are named, what it does, when it counts as
fired, where it can be used, and what can be set.

With --page it writes all of it into a page, between its marks, with the tests that
play each fault in each world: from the source code, in whose folder it must run.`,
		Example: `  butfor faults
  butfor faults bit-flip hangs
  butfor faults --page docs/faults.md`,
		RunE: func(c *cobra.Command, names []string) error {
			all, err := faults.Abouts()
			if err != nil {
				return err
			}
			if path != "" {
				if len(names) > 0 {
					return usageError{fmt.Errorf("the page has all faults: name none with --page")}
				}
				text, err := faultsPage(all, filepath.Dir(filepath.Dir(path)))
				if err != nil {
					return err
				}
				return page.Write(path, faultsPart, text)
			}
			for _, name := range names {
				if err := faults.Known(name); err != nil {
					return usageError{err}
				}
			}
			asJSON, _ := c.Flags().GetBool("json")
			stdout, printed := watched(c.OutOrStdout())
			for _, a := range all {
				if len(names) > 0 && !slices.Contains(names, a.Name) {
					continue
				}
				if asJSON {
					if err := report.JSON(stdout, faultJSON(a)); err != nil {
						return err
					}
					continue
				}
				var settings []string
				for _, s := range a.Settings {
					settings = append(settings, fmt.Sprintf("%s (%s): %s", s.Name, s.Unit, s.Text))
				}
				report.TerminalOf(os.Stdout).Entry(stdout, a.Name, slices.Concat(a.Text, settings)...)
			}
			return printed()
		},
	}
	c.Flags().StringVar(&path, "page", "", "write them into this page of the source code, between its marks")
	return c
}

func faultJSON(a faults.About) map[string]any {
	settings := []map[string]string{}
	for _, s := range a.Settings {
		settings = append(settings, map[string]string{"name": s.Name, "unit": s.Unit, "text": s.Text})
	}
	return map[string]any{"fault": a.Name, "of": a.Of, "text": strings.Join(a.Text, "\n\n"), "settings": settings}
}

// faultsPage is the page of faults; root is the folder of the source code.
func faultsPage(all []faults.About, root string) ([]byte, error) {
	played, err := trials(root)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("| fault | is about |")
	for _, w := range scenario.Worlds {
		fmt.Fprintf(&b, " %s |", w)
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(scenario.Worlds)) + "\n")
	for _, a := range all {
		fmt.Fprintf(&b, "| [`%s`](#%[1]s) | %s |", a.Name, a.Of)
		for _, w := range scenario.Worlds {
			cell, err := faultCell(a, w, played)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	for _, a := range all {
		fmt.Fprintf(&b, "\n## %s\n", a.Name)
		for _, p := range a.Text {
			fmt.Fprintf(&b, "\n%s\n", strings.ReplaceAll(p, "|", "\\|"))
		}
		if a.Unrecorded != "" {
			fmt.Fprintf(&b, "\nA run that misses a deadline under it is `inconclusive`: %s.\n", a.Unrecorded)
		}
		writeSettings(&b, a.Settings)
	}
	return b.Bytes(), nil
}

func writeSettings(b io.Writer, all []faults.Setting) {
	if len(all) == 0 {
		fmt.Fprint(b, "\nThere is nothing to be set.\n")
		return
	}
	fmt.Fprint(b, "\n| setting | is written as | |\n| --- | --- | --- |\n")
	for _, s := range all {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", s.Name, s.Unit, strings.ReplaceAll(s.Text, "|", "\\|"))
	}
}

// faultCell is the test that plays a fault in a world, or why there is none.
func faultCell(a faults.About, world string, played []trial) (string, error) {
	best := trial{}
	for _, t := range played {
		if t.world == world && (t.types[a.Type] || t.names[a.Name]) && (best.name == "" || t.size() < best.size()) {
			best = t
		}
	}
	if best.name != "" {
		return "`" + best.name + "`", nil
	}
	why := unplayed[world][a.Name]
	if world == virtual.Name && a.Unmodelled != "" {
		why = a.Unmodelled
	}
	if strings.HasSuffix(a.Of, "callers") {
		why = "the harness's own, the same in every world"
	}
	if why == "" {
		return "", fmt.Errorf("no test plays %s in the world %s, and there is no reason why", a.Name, world)
	}
	return why, nil
}

// unplayed is why a fault is not put to the test in a world.
var unplayed = map[string]map[string]string{
	"process": {"memory-limit": "laid by an engine: processes here share the cgroup of memory that the program is in", "memory-pressure": "a process has no memory of its own to be short of", "slow-disk": "laid by an engine, which throttles a container's disk", "thread-limit": "laid by an engine: processes here share the cgroup of threads that the program is in"},
}
