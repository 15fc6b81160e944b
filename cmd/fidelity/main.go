//go:build linux

// Command fidelity measures how well replays predict on this machine, and writes
// what came out as a page.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/butfor/butfor/harness/fidelity"
)

func main() {
	s := fidelity.Settings{Progress: os.Stderr}
	out := flag.String("out", "docs/fidelity.md", "where the page goes")
	flag.IntVar(&s.Spans, "spans", 1, "runs of 36 spans for each load")
	flag.IntVar(&s.Starts, "starts", 3, "pairs of runs of eight starts for each load")
	flag.IntVar(&s.Findings, "findings", 1, "runs of all findings for each load")
	flag.IntVar(&s.Often, "often", 10, "runs of the findings that are named as arguments, for each load, if that is more")
	flag.Parse()
	s.Named = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := os.MkdirAll(filepath.Dir(*out), 0o777) // before the minutes that it takes
	var m fidelity.Measured
	if err == nil {
		m, err = fidelity.Measure(ctx, s)
	}
	if err == nil {
		err = os.WriteFile(*out, m.Page(), 0o666)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fidelity:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "written:", *out)
}
