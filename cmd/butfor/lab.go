package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	_ "github.com/butfor/butfor/harness/world/container" // for --world container
	"github.com/butfor/butfor/harness/world/process"
	"github.com/butfor/butfor/harness/world/virtual"
	workers "github.com/butfor/butfor/worker/process"
)

// labFlags are what run and reproduce take alike.
type labFlags struct {
	world, subject, order string
	seed                  uint64
	boot                  time.Duration
	booted                func() bool // says whether that was asked for
	latent                bool
}

func (f *labFlags) of(c *cobra.Command) {
	var names []string
	for _, s := range harness.Subjects() {
		if !strings.HasPrefix(s.Name, "ideal-") { // those are for files: no finding has them
			names = append(names, s.Name)
		}
	}
	c.Flags().StringVar(&f.world, "world", "", "where to run: process, on real Python workers (default of butfor run), virtual, on models in virtual time (default else), or container, on Python workers in containers")
	c.Flags().StringVar(&f.subject, "subject", "", "only this pool, of those that a finding has: "+strings.Join(names, ", "))
	c.Flags().Uint64Var(&f.seed, "seed", 0, "of what is drawn: arrivals, and in the virtual world the order of things")
	c.Flags().StringVar(&f.order, "order", "", "how the virtual world orders what happens at one instant: random (default) or pct:DEPTH")
	c.Flags().DurationVar(&f.boot, "boot", harness.DefaultBoot, fmt.Sprintf("what a start of a worker asks for; in containers %v unless it is said", harness.BootIn("container")))
	f.booted = func() bool { return c.Flags().Changed("boot") }
}

// alsoLatent is a flag of those that judge what they run.
func (f *labFlags) alsoLatent(c *cobra.Command, what string) {
	c.Flags().BoolVar(&f.latent, "latent", false, what)
}

// virtually has them run in virtual time unless a flag or a file says otherwise.
func (f *labFlags) virtually(args []string) {
	if f.world != "" {
		return
	}
	if _, world, err := named(args); err == nil && world == "" {
		f.world = virtual.Name
	}
}

// lab is what the flags say, with what the arguments name: findings by their id,
// and scenario files. end is to be called once it is no longer needed.
func (f *labFlags) lab(ctx context.Context, args []string) (lab harness.Lab, fs []findings.Finding, end func(), err error) {
	if f.boot < 10*time.Millisecond {
		return lab, nil, nil, usageError{fmt.Errorf("--boot is %v: below 10ms a start can't be told from noise", f.boot)}
	}
	if f.boot > time.Hour {
		return lab, nil, nil, usageError{fmt.Errorf("--boot is %v: nobody waits longer than an hour for a start", f.boot)}
	}
	lab = harness.Lab{World: f.world, Subject: f.subject, Seed: f.seed, Boot: f.boot, Latent: f.latent}
	if lab.Order, err = orderOf(f.order); err != nil {
		return lab, nil, nil, usageError{err}
	}
	fs, world, err := named(args)
	if err != nil {
		return lab, nil, nil, usageError{err}
	}
	lab.World = cmp.Or(lab.World, world, process.Name)
	if !f.booted() {
		lab.Boot = harness.BootIn(lab.World)
	}
	if len(args) == 0 {
		fs = shown(lab.World)
	}
	if err := lab.Check(fs); err != nil {
		return lab, nil, nil, usageError{err}
	}
	if lab.World == virtual.Name {
		if lab.Fleet, err = fleet(); err != nil {
			return lab, nil, nil, err
		}
		return lab, fs, lab.Fleet.Close, nil
	}
	if python, err := workers.Find(ctx, "python3"); err == nil && python.Shim != "" {
		fmt.Fprintf(os.Stderr, "butfor: python3 is the shim %s, slow to start; using %s behind it\n", python.Shim, python.Path)
	}
	return lab, fs, func() {}, nil
}

// shown are all findings that a world shows here. What it can't is said on stderr.
func shown(world string) []findings.Finding {
	return slices.DeleteFunc(findings.In(world), func(f findings.Finding) bool {
		err := f.Missing(world)
		if err != nil {
			fmt.Fprintln(os.Stderr, "butfor: left out:", err)
		}
		return err != nil
	})
}

// named are the findings of these names; what looks like a file, or is one, is one.
// world is the one that the files ask for, if any does.
func named(args []string) (fs []findings.Finding, world string, err error) {
	for _, arg := range args {
		found, unknown := findings.Find(arg)
		if unknown == nil {
			fs = append(fs, found...)
			continue
		}
		info, missing := os.Stat(arg)
		switch {
		case missing == nil && info.IsDir():
			return nil, "", fmt.Errorf("%s is a folder: runs that were saved are for butfor reproduce and butfor judge", arg)
		case missing != nil && !strings.ContainsRune(arg, os.PathSeparator) && !strings.HasSuffix(arg, ".yaml") && !strings.HasSuffix(arg, ".yml"):
			return nil, "", unknown
		}
		f, err := scenario.Read(arg, harness.Subject)
		if err != nil {
			return nil, "", err
		}
		if w := f.Scenario.World; w != "" && world != "" && w != world {
			return nil, "", fmt.Errorf("%s asks for the world %s, another file for %s: say which with --world", arg, w, world)
		}
		world = cmp.Or(world, f.Scenario.World)
		fs = append(fs, harness.FromFile(arg, f))
	}
	return fs, world, nil
}

// orderOf reads random or pct:DEPTH.
func orderOf(text string) (o scenario.Order, err error) {
	strategy, depth, deep := strings.Cut(text, ":")
	switch {
	case text == "", text == scenario.Random:
		return scenario.Order{Strategy: text}, nil
	case strategy == scenario.PCT && deep:
		n, err := strconv.Atoi(depth)
		if err == nil && n > 0 && n <= scenario.DepthMost {
			return scenario.Order{Strategy: scenario.PCT, Depth: n}, nil
		}
	}
	return o, fmt.Errorf("--order is %q: it must be random, or pct: and a depth from 1 to %d, such as pct:3", text, scenario.DepthMost)
}
