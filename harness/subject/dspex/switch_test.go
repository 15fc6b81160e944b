package dspex

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// each tries a story on a version with a bug and without it.
func each(t *testing.T, v Version, bug Switch, cfg subject.Config, l func() *models, story func(b *bed, on bool), also ...Change) {
	for _, on := range []bool{true, false} {
		name := map[bool]string{true: "with ", false: "without "}[on] + string(bug)
		t.Run(name, func(t *testing.T) {
			try(t, New(name, v, append(also, Change{bug, on})...), cfg, l(), func(b *bed) { story(b, on) })
		})
	}
}

func TestADeafStartLosesCheckIns(t *testing.T) {
	each(t, Seed, DeafStart, lazily(2), slowStarts, func(b *bed, on bool) {
		b.came(b.call("c1", echo()), true, 1.1)
		go b.call("c1", sleep(.5))
		b.later(time.Millisecond)
		go b.call("c2", sleep(10)) // starts w2, and c1's check-in comes meanwhile
		b.later(2 * second)
		o := b.call("c3", echo())
		if (o.err == nil) == on {
			b.Errorf("w1 was checked in long ago: %v", o.err)
		}
	})
}

func TestADeafStartCannotBeStopped(t *testing.T) {
	each(t, Seed, DeafStart, lazily(2), func() *models { return &models{boot: 3 * second} }, func(b *bed, on bool) {
		go b.call("c1", sleep(20))
		b.later(second)
		ctx, cancel := context.WithTimeout(b.Context(), 10*second)
		defer cancel()
		err := b.pool.Close(ctx)
		took := time.Since(b.begin) - second - time.Microsecond
		if on && (!errors.Is(err, context.DeadlineExceeded) || took < 9*second || took > 11*second) {
			b.Errorf("Close: %v after %v, want a deadline after 10 s", err, took)
		}
		if !on && (err != nil || took > 3*second) {
			b.Errorf("Close: %v after %v, want none, once the start is over", err, took)
		}
		if n := b.alive(); n != 0 {
			b.Errorf("%d workers left", n)
		}
	})
}

func TestADeafStartLeaksTheWorkerOfACallerWhoGaveUp(t *testing.T) {
	cfg := lazily(1)
	cfg.CheckoutTimeout = second
	each(t, Seed, DeafStart, cfg, func() *models { return &models{boot: 2 * second} }, func(b *bed, on bool) {
		b.came(b.call("c1", echo()), false, 1)
		b.later(2 * second)
		if o := b.call("c2", echo()); (o.err == nil) == on {
			b.Errorf("c1 gave up and lives, its worker is free: %v", o.err)
		}
	}, Without(StartThenKill))
}

func TestARollingDeadlineIsPutOffByWhoeverCalls(t *testing.T) {
	cfg := lazily(4)
	cfg.StartTimeout = 2 * second
	mute := func() *models { return &models{mute: func(n int) bool { return n == 1 }} }
	for _, hearing := range []Change{With(DeafStart), Without(DeafStart)} {
		each(t, Seed, RollingDeadline, cfg, mute, func(b *bed, on bool) {
			for i := range 4 { // at 0, 1.5, 3.0 and 4.5 s
				go b.call(string(rune('a'+i)), echo())
				b.later(1500 * time.Millisecond)
			}
			b.later(6 * second)
			want := 2 * second
			if on { // the last of them gives up, and says so, at 9.5 s
				want = 11500 * time.Millisecond
			}
			w1 := b.workers()[0]
			if got := w1.died.Sub(b.begin); (got - want).Abs() > 10*time.Millisecond {
				b.Errorf("a mute worker was awaited until %v, want %v", got, want)
			}
		}, hearing)
	}
}

func TestStartThenKillServesNobody(t *testing.T) {
	cfg := lazily(1)
	cfg.CheckoutTimeout = second
	each(t, Seed, StartThenKill, cfg, func() *models { return &models{boot: 1500 * time.Millisecond} }, func(b *bed, on bool) {
		go b.call("c1", echo()) // gives up at 1.0
		b.later(700 * time.Millisecond)
		o := b.call("c2", echo()) // gives up at 1.7, and the worker is ready at 1.5
		if (o.err == nil) == on {
			b.Errorf("c2: %v at %v", o.err, o.at)
		}
		if killed := !b.workers()[0].living(); killed != on {
			b.Errorf("the fresh worker was destroyed: %v, want %v", killed, on)
		}
	}, Without(DeafStart))
}

// alive-guard, give-up-crashes-pool, illegal-return: a caller gives up and dies
// while a worker starts for him.
func TestADeadCallerAtTheCheckOut(t *testing.T) {
	cfg := lazily(1)
	cfg.CheckoutTimeout = second
	for _, c := range []struct {
		says    string
		changes []Change
		fails   string // what the next caller is told; "": served
	}{
		{"V2-seed: the guard's answer takes the pool down", nil, "illegal return at check-out: client c1: not alive"},
		{"no guard: so does badarg", []Change{Without(AliveGuard)}, "illegal return at check-out: connect w1 to client c1: badarg"},
		{"legal answers: the worker goes, again and again", []Change{Without(IllegalReturn)}, "deadline exceeded"},
		{"the dead are dropped: the next one has the worker", []Change{Without(GiveUpCrashesPool)}, ""},
	} {
		t.Run(c.says, func(t *testing.T) {
			try(t, New("pool", Seed, c.changes...), cfg, &models{boot: 2 * second}, func(b *bed) {
				b.came(b.call("c1", echo()), false, 1)
				b.died("c1")
				b.later(1500 * time.Millisecond)
				o := b.call("c2", echo())
				switch {
				case c.fails == "" && (o.err != nil || o.Worker != "w1" || b.launches() != 1):
					b.Errorf("served by %q of %d, error %v", o.Worker, b.launches(), o.err)
				case c.fails != "" && (o.err == nil || !strings.Contains(o.err.Error(), c.fails)):
					b.Errorf("error %v, want one of %q", o.err, c.fails)
				}
			})
		})
	}
}

// alive-guard: he dies once the guard has asked, and before the connect.
func TestACallerWhoDiesBetweenTheGuardAndTheConnect(t *testing.T) {
	each(t, Seed, GiveUpCrashesPool, eagerly(1), func() *models { return &models{} }, func(b *bed, on bool) {
		go b.call("c1", echo())
		b.later(takeOverTime / 2)
		b.died("c1")
		b.later(second)
		o := b.call("c2", echo())
		if badarg := o.err != nil && strings.Contains(o.err.Error(), "illegal return at check-out: connect w1 to client c1: badarg"); badarg != on || !on && (o.err != nil || o.Worker != "w1" || b.launches() != 1) {
			b.Errorf("c2: served by %q of %d, error %v", o.Worker, b.launches(), o.err)
		}
	})
}

func TestAnIllegalReturnTakesEverybodyDown(t *testing.T) {
	each(t, Seed, IllegalReturn, eagerly(2), func() *models { return &models{} }, func(b *bed, on bool) {
		for i := range 2 { // c1 and c2 have had a worker each
			b.came(b.call(string(rune('a'+i)), echo()), true, 0)
		}
		if err := b.workers()[0].Kill(); err != nil { // idle, and a's: nobody looks
			b.Fatal(err)
		}
		b.later(time.Millisecond)
		outs := b.together(4, echo())
		if n, want := served(outs), map[bool]int{true: 0, false: 4}[on]; n != want {
			b.Errorf("%d of 4 served, want %d: %v", n, want, outs)
		}
	}, Without(DeafStart))
}

func TestReadySignal(t *testing.T) {
	saying := func(change func(r *wire.Reply)) func() *models {
		return func() *models { return &models{boot: second, greeting: change} }
	}
	loading := saying(func(r *wire.Reply) { r.Result = json.RawMessage(`{"status":"loading"}`) })
	each(t, Seed, ReadySignal, lazily(1), loading, func(b *bed, on bool) {
		o := b.call("c1", echo())
		if (o.err == nil) != on {
			b.Errorf("a worker that says it is loading was handed out: %v, want %v", o.err == nil, on)
		}
	})
	for says, change := range map[string]func(r *wire.Reply){
		"a list":             func(r *wire.Reply) { r.Result = json.RawMessage(`["ok"]`) },
		"null":               func(r *wire.Reply) { r.Result = json.RawMessage(`null`) },
		"an error":           func(r *wire.Reply) { *r = wire.Reply{Error: "no model"} },
		"to another request": func(r *wire.Reply) { r.ID = 1 },
	} {
		t.Run("no hello: "+says, func(t *testing.T) {
			try(t, V2Seed(), lazily(1), saying(change)(), func(b *bed) {
				b.came(b.call("c1", echo()), false, 5)
			})
		})
	}
}

func TestErrorCrashesClient(t *testing.T) {
	fail := subject.Call{Command: "fail"}
	each(t, Seed, ErrorCrashesClient, eagerly(1), func() *models { return &models{} }, func(b *bed, on bool) {
		var python *worker.RemoteError
		o := b.call("c1", fail)
		if got := errors.As(o.err, &python); got == on {
			b.Errorf("c1 was told of the error: %v (%v)", got, o.err)
		}
		b.later(time.Millisecond)
		if killed := !b.workers()[0].living(); killed != on {
			b.Errorf("worker killed: %v, want %v", killed, on)
		}
		if on && (o.err == nil || !strings.Contains(o.err.Error(), "client c1: exit: no case clause")) {
			b.Errorf("c1: %v", o.err)
		}
		b.came(b.call("c1", echo()), true, .001) // a new process of that name
	})
	t.Run("a session's call has a clause", func(t *testing.T) {
		try(t, V2Seed(), eagerly(1), &models{}, func(b *bed) {
			var python *worker.RemoteError
			c := fail
			c.Session = "s1"
			if o := b.call("c1", c); !errors.As(o.err, &python) || python.Message != "no such program" || python.Worker != "w1" {
				b.Errorf("c1: %v", o.err)
			}
			b.came(b.call("c1", echo()), true, 0)
		})
	})
}

func TestWrongName(t *testing.T) {
	each(t, Seed, WrongName, eagerly(1), func() *models { return &models{} }, func(b *bed, on bool) {
		for _, c := range []subject.Call{{Command: "get_stats"}, echo()} {
			if o := b.call("c1", c); (o.err == nil) == on {
				b.Errorf("%s: %v", c.Command, o.err)
			}
		}
	})
}

func TestDiesOnFirstSuccess(t *testing.T) {
	each(t, First, DiesOnFirstSuccess, eagerly(1), func() *models { return &models{} }, func(b *bed, on bool) {
		if o := b.call("c1", subject.Call{Command: "fail"}); strings.Contains(o.err.Error(), "dead") {
			b.Errorf("an error is no success: %v", o.err)
		}
		for range 2 {
			b.came(b.call("c1", echo()), !on, 0) // nobody waits for the dead
		}
	})
}

func TestDoubleUnwrap(t *testing.T) {
	each(t, First, DoubleUnwrap, eagerly(1), func() *models { return &models{} }, func(b *bed, on bool) {
		want := map[bool]string{true: "null", false: `{"x":1}`}[on]
		if o := b.call("c1", echo()); o.err != nil || string(o.Result) != want {
			b.Errorf("answer %s (%v), want %s", o.Result, o.err, want)
		}
		nested := subject.Call{Command: "echo", Args: map[string]any{"result": "deep"}}
		want = map[bool]string{true: `"deep"`, false: `{"result":"deep"}`}[on]
		if o := b.call("c1", nested); string(o.Result) != want {
			b.Errorf("answer %s, want %s", o.Result, want)
		}
	})
}
