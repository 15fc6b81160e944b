package dspex

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker/wire"
)

func TestAClientWhoDiesInMidCallTakesItsWorkerAlong(t *testing.T) {
	try(t, V2Seed(), eagerly(2), &models{}, func(b *bed) {
		ctx, die := context.WithCancelCause(b.Context())
		var o outcome
		go func() { o = b.callWith(ctx, "c1", sleep(4)) }()
		b.later(second)
		die(subject.ErrClientDied)
		b.died("c1")
		b.later(time.Millisecond)
		if !errors.Is(o.err, subject.ErrClientDied) || o.at.Round(time.Millisecond) != second {
			b.Errorf("the dead client's call: %v at %v", o.err, o.at)
		}
		b.came(b.call("c2", echo()), true, 1.001)
		b.later(second)
		if b.launches() != 3 || b.alive() != 2 {
			b.Errorf("%d workers started, %d alive, want 3 and 2: an eager pool replaces it", b.launches(), b.alive())
		}
	})
}

func TestADyingClientsCallEndsWhenAllHaveHeardOfIt(t *testing.T) {
	try(t, V2Seed(), eagerly(1), &models{dying: second}, func(b *bed) {
		ctx, die := context.WithCancelCause(b.Context())
		defer die(nil)
		var o outcome
		go func() { o = b.callWith(ctx, "c1", sleep(9)) }()
		b.later(second)
		go b.died("c1") // kills the worker, for 1 s
		b.later(second / 2)
		die(subject.ErrClientDied)
		b.later(second)
		b.came(o, false, 2)
	})
	try(t, V2Seed(), eagerly(1), &models{dying: second}, func(b *bed) {
		ctx, die := context.WithCancelCause(b.Context())
		go b.callWith(ctx, "c1", sleep(9))
		b.later(second)
		die(subject.ErrClientDied) // the call kills the worker, for 1 s
		b.later(second / 2)
		b.died("c1")
		if took := time.Since(b.begin).Round(time.Millisecond); took != 2*second {
			b.Errorf("ClientDied came back at %v, want 2 s", took)
		}
	})
}

func TestACallWhoseClientDiedAsItEndedIsADeadClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t.Context(), "pool", nil)
		ctx, die := context.WithCancelCause(t.Context())
		var me *process
		_, err := n.as(ctx, "c1", func(p *process) (subject.Reply, error) {
			me = p
			die(subject.ErrClientDied)
			return subject.Reply{}, nil
		})
		if reason, dead := me.death(); !errors.Is(err, subject.ErrClientDied) || !dead || reason != errKilled {
			t.Errorf("%v, dead: %v of %v", err, dead, reason)
		}
		_ = n.close(t.Context())
	})
}

func TestAClientWhoGivesUpInMidCallLosesItsWorkerAndLives(t *testing.T) {
	for _, patience := range []string{"ctx", "call timeout"} {
		cfg := lazily(1)
		if patience != "ctx" {
			cfg.CallTimeout = second
		}
		try(t, New("pool", Seed, Without(StartThenKill)), cfg, &models{}, func(b *bed) {
			ctx, cancel := context.WithTimeout(b.Context(), second)
			defer cancel()
			if patience != "ctx" {
				ctx = b.Context()
			}
			o := b.callWith(ctx, "c1", subject.Call{Command: "hang"}) // used, so in doubt
			if b.came(o, false, 1); !errors.Is(o.err, context.DeadlineExceeded) {
				b.Errorf("by %s: %v", patience, o.err)
			}
			o = b.call("c1", echo())
			if b.came(o, true, 1); o.Worker != "w2" {
				b.Errorf("by %s: served by %q, want a fresh w2", patience, o.Worker)
			}
		})
	}
}

func TestHowAClientEndsMattersToThoseWhoHadItsWorkers(t *testing.T) {
	for _, killed := range []bool{true, false} {
		try(t, V2Seed(), eagerly(2), &models{}, func(b *bed) {
			b.call("c1", echo()) // w1, to which it stays linked
			var c1, c2 outcome
			go func() { c1 = b.call("c1", sleep(map[bool]float64{true: 3, false: .5}[killed])) }() // w2
			b.later(time.Millisecond)
			go func() { c2 = b.call("c2", sleep(3)) }() // w1
			b.later(second)
			b.died("c1") // in mid-call, or after it
			b.later(3 * second)
			b.came(c1, !killed, map[bool]float64{true: 1.001, false: .5}[killed])
			b.came(c2, !killed, map[bool]float64{true: 1.001, false: 3.001}[killed])
		})
	}
}

func TestAWorkerThatWasHandedBackIsNoMatterOfItsClients(t *testing.T) {
	try(t, New("hands back", Seed, Without(LongLivedWorkers)), eagerly(2), &models{}, func(b *bed) {
		b.call("c1", echo())      // w1
		go b.call("c1", sleep(3)) // w2
		b.later(time.Millisecond)
		b.died("c1") // killed, and w2 with it
		b.later(time.Millisecond)
		if w := b.workers(); !w[0].living() || w[1].living() {
			b.Errorf("w1 alive: %v, w2 alive: %v", w[0].living(), w[1].living())
		}
	})
}

func TestACallWithoutAClientIsAProcessOfItsOwn(t *testing.T) {
	try(t, V2Seed(), lazily(1), &models{}, func(b *bed) {
		b.came(b.call("", echo()), true, 0)
		b.later(time.Millisecond)
		if n := b.alive(); n != 0 {
			b.Errorf("%d workers alive: their owner is gone", n)
		}
	})
}

func TestOneClientMayMakeSeveralCallsAtOnce(t *testing.T) {
	try(t, V2Seed(), eagerly(3), &models{}, func(b *bed) {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { b.came(b.call("c1", sleep(1)), true, 1) })
		}
		wg.Wait()
	})
}

func TestADeadClientThatCallsAgainIsANewOne(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, eagerly(1), &models{}, func(b *bed) {
			b.died("c1") // nobody of that name yet
			b.came(b.call("c1", sleep(1)), true, 1)
			b.died("c1")
			b.died("c1")
			o := b.call("c1", echo())
			if (o.err != nil) != (s.Name == "V2-seed") {
				b.Errorf("%v", o.err)
			}
		})
	})
}

func TestTheSessionGoesToTheWorkerAndTheCallersArgumentsStayHis(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, eagerly(1), &models{}, func(b *bed) {
			c := echo()
			c.Session = "s1"
			if o := b.call("c1", c); string(o.Result) != `{"session_id":"s1","x":1}` {
				b.Errorf("%s, %v", o.Result, o.err)
			}
			if !reflect.DeepEqual(c.Args, echo().Args) {
				b.Errorf("args became %v", c.Args)
			}
			if o := b.call("c1", subject.Call{Command: "echo", Session: "s2"}); string(o.Result) != `{"session_id":"s2"}` {
				b.Errorf("%s, %v", o.Result, o.err)
			}
		})
	})
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

func TestAReplyToAnotherRequestIsAnErrorAndTheEndOfTheWorker(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, lazily(1), &models{}, func(b *bed) {
			o := b.call("c1", subject.Call{Command: "stray"})
			if s.Name == "V3" { // it does not even look at it
				b.came(o, false, 5)
				return
			}
			if o.err == nil || !strings.Contains(o.err.Error(), "expected 1, got 2") {
				b.Errorf("%v", o.err)
			}
			// V2-P3 has tried three, and V2-last gives a worker three strikes.
			want := map[string]string{"V2-P3": "w4", "V2-last": "w1"}[s.Name]
			if o = b.call("c1", echo()); o.Worker != cmp.Or(want, "w2") {
				b.Errorf("served by %q, want %q", o.Worker, cmp.Or(want, "w2"))
			}
		})
	})
}

func TestADeadlineReadsTheSameWhoeverSetIt(t *testing.T) {
	var said []string
	for _, limit := range []time.Duration{0, second, 3 * second} {
		cfg := lazily(1)
		cfg.CheckoutTimeout = limit
		try(t, V2Seed(), cfg, &models{mute: func(int) bool { return true }}, func(b *bed) {
			ctx, cancel := context.WithTimeout(b.Context(), second)
			defer cancel()
			if limit == second {
				ctx = b.Context()
			}
			said = append(said, b.callWith(ctx, "c1", echo()).err.Error())
		})
	}
	if said[0] != "check-out: no worker within 1s: context deadline exceeded" || said[1] != said[0] || said[2] != said[0] {
		t.Errorf("%q", said)
	}
}

func TestACallerOfV1GivesUpBeforeItsCoordinatorDoes(t *testing.T) {
	for range 50 { // both wait for 5 s, as they did for the original
		try(t, V1(), lazily(1), &models{mute: func(int) bool { return true }}, func(b *bed) {
			if o := b.call("c1", echo()); o.err == nil || !strings.Contains(o.err.Error(), "coordinator of pool: no answer within 5s") {
				b.Errorf("%v", o.err)
			}
		})
	}
}

func TestWhoeverCallsV1AndLeavesIsServedAllTheSame(t *testing.T) {
	try(t, V1(), eagerly(1), &models{}, func(b *bed) {
		args := map[string]any{"s": 2.}
		ctx, cancel := context.WithTimeout(b.Context(), second)
		defer cancel()
		go b.call("c1", sleep(1))
		b.later(time.Millisecond)
		b.came(b.callWith(ctx, "c2", subject.Call{Command: "sleep", Args: args}), false, 1)
		args["s"] = 60. // his to do with as he likes
		b.came(b.call("c3", echo()), true, 3)
	})
}

func TestACallLeavesNoWatcherBehind(t *testing.T) {
	both(t, func(t *testing.T, s subject.Subject) {
		try(t, s, lazily(1), &models{}, func(b *bed) {
			for range 3 {
				b.came(b.call("c1", echo()), true, 0)
			}
			b.later(time.Millisecond)
			var all []*process
			switch p := b.pool.(type) {
			case *v1:
				all = []*process{p.self, p.coordinator, p.clients["c1"].process}
			case v2:
				all = []*process{p.self, p.clients["c1"].process}
			case *v3:
				all = []*process{p.self, p.clients["c1"].process, p.all[0].process}
			}
			for _, p := range all {
				if len(p.watchers)+len(p.box.queue)+len(p.box.bells) > 1 { // an actor's bell is up
					b.Errorf("%s: watchers %v, mail %v, %d bells", p.name, p.watchers, p.box.queue, len(p.box.bells))
				}
			}
		})
	})
}
