package main

import (
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
)

const childName = "play-virtual-runs"

// childCommand is what a fleet's children run.
func childCommand() *cobra.Command {
	return &cobra.Command{
		Use:    childName,
		Short:  "Play virtual runs that are asked for on stdin",
		Hidden: true,
		Args:   noArgs,
		RunE:   func(*cobra.Command, []string) error { return harness.Serve(nil, os.Stdin, os.Stdout) },
	}
}

// child is a program that plays virtual runs: this one, in tests another.
var child = func() (*exec.Cmd, error) {
	path, err := os.Executable()
	return exec.Command(path, childName), err
}

func fleet() (*harness.Fleet, error) {
	if _, err := child(); err != nil {
		return nil, err
	}
	return &harness.Fleet{Command: func() *exec.Cmd { c, _ := child(); return c }}, nil
}
