package harness

import (
	"context"
	"runtime"

	"github.com/butfor/butfor/harness/findings"
)

// Explore puts findings to the test under n seeds, from the lab's own on, all
// cores at it in the virtual world, and gives done what came out, seed by seed: also of
// cases that claim something of many: these are one of them each.
// It stops at the first error of the lab itself, or of done's, or when ctx ends.
func (l Lab) Explore(ctx context.Context, fs []findings.Finding, n int, done func(seed uint64, outcomes []Outcome) error) error {
	l, err := l.ready(ctx, fs)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	type played struct {
		outcomes []Outcome
		err      error
	}
	ahead := 1 // seeds under way at once
	if l.Fleet != nil {
		ahead = 2 * runtime.GOMAXPROCS(0)
	}
	under := make(chan chan played, ahead-1)
	go func() {
		defer close(under)
		for i := range n {
			one := make(chan played, 1)
			select {
			case under <- one:
			case <-ctx.Done():
				return
			}
			l := l
			l.Seed, l.Seeds = l.Seed+uint64(i), 1
			play := func() {
				outcomes, err := l.Reproduce(ctx, fs)
				one <- played{outcomes, err}
			}
			if ahead == 1 {
				play()
			} else {
				go play()
			}
		}
	}()
	seed := l.Seed
	for one := range under {
		p := <-one
		if err == nil && p.err != nil {
			err = p.err
			stop()
		}
		if err == nil {
			if err = done(seed, p.outcomes); err != nil {
				stop()
			}
		}
		seed++
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	stop()
	return err
}
