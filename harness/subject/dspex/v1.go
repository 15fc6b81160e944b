package dspex

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// operationTimeout is how long V1's coordinator waits for a worker's answer.
// Its callers wait less, and in vain while it does.
const operationTimeout = 30 * time.Second

// v1 is the first pool: a coordinator goes to NimblePool for its callers, one
// call at a time. So there is never more than one worker in use, and never a
// second one started (findings: v1-serial).
type v1 struct {
	*nimble
	coordinator *process
}

// The coordinator's messages, and its answer.
type (
	order struct {
		from *process
		ref  *subject.Call
	}
	answer struct {
		ref   *subject.Call
		reply subject.Reply
		err   error
	}
)

func openV1(ctx context.Context, l worker.Launcher, cfg subject.Config, bugs switches) (subject.Pool, error) {
	m := &nimble{node: newNode(ctx, cfg.Name, bugs), launcher: l, cfg: cfg, talk: (*port).send}
	if !cfg.Lazy {
		m.eager = 1 // the original is lazy always; this is what warm can mean for it
	}
	m.cfg.Lazy = true
	p := &v1{nimble: m, coordinator: m.process("coordinator of " + cfg.Name)}
	if err := openNimble(ctx, m); err != nil {
		p.abort(err)
		return nil, err
	}
	p.spawn(p.coordinator, p.run)
	return p, nil
}

func (p *v1) run(me *process) error {
	for {
		x, err := me.receive(me.life, anything, patience{})
		if err != nil {
			return err
		}
		switch x := x.(type) {
		case order:
			reply, err := p.execute(me.life, me, *x.ref, limits{p.cfg.CheckoutTimeout, operationTimeout})
			if err == nil && p.bugs.on(DiesOnFirstSuccess) {
				return fmt.Errorf("%w of a successful command", errIllegalReturn)
			}
			if err == nil && p.bugs.on(DoubleUnwrap) {
				reply.Result = unwrap(reply.Result)
			}
			me.send(x.from, answer{x.ref, reply, err})
		case stop:
			return errNormal
		}
	}
}

// unwrap takes the result out of what was taken out already; nil if, as ever,
// there is none in it.
func unwrap(result json.RawMessage) json.RawMessage {
	var reply struct {
		Result json.RawMessage `json:"result"`
	}
	if json.Unmarshal(result, &reply) != nil || reply.Result == nil {
		return json.RawMessage("null")
	}
	return reply.Result
}

// Call has one limit, for the turn and the answer together.
func (p *v1) Call(ctx context.Context, call subject.Call) (subject.Reply, error) {
	return p.as(ctx, call.Client, func(me *process) (subject.Reply, error) {
		return p.through(ctx, me, p.coordinator, &call, p.cfg.CallTimeout)
	})
}

// through has an actor make a call for a client. An order stays with it, and is
// carried out, when its caller has long left.
func (m *nimble) through(ctx context.Context, me, actor *process, call *subject.Call, limit time.Duration) (subject.Reply, error) {
	call.Args = maps.Clone(call.Args) // the caller may be gone, and use his again, when it is its turn
	begin := time.Now()
	actor.watch(me, call)
	defer actor.unwatch(call)
	me.send(actor, order{me, call})
	x, err := me.receive(ctx, func(x any) bool {
		switch x := x.(type) {
		case answer:
			return x.ref == call
		case down:
			return x.ref == call
		}
		return false
	}, patience{limit: limit})
	if err != nil {
		return subject.Reply{}, fmt.Errorf("%s: no answer %w", actor.name, waited(begin, err))
	}
	if x, dead := x.(down); dead {
		return subject.Reply{}, &deathError{actor.name, x.reason}
	}
	a := x.(answer)
	return a.reply, a.err
}

// Warm calls n times, which is all that V1 had; it warms the one worker.
func (p *v1) Warm(ctx context.Context, n int) error {
	for i := range n {
		if _, err := p.Call(ctx, subject.Call{Command: "ping", Client: "pre-warming"}); err != nil {
			return fmt.Errorf("ping %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}

func (p *v1) Close(ctx context.Context) error { return p.stopPool(ctx, p.coordinator, p.self) }
