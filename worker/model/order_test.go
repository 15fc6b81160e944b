package model_test

import (
	"context"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

const ms = time.Millisecond

// ordered starts a model worker and sends it a call with an order.
func ordered(t *testing.T, o wire.Order, r wire.Request) *model.Port {
	t.Helper()
	l := &model.Launcher{}
	w, err := worker.Start(context.Background(), l, "w1")
	if err != nil {
		t.Fatal(err)
	}
	r.ID = 1
	frame, err := wire.AppendRequest(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Port.Send(context.Background(), o.In(frame)); err != nil {
		t.Fatal(err)
	}
	return l.Ports()[0]
}

func TestAnOrderedExitComesInPlaceOfTheReply(t *testing.T) {
	for name, c := range map[string]struct {
		order   wire.Order
		request wire.Request
		after   time.Duration
	}{
		"before the call is executed":    {wire.Order{Exit: 70}, wire.Request{Command: "sleep", Args: map[string]any{"s": 1}}, 0},
		"while it waits":                 {wire.Order{Exit: 71, After: 300 * ms}, wire.Request{Command: "sleep", Args: map[string]any{"s": 1}}, 300 * ms},
		"while it computes":              {wire.Order{Exit: 71, After: 300 * ms}, wire.Request{Command: "burn", Args: map[string]any{"cpu_s": 1}}, 300 * ms},
		"at its end, where that is soon": {wire.Order{Exit: 72, After: time.Hour}, wire.Request{Command: "sleep", Args: map[string]any{"s": 1}}, time.Second},
		"of a call that takes no time":   {wire.Order{Exit: 72, After: time.Hour}, wire.Request{Command: "echo"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				p := ordered(t, c.order, c.request)
				<-p.Done()
				if exit := p.Exit(); exit != (worker.Exit{Code: c.order.Exit}) || time.Since(begin) != c.after {
					t.Errorf("%v after %v, want status %d after %v", exit, time.Since(begin), c.order.Exit, c.after)
				}
				if frame, err := p.Recv(context.Background()); err != io.EOF {
					t.Errorf("it answered %s, %v", frame, err)
				}
			})
		})
	}
}

func TestAWorkerThatIsKilledFirstDoesNotExitAsOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ordered(t, wire.Order{Exit: 70, After: 300 * ms}, wire.Request{Command: "sleep", Args: map[string]any{"s": 1}})
		time.Sleep(100 * ms)
		_ = p.Kill()
		<-p.Done()
		if p.Exit().Signal == 0 {
			t.Errorf("it ended by %v", p.Exit())
		}
	})
}

func TestALaunchMayTakeAWhileAndBeCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &model.Launcher{Profile: func(int) model.Profile {
			return model.Profile{Launch: 300 * ms, BootWait: 100 * ms, DieAged: &worker.Exit{Code: 3}, DieAge: time.Second}
		}}
		begin := time.Now()
		p, err := l.Launch(t.Context(), "w1")
		if err != nil || time.Since(begin) != 300*ms {
			t.Fatalf("launched after %v: %v", time.Since(begin), err)
		}
		if <-p.Done(); time.Since(begin) != time.Second {
			t.Errorf("it ended at an age of %v", time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*ms)
		defer cancel()
		if _, err := l.Launch(ctx, "w2"); err == nil || l.Alive() > 0 {
			t.Errorf("called off: %v, %d alive", err, l.Alive())
		}
		time.AfterFunc(100*ms, func() { _ = l.Ports()[2].Kill() })
		if _, err := l.Launch(t.Context(), "w3"); err == nil || l.Alive() > 0 {
			t.Errorf("killed: %v, %d alive", err, l.Alive())
		}
	})
}

func TestALaunchMayBeAlteredAloneAmongOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &model.Launcher{Profile: func(n int) model.Profile { return model.Profile{BootWait: time.Second} }}
		var took []time.Duration
		for _, alter := range []func(*model.Profile){nil, func(p *model.Profile) { p.BootWait += 2 * time.Second }, nil} {
			begin := time.Now()
			p, err := l.LaunchWith(context.Background(), "w", alter)
			if err != nil {
				t.Fatal(err)
			}
			w, err := worker.Start(context.Background(), already{p}, "w")
			if err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(begin))
			_ = w.Port.Kill()
			<-w.Port.Done()
		}
		if took[0] != time.Second || took[1] != 3*time.Second || took[2] != time.Second {
			t.Errorf("they took %v", took)
		}
	})
}

// already is a launcher of what was launched before.
type already struct{ worker.Port }

func (a already) Launch(context.Context, string) (worker.Port, error) { return a.Port, nil }

func TestAWorkerThatDiesAtItsStartHasTheStatusThatItWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, want := range []worker.Exit{{Code: 1}, {Code: 70}} {
			l := &model.Launcher{Profile: func(int) model.Profile { return model.Profile{DieAtHello: &want} }}
			if _, err := worker.Start(context.Background(), l, "w"); err == nil {
				t.Error("it started")
			}
			if exit := l.Ports()[0].Exit(); exit != want {
				t.Errorf("%v, want %v", exit, want)
			}
		}
	})
}

// What is said once more is the reply before, also if that went out in such a way.
func TestAModelSaysTheReplyBeforeOnceMoreAtEachCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := start(t, &model.Launcher{})
		defer w.Port.Kill()
		for _, c := range [][]int64{{0, 1}, {1, 2}, {2, 3}} {
			request, err := wire.AppendRequest(nil, wire.Request{ID: c[1], Command: "ping"})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Port.Send(bg, wire.Order{Say: wire.Say{Stale: true}}.In(request)); err != nil {
				t.Fatal(err)
			}
			for _, want := range c {
				frame, err := w.Port.Recv(bg)
				if err != nil {
					t.Fatal(err)
				}
				if reply, err := wire.ParseReply(frame); err != nil || reply.ID != want {
					t.Errorf("call %d: it says the reply to %d, want that to %d (%v)", c[1], reply.ID, want, err)
				}
			}
		}
	})
}

// It states what it does when no more than one write of it is left.
func TestAModelStatesAnOrderBeforeItsLastWrite(t *testing.T) {
	for _, c := range []struct {
		say  wire.Say
		from time.Duration
	}{
		{wire.Say{Late: time.Second}, 0},
		{wire.Say{Slice: 1 << 10, Late: time.Second}, 0},
		{wire.Say{Again: true, AgainAfter: time.Second}, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := ordered(t, wire.Order{Say: c.say}, wire.Request{Command: "ping"})
			defer p.Kill()
			for at := range 2 * time.Second / ms {
				synctest.Wait()
				if stated := p.Info().Stderr != ""; stated != (at*ms >= c.from) {
					t.Fatalf("%+v: after %v it has stated it: %v", c.say, at*ms, stated)
				}
				time.Sleep(ms)
			}
		})
	}
}

func TestAModelThatHoldsTheInterpreterMustBeKilled(t *testing.T) {
	for how, want := range map[wire.Hang]worker.Exit{wire.Deadlock: {}, wire.HeldLock: {Code: -1, Signal: syscall.SIGKILL}} {
		synctest.Test(t, func(t *testing.T) {
			p := ordered(t, wire.Order{Hang: how}, wire.Request{Command: "ping"})
			closeWithin(p, time.Second)
			if e := p.Exit(); e != want {
				t.Errorf("%s: it ended by %v, want %v", how, e, want)
			}
		})
	}
}

func TestOfWhatAModelWritesToStderrTheLastIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ordered(t, wire.Order{Say: wire.Say{Stderr: 100 << 10}}, wire.Request{Command: "ping"})
		defer p.Kill()
		synctest.Wait()
		if said := p.Info().Stderr; p.Info().Written != 100<<10+int64(len(wire.Stated(1)+"\n")) || len(said) != 64<<10 || !strings.HasSuffix(said, wire.Stated(1)+"\n") {
			t.Errorf("it has %d bytes that end with %q", len(said), said[max(0, len(said)-50):])
		}
	})
}
