//go:build linux

// Command image builds the image of workers in containers, unless the engine has it, or
// removes what it built for other versions.
package main

import (
	"context"
	"errors"
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
	old := flag.Bool("prune", false, "build nothing, but remove the images that were built for other versions and that no container has")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	do := build
	if *old {
		do = prune
	}
	err := do(ctx, *base)
	interrupted := ctx.Err() != nil
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "image:", err)
	if !*optional || interrupted {
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "       What needs workers in containers is skipped.")
}

func build(ctx context.Context, base string) error {
	image, built, err := container.Build(ctx, base, os.Stderr)
	switch {
	case err != nil:
	case built:
		fmt.Fprintln(os.Stderr, "built:", image)
	default:
		fmt.Fprintln(os.Stderr, "there already:", image)
	}
	return err
}

func prune(ctx context.Context, _ string) (failed error) {
	for _, keep := range []string{container.Image(), container.Base()} {
		removed, err := container.Prune(ctx, keep)
		for _, image := range removed {
			fmt.Fprintln(os.Stderr, "removed:", image)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
