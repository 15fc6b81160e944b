package faults

import (
	"errors"
	"fmt"
	"time"
)

// ErrGaveUp is the cause with which the ctx of a call ends that a fault has its
// caller give up.
var ErrGaveUp = errors.New("the caller gave up")

// A Caller is a client with one call that it makes.
type Caller struct {
	Client string
	Nth    int // of the clients, from 1; 0: it is none of the workload's
	Call   string
	GiveUp func() // ends the call's ctx, with cause ErrGaveUp
	Die    func() // ends the client

	i      *Injector
	back   chan struct{} // closed once the call is back
	spared chan struct{} // closed once it is back, and nothing will strike for its holding a worker

	// guarded by i.mu
	sent    bool // to a worker
	keeps   bool // the worker, also when the call is back
	isBack  bool
	pending int // strikes that may still come for its holding
}

// Arrives is told of a call that comes to the pool. Say Back of what it gives when
// the call has returned. Without a plan that is nil, and its methods do nothing.
func (i *Injector) Arrives(c Caller) *Caller {
	if len(i.entries) == 0 {
		return nil
	}
	c.i, c.back, c.spared = i, make(chan struct{}), make(chan struct{})
	i.mu.Lock()
	defer i.mu.Unlock()
	i.callers[c.Call] = &c
	c.arm(Arrived)
	return &c
}

// Holds says whether the client is meant to take a worker out, if the pool lets
// it, and not to give it back before it is spared.
func (c *Caller) Holds() bool {
	if c == nil {
		return false
	}
	for _, e := range c.i.entries {
		if f, ok := e.Fault.(CallerFault); ok {
			if moment, _ := f.When(); moment == Held && e.Hits(c.thing(Held)) {
				return true
			}
		}
	}
	return false
}

// Keeps is told before the call is made that the client does.
func (c *Caller) Keeps() {
	c.i.mu.Lock()
	defer c.i.mu.Unlock()
	c.keeps = true
}

// Back is told that the call has come back, or never will. A client that keeps its
// worker is to do so until it dies or is Spared.
func (c *Caller) Back() {
	if c == nil {
		return
	}
	c.i.mu.Lock()
	defer c.i.mu.Unlock()
	c.isBack = true
	close(c.back)
	delete(c.i.callers, c.Call)
	c.spare()
}

// Spared is closed once the call is back and no fault will strike the client for
// holding its worker.
func (c *Caller) Spared() <-chan struct{} { return c.spared }

// spare is called under the lock.
func (c *Caller) spare() {
	if c.isBack && c.pending == 0 {
		select {
		case <-c.spared:
		default:
			close(c.spared)
		}
	}
}

// thing is what the caller is to targets.
func (c *Caller) thing(m CallMoment) Thing { return Making(c.Call, c.Client, c.Nth, m) }

// held is told that a worker was sent the call; under the lock.
func (c *Caller) held() {
	if !c.sent {
		c.sent = true
		c.arm(Held)
	}
}

// arm begins to wait for the strikes that follow a moment of the call; under the
// lock.
func (c *Caller) arm(m CallMoment) {
	if c.i.stopped {
		return
	}
	for _, e := range c.i.entries {
		f, ok := e.Fault.(CallerFault)
		if !ok {
			continue
		}
		if moment, after := f.When(); moment == m && e.Hits(c.thing(m)) {
			if m == Held {
				c.pending++
			}
			cut := c.back
			if m == Held && c.keeps {
				cut = nil
			}
			c.i.work.Go(func() { c.strike(e, f, after, cut) })
		}
	}
}

// strike has the caller do what a fault wants of it, unless the call is back
// before. Also what is cut short comes to the scheduling point: a call that a pool's
// timeout ends comes back at that very instant, which may be the end of this wait.
func (c *Caller) strike(e *entry, f CallerFault, after time.Duration, cut <-chan struct{}) {
	i := c.i
	m, _ := f.When()
	i.sleep(after, cut)
	i.world.Point(fmt.Sprintf("fault %d on %s", e.place, c.Call), "strikes")
	i.mu.Lock()
	x := c.thing(m)
	strikes := (cut == nil || !c.isBack) && i.takes(e, x)
	if strikes {
		i.fires(e, x)
	}
	i.mu.Unlock()
	if strikes {
		f.Strike(c)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if m == Held {
		c.pending--
		c.spare()
	}
}
