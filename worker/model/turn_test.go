package model_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

// inTurns is a worker that has its turns as take is called.
func inTurns(t *testing.T, profile model.Profile) (p worker.Port, take func()) {
	t.Helper()
	var turns []func()
	l := &model.Launcher{
		Profile: func(int) model.Profile { return profile },
		Turn:    func(_, _ string, then func()) { turns = append(turns, then) },
	}
	p, err := l.Launch(bg, "w1")
	if err != nil {
		t.Fatal(err)
	}
	return p, func() {
		synctest.Wait() // its timers may be at it
		for len(turns) > 0 {
			then := turns[0]
			turns = turns[1:]
			then()
		}
	}
}

func greet(t *testing.T, p worker.Port) {
	t.Helper()
	frame, err := wire.AppendRequest(nil, wire.Request{Command: "ping"})
	if err == nil {
		err = p.Send(bg, frame)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Who lifts a pause does other things at the same instant, so that nobody may see what
// comes of it before the worker's turn.
func TestAModelGoesOnInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		port, take := inTurns(t, model.Profile{})
		p, ok := worker.PauserOf(port)
		if !ok {
			t.Fatal("it can't be paused")
		}
		said := func() bool { return port.(worker.Listener).Unasked() }
		do := func(what func(context.Context) error) {
			t.Helper()
			if err := what(bg); err != nil {
				t.Fatal(err)
			}
		}
		greet(t, port)
		do(p.Pause)
		take()
		do(p.Unpause)
		if said() {
			t.Error("it went on at once")
		}
		do(p.Pause)
		take()
		if said() {
			t.Error("it went on in the midst of its second pause")
		}
		do(p.Unpause)
		take()
		if !said() {
			t.Error("it did not go on in its turn")
		}
		_ = port.Kill()
	})
}

// The end of a start and a pool's limit for it may fall on one instant, at which the pool
// kills the worker: what that has stated by then is nobody's choice.
func TestAModelStatesWhatItDidInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, take := inTurns(t, model.Profile{BootWait: time.Second, Imports: true})
		greet(t, p)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if said := p.Info().Stderr; said != "" {
			t.Errorf("it has said %q before its turn", said)
		}
		take()
		if said := p.Info().Stderr; !strings.Contains(said, wire.StatedImport) {
			t.Errorf("it has said %q", said)
		}
		_ = p.Kill()
	})
}

func TestAModelCrashesInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, take := inTurns(t, model.Profile{DieAge: time.Second, DieAged: &worker.Exit{Code: 7}})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		select {
		case <-p.Done():
			t.Errorf("it has ended before its turn: %v", p.Exit())
		default:
		}
		take()
		<-p.Done()
		if p.Exit().Code != 7 {
			t.Errorf("it has ended with %v", p.Exit())
		}
	})
}
