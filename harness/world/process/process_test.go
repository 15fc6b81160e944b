//go:build linux

package process

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/internal/leftover"
	"github.com/butfor/butfor/worker"
)

func TestMain(m *testing.M) { leftover.Main(m) }

func TestARunKnowsWhatItsWorkersHadAndWhoElseRan(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w, err := Open(ctx, &scenario.Scenario{Start: scenario.Demand{CPU: 100 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	// One that lives, and one that is reaped: what it had is not lost.
	for _, id := range []string{"w1", "w2"} {
		started, err := worker.Start(ctx, w.Launcher(), id)
		if err != nil {
			t.Fatal(err)
		}
		defer started.Port.Close(ctx)
		if _, err := started.Call(ctx, worker.Request{Command: "burn", Args: map[string]any{"cpu_s": 0.3}}); err != nil {
			t.Fatal(err)
		}
		if id == "w2" {
			started.Port.Kill()
			<-started.Port.Done()
		}
	}
	e := w.Environment()
	if now := w.Now(); len(e.Load) == 0 || e.Load[len(e.Load)-1].At+e.Load[len(e.Load)-1].Span > now {
		t.Errorf("it is %v, and the buckets are %+v", now, e.Load)
	}
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	var own, whole time.Duration
	for _, b := range e.Load {
		own += time.Duration(b.Own * float64(b.Span))
		whole += b.Span
	}
	// Each burnt 0.1 s while it started and 0.3 s when called. What was used in the
	// tail of the recording, less than half a bucket, may be missing.
	if own < 600*time.Millisecond {
		t.Errorf("the workers had %v of %v", own, whole)
	}
	if len(e.Workers) == 0 || e.Cost <= 0 {
		t.Errorf("workers %+v, cost %v", e.Workers, e.Cost)
	}
	for _, p := range e.Workers {
		for _, r := range e.Rivals {
			if len(p.Path) == 1 && p.Path[0].Session() && reflect.DeepEqual(p.Path, r.Path) {
				t.Errorf("a worker's session is %+v, and so is that of %+v", p, r)
			}
		}
	}
	w.Close()
	if again := w.Environment(); !reflect.DeepEqual(again, e) {
		t.Errorf("after the close it was %+v, before %+v", again, e)
	}
}

// It need not be found by its mark, which it has only once it is more than a fork.
func TestAWorkerThatHasFaultsIsKnownAsTheRunsOwn(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w, err := Open(ctx, &scenario.Scenario{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.launcher.Run = "another mark"
	p, err := w.LaunchWith(ctx, "w1", faults.Launch{Flags: []string{"--boot-cpu", "1", "--exit-at-hello", "70"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send(ctx, []byte(`{"id":0,"command":"ping","args":{}}`)); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	own := time.Duration(0)
	for _, b := range w.Environment().Load {
		own += time.Duration(b.Own * float64(b.Span))
	}
	if len(w.Environment().Workers) == 0 {
		t.Errorf("no worker was seen; the run's own had %v", own)
	}
}

func TestARunThatCouldNotBeRecordedSaysSo(t *testing.T) {
	w := &World{gap: "no eventfd"}
	e := w.Environment()
	if len(e.Gaps) != 1 || e.Gaps[0] != (scenario.Gap{Kind: scenario.GapMachine, Text: "no eventfd"}) || e.Cores < 1 {
		t.Errorf("got %+v", e)
	}
}
