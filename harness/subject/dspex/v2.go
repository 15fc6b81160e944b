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

// v2 is the second pool: callers go to NimblePool themselves.
type v2 struct {
	*nimble
	sessions *table
	circuit  *circuit // nil: there is none
	breaker  *process // with a circuit alone
	store    bool     // what sessions put is kept in their table, and nothing in workers
	tasks    bool     // the pings of a pre-warming are made at once
}

func openV2(ctx context.Context, l worker.Launcher, cfg subject.Config, bugs switches) (subject.Pool, error) {
	p, err := newV2(ctx, l, cfg, bugs)
	return p.opened(err)
}

// openP3 is V2 with a circuit breaker, retries and states of workers. Its affinity
// of sessions to workers has no trace here: it was kept, and nobody asked for it.
func openP3(ctx context.Context, l worker.Launcher, cfg subject.Config, bugs switches) (subject.Pool, error) {
	p, err := newV2(ctx, l, cfg, bugs)
	p.circuit, p.breaker = &circuit{bugs: bugs}, p.process("circuit breaker of "+cfg.Name)
	p.spawn(p.breaker, p.runBreaker)
	return p.opened(err)
}

// openLast is V2 with workers that keep nothing, a store of sessions, and
// pre-warming by several tasks.
func openLast(ctx context.Context, l worker.Launcher, cfg subject.Config, bugs switches) (subject.Pool, error) {
	p, err := newV2(ctx, l, cfg, bugs)
	p.store, p.tasks = true, true
	return p.opened(err)
}

func newV2(ctx context.Context, l worker.Launcher, cfg subject.Config, bugs switches) (v2, error) {
	m := &nimble{node: newNode(ctx, cfg.Name, bugs), launcher: l, cfg: cfg, talk: (*port).command}
	if bugs.on(PortSend) {
		m.talk = (*port).send
	}
	if !cfg.Lazy {
		m.eager = cfg.Size
	}
	err := openNimble(ctx, m)
	return v2{nimble: m, sessions: &table{bugs: bugs, pool: m.self}}, err
}

// opened is the pool, unless it could not be opened.
func (p v2) opened(err error) (subject.Pool, error) {
	if err != nil {
		p.abort(err)
		return nil, err
	}
	return p, nil
}

func (p v2) Call(ctx context.Context, call subject.Call) (subject.Reply, error) {
	return p.call(ctx, call, limits{p.cfg.CheckoutTimeout, p.cfg.CallTimeout})
}

func (p v2) call(ctx context.Context, call subject.Call, lim limits) (subject.Reply, error) {
	return p.as(ctx, call.Client, func(me *process) (subject.Reply, error) {
		if call.Command == "get_stats" && p.bugs.on(WrongName) {
			// The pool's own figures were asked of the manager, not of the
			// server in front of it.
			me.send(p.self, status{})
		}
		sent := call
		if call.Session != "" {
			p.sessions.track(me, call.Session)
			if p.store {
				sent = p.sessions.carry(call)
			}
		}
		does := p.execute
		if p.circuit != nil {
			does = p.guard
		}
		reply, err := does(ctx, me, sent, lim)
		if err == nil && p.store {
			p.sessions.keep(call)
		}
		return reply, err
	})
}

// Warm is the pre-warming of the two reports: n pings one after another, from
// one process, each with a patience of two minutes. The first worker answers
// them all (findings: prewarm-warms-one). Later they came from n tasks at once
// (findings: prewarm-leaks).
func (p v2) Warm(ctx context.Context, n int) error {
	const patience = 2 * time.Minute
	ping := func(i int, client string) error {
		if _, err := p.call(ctx, subject.Call{Command: "ping", Client: client}, limits{patience, patience}); err != nil {
			return fmt.Errorf("ping %d of %d: %w", i+1, n, err)
		}
		return nil
	}
	if !p.tasks {
		for i := range n {
			if err := ping(i, "pre-warming"); err != nil {
				return err
			}
		}
		return nil
	}
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() {
			time.Sleep(time.Duration(i) * taskTime)
			errs[i] = ping(i, fmt.Sprintf("pre-warming %d", i+1))
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// taskTime is how long it takes to begin a task; the next one comes after it.
const taskTime = 2 * time.Microsecond

func (p v2) Close(ctx context.Context) error {
	if p.breaker != nil {
		return p.stopPool(ctx, p.breaker, p.self)
	}
	return p.stopPool(ctx, p.self)
}
