package dspex

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
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

func TestAWorkerThatIsMadeForALateCallerServesTheNextOne(t *testing.T) {
	cfg := lazily(1)
	cfg.CheckoutTimeout = second
	try(t, New("pool", Seed, Without(DeafStart), Without(StartThenKill)), cfg, &models{boot: 1500 * time.Millisecond}, func(b *bed) {
		b.came(b.call("c1", echo()), false, 1)
		b.later(second)
		b.died("c1") // who owned it for a moment
		b.later(time.Millisecond)
		if o := b.call("c2", echo()); o.err != nil || o.Worker != "w1" {
			b.Errorf("served by %q, %v", o.Worker, o.err)
		}
	})
}

func TestWhoeverGaveUpInLineGetsNoWorker(t *testing.T) {
	for _, by := range []string{"ctx", "timeout"} {
		cfg := eagerly(1)
		if by == "timeout" {
			cfg.CheckoutTimeout = second
		}
		try(t, V2Seed(), cfg, &models{}, func(b *bed) {
			ctx, cancel := context.WithTimeout(b.Context(), second)
			defer cancel()
			if by == "timeout" {
				ctx = b.Context()
			}
			go b.call("c1", sleep(1.5))
			b.later(time.Millisecond)
			b.came(b.callWith(ctx, "c2", echo()), false, map[string]float64{"ctx": 1, "timeout": 1.001}[by])
			b.came(b.call("c3", echo()), true, 1.5)
			if b.launches() != 1 || b.alive() != 1 {
				b.Errorf("%d workers started, %d alive: none was in doubt", b.launches(), b.alive())
			}
		})
	}
}

func TestNoWorkerIsStartedForWhoeverIsTooLate(t *testing.T) {
	cfg := lazily(3)
	cfg.CheckoutTimeout = 2 * second
	try(t, New("hearing", Seed, Without(DeafStart)), cfg, &models{boot: 1500 * time.Millisecond}, func(b *bed) {
		go b.call("c1", sleep(1))
		b.later(time.Millisecond)
		ctx, cancel := context.WithTimeout(b.Context(), second)
		defer cancel()
		// Both are heard at 1.5: c2 is in time for a start of its own, though it
		// left, and c3, heard at 3.0, is not.
		go b.callWith(ctx, "c2", echo())
		b.later(time.Millisecond)
		b.came(b.call("c3", echo()), false, 2.002)
		b.later(4 * second)
		if b.launches() != 2 {
			b.Errorf("%d workers started, want 2", b.launches())
		}
	})
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
	})
}

func TestACrashIsHeardAtOnceByThoseWhoWaitAndThoseWhoWork(t *testing.T) {
	try(t, V2Seed(), eagerly(1), &models{}, func(b *bed) {
		var working, waiting outcome
		go func() { working = b.call("c1", sleep(4)) }()
		b.later(time.Millisecond)
		go func() { waiting = b.call("c2", echo()) }()
		b.later(time.Millisecond)
		go b.call("c3", subject.Call{Command: "get_stats"})
		b.later(time.Millisecond)
		// The manager is linked to every port it opened: they close, and their
		// owners, who do not trap, die with them.
		b.came(working, false, .002)
		b.came(waiting, false, .002)
		for _, o := range []outcome{working, waiting} {
			if o.err == nil || !strings.Contains(o.err.Error(), "no function clause") {
				b.Errorf("no reason in %v", o.err)
			}
		}
		if n := b.alive(); n != 0 {
			b.Errorf("%d workers outlived the crash", n)
		}
	})
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

func TestEvidenceIsAskedOfWorkersThatOfferIt(t *testing.T) {
	for _, offer := range []string{`{"status":"ok","capabilities":["evidence"]}`, `{"status":"ok"}`} {
		both(t, func(t *testing.T, s subject.Subject) {
			l := &models{greeting: func(r *wire.Reply) { r.Result = json.RawMessage(offer) }}
			try(t, s, lazily(1), l, func(b *bed) {
				o := b.call("c1", echo())
				if stated := o.Evidence != nil; stated != strings.Contains(offer, "evidence") {
					b.Errorf("offered %s: evidence %v", offer, o.Evidence)
				}
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

func TestOptionsHaveTheLastWord(t *testing.T) {
	cfg := lazily(4)
	cfg.Options = map[string]any{"deaf-start": false}
	try(t, V2Seed(), cfg, slowStarts(), func(b *bed) {
		if n := served(b.together(4, echo())); n != 4 {
			b.Errorf("%d of 4 served, want all", n)
		}
	})
	cfg.Options = map[string]any{"deaf-start": true}
	try(t, New("hearing", Seed, Without(DeafStart)), cfg, slowStarts(), func(b *bed) {
		if n := served(b.together(4, echo())); n != 1 {
			b.Errorf("%d of 4 served, want 1", n)
		}
	})
}

func TestAChangeOfOneSubjectLeavesTheOthersAlone(t *testing.T) {
	if _, bugs, err := Seed.settings([]Change{Without(DeafStart)}, nil); err != nil || bugs.on(DeafStart) {
		t.Fatalf("changed: %v, %v", bugs, err)
	}
	if _, bugs, err := Seed.settings(nil, nil); err != nil || !bugs.on(DeafStart) {
		t.Fatalf("unchanged: %v, %v", bugs, err)
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		says    string
		pool    subject.Subject
		size    int
		options map[string]any
		want    string
	}{
		{"an unknown option", V2Seed(), 1, map[string]any{"def-start": true}, `V2-seed: unknown option "def-start"`},
		{"the first unknown one by name", V2Seed(), 1, map[string]any{"x7": 1, "x5": 1, "x": 1, "x6": 1, "x4": 1, "x3": 1, "x2": 1, "x1": 1}, `unknown option "x"`},
		{"a wrong type", V2Seed(), 1, map[string]any{"deaf-start": "no"}, `V2-seed: option "deaf-start": want true or false, got string`},
		{"a switch of another version", V2Seed(), 1, map[string]any{"double-unwrap": true}, `V2-seed: unknown option "double-unwrap"`},
		{"a change to what is not there", New("mine", First, With(WrongName)), 1, nil, `mine: unknown option "wrong-name"`},
		{"a version that never was", New("mine", "V9"), 1, nil, `mine: unknown version "V9"`},
		{"no size", V1(), 0, nil, `V1: size 0, want at least 1`},
	} {
		t.Run(c.says, func(t *testing.T) {
			_, err := c.pool.Open(t.Context(), &models{}, subject.Config{Size: c.size, Lazy: true, Options: c.options})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestThePresets(t *testing.T) {
	for _, c := range []struct {
		v          Version
		name       string
		on, known  int
		mustBeOff  []Switch
		mustBeOn   []Switch
		subjectOfV subject.Subject
	}{
		{First, "V1", 0, 10, []Switch{DiesOnFirstSuccess, DoubleUnwrap, DeafStart}, nil, V1()},
		{Seed, "V2-seed", 10, 10, nil, []Switch{DeafStart, RollingDeadline, IllegalReturn, LongLivedWorkers}, V2Seed()},
	} {
		_, bugs, err := c.v.settings(nil, nil)
		if err != nil || c.subjectOfV.Name != c.name || len(bugs) != c.known {
			t.Errorf("%s: named %q, %d switches, %v", c.v, c.subjectOfV.Name, len(bugs), err)
		}
		on := 0
		for _, is := range bugs {
			if is {
				on++
			}
		}
		if on != c.on {
			t.Errorf("%s: %d switches on, want %d", c.v, on, c.on)
		}
		for _, s := range c.mustBeOff {
			if bugs.on(s) {
				t.Errorf("%s: %s is on", c.v, s)
			}
		}
		for _, s := range c.mustBeOn {
			if !bugs.on(s) {
				t.Errorf("%s: %s is off", c.v, s)
			}
		}
	}
}

func TestAFailingStartIsBegunAgainAtOnce(t *testing.T) {
	t.Run("a worker that is refused twice comes with the third start", func(t *testing.T) {
		l := &models{boot: second, refuse: func(n int) bool { return n <= 2 }}
		try(t, V2Seed(), lazily(1), l, func(b *bed) {
			b.came(b.call("c1", echo()), true, 1.002)
			if o := b.call("c1", echo()); o.Worker != "w3" {
				b.Errorf("served by %q, want w3", o.Worker)
			}
		})
	})
	t.Run("the callers of one that never comes see only a timeout", func(t *testing.T) {
		l := &models{refuse: func(int) bool { return true }}
		try(t, V2Seed(), lazily(1), l, func(b *bed) {
			b.came(b.call("c1", echo()), false, 5)
			if b.launches() < 1000 {
				b.Errorf("%d starts in 5 s, with no back-off", b.launches())
			}
		})
	})
	t.Run("an eager pool opens without the worker that failed", func(t *testing.T) {
		l := &models{boot: second, refuse: func(n int) bool { return n == 1 }}
		try(t, V2Seed(), eagerly(2), l, func(b *bed) {
			b.came(outcome{at: time.Since(b.begin)}, true, 1.001)
			b.later(1001 * time.Millisecond)
			for _, o := range b.together(2, echo()) {
				b.came(o, true, 2.002)
			}
		})
	})
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	for _, s := range []subject.Subject{V1(), V2Seed()} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), second)
			defer cancel()
			l := &models{mute: func(int) bool { return true }}
			cfg := eagerly(2)
			cfg.StartTimeout = 0
			if _, err := s.Open(ctx, l, cfg); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: open: %v, want a deadline", s.Name, err)
			}
			if n := l.alive(); n > 0 {
				t.Errorf("%s: %d workers left", s.Name, n)
			}
		})
	}
}
