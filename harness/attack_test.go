package harness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

// What subjects did to the harness once, and must not again.

// nilError panics when it is asked what it is about.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// odd is our pool with one method replaced.
type odd struct {
	subject.Pool
	call func(ctx context.Context, c subject.Call) (subject.Reply, error)
	warm func() error
}

func (o odd) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	if o.call != nil {
		return o.call(ctx, c)
	}
	return o.Pool.Call(ctx, c)
}

func (o odd) Warm(ctx context.Context, n int) error {
	if o.warm != nil {
		return o.warm()
	}
	return o.Pool.(subject.Warmer).Warm(ctx, n)
}

func oddly(bend func(*odd)) subject.Subject {
	return subject.Subject{Name: "odd", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		p, err := subject.Ours().Open(ctx, l, cfg)
		o := odd{Pool: p}
		bend(&o)
		return o, err
	}}
}

// architectural checks a verdict and its reason, if the machine was not too busy
// for the bounds that it rests on.
func architectural(t *testing.T, r Result, err error, reason string) {
	t.Helper()
	if err == nil && r.Word == scenario.Inconclusive && r.Record.Late > time.Second/4 {
		t.Skipf("the machine is too busy to say: timers were up to %v late", r.Record.Late)
	}
	if err != nil || r.Word != scenario.Architectural || !strings.Contains(r.Reason, reason) {
		t.Errorf("%s: %s, %v", r.Word, r.Reason, err)
	}
}

func oneCall(s subject.Subject) scenario.Scenario {
	return scenario.Scenario{Name: "attack", Subject: s, Config: subject.Config{Size: 1}, Workload: scenario.Workload{Clients: 1, Command: "echo"}, Deadline: time.Minute, Contract: &anything}
}

func TestAnErrorThatPanicsIsTheSubjectsFault(t *testing.T) {
	s := oddly(func(o *odd) {
		o.call = func(context.Context, subject.Call) (subject.Reply, error) {
			var e *nilError
			return subject.Reply{}, e
		}
	})
	sc := oneCall(s)
	sc.Recovery = time.Second // whoever asks again is served no better
	r, err := Run(t.Context(), sc)
	architectural(t, r, err, "panic")
}

func TestAPoolThatCannotBeWarmedIsNotSound(t *testing.T) {
	s := oddly(func(o *odd) { o.warm = func() error { return errors.New("too cold") } })
	sc := oneCall(s)
	sc.Warm = 1
	r, err := Run(t.Context(), sc)
	architectural(t, r, err, "could not be warmed: too cold")
}

func TestAWrapThatPanicsIsAnErrorOfTheScenario(t *testing.T) {
	s := subject.Ours()
	s.Wrap = func(worker.Launcher) worker.Launcher { panic("no") }
	if _, err := Run(t.Context(), oneCall(s)); err == nil || !strings.Contains(err.Error(), "Subject.Wrap: panic: no") {
		t.Errorf("got %v", err)
	}
}

func TestNothingThatARunStartedOutlivesIt(t *testing.T) {
	// The worker's grandchild leaves its session, so nothing but the census
	// finds it.
	sc := oneCall(subject.Ours())
	sc.Workload.Command = "call"
	there := filepath.Join(t.TempDir(), "there")
	command := fmt.Sprintf("setsid sh -c 'touch %s; sleep 3600' >/dev/null 2>&1 </dev/null & while [ ! -e %s ]; do sleep 0.01; done", there, there)
	sc.Workload.Args = map[string]any{"function": "os:system", "args": []any{command}}
	r, err := Run(t.Context(), sc)
	architectural(t, r, err, "left behind after Close")
	if left, err := process.Census(process.Token(), ""); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestWhatOutlivesItsPoolIsTimedFromItsClose(t *testing.T) {
	sc := Scenario{
		World: "virtual", Subject: dspex.V2Last(), Start: scenario.Demand{CPU: time.Second}, Deadline: time.Minute,
		Config:   subject.Config{Size: 1, Options: map[string]any{string(dspex.OrphanSpin): true}},
		Workload: scenario.Workload{Clients: 1, Command: "echo"},
	}
	r := TryT(t, sc)
	closed, _ := r.Record.First(scenario.Closed)
	if e, _ := r.Record.First(scenario.Outlived); (e.At - closed.At - e.OnCPU).Abs() > time.Microsecond {
		t.Errorf("in %v since the close it had %v of CPU", e.At-closed.At, e.OnCPU)
	}
}

func TestACallThatEndsItsGoroutineIsAnsweredAtOnce(t *testing.T) {
	s := oddly(func(o *odd) {
		o.call = func(context.Context, subject.Call) (subject.Reply, error) {
			runtime.Goexit()
			return subject.Reply{}, nil
		}
	})
	sc := oneCall(s)
	sc.Recovery = time.Second // whoever asks again is served no better
	r, err := Run(t.Context(), sc)
	architectural(t, r, err, errExited.Error())
}
