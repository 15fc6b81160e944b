package dspex

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
	world "github.com/butfor/butfor/worker/model"
)

// workers tries a story on every version, whose workers are those of a world, with
// a bug and without it.
func workers(t *testing.T, bug Switch, versions []Version, story func(t *testing.T, ctx context.Context, p subject.Pool, l *world.Launcher, on bool)) {
	for _, v := range versions {
		for _, on := range []bool{true, false} {
			t.Run(string(v)+map[bool]string{true: " with ", false: " without "}[on]+string(bug), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					l := &world.Launcher{}
					p, err := New("pool", v, Change{bug, on}).Open(ctx, l, eagerly(6))
					if err != nil {
						t.Fatal(err)
					}
					story(t, ctx, p, l, on)
					time.Sleep(second) // a manager that starts a worker is deaf
					_ = p.Close(ctx)
					cancel()
					for _, w := range l.Ports() {
						_ = w.Kill()
					}
				})
			})
		}
	}
}

var versions = []Version{First, Seed, Phase3, Last, Third}

func TestOrphansOutliveThePoolOnAFullCore(t *testing.T) {
	workers(t, OrphanSpin, versions, func(t *testing.T, ctx context.Context, p subject.Pool, l *world.Launcher, on bool) {
		if err := p.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		time.Sleep(3 * second)
		if n := l.Alive(); (n > 0) != on {
			t.Errorf("%d alive", n)
		}
		if used := l.Ports()[0].Info().CPU.Round(time.Microsecond); (used == 3*second) != on {
			t.Errorf("it has used %v of CPU", used)
		}
	})
}

func TestAPrintIsTakenForAFrame(t *testing.T) {
	workers(t, StdoutNoise, versions, func(t *testing.T, ctx context.Context, p subject.Pool, _ *world.Launcher, on bool) {
		begin := time.Now()
		_, err := p.Call(ctx, subject.Call{Command: "call", Args: map[string]any{"function": "builtins:print"}, Client: "c1"})
		if errors.Is(err, context.DeadlineExceeded) != on || err != nil && !on || (time.Since(begin) >= 5*second) != on {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestWhatIsNoJSONIsNotAnswered(t *testing.T) {
	workers(t, SilentFrames, versions, func(t *testing.T, ctx context.Context, p subject.Pool, _ *world.Launcher, on bool) {
		begin := time.Now()
		_, err := p.Call(ctx, subject.Call{Command: "call", Args: map[string]any{"function": "builtins:object"}, Client: "c1", Session: "s1"})
		var python *worker.RemoteError
		if errors.Is(err, context.DeadlineExceeded) != on || errors.As(err, &python) == on || (time.Since(begin) >= 5*second) != on {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestAListingWithoutASessionIsOfAll(t *testing.T) {
	workers(t, SessionListing, []Version{Seed, Phase3}, func(t *testing.T, ctx context.Context, p subject.Pool, l *world.Launcher, on bool) {
		leaves := put("s1", 7)
		leaves.Client = "c1" // who lives on, and so does the worker
		if _, err := p.Call(ctx, leaves); err != nil {
			t.Fatal(err)
		}
		shown := 0
		for range l.Ports() { // one of them has it
			r, err := p.Call(ctx, subject.Call{Command: "list", Client: "c2"})
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Result) != `{"keys":[]}` {
				shown++
			}
		}
		if (shown == 1) != on || shown > 1 {
			t.Errorf("%d of %d workers show what a session has put", shown, len(l.Ports()))
		}
	})
}

func TestAShutdownThatIsIgnored(t *testing.T) {
	workers(t, ShutdownIgnored, []Version{Seed, Phase3, Last}, func(t *testing.T, ctx context.Context, p subject.Pool, _ *world.Launcher, on bool) {
		begin := time.Now()
		_ = p.Close(ctx)
		if took := time.Since(begin); took.Round(10*time.Millisecond) != map[bool]time.Duration{true: 6 * second}[on] {
			t.Errorf("six workers went in %v", took)
		}
	})
}
