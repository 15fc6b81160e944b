package trace

import (
	"context"
	"errors"
	"testing"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// Whose doing an end was decides whether it is the environment's.
func TestAnEndIsAskedForIfTheWorkerWasToldToEndBeforeItDid(t *testing.T) {
	shutdown := func(p worker.Port) error {
		return p.Send(context.Background(), request(t, 3, subject.Call{Command: "shutdown"}))
	}
	gone := func(f *far) { f.refuse = worker.ErrGone }
	for _, c := range []struct {
		name  string
		end   func(p worker.Port, f *far)
		asked bool
	}{
		{"killed by the pool", func(p worker.Port, f *far) { _ = p.Kill() }, true},
		{"closed by the pool", func(p worker.Port, f *far) { _ = p.Close(context.Background()) }, true},
		{"told to shut down", func(p worker.Port, f *far) { _ = shutdown(p); _ = f.Kill() }, true},
		{"killed while a frame was on its way to it", func(p worker.Port, f *far) {
			f.sending = func() { _ = p.Kill(); gone(f) }
			_ = p.Send(context.Background(), request(t, 3, subject.Call{Command: "ping"}))
		}, true},
		{"by itself", func(p worker.Port, f *far) { _ = f.Kill() }, false},
		{"by itself, and a shutdown came too late", func(p worker.Port, f *far) { gone(f); _ = shutdown(p); _ = f.Kill() }, false},
	} {
		b := newBench(t)
		p, f := b.launch("w1")
		c.end(p, f)
		wait(t, "the end of w1", p.Done())
		if got := b.last(scenario.Exit).Asked; got != c.asked {
			t.Errorf("%s: asked for %v, want %v", c.name, got, c.asked)
		}
	}
}

// A pool puts away what died: it learns of the death at its end of the port
// before anybody has reaped the process.
func TestAPoolThatPutsAwayADeadWorkerHasNotAskedItToEnd(t *testing.T) {
	for name, notice := range map[string]func(p worker.Port, f *far){
		"as it waited for an answer": func(p worker.Port, f *far) { f.ended(); _, _ = p.Recv(context.Background()) },
		"as it sent a frame": func(p worker.Port, f *far) {
			f.refuse = worker.ErrGone
			_ = p.Send(context.Background(), request(t, 1, subject.Call{Command: "ping"}))
		},
	} {
		b := newBench(t)
		p, f := b.launch("w1")
		notice(p, f)
		_ = p.Kill()
		wait(t, "the end of w1", p.Done())
		if b.last(scenario.Exit).Asked {
			t.Errorf("%s: the death counts as asked for", name)
		}
	}
}

func TestALaunchThatItsCallerCalledOffIsRecordedAsSuch(t *testing.T) {
	for _, calledOff := range []bool{true, false} {
		b := newBench(t)
		b.fars.refuse = errors.New("not launched")
		ctx, cancel := context.WithCancel(context.Background())
		if calledOff {
			cancel()
		}
		defer cancel()
		if _, err := b.Launch(ctx, "w1"); err == nil {
			t.Fatal("it was launched")
		}
		if got := b.last(scenario.Launched).Asked; got != calledOff {
			t.Errorf("called off: recorded as %v, want %v", got, calledOff)
		}
	}
}

func TestWhatAWorkerStatesOfItselfGoesBeforeWhatIsSeenFromOutside(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	f.info.CPU, f.info.RunDelay = 30, 20
	b.answer(p, f, `{"id":0,"success":true,"result":{"status":"ok"},"timestamp":1,"evidence":{"on_cpu_ns":25,"run_delay_ns":15,"major_faults":0,"import_ms":1}}`)
	for _, k := range []scenario.Kind{scenario.Recv, scenario.Ready} {
		if e := b.last(k); e.OnCPU != 25 || e.Delay != 15 {
			t.Errorf("%s: %v on CPU, %v waiting for one, want what the worker states", k, e.OnCPU, e.Delay)
		}
	}
	b.answered(p, f, 1, `{}`)
	if e := b.last(scenario.Recv); e.OnCPU != 30 || e.Delay != 20 {
		t.Errorf("without a statement: %v on CPU, %v waiting for one", e.OnCPU, e.Delay)
	}
}
