package dspex

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

// A node is the Erlang node that a pool lives on: its actors, its ports, and
// the processes of those who call it. All of it ends with the node, and the
// node at the latest with Open's ctx.
type node struct {
	pool string
	bugs switches
	real bool // time is: see InRealTime
	ctx  context.Context
	halt context.CancelCauseFunc
	busy sync.WaitGroup // goroutines of actors and of port readers

	actors time.Duration // how many were spawned, as ns; while the pool is opened

	mu      sync.Mutex
	clients map[string]*client
	closing bool
	met     bool // calls, as it closed
}

// client is a process that calls are made in. It has no goroutine: its calls
// run in those of the harness, several at once if the harness makes several.
type client struct {
	*process
	calls int // under way; under node.mu
}

var errClosed = errors.New("pool is closed")

func newNode(ctx context.Context, pool string, bugs switches) *node {
	n := &node{pool: pool, bugs: bugs, real: ctx.Value(realKey{}) != nil, clients: map[string]*client{}}
	n.ctx, n.halt = context.WithCancelCause(ctx)
	return n
}

func (n *node) process(name string) *process {
	p := &process{name: name, real: n.real && n.bugs.on(SpinsForReal), gone: make(chan struct{})}
	p.life, p.end = context.WithCancelCause(n.ctx)
	return p
}

// spawn starts an actor; what body returns is the reason of its exit. No two
// actors of a node pay the same for a message, lest they be done at one instant.
func (n *node) spawn(p *process, body func(me *process) error) {
	n.actors++
	p.cost = receiveCost + n.actors
	n.busy.Go(func() { p.exit(body(p)) })
}

// stop is the message by which a supervisor asks an actor to end.
type stop struct{}

// close asks the actors to end, one after another, as a supervisor would: who
// has not ended when ctx does is killed. One that does not hear is waited for in
// vain (findings: deaf-start). The manager is linked to all ports, so that they
// close with it; no goroutine and no worker is left.
func (n *node) close(ctx context.Context, actors ...*process) error {
	n.closes()
	var err error
	for _, p := range actors {
		p.post(stop{})
		select {
		case <-p.gone:
		case <-ctx.Done():
		case <-n.ctx.Done():
		}
		if p.alive() {
			err = errors.Join(err, fmt.Errorf("%s did not stop, and was killed: %w", p.name, context.Cause(ctx)))
			p.exit(errKilled)
		}
	}
	n.busy.Wait()
	n.closed()
	return err
}

// closes takes note of the calls that a closing node meets.
func (n *node) closes() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closing = true
	for _, c := range n.clients {
		n.met = n.met || c.calls > 0
	}
}

// closed ends all that lives on a node whose actors are gone. Who waits for one of
// them hears of its death first: in a bubble he has by the time that this takes.
func (n *node) closed() {
	n.mu.Lock()
	met := n.met
	n.mu.Unlock()
	if met {
		time.Sleep(receiveCost)
	}
	n.halt(errClosed)
}

// abort ends a node whose pool did not open, and all that lives on it.
func (n *node) abort(why error) {
	n.halt(why)
	n.busy.Wait()
}

// as makes a call in the process of a client, and with "" in one of its own. A
// client that has died and calls again is a new process of that name.
func (n *node) as(ctx context.Context, name string, call func(me *process) (subject.Reply, error)) (subject.Reply, error) {
	if n.ctx.Err() != nil {
		return subject.Reply{}, context.Cause(n.ctx)
	}
	me := n.enter(name)
	defer n.leave(me, name)
	reply, err := call(me.process)
	if errors.Is(context.Cause(ctx), subject.ErrClientDied) {
		me.exit(errKilled)
		err = fmt.Errorf("%s: %w", me.name, subject.ErrClientDied)
	}
	if _, dead := me.death(); dead {
		<-me.gone // whoever ended it, its call ends when that is done
	}
	return reply, err
}

func (n *node) enter(name string) *client {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.clients[name]
	if name == "" || c == nil || !c.alive() {
		c = &client{process: n.process("client " + name)}
		if name != "" {
			n.clients[name] = c
		}
	}
	c.calls++
	n.met = n.met || n.closing
	return c
}

func (n *node) leave(c *client, name string) {
	n.mu.Lock()
	c.calls--
	n.mu.Unlock()
	if name == "" {
		c.exit(errNormal)
	}
}

// ClientDied ends the process of a client: normally if its calls have ended,
// else it was killed, and takes with it what it is linked to.
func (n *node) ClientDied(name string) {
	n.mu.Lock()
	c := n.clients[name]
	delete(n.clients, name)
	reason := errNormal
	if c != nil && c.calls > 0 {
		reason = errKilled
	}
	n.mu.Unlock()
	if c != nil {
		c.exit(reason)
		<-c.gone
	}
}
