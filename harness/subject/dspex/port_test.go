package dspex

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// rules is a node with three processes and a port that the first one opened.
type rules struct {
	*testing.T
	n       *node
	a, b, c *process
	p       *port
	far     *model
}

func otp(t *testing.T, story func(r *rules)) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t.Context(), "otp", nil)
		r := &rules{T: t, n: n, a: n.process("a"), b: n.process("b"), c: n.process("c")}
		l := &models{}
		var err error
		if r.p, err = n.open(r.a, l, "w1"); err != nil {
			t.Fatal(err)
		}
		r.far = l.workers()[0]
		story(r)
		n.halt(errClosed)
		n.busy.Wait()
	})
}

func (r *rules) frame(command string) []byte {
	f, err := wire.AppendRequest(nil, wire.Request{ID: 7, Command: command, Timestamp: time.Now()})
	if err != nil {
		r.Fatal(err)
	}
	return f
}

// inbox empties a mailbox.
func (r *rules) inbox(p *process) []any {
	synctest.Wait()
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	var got []any
	for _, l := range p.box.queue {
		got = append(got, l.message)
	}
	p.box.queue = nil
	return got
}

func (r *rules) frames(p *process) (n int) {
	for _, x := range r.inbox(p) {
		if d, ok := x.(data); ok && d.from == r.p {
			n++
		}
	}
	return n
}

func (r *rules) open(want bool) {
	r.Helper()
	synctest.Wait()
	if r.p.isClosed() == want || r.far.living() != want {
		r.Errorf("port open: %v, worker alive: %v, want %v", !r.p.isClosed(), r.far.living(), want)
	}
}

func (r *rules) connect(to *process) {
	r.Helper()
	if err := r.p.connect(to); err != nil {
		r.Fatal(err)
	}
}

func TestAPortClosesWhenItsOwnerDies(t *testing.T) {
	for _, reason := range []error{errNormal, errShutdown, errKilled} {
		otp(t, func(r *rules) {
			r.a.exit(reason)
			r.open(false)
		})
	}
}

func TestConnectMakesANewOwnerWhoGetsTheFrames(t *testing.T) {
	otp(t, func(r *rules) {
		r.connect(r.b)
		if err := r.p.command(r.b, r.frame("ping")); err != nil {
			r.Fatal(err)
		}
		if a, b := r.frames(r.a), r.frames(r.b); a != 0 || b != 1 {
			r.Errorf("%d frames to the old owner and %d to the new one, want 0 and 1", a, b)
		}
		r.b.exit(errNormal)
		r.open(false)
	})
}

func TestNoFrameIsLostBetweenTwoOwners(t *testing.T) {
	otp(t, func(r *rules) {
		got := 0
		for i := range 20 {
			to := []*process{r.a, r.b}[i%2]
			for range 3 {
				_ = r.p.command(r.a, r.frame("ping"))
			}
			r.connect(to) // the replies are on their way
			got += r.frames(r.a) + r.frames(r.b)
		}
		if got != 60 {
			r.Errorf("%d of 60 frames came", got)
		}
	})
}

func TestTheOldOwnerStaysLinked(t *testing.T) {
	t.Run("a normal end of his is no matter", func(t *testing.T) {
		otp(t, func(r *rules) {
			r.connect(r.b)
			r.a.exit(errNormal)
			r.open(true)
		})
	})
	t.Run("any other closes the port, and kills the owner", func(t *testing.T) {
		otp(t, func(r *rules) {
			r.connect(r.b)
			r.a.exit(errKilled)
			r.open(false)
			if r.b.alive() {
				r.Error("b lives on, and was linked to what was killed")
			}
		})
	})
	t.Run("the owner's death kills him", func(t *testing.T) {
		otp(t, func(r *rules) {
			r.connect(r.b)
			r.b.exit(errKilled)
			if r.a.alive() {
				r.Error("a lives on")
			}
		})
	})
	t.Run("unless it was normal, or he traps exits, or unlinked himself", func(t *testing.T) {
		otp(t, func(r *rules) {
			r.connect(r.b)
			r.b.exit(errNormal)
			r.open(false)
			if !r.a.alive() {
				r.Error("a died of a normal end")
			}
		})
		otp(t, func(r *rules) {
			r.a.traps = true
			r.connect(r.b)
			r.b.exit(errKilled)
			got := r.inbox(r.a)
			if s, ok := got[0].(exitSignal); !r.a.alive() || !ok || s.from != r.p || !errors.Is(s.reason, errKilled) {
				r.Errorf("a alive: %v, told %v", r.a.alive(), got)
			}
		})
		otp(t, func(r *rules) {
			r.connect(r.b)
			r.p.unlink(r.a)
			r.a.exit(errKilled)
			r.open(true)
			r.connect(r.c)
			r.p.unlink(r.b)
			r.c.exit(errKilled)
			if !r.b.alive() {
				r.Error("b died, and had unlinked himself")
			}
		})
	})
}

func TestAnybodyMayConnect(t *testing.T) {
	otp(t, func(r *rules) {
		// connect says not even who asks for it: neither a nor b took part.
		r.connect(r.b)
		r.connect(r.c)
		_ = r.p.command(r.a, r.frame("ping"))
		if n := r.frames(r.c); n != 1 {
			r.Errorf("%d frames to c, want 1", n)
		}
	})
}

func TestConnectIsBadArg(t *testing.T) {
	t.Run("if the port is closed", func(t *testing.T) {
		otp(t, func(r *rules) {
			r.p.shut(errNormal)
			if err := r.p.connect(r.b); !errors.Is(err, errBadArg) || !strings.Contains(err.Error(), "closed") {
				r.Errorf("%v, want badarg", err)
			}
			if len(r.b.links) != 0 {
				r.Error("b is linked to a closed port")
			}
		})
	})
	t.Run("if the process is dead", func(t *testing.T) {
		otp(t, func(r *rules) {
			r.b.exit(errNormal)
			if err := r.p.connect(r.b); !errors.Is(err, errBadArg) || !strings.Contains(err.Error(), "alive") {
				r.Errorf("%v, want badarg", err)
			}
			r.open(true) // and a's, as before
			_ = r.p.command(r.a, r.frame("ping"))
			if n := r.frames(r.a); n != 1 {
				r.Errorf("%d frames to a, want 1", n)
			}
		})
	})
}

func TestAMessageFromANonOwnerKillsTheOwner(t *testing.T) {
	otp(t, func(r *rules) {
		_ = r.p.send(r.b, r.frame("ping"))
		reason, dead := r.a.death()
		if !dead || !errors.Is(reason, errBadSig) || !r.b.alive() {
			r.Errorf("a dead: %v of %v, b alive: %v", dead, reason, r.b.alive())
		}
		r.open(false)
		if n := len(r.far.in); n != 0 {
			r.Errorf("%d frames went through", n)
		}
	})
	otp(t, func(r *rules) {
		_ = r.p.send(r.a, r.frame("ping"))
		if n := r.frames(r.a); n != 1 || !r.a.alive() {
			r.Errorf("the owner's own message: %d replies, alive: %v", n, r.a.alive())
		}
	})
}

func TestCommandWorksForAnybodyAndTheReplyGoesToTheOwner(t *testing.T) {
	otp(t, func(r *rules) {
		if err := r.p.command(r.b, r.frame("ping")); err != nil {
			r.Fatal(err)
		}
		if a, b := r.frames(r.a), r.frames(r.b); a != 1 || b != 0 || !r.a.alive() {
			r.Errorf("%d frames to the owner, %d to the sender, owner alive: %v", a, b, r.a.alive())
		}
	})
}

func TestAMessageToAClosedPortVanishesAndACommandIsBadArg(t *testing.T) {
	otp(t, func(r *rules) {
		r.p.shut(errNormal)
		if err := r.p.send(r.b, r.frame("ping")); err != nil || !r.a.alive() {
			r.Errorf("send: %v, a alive: %v", err, r.a.alive())
		}
		if err := r.p.command(r.a, r.frame("ping")); !errors.Is(err, errBadArg) {
			r.Errorf("command: %v, want badarg", err)
		}
	})
}

func TestTheExitStatusGoesToTheOwnerAlone(t *testing.T) {
	otp(t, func(r *rules) {
		r.a.traps, r.c.traps = true, true
		r.connect(r.c)
		r.connect(r.b)
		_ = r.p.command(r.b, r.frame("exit"))
		got := r.inbox(r.b)
		if len(got) != 1 {
			r.Fatalf("b was told %v", got)
		}
		if e, ok := got[0].(exited); !ok || e.from != r.p || e.how.Code != 3 {
			r.Errorf("b was told %v, want exit status 3", got[0])
		}
		for _, p := range []*process{r.a, r.c} { // linked, so they hear that it closed, of nothing bad
			got := r.inbox(p)
			if s, ok := got[0].(exitSignal); len(got) != 1 || !ok || s.reason != errNormal {
				r.Errorf("%s was told %v", p.name, got)
			}
		}
		if !r.b.alive() {
			r.Error("b died of a normal end")
		}
		r.open(false)
	})
}

func TestAClosedPortTellsNobodyOfItsWorkersExit(t *testing.T) {
	otp(t, func(r *rules) {
		r.p.shut(errNormal)
		if got := r.inbox(r.a); len(got) != 0 {
			r.Errorf("a was told %v", got)
		}
		r.open(false)
	})
}

func TestTheLastFramesComeBeforeTheExitStatus(t *testing.T) {
	otp(t, func(r *rules) {
		for _, c := range []string{"ping", "ping", "exit"} {
			_ = r.p.command(r.a, r.frame(c))
		}
		got := r.inbox(r.a)
		if len(got) != 3 {
			r.Fatalf("a was told %v", got)
		}
		if _, ok := got[2].(exited); !ok {
			r.Errorf("a was told %v last", got[2])
		}
	})
}

func TestAnOwnerWhoDiesDuringTheConnectTakesThePortWithHim(t *testing.T) {
	otp(t, func(r *rules) {
		if !r.b.link(r.p) {
			r.Fatal("b is dead")
		}
		r.b.exit(errNormal) // tells the port, which is a's
		r.open(true)
		if !r.p.adopt(r.b) {
			r.Fatal("port is closed")
		}
		r.open(false)
	})
}

func TestDismissAsksAndWaitsForTheWorkerNoLongerThanItsContext(t *testing.T) {
	otp(t, func(r *rules) {
		r.far.stubborn = true
		begin := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), second)
		defer cancel()
		r.p.dismiss(ctx, r.a)
		if took := time.Since(begin); took != second {
			r.Errorf("took %v, want 1 s", took)
		}
		r.open(false)
		if !r.a.alive() {
			r.Error("a died of a port that was closed in peace")
		}
	})
}

func TestAWatcherIsToldOnceOfADeath(t *testing.T) {
	otp(t, func(r *rules) {
		r.b.watch(r.a, "early")
		r.b.watch(r.a, "unwatched")
		r.b.unwatch("unwatched")
		r.b.exit(errShutdown)
		r.b.exit(errKilled) // dead already
		r.b.watch(r.a, "late")
		got := r.inbox(r.a)
		want := []any{down{"early", errShutdown}, down{"late", errShutdown}}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			r.Errorf("a was told %v, want %v", got, want)
		}
	})
}

func TestTheDeadSendAndReceiveNothing(t *testing.T) {
	otp(t, func(r *rules) {
		r.b.post("waiting")
		r.b.exit(errKilled)
		r.b.post("late")
		if x, err := r.b.receive(r.Context(), anything, patience{}); err == nil || !errors.Is(err, errKilled) {
			r.Errorf("b received %v, %v", x, err)
		}
		if n := len(r.b.box.queue); n != 1 {
			r.Errorf("%d messages in a dead process's mailbox, want the one from before", n)
		}
		r.b.send(r.c, "from the dead")
		if got := r.inbox(r.c); len(got) != 0 {
			r.Errorf("c was told %v", got)
		}
	})
}

func TestTheDeadSendAPortNothingAndDoNotCloseIt(t *testing.T) {
	otp(t, func(r *rules) {
		r.b.exit(errKilled)
		for range 20 { // lest the one of two answers that is wrong be given by chance
			if err := r.p.command(r.b, r.frame("ping")); !errors.Is(err, errKilled) {
				r.Fatalf("command: %v", err)
			}
		}
		_ = r.p.send(r.b, r.frame("ping")) // would be badsig
		r.p.dismiss(r.Context(), r.b)
		r.open(true)
		if got := r.inbox(r.a); !r.a.alive() || len(got) != 0 {
			r.Errorf("a lives: %v, and was told %v", r.a.alive(), got)
		}
	})
}

func TestALaunchThatOutlivesItsOwnerLeavesNoWorker(t *testing.T) {
	otp(t, func(r *rules) {
		l := &models{}
		slow := launcherFunc(func(ctx context.Context, id string) (worker.Port, error) {
			r.b.exit(errKilled)
			return l.Launch(ctx, id)
		})
		if _, err := r.n.open(r.b, slow, "w2"); !errors.Is(err, errBadArg) {
			r.Errorf("open: %v, want badarg", err)
		}
		synctest.Wait()
		if n := l.alive(); n != 0 {
			r.Errorf("%d workers left", n)
		}
	})
}

type launcherFunc func(ctx context.Context, id string) (worker.Port, error)

func (f launcherFunc) Launch(ctx context.Context, id string) (worker.Port, error) { return f(ctx, id) }
