package dspex

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

func actor(t *testing.T, story func(t *testing.T, p *process)) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t.Context(), "mailbox", nil)
		defer n.halt(errClosed)
		story(t, n.process("a"))
	})
}

func is(want any) func(any) bool { return func(x any) bool { return x == want } }

func TestReceiveTakesWhatItWantsAndLeavesTheRestInOrder(t *testing.T) {
	actor(t, func(t *testing.T, p *process) {
		for i := range 4 {
			p.post(i)
		}
		var got []any
		for _, want := range []func(any) bool{is(2), anything, anything, anything} {
			x, err := p.receive(t.Context(), want, patience{})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, x)
		}
		if fmt.Sprint(got) != "[2 0 1 3]" {
			t.Errorf("received %v, want [2 0 1 3]", got)
		}
	})
}

// A message that comes just as one is looked for is paid for like any other, wanted or
// not: else when an actor is done would be a matter of chance.
func TestWhoOwesForAMessageDoesNotGetIt(t *testing.T) {
	var box mailbox
	none := func(any) bool { return false }
	box.put("unwanted", 0)
	box.put("unwanted too", 0)
	if _, _, kept, ok, due := box.take(is("wanted"), anything, 1, true); ok || !due || kept != 0 || len(box.queue) != 2 {
		t.Errorf("of what nobody wants, due %v, and %v is left", due, box.queue)
	}
	if _, foreign, kept, ok, due := box.take(is("wanted"), none, 1, false); ok || due || foreign != 2 || kept != 2 {
		t.Errorf("once it is paid for, %d are foreign and %d are kept, due %v", foreign, kept, due)
	}
	if _, foreign, _, ok, due := box.take(is("wanted"), none, 2, true); ok || due || foreign != 2 {
		t.Errorf("nothing has come since: %d foreign, due %v", foreign, due)
	}
	box.put("wanted", 0)
	if x, _, _, ok, due := box.take(is("wanted"), anything, 3, true); ok || !due {
		t.Errorf("got %v, due %v", x, due)
	}
	if x, foreign, kept, ok, due := box.take(is("wanted"), anything, 3, false); x != "wanted" || foreign != 2 || kept != 0 || !ok || due {
		t.Errorf("then %v, behind %d, of which %d are kept", x, foreign, kept)
	}
	if _, _, _, ok, due := box.take(is("wanted"), anything, 0, true); ok || due {
		t.Error("there is one where there is none")
	}
}

func TestADeafReceiveDropsWhatCameBeforeAndKeepsWhatCameAfter(t *testing.T) {
	actor(t, func(t *testing.T, p *process) {
		for _, x := range []string{"before", "wanted", "after"} {
			p.post(x)
		}
		if x, err := p.receive(t.Context(), is("wanted"), patience{deaf: true}); x != "wanted" || err != nil {
			t.Fatal(x, err)
		}
		if x, err := p.receive(t.Context(), anything, patience{}); x != "after" || err != nil {
			t.Errorf("left: %v, %v, want what came after", x, err)
		}
		go func() {
			p.post("during")
			time.Sleep(second)
			p.post("wanted")
		}()
		if x, err := p.receive(t.Context(), is("wanted"), patience{deaf: true}); x != "wanted" || err != nil {
			t.Fatal(x, err)
		}
		if len(p.box.queue) != 0 {
			t.Errorf("left: %v, want nothing", p.box.queue)
		}
	})
}

func TestAMessageGoesBeforeTheDeadline(t *testing.T) {
	actor(t, func(t *testing.T, p *process) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.post("here")
		if x, err := p.receive(ctx, anything, patience{limit: 1}); x != "here" || err != nil {
			t.Errorf("received %v, %v, want what was there", x, err)
		}
		p.post("here")
		late := patience{limit: time.Nanosecond}
		begin := time.Now()
		if x, err := p.receive(t.Context(), is("never"), late); !errors.Is(err, errTimeout) || time.Since(begin) != late.limit {
			t.Errorf("received %v, %v after %v", x, err, time.Since(begin))
		}
		if _, err := p.receive(ctx, is("never"), patience{limit: 1}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the ctx before the limit", err)
		}
	})
}

func TestADeadlineThatRollsBeginsAnewAtEachForeignMessage(t *testing.T) {
	for _, c := range []struct {
		how  patience
		want time.Duration
	}{
		{patience{limit: 2 * second}, 2 * second},
		{patience{limit: 2 * second, deaf: true}, 2 * second},
		{patience{limit: 2 * second, rolling: true}, 5 * second},
		{patience{limit: 2 * second, rolling: true, deaf: true}, 5 * second},
	} {
		actor(t, func(t *testing.T, p *process) {
			var posts sync.WaitGroup
			defer posts.Wait()
			posts.Go(func() { // at 0, 1, 2 and 3 s, or just before
				for i := range 4 {
					p.post(i)
					time.Sleep(second - time.Nanosecond)
				}
			})
			begin := time.Now()
			_, err := p.receive(t.Context(), is("never"), c.how)
			if took := time.Since(begin); !errors.Is(err, errTimeout) || (took-c.want).Abs() > 10*time.Nanosecond {
				t.Errorf("%+v: %v after %v, want a timeout after %v", c.how, err, took, c.want)
			}
		})
	}
}

// So whoever sends such a message and waits as long himself has given up before
// the deadline that it put off: the two never come at one instant.
func TestADeadlineThatRollsIsPutOffByWhatTheMessageCosts(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		actor(t, func(t *testing.T, p *process) {
			p.cost = 3 * time.Microsecond
			go func() { time.Sleep(second); p.post("foreign") }()
			begin := time.Now()
			_, err := p.receive(t.Context(), is("never"), patience{limit: 2 * second, rolling: true, deaf: deaf})
			if took := time.Since(begin); !errors.Is(err, errTimeout) || took != 3*second+p.cost {
				t.Errorf("deaf %v: %v after %v, want a timeout %v after the message", deaf, err, took, 2*second+p.cost)
			}
		})
	}
}

func TestAReceiverWhoseClientDiesKillsHisProcess(t *testing.T) {
	actor(t, func(t *testing.T, p *process) {
		ctx, die := context.WithCancelCause(t.Context())
		go func() { time.Sleep(second); die(subject.ErrClientDied) }()
		if _, err := p.receive(ctx, anything, patience{}); !errors.Is(err, subject.ErrClientDied) {
			t.Errorf("%v, want the cause", err)
		}
		if reason, dead := p.death(); !dead || reason != errKilled {
			t.Errorf("dead: %v of %v", dead, reason)
		}
	})
	actor(t, func(t *testing.T, p *process) {
		ctx, cancel := context.WithTimeout(t.Context(), second)
		defer cancel()
		if _, err := p.receive(ctx, anything, patience{}); !errors.Is(err, context.DeadlineExceeded) || !p.alive() {
			t.Errorf("%v, alive: %v: whoever gives up lives on", err, p.alive())
		}
	})
}

func TestSeveralMayReceiveFromOneMailbox(t *testing.T) {
	actor(t, func(t *testing.T, p *process) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if x, err := p.receive(t.Context(), is(i), patience{limit: second}); x != i || err != nil {
					t.Errorf("%d received %v, %v", i, x, err)
				}
			})
		}
		synctest.Wait()
		for i := range 8 {
			p.post(7 - i)
		}
		begin := time.Now()
		wg.Wait()
		if time.Since(begin) != 0 {
			t.Error("somebody was not woken")
		}
		if len(p.box.queue)+len(p.box.bells) != 0 {
			t.Errorf("left: %v, %d bells", p.box.queue, len(p.box.bells))
		}
	})
}

func TestAnActorTakesItsMessagesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t.Context(), "actors", nil)
		var actors []*process
		at := make([][]time.Duration, 2)
		begin := time.Now()
		for i := range at {
			a := n.process(fmt.Sprint("a", i))
			actors = append(actors, a)
			n.spawn(a, func(me *process) error {
				for {
					if _, err := me.receive(me.life, anything, patience{}); err != nil {
						return err
					}
					at[i] = append(at[i], time.Since(begin))
				}
			})
			a.post("one")
			a.post("two")
		}
		time.Sleep(second)
		synctest.Wait()
		if fmt.Sprint(at) != "[[1.001µs 2.002µs] [1.002µs 2.004µs]]" {
			t.Errorf("messages were taken at %v: want time between any two", at)
		}
		actors[0].post("three")
		time.Sleep(500)
		actors[0].exit(errKilled)
		n.halt(errClosed)
		n.busy.Wait()
		if len(at[0]) != 2 {
			t.Error("a dead actor received a message")
		}
	})
}

func TestWhatComesAtOneInstantIsInTheOrderOfWhoSentIt(t *testing.T) {
	actor(t, func(t *testing.T, p *process) {
		for _, by := range []int{2, 0, 1, 2, 0} {
			sender := &process{cost: time.Duration(by), life: t.Context()}
			sender.send(p, fmt.Sprintf("%d.%d", by, len(p.box.queue)))
		}
		time.Sleep(time.Nanosecond)
		p.post("later")
		var got []any
		for range 6 {
			x, err := p.receive(t.Context(), anything, patience{})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, x)
		}
		// Of one sender, in the order in which it was sent.
		if want := "[0.1 0.4 1.2 2.0 2.3 later]"; fmt.Sprint(got) != want {
			t.Errorf("received %v, want %s", got, want)
		}
	})
}

func TestAnActorPaysBeforeItLooks(t *testing.T) {
	actor(t, func(t *testing.T, p *process) {
		p.cost = 3 * time.Microsecond
		begin := time.Now()
		p.postBy("second", 2)
		back := make(chan any)
		go func() {
			x, _ := p.receive(t.Context(), anything, patience{})
			back <- x
		}()
		synctest.Wait()      // it has seen that there is something
		p.postBy("first", 1) // of the same instant
		if x := <-back; x != "first" || time.Since(begin) != p.cost {
			t.Errorf("received %v after %v, want the first of that instant after %v", x, time.Since(begin), p.cost)
		}
	})
}
