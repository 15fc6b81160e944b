package dspex

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

const (
	failuresMost = 5               // that a closed circuit stands, one after another
	openFor      = 5 * time.Second // before it is half-open
	probesMost   = 3               // at once, while it is half-open
	probesGood   = 5               // that close it
	// attemptsMost is how often a call is made that fails, and attemptRest how long
	// after the first failure it is made again; after each more twice as long.
	attemptsMost = 3
	attemptRest  = 100 * time.Millisecond
)

// errOpen is what a circuit that is not closed tells callers.
var errOpen = errors.New("circuit breaker is open")

// circuit is what a circuit breaker counts.
type circuit struct {
	bugs switches

	mu       sync.Mutex
	open     bool // or half-open, once it has been for long enough
	since    time.Time
	failures int // one after another, while closed
	probes   int // that were let through, and are not back
	good     int // probes
}

// admit says whether a call may be made, and counts it as a probe if so.
func (c *circuit) admit() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return nil
	}
	if time.Since(c.since) < openFor || c.probes >= probesMost {
		return errOpen
	}
	c.probes++
	return nil
}

// report is told what came of a call that was admitted.
func (c *circuit) report(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var death *deathError
	failed := err != nil && (!c.bugs.on(BreakerNeverOpens) || errors.As(err, &death))
	if c.open && !c.bugs.on(HalfOpenStuck) {
		c.probes = max(c.probes-1, 0)
	}
	switch {
	case failed && c.open:
		c.since, c.good = time.Now(), 0
	case failed:
		if c.failures++; c.failures >= failuresMost {
			c.open, c.since, c.failures, c.good = true, time.Now(), 0, 0
		}
	case c.open:
		if c.good++; c.good >= probesGood {
			c.open = false
		}
	default:
		c.failures = 0
	}
}

// CircuitOpen says whether the pool's circuit breaker is anything but closed.
func (p v2) CircuitOpen() bool {
	if p.circuit == nil {
		return false
	}
	p.circuit.mu.Lock()
	defer p.circuit.mu.Unlock()
	return p.circuit.open
}

// guard makes a call through the circuit breaker, in its process or beside it.
func (p v2) guard(ctx context.Context, me *process, call subject.Call, lim limits) (subject.Reply, error) {
	if p.bugs.on(InlineBreaker) {
		return p.through(ctx, me, p.breaker, &call, 0)
	}
	return p.counted(ctx, me, call, lim)
}

// counted makes a call if the circuit lets it, and counts what came of it.
func (p v2) counted(ctx context.Context, me *process, call subject.Call, lim limits) (subject.Reply, error) {
	if err := p.circuit.admit(); err != nil {
		return subject.Reply{}, err
	}
	reply, err := p.persist(ctx, me, call, lim)
	p.circuit.report(err)
	return reply, err
}

// persist makes a call, and again if it fails (findings: retry-amplifies).
func (p v2) persist(ctx context.Context, me *process, call subject.Call, lim limits) (subject.Reply, error) {
	for attempt := 1; ; attempt++ {
		reply, err := p.execute(ctx, me, call, lim)
		var python *worker.RemoteError
		if err == nil || errors.As(err, &python) || attempt == attemptsMost || !p.bugs.on(RetryAmplifies) || ctx.Err() != nil || !me.alive() {
			return reply, err
		}
		me.sleep(ctx, nil, true, attemptRest<<(attempt-1))
	}
}

// runBreaker is the circuit breaker as a process: callers wait for their turn in
// its mailbox (findings: inline-breaker).
func (p v2) runBreaker(me *process) error {
	lim := limits{p.cfg.CheckoutTimeout, p.cfg.CallTimeout}
	if lim.call == 0 {
		lim.call = operationTimeout
	}
	for {
		x, err := me.receive(me.life, anything, patience{})
		if err != nil {
			return err
		}
		switch x := x.(type) {
		case order:
			reply, err := p.counted(me.life, me, *x.ref, lim)
			me.send(x.from, answer{x.ref, reply, err})
		case stop:
			return errNormal
		}
	}
}

// A deathError is that of a caller whose pool is dead.
type deathError struct {
	name   string
	reason error
}

func (e *deathError) Error() string { return fmt.Sprintf("%s is dead: %v", e.name, e.reason) }
func (e *deathError) Unwrap() error { return e.reason }
