//go:build linux

package faults_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/worker"
)

// tooLate are the ends of the calls that came once the pool began to close.
func tooLate(r harness.Result) (ends []scenario.Event) {
	closing := false
	late := map[string]bool{}
	for _, e := range r.Record.Events {
		switch e.Kind {
		case scenario.Close:
			closing = true
		case scenario.Arrive:
			late[e.Call] = closing
		case scenario.Return:
			if late[e.Call] {
				ends = append(ends, e)
			}
		}
	}
	return ends
}

func TestWhoCallsAClosedPoolIsToldSo(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.CallAfterClose{While: 2, After: 3}})
	sound(t, r, 12)
	closing, _ := r.Record.First(scenario.Close)
	if f := r.Record.Faults[0]; f.Laid != 5 || f.Fired != 5 || f.First < closing.At || f.First-closing.At > ms || f.Last < f.First {
		t.Errorf("%+v; it began to close at %v", plain(f), closing.At)
	}
	ends := tooLate(r)
	for _, e := range ends {
		if !strings.Contains(e.Err, "pool is closed") {
			t.Errorf("%s: %q", e.Call, e.Err)
		}
	}
	if len(ends) != 5 {
		t.Errorf("%d calls came too late", len(ends))
	}
}

// unclosed is a pool of ours that deals in its own way with calls once it has closed.
type unclosed struct {
	subject.Pool
	launcher worker.Launcher
	closed   atomic.Bool
	late     func(context.Context, worker.Launcher) (subject.Reply, error)
}

func (u *unclosed) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	if u.closed.Load() {
		return u.late(ctx, u.launcher)
	}
	return u.Pool.Call(ctx, c)
}

func (u *unclosed) Close(ctx context.Context) error {
	defer u.closed.Store(true)
	return u.Pool.Close(ctx)
}

func TestAClosedPoolThatDoesNotSaySoIsUnsafe(t *testing.T) {
	closed := errors.New("closed")
	for says, late := range map[string]func(context.Context, worker.Launcher) (subject.Reply, error){
		"a call kept waiting by a closed pool: call-after-close1.1 did not come back": func(ctx context.Context, _ worker.Launcher) (subject.Reply, error) {
			<-ctx.Done()
			return subject.Reply{}, ctx.Err()
		},
		"a call to a closed pool: call-after-close1.1 was met with panic: gone": func(context.Context, worker.Launcher) (subject.Reply, error) {
			panic("gone")
		},
		"a call to a closed pool: call-after-close1.1 was given what no worker had answered to it": func(context.Context, worker.Launcher) (subject.Reply, error) {
			return subject.Reply{Result: []byte("{}")}, nil
		},
		"a worker begun by a closed pool: w9, for calls that came too late": func(ctx context.Context, l worker.Launcher) (subject.Reply, error) {
			p, err := l.Launch(ctx, "w9")
			if err == nil {
				p.Kill()
				<-p.Done()
			}
			return subject.Reply{}, closed
		},
	} {
		r := tried(t, func(sc *harness.Scenario) {
			sc.Subject.Open = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
				p, err := subject.Ours().Open(ctx, l, cfg)
				return &unclosed{Pool: p, launcher: l, late: late}, err
			}
		}, faults.Entry{Fault: faults.CallAfterClose{After: 1}})
		if r.Word != scenario.Architectural || len(r.Safety) != 1 || r.Safety[0] != says {
			t.Errorf("%s: %q; want %s", r.Word, r.Safety, says)
		}
		if f := r.Record.Faults[0]; f.Fired != 1 {
			t.Errorf("%+v", plain(f))
		}
	}
}

func TestAPoolThatDidNotOpenCannotBeCalledTooLate(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) {
		sc.Subject.Open = func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
			return nil, errors.New("no")
		}
	}, faults.Entry{Fault: faults.CallAfterClose{While: 1}})
	if f := r.Record.Faults[0]; f.Laid != 0 || f.Fired != 0 || f.Why != "the pool was not closed" {
		t.Errorf("%+v", plain(f))
	}
}

// What the historical pools make of it: their managers are gone by then, or refuse.
func TestTheHistoricalPoolsAreCalledTooLate(t *testing.T) {
	for _, s := range []subject.Subject{dspex.V1(), dspex.V2Seed(), dspex.V2P3(), dspex.V2Last(), dspex.V3()} {
		r := tried(t, func(sc *harness.Scenario) { sc.Subject, sc.Deadline = s, time.Minute }, faults.Entry{Fault: faults.CallAfterClose{While: 2, After: 2}})
		if f := r.Record.Faults[0]; f.Fired != 4 {
			t.Errorf("%s: %+v", s.Name, plain(f))
		}
		for _, e := range tooLate(r) {
			if e.Err == "" || e.Lost || e.Wrong {
				t.Errorf("%s: %+v", s.Name, e)
			}
		}
		if strings.Contains(r.Reason, "closed pool") {
			t.Errorf("%s: %s: %s", s.Name, r.Word, r.Reason)
		}
	}
}

func TestOurPoolLivesWithCallsThatComeTooLate(t *testing.T) { survives(t, "call-after-close", 0) }

func TestRealWorkersArePutAwayBeforeCallsThatComeTooLate(t *testing.T) {
	r := played(t, nil, faults.Entry{Fault: faults.CallAfterClose{While: 2, After: 3}})
	firedReally(t, r, 5, 5)
	for _, e := range tooLate(r) {
		came := map[string]bool{"call-after-close1.1": true, "call-after-close1.2": true}[e.Call] // as it closed: it may be answered still
		if !came && !strings.Contains(e.Err, "pool is closed") {
			t.Errorf("%s: %q", e.Call, e.Err)
		}
	}
}
