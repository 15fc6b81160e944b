//go:build linux

// Command image builds the image of workers in containers, unless the engine has it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/butfor/butfor/worker/container"
)

func main() {
	base := flag.String("base", "", "the image to begin with, one with Python 3.9 or newer (default: python:3.12-slim, or one of Debian packages)")
	optional := flag.Bool("optional", false, "where it can't be had, say so and succeed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	image, built, err := container.Build(ctx, *base, os.Stderr)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err != nil && *optional && !interrupted:
		fmt.Fprintln(os.Stderr, "image:", err)
		fmt.Fprintln(os.Stderr, "       What needs workers in containers is skipped.")
	case err != nil:
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	case built:
		fmt.Fprintln(os.Stderr, "built:", image)
	default:
		fmt.Fprintln(os.Stderr, "there already:", image)
	}
}
