package faults

import (
	"context"
	"os/exec"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

// late is a world of models in which something happens between the moment at which
// a fault is to strike and its striking.
type late struct {
	bare
	model.Launcher
	what atomic.Pointer[func()]
}

// happens says what, once.
func (l *late) happens(what func()) { l.what.Store(&what) }

func (l *late) Point(_, at string) {
	if at != "strikes" {
		return
	}
	if what := l.what.Swap(nil); what != nil {
		(*what)()
	}
}
func (*late) Stall(time.Duration)                       {}
func (*late) Starve(time.Duration) func() bool          { return func() bool { return false } }
func (*late) Burn(bool) func() time.Duration            { return func() time.Duration { return 0 } }
func (*late) Limit(*model.Port, float64, time.Duration) {}
func (*late) Throttled(*model.Port) int                 { return 0 }
func (*late) Burden(*model.Port, model.Demand)          {}
func (*late) Burdened(*model.Port) int                  { return 0 }

// begun is a worker that is launched under a plan.
func begun(t *testing.T, w World, p Plan, note func(Event)) (*Injector, worker.Port) {
	t.Helper()
	i, err := New(p, 1, w, note)
	if err != nil {
		t.Fatal(err)
	}
	i.Begin()
	port, err := i.Launcher(nil).Launch(t.Context(), "w1")
	if err != nil {
		t.Fatal(err)
	}
	return i, port
}

// sends is a pool's request.
func sends(t *testing.T, p worker.Port, id int64, command string) {
	frame, err := wire.AppendRequest(nil, wire.Request{ID: id, Command: command, Args: map[string]any{"s": 1.0, callID: "c1.1"}})
	if err == nil {
		err = p.Send(context.Background(), frame)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestAWorkerThatGotACallAtTheLastMomentIsNotKilledForItsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &late{bare: bare{time.Now()}}
		i, p := begun(t, w, Plan{{Fault: KillIdle{After: 10 * ms}, Times: 1}}, func(Event) {})
		sends(t, p, 0, "ping")
		w.happens(func() { sends(t, p, 1, "sleep") }) // for a second
		for range 2 {
			if _, err := p.Recv(context.Background()); err != nil {
				t.Errorf("it was killed after %v, in its call: %v", w.Now(), err)
			}
		}
		<-p.Done() // now it rests
		if at := w.Now(); at != 1020*ms {
			t.Errorf("it was killed after %v", at)
		}
		i.Stop()
	})
}

func TestAHarnessThatWentOnWasNotStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if n := (HarnessStopped{For: time.Second}).Model(&late{bare: bare{time.Now()}})(); n != 0 {
			t.Errorf("it fired %d times", n)
		}
	})
}

// stopper stops this program, and lets it go on, before whoever has asked for that runs
// again.
type stopper struct{ poor }

func (*stopper) Beside(string) (func() time.Duration, error) {
	stop := exec.Command("sh", "-c", "kill -STOP $PPID; sleep 0.2; kill -CONT $PPID")
	return func() time.Duration { return 0 }, stop.Run()
}

func TestAHarnessThatWasStoppedBeforeItCouldLookFires(t *testing.T) {
	end, err := HarnessStopped{For: 200 * ms}.Real(&stopper{})
	if err != nil {
		t.Fatal(err)
	}
	if n := end(); n != 1 {
		t.Errorf("it fired %d times", n)
	}
	if _, err := (HarnessStopped{For: time.Minute}).Real(&poor{}); err == nil {
		t.Error("nobody could stop it, and it says nothing")
	}
}

// Whether the port is held open can't be seen at a worker that has ended.
func TestAPortIsOrderedToBeHeldOpen(t *testing.T) {
	want := wire.Order{Exit: 71, Hold: 5 * ms}
	if order, ordered := (HeldOpen{Hold: 5 * ms, Status: 71}).Order(1); !ordered || order != want {
		t.Errorf("%+v, %v", order, ordered)
	}
}

func TestACallThatCameBackAtTheLastMomentIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &late{bare: bare{time.Now()}}
		i, err := New(Plan{{Fault: GiveUp{After: 10 * ms}}}, 1, w, func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		i.Begin()
		c := i.Arrives(Caller{Client: "c1", Nth: 1, Call: "c1", GiveUp: func() { t.Error("it was given up") }})
		w.happens(c.Back)
		time.Sleep(20 * ms)
		if w.what.Load() != nil {
			t.Error("nothing was to strike")
		}
		i.Stop()
		if r := i.Report()[0]; r.Fired != 0 || r.Laid != 0 {
			t.Errorf("it was laid on %d and fired %d times", r.Laid, r.Fired)
		}
	})
}

// parting is late, where nobody is seen to be gone before it is told so.
type parting struct {
	*late
	gone chan struct{}
}

func (p *parting) Point(_, at string) {
	if at == "gone" {
		<-p.gone
	}
}

// Whoever receives may be told of a worker's end and of his own at one instant: which of
// them comes first is nobody's choice, and the trace must not hang on it.
func TestWhatAWorkersEndProvesIsSeenInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &parting{&late{bare: bare{time.Now()}}, make(chan struct{})}
		var seen []Event
		i, p := begun(t, w, Plan{{Fault: ClosesPort{}}}, func(e Event) { seen = append(seen, e) })
		sends(t, p, 1, "echo")
		if _, err := p.Recv(t.Context()); !worker.Gone(err) {
			t.Errorf("its end came as %v", err)
		}
		if len(seen) > 0 {
			t.Errorf("it was seen before it was its turn: %+v", seen)
		}
		close(w.gone)
		<-p.Done()
		if len(seen) != 2 || seen[0].Kind != Fired || seen[1].Kind != Victim {
			t.Errorf("of its end was seen %+v", seen)
		}
		i.Stop()
	})
}

func TestWhatAReplyProvesIsSeenByWhoseTimeIsUpAsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fired := 0
		i, p := begun(t, &late{bare: bare{time.Now()}}, Plan{{Fault: DuplicateReply{}}}, func(e Event) {
			if e.Kind == Fired {
				fired++
			}
		})
		sends(t, p, 1, "echo")
		synctest.Wait()
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Recv(over); err != nil || fired != 1 {
			t.Errorf("it fired %d times: %v", fired, err)
		}
		_ = p.Close(t.Context())
		i.Stop()
	})
}

// A pool's timeout ends a call at the instant at which it ends, and a caller may give up
// at that one: which of the two ends his wait is nobody's choice.
func TestWhoWouldHaveGivenUpComesToHisPointAlsoIfTheCallIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, came := &late{bare: bare{time.Now()}}, false
		w.happens(func() { came = true })
		i, err := New(Plan{{Fault: GiveUp{After: time.Second}}}, 1, w, func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		i.Begin()
		c := i.Arrives(Caller{Client: "c1", Nth: 1, Call: "c1.1", GiveUp: func() { t.Error("he gave up a call that was back") }})
		c.Back()
		synctest.Wait()
		if !came {
			t.Error("he did not come to his point")
		}
		i.Stop()
	})
}
