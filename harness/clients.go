package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/internal/point"
)

// clients call a pool.
type clients struct {
	*act
	opened <-chan struct{}
	pool   func() subject.Pool // after opened; nil if it did not open

	mu      sync.Mutex
	through map[string]int // clients of each session that make no more calls
}

// run lets the workload's clients arrive, and who came beside them in a recorded run or
// asks how the pool is, and returns once they are through.
func (cs *clients) run() {
	var wg sync.WaitGroup
	for i, at := range cs.sc.Workload.Arrivals(cs.sc.Seed) {
		wg.Go(func() { cs.client(i+1, at) })
	}
	for _, x := range cs.sc.Workload.Extra {
		wg.Go(func() {
			if sleep(cs.life, x.At) {
				cs.extra(faults.Extra{Name: x.Name, Waits: x.Waits})
			}
		})
	}
	for i, at := range cs.sc.Workload.Health {
		wg.Go(func() {
			if sleep(cs.life, at) {
				cs.ask(fmt.Sprintf("asker%d", i+1))
			}
		})
	}
	wg.Wait()
}

// ask asks the pool how it is.
func (cs *clients) ask(name string) {
	cs.world.Point(name, "ask")
	err := errNotYetOpen
	if isClosed(cs.opened) && cs.pool() != nil {
		err = errNoTeller
		if pool, ok := cs.pool().(subject.HealthTeller); ok {
			ctx, cancel := context.WithTimeout(cs.life, closePatience)
			defer cancel()
			err = cs.do(2*closePatience, func() error { return pool.Health(point.As(ctx, name)) })
			cs.world.Point(name, "told")
		}
	}
	e := scenario.Event{Kind: scenario.Health}
	if err != nil {
		e.Err = err.Error()
	}
	cs.rec.Add(e)
}

var (
	errNotYetOpen = errors.New("it is not open")
	errNoTeller   = errors.New("it has no answer to that")
)

// client is one client's life.
func (cs *clients) client(nth int, at time.Duration) {
	name := cs.sc.Workload.Client(nth)
	if !sleep(cs.life, at) {
		return
	}
	w := cs.sc.Workload
	life, die := cs.life, func() {}
	if w.DieAfter > 0 || cs.hurt.Any() {
		ctx, cancel := context.WithCancelCause(cs.life)
		defer cancel(nil)
		life, die = ctx, func() { cancel(subject.ErrClientDied) }
	}
	if w.DieAfter > 0 {
		cs.world.Point(name, "come") // else its death and its call's deadline might fall on one instant
		defer time.AfterFunc(w.DieAfter, die).Stop()
	}
	for n := range w.Each() {
		if n > 0 && !sleep(life, w.Think) {
			break
		}
		id, step := w.Call(nth, n+1), w.Step(n+1)
		call := subject.Call{Command: step.Command, Args: step.Args, Session: w.Session(nth), Client: name}
		if step.Anonymous {
			call.Session = ""
		}
		cs.rec.Arrive(id, call, step, false)                            // a point: else the deadlines of a burst would fall on one instant
		ctx, cancel := context.WithTimeout(life, cs.sc.GivesUp()+aside) // counted from the arrival
		h := &holder{}
		if cs.hurt.Any() {
			var giveUp context.CancelCauseFunc
			ctx, giveUp = context.WithCancelCause(ctx)
			h.had = make(chan subject.Lease, 1)
			h.caller = cs.hurt.Arrives(faults.Caller{
				Client: name, Nth: nth, Call: id,
				GiveUp: func() { giveUp(faults.ErrGaveUp) },
				Die:    die,
			})
		}
		cs.call(ctx, id, call, h)
		h.caller.Back()
		cs.hold(life, name, h)
		cancel()
		if life.Err() != nil {
			break
		}
	}
	if w.EndSessions {
		cs.endSession(life, nth)
	}
	if w.Mortal || errors.Is(context.Cause(life), subject.ErrClientDied) {
		cs.world.Point(name, "died")
		cs.rec.Add(scenario.Event{Kind: scenario.ClientDied, Client: name})
		if !isClosed(cs.opened) {
			return // the pool never heard of it
		}
		if pool, ok := cs.pool().(subject.ClientWatcher); ok {
			if err := cs.do(closePatience, func() error { pool.ClientDied(name); return nil }); err != nil {
				cs.rec.Add(scenario.Event{Kind: scenario.ClientDied, Client: name, Err: err.Error()})
			}
		}
	}
}

// extra makes the one call of a caller that is none of the workload's.
func (cs *clients) extra(x faults.Extra) {
	step := cs.sc.Workload.Step(1)
	call := subject.Call{Command: step.Command, Args: step.Args, Client: x.Name}
	cs.rec.ArriveExtra(x.Name, call, step)
	x.Came()
	ctx, cancel := context.WithTimeout(cs.life, cmp.Or(x.Waits, cs.sc.GivesUp())+aside)
	defer cancel()
	cs.call(ctx, x.Name, call, &holder{})
}

// endSession ends a client's session, if it is the last to have it and lives.
func (cs *clients) endSession(life context.Context, nth int) {
	name, id := cs.sc.Workload.Client(nth), cs.sc.Workload.Session(nth)
	cs.world.Point(name, "through")
	cs.mu.Lock()
	cs.through[id]++
	last := cs.through[id] == cs.sc.Workload.Sharers(nth)
	cs.mu.Unlock()
	if !last || life.Err() != nil || !isClosed(cs.opened) || cs.pool() == nil {
		return
	}
	cs.rec.Add(scenario.Event{Kind: scenario.SessionEnding, Session: id})
	e, err := scenario.Event{Kind: scenario.SessionEnded, Session: id}, errNoEnder
	if pool, ok := cs.pool().(subject.SessionEnder); ok {
		ctx, cancel := context.WithTimeout(life, closePatience)
		defer cancel()
		err = cs.do(2*closePatience, func() error { return pool.EndSession(point.As(ctx, id), id) })
	}
	if err != nil {
		e.Err = err.Error()
	}
	cs.world.Point(name, "ended")
	cs.rec.Add(e)
}

var errNoEnder = errors.New("the pool can't be told that a session is over")

// aside keeps a caller's patience apart from a timeout of the pool's own, which may
// be as long and begins at the same instant.
const aside = time.Nanosecond

// A holder is a client in one call of its own; probes have none. It may take a
// worker out for it.
type holder struct {
	caller *faults.Caller     // nil without faults
	had    chan subject.Lease // what it took out, once it has; nil if it never will
}

// ask makes a call, on a worker that the client takes out if it is meant to and
// the pool lets it.
func (h *holder) ask(ctx context.Context, pool subject.Pool, c subject.Call) (subject.Reply, error) {
	lessor, ok := pool.(subject.Lessor)
	if h == nil || !ok || !h.caller.Holds() {
		return pool.Call(ctx, c)
	}
	h.caller.Keeps()
	lease, err := lessor.Checkout(subject.For(ctx, c.Client))
	if err != nil {
		return subject.Reply{}, err
	}
	h.had <- lease
	return lease.Call(ctx, c)
}

// hold keeps the worker that the client has taken out until it dies, or until
// nothing wants it to.
func (cs *clients) hold(life context.Context, name string, h *holder) {
	var lease subject.Lease
	select {
	case lease = <-h.had:
	default:
		return
	}
	select {
	case <-life.Done():
	case <-h.caller.Spared():
	}
	cs.world.Point(name, "spared")
	if life.Err() != nil {
		return // whoever is dead gives nothing back
	}
	if err := cs.do(closePatience, func() error { lease.Checkin(); return nil }); err != nil {
		cs.rec.Add(scenario.Event{Kind: scenario.Left, Client: name, Text: "a worker that could not be given back: " + err.Error()})
	}
}

var errNotOpen = errors.New("the pool did not open")

// lostPatience is how long a call may take to come back once its ctx has
// ended, before it counts as lost.
const lostPatience = 2 * time.Second

// An outcome is what came of a call.
type outcome struct {
	reply subject.Reply
	err   error
}

// call makes one call that has arrived, maybe while the pool still opens, and
// returns once it has come back or is lost.
func (cs *clients) call(ctx context.Context, id string, c subject.Call, h *holder) {
	back := make(chan outcome, 1)
	go cs.make(ctx, id, c, h, back)
	select {
	case o := <-back:
		cs.returned(ctx, id, c.Client, o)
		return
	case <-ctx.Done():
	}
	late := time.NewTimer(lostPatience)
	defer late.Stop()
	select {
	case o := <-back:
		cs.returned(ctx, id, c.Client, o)
	case <-late.C:
		cs.rec.Lose(id, c.Client, h == nil)
	}
}

// make is the call itself, in a goroutine that the subject may keep.
func (cs *clients) make(ctx context.Context, id string, c subject.Call, h *holder, back chan<- outcome) {
	if !isClosed(cs.opened) {
		select {
		case <-cs.opened:
		case <-ctx.Done():
		}
		if !isClosed(cs.opened) { // both may have been true
			back <- outcome{err: fmt.Errorf("the pool was still opening: %w", context.Cause(ctx))}
			return
		}
		cs.world.Point(id, "begin") // all that waited have been woken at once
	}
	pool := cs.pool()
	if pool == nil {
		back <- outcome{err: fmt.Errorf("%w: %w", errNotOpen, cs.openErr)}
		return
	}
	cs.rec.Begin(id, &c, h == nil)
	shielded(cs.life, func() (subject.Reply, error) { return h.ask(point.As(ctx, id), pool, c) },
		func(r subject.Reply, err error) { back <- outcome{r, err} })
}

func (cs *clients) returned(ctx context.Context, id, client string, o outcome) {
	cause := context.Cause(ctx)
	excused := errors.Is(cause, subject.ErrClientDied) || errors.Is(cause, faults.ErrGaveUp)
	cs.rec.Return(id, client, o.reply, o.err, excused)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// sleep waits; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
