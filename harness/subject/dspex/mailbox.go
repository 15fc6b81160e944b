package dspex

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

// A mailbox keeps an actor's messages in the order in which they came. Several
// goroutines may receive from one, as the calls do that a client makes at
// once: each takes only what it wants.
type mailbox struct {
	mu    sync.Mutex
	queue []letter
	bells []chan struct{} // one a receiver, with room for one ring
}

// A letter is a message with when it came, and the rank of who sent it. Of those that
// come at one instant of a bubble the order is that of the ranks: else it were a matter
// of chance.
type letter struct {
	message any
	at      time.Time
	rank    time.Duration
}

func (m *mailbox) put(x any, rank time.Duration) {
	m.mu.Lock()
	l := letter{x, time.Now(), rank}
	place := len(m.queue)
	for ; place > 0 && m.queue[place-1].at.Equal(l.at) && m.queue[place-1].rank > rank; place-- {
	}
	m.queue = slices.Insert(m.queue, place, l)
	bells := slices.Clone(m.bells)
	m.mu.Unlock()
	for _, bell := range bells {
		select {
		case bell <- struct{}{}:
		default: // rung already
		}
	}
}

// take removes the first message that is wanted. foreign is the number of
// unwanted ones before it, or of all if none is wanted; kept is how many of them
// are left once those that drops is true of are gone. Of who owes for a message that
// he wants, or for more than he has seen, nothing is touched: due.
func (m *mailbox) take(want, drops func(any) bool, seen int, owes bool) (x any, foreign, kept int, ok, due bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	foreign = slices.IndexFunc(m.queue, func(l letter) bool { return want(l.message) })
	if ok = foreign >= 0; owes && (ok || len(m.queue) > seen) {
		return nil, 0, 0, false, true
	}
	rest := m.queue[:0:0]
	if ok {
		x, rest = m.queue[foreign].message, m.queue[foreign+1:]
	} else {
		foreign = len(m.queue)
	}
	before := slices.DeleteFunc(m.queue[:foreign], func(l letter) bool { return drops(l.message) })
	m.queue = append(m.queue[:len(before)], rest...)
	return x, foreign, len(before), ok, false
}

// turn has the first of n messages go behind the others.
func (m *mailbox) turn(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := m.queue[0]
	copy(m.queue, m.queue[1:n])
	m.queue[n-1] = first
}

func (m *mailbox) listen() chan struct{} {
	bell := make(chan struct{}, 1)
	m.mu.Lock()
	m.bells = append(m.bells, bell)
	m.mu.Unlock()
	return bell
}

func (m *mailbox) hush(bell chan struct{}) {
	m.mu.Lock()
	m.bells = slices.DeleteFunc(m.bells, func(b chan struct{}) bool { return b == bell })
	m.mu.Unlock()
}

// patience is how a receive waits.
type patience struct {
	limit   time.Duration // 0: for ever
	deaf    bool          // drops what it does not want (findings: deaf-start)
	eats    bool          // drops what it does not want, but for requests (findings: prewarm-leaks)
	rolling bool          // the limit begins anew at each unwanted message (findings: rolling-deadline)
	requeue bool          // posts what it does not want to itself, and waits anew (findings: requeue-spin)
}

func (how patience) drops(x any) bool { return how.deaf || how.eats && !isRequest(x) }

// errTimeout is what a receive answers when its limit is reached.
var errTimeout = errors.New("timeout")

// receive is Erlang's receive … after: it waits for a message that is wanted
// and leaves the others where they are. It fails with errTimeout, with the
// cause of ctx, or, if the process is dead, with the reason. The order is
// fixed: the dead receive nothing, then a message goes before ctx, and ctx
// before the limit.
func (p *process) receive(ctx context.Context, want func(any) bool, how patience) (any, error) {
	bell := p.box.listen()
	defer p.box.hush(bell)
	until, seen, paid := time.Now().Add(how.limit), 0, false
	for {
		if !p.alive() {
			return nil, p.obituary()
		}
		x, foreign, kept, ok, due := p.box.take(want, how.drops, seen, p.cost > 0 && !paid)
		if paid = due; due { // before it is looked at: see letter
			p.pay()
			continue
		}
		if ok {
			if how.requeue && kept > 0 {
				p.box.turn(kept)
			}
			return x, nil
		}
		if err := context.Cause(ctx); err != nil {
			if errors.Is(err, subject.ErrClientDied) {
				p.exit(errKilled)
			}
			return nil, err
		}
		if foreign > seen && how.rolling {
			until = time.Now().Add(how.limit)
		}
		seen = kept
		if how.requeue && kept > 0 {
			p.spin(ctx, bell, kept)
			continue
		}
		left := time.Until(until)
		if how.limit > 0 && left <= 0 {
			return nil, errTimeout
		}
		p.sleep(ctx, bell, how.limit > 0, left)
	}
}

// receiveCost is what a message costs an actor, at the least. In a bubble time
// moves on only when everybody waits: so whoever was woken by one message has
// done what he does about it before the actor looks at the next one, and their
// order is no matter of chance. One that it does not want costs it as much, and
// whatever comes at that instant is looked at with it.
const receiveCost = time.Microsecond

// spin takes the n messages that it does not want and posts them to itself, again and
// again, until something new comes. One turn, at the end of it all, stands for the
// thousands: a bubble would take seconds for each that goes by in it, and where they
// stop would be a matter of nanoseconds, so that no replay had the same order. With
// SpinsForReal they are done as well, in whole rounds.
func (p *process) spin(ctx context.Context, bell chan struct{}, n int) {
	defer p.cpu.spins()()
	for p.real && len(bell) == 0 && ctx.Err() == nil && p.alive() {
		for range n {
			p.box.turn(n)
		}
	}
	p.sleep(ctx, bell, false, 0)
}

func (p *process) pay() {
	if p.cost > 0 {
		p.sleep(p.life, nil, true, p.cost)
	}
}

// sleep waits until there may be something to decide, and decides nothing.
func (p *process) sleep(ctx context.Context, bell <-chan struct{}, limited bool, left time.Duration) {
	var after <-chan time.Time // nil: for ever
	if limited {
		timer := time.NewTimer(left)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-bell:
	case <-after:
	case <-ctx.Done():
	case <-p.life.Done():
	}
}

func anything(any) bool { return true }
