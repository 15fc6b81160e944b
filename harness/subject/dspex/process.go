package dspex

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A process is an actor: a mailbox, links to ports, and who watches it. An
// actor of the pool has a goroutine of its own (node.spawn); a client has none:
// its calls run in the goroutines of their callers.
type process struct {
	name  string
	box   mailbox
	cost  time.Duration   // of a message, and its rank among others; 0 for a client
	cpu   meter           // that it has had itself
	real  bool            // it spins: see SpinsForReal
	traps bool            // exit signals come as messages
	life  context.Context // ends with the process, or with the node
	end   context.CancelCauseFunc
	gone  chan struct{} // closed once everybody has heard of its exit

	atExit func() // nil: nothing

	mu       sync.Mutex
	dead     bool
	reason   error // valid once dead
	links    []*port
	watchers []watcher
}

// watcher is a monitor: who is told, and by which reference.
type watcher struct {
	by  *process
	ref any
}

// What comes into mailboxes beside the pool's own messages.
type (
	down struct { // a watched process has died
		ref    any
		reason error
	}
	exitSignal struct { // from a port that closed, trapped
		from   *port
		reason error
	}
)

// Reasons to exit. All but errNormal kill whoever is linked and does not trap.
var (
	errNormal   = errors.New("normal")
	errShutdown = errors.New("shutdown")
	errKilled   = errors.New("killed")
)

// post puts a message of nobody's into the mailbox; to a dead process it vanishes.
func (p *process) post(x any) { p.postBy(x, 0) }

func (p *process) postBy(x any, rank time.Duration) {
	if p.alive() {
		p.box.put(x, rank)
	}
}

// send is what a process says to another; the dead say nothing.
func (p *process) send(to *process, x any) {
	if p.alive() {
		to.postBy(x, p.cost)
	}
}

// exit ends the process. Its ports hear of it first, in the order in which they
// were linked, then those who watch it, and last the process itself: one that another
// ends runs on until it sees it, but finds nothing left to do then.
func (p *process) exit(reason error) {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return
	}
	p.dead, p.reason = true, reason // so that it is silent from here on
	links, watchers := p.links, p.watchers
	p.links, p.watchers = nil, nil
	p.mu.Unlock()
	for _, l := range links {
		l.signal(p, reason)
	}
	if p.atExit != nil {
		p.atExit()
	}
	for _, w := range watchers {
		w.by.postBy(down{w.ref, reason}, p.cost)
	}
	p.end(reason)
	close(p.gone)
}

// signal is the exit signal of a linked port that has closed.
func (p *process) signal(from *port, reason error) {
	p.unlink(from)
	p.strike(from, reason)
}

// strike is an exit signal from a port, linked or not.
func (p *process) strike(from *port, reason error) {
	switch {
	case p.traps:
		p.post(exitSignal{from, reason})
	case !errors.Is(reason, errNormal):
		p.exit(fmt.Errorf("port of %s: %w", from.id, reason))
	}
}

func (p *process) alive() bool {
	_, dead := p.death()
	return !dead && p.life.Err() == nil
}

// death says whether the process has exited, and why.
func (p *process) death() (error, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason, p.dead
}

// obituary is the error of whatever a dead process was about.
func (p *process) obituary() error {
	why := context.Cause(p.life)
	if why == nil { // it has yet to see it
		why, _ = p.death()
	}
	return fmt.Errorf("%s: exit: %w", p.name, why)
}

// link is false if the process is dead.
func (p *process) link(to *port) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dead && !slices.Contains(p.links, to) {
		p.links = append(p.links, to)
	}
	return !p.dead
}

// unlink is the process's half of port.unlink.
func (p *process) unlink(from *port) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links = slices.DeleteFunc(p.links, func(l *port) bool { return l == from })
}

// watch has by told of the process's death, at once if it is dead already.
func (p *process) watch(by *process, ref any) {
	p.mu.Lock()
	dead, reason := p.dead, p.reason
	if !dead {
		p.watchers = append(p.watchers, watcher{by, ref})
	}
	p.mu.Unlock()
	if dead {
		by.post(down{ref, reason})
	}
}

func (p *process) unwatch(ref any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers = slices.DeleteFunc(p.watchers, func(w watcher) bool { return w.ref == ref })
}
