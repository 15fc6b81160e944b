//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/worker"
)

func TestSleepSaysWhetherItWasLeftToSleep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if !sleep(ctx, 0) || !sleep(ctx, time.Microsecond) {
		t.Error("woken up, though nothing had happened")
	}
	cancel()
	if sleep(ctx, 0) || sleep(ctx, time.Hour) {
		t.Error("slept under an ended ctx")
	}
}

// teller is a pool that says of itself what it likes.
type teller struct {
	bent
	says func(ctx context.Context) error
}

func (p teller) Health(ctx context.Context) error { return p.says(ctx) }

func TestAPoolIsAskedHowItIs(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		opens time.Duration
		says  func(ctx context.Context) error // nil: the pool is none of those that can be asked
		want  []string                        // when what was said, since the clients' clock started
	}{
		"well":          {0, func(context.Context) error { return nil }, []string{"100ms ", "400ms "}},
		"unwell":        {0, func(context.Context) error { return errors.New("the flu") }, []string{"100ms the flu", "400ms the flu"}},
		"not open":      {300 * ms, func(context.Context) error { return nil }, []string{"100ms it is not open", "400ms "}},
		"no answer":     {0, nil, []string{"100ms it has no answer to that", "400ms it has no answer to that"}},
		"it takes time": {0, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, []string{"1.1s context deadline exceeded", "1.4s context deadline exceeded"}},
		"it crashes":    {0, func(context.Context) error { panic("boom") }, []string{"100ms panic: boom", "400ms panic: boom"}},
	} {
		t.Run(name, func(t *testing.T) {
			sc := on(subject.Subject{Name: "bent", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
				time.Sleep(c.opens)
				p, err := straight(ctx, l, cfg)
				if c.says == nil {
					return bent{Pool: p}, err
				}
				return teller{bent{Pool: p}, c.says}, err
			}})
			sc.World, sc.Workload.Health = virtual.Name, []time.Duration{100 * ms, 400 * ms}
			r, err := runIn(t.Context(), t, sc)
			if err != nil {
				t.Fatal(err)
			}
			clock, _ := r.Record.First(scenario.Go)
			var said []string
			for _, e := range events(r.Record, scenario.Health) {
				said = append(said, fmt.Sprint((e.At-clock.At).Round(ms), " ", e.Err))
			}
			if !slices.Equal(said, c.want) {
				t.Errorf("said %q, want %q", said, c.want)
			}
			if probing, ok := r.Record.First(scenario.Probing); !ok || probing.At < 400*ms {
				t.Errorf("the workload was over after %v", probing.At)
			}
		})
	}
}
