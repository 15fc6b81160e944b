package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

// A Course is a plan in one run, apart from how it is carried out: what it hurts,
// and when. It has no clock, no goroutine and no lock: it is told the time. An
// Injector carries it out at the ports of real goroutines; whoever has no ports can
// do so in another way, and hurts the same.
type Course []*Underway

// Underway is an entry of a plan in one run.
type Underway struct {
	Entry
	place  int // in the plan, from 1
	alike  int // of its fault's entries, from 1
	about  kind
	seed   uint64
	opened time.Duration // when its trigger came; -1 before
	laid   int           // on so many things
}

// Course has the plan begin. seed is the run's.
func (p Plan) Course(seed uint64) (c Course) {
	alike := map[string]int{}
	for at, e := range p {
		name := e.Fault.Name()
		own := &Underway{Entry: e, place: at + 1, alike: alike[name] + 1, about: about(e.Fault), seed: e.Seed, opened: -1}
		if own.seed == 0 { // by its name, so that it draws the same when others are taken out of the plan
			own.seed = lots(seed, "entry", fmt.Sprint(name, alike[name])).Uint64()
		}
		alike[name]++
		c = append(c, own)
	}
	return c
}

// Comes opens the entry's window, if it waited for this moment.
func (e *Underway) Comes(t Trigger, now time.Duration) bool {
	if e.At != t || e.opened >= 0 {
		return false
	}
	e.opened = now
	return true
}

// Window is from when until when it hurts, since the run began. ends is below 0
// where nothing but the end of the workload ends it; came is false while its moment
// has not come.
func (e *Underway) Window() (begins, ends time.Duration, came bool) {
	if e.opened < 0 {
		return 0, 0, false
	}
	if e.Until == 0 {
		return e.opened + e.From, -1, true
	}
	return e.opened + e.From, e.opened + e.Until, true
}

// Takes says whether the entry hurts a thing now, and counts it.
func (e *Underway) Takes(x Thing, now time.Duration) bool {
	begins, ends, came := e.Window()
	if !came || now < begins || ends >= 0 && now >= ends || e.Times > 0 && e.laid >= e.Times || !e.Hits(x) {
		return false
	}
	e.laid++
	return true
}

// Hits says whether its target is true of a thing.
func (e *Underway) Hits(x Thing) bool { return e.Target.hits(e.about, x, e.seed) }

// Start says which entries hurt the start of a worker now, and counts them: of those
// that are an order at the hello the first, and of slow disks.
func (c Course) Start(x Thing, now time.Duration) (on []*Underway) {
	greeted, slowed := false, false
	for _, e := range c {
		_, greets := e.Fault.(greeting)
		_, slows := e.Fault.(SlowDisk)
		if _, ok := e.Fault.(StartFault); ok && !(greets && greeted) && !(slows && slowed) && e.Takes(x, now) {
			on = append(on, e)
			greeted, slowed = greeted || greets, slowed || slows
		}
	}
	return on
}

// Alter has a start fault change the profile of a worker whose start it hurts.
func (e *Underway) Alter(p *model.Profile, x Thing) { e.Fault.(StartFault).Model(p, e.dose(x)) }

// dose is where the fault of a start draws how much of it there is.
func (e *Underway) dose(x Thing) *rand.Rand { return lots(e.seed, "dose", x.key) }

// Order is what a worker is ordered at its nth call, from 1: by the first entry that
// hurts it now, which is nil if none does.
func (c Course) Order(x Thing, nth int, now time.Duration) (order wire.Order, by *Underway) {
	for _, e := range c {
		f, ok := e.Fault.(CallFault)
		if !ok {
			continue
		}
		if order, ordered := f.Order(nth); ordered && e.Takes(x, now) {
			return order, e
		}
	}
	return wire.Order{}, nil
}

// A Thing is what an entry may hurt: a worker, a worker's call, a caller.
type Thing struct {
	start        int // of a worker, from 1; 0: it is no worker's
	worker       string
	call, client string
	nth          int    // of the client, from 1; 0: it is no client's
	key          string // under which its lots are drawn
}

// Worker is the one that was launched as the nth, from 1.
func Worker(nth int, id string) Thing {
	return Thing{start: nth, worker: id, key: fmt.Sprint("start ", nth)}
}

// Given is a worker with a call that it is sent; nth is of the client, from 1.
func (x Thing) Given(call, client string, nth int) Thing {
	x.call, x.client, x.nth, x.key = call, client, nth, "call "+call
	return x
}

// Making is a client, the nth from 1, with a call that it makes, at a moment of
// that: lots are drawn for the call, or for the client that may hold a worker.
func Making(call, client string, nth int, m CallMoment) Thing {
	x := Thing{call: call, client: client, nth: nth, key: "call " + call}
	if m == Held {
		x.key = "client " + client
	}
	return x
}

// hits says whether the target is true of a thing.
func (t *Target) hits(about kind, x Thing, seed uint64) bool {
	place := x.start
	if about == callers {
		place = x.nth
	}
	return (len(t.Starts) == 0 || slices.Contains(t.Starts, x.start)) &&
		(t.First == 0 || place >= 1 && place <= t.First) &&
		(len(t.Workers) == 0 || slices.Contains(t.Workers, x.worker)) &&
		(len(t.Calls) == 0 || slices.Contains(t.Calls, x.call)) &&
		(len(t.Clients) == 0 || slices.Contains(t.Clients, x.client)) &&
		(t.Share == 0 || lots(seed, "share", x.key).Float64() < t.Share)
}
