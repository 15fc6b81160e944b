package dspex

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/butfor/butfor/worker"
)

// A port is an Erlang port to one worker. The rules are OTP's (findings: head):
//
//   - What the worker sends goes to the owner, and so does its exit status.
//   - connect makes and links a new owner; the old one stays linked. Anybody
//     may connect, if port and process live: else badarg.
//   - command works for anybody. A message from anybody but the owner kills the
//     owner with badsig; one to a closed port vanishes.
//   - The dead send it nothing, and close it no more than by their death.
//   - The port closes when its owner dies, or when another linked process dies
//     of anything but a normal exit. Its reason goes on to whoever is linked.
type port struct {
	far     worker.Port
	orphans bool // the far side does not end with it (findings: orphan-spin)
	hangUp  context.CancelFunc
	id      string
	line    chan struct{} // has room for the one who sends: a worker.Port takes no two

	mu     sync.Mutex
	owner  *process
	links  []*process
	closed bool
}

// What a port sends to its owner.
type (
	data struct {
		from  *port
		frame []byte
	}
	exited struct {
		from *port
		how  worker.Exit
	}
)

var (
	errBadArg = errors.New("badarg")
	errBadSig = errors.New("badsig")
)

// fromPort wants what one port sends.
func fromPort(p *port) func(any) bool {
	return func(x any) bool {
		switch x := x.(type) {
		case data:
			return x.from == p
		case exited:
			return x.from == p
		}
		return false
	}
}

// open launches a worker and gives its port to owner.
func (n *node) open(owner *process, l worker.Launcher, id string) (*port, error) {
	far, err := l.Launch(worker.WithHabits(owner.life, n.bugs.habits()...), id)
	if err != nil {
		return nil, err
	}
	p := &port{far: far, orphans: n.bugs.on(OrphanSpin), id: id, line: make(chan struct{}, 1)}
	ctx, hangUp := context.WithCancel(n.ctx)
	p.hangUp = hangUp
	if err = p.connect(owner); err != nil { // it died during the launch
		p.shut(errKilled)
	}
	n.busy.Go(func() { p.read(ctx) })
	return p, err
}

// read is the reader of a port; it ends with the worker. Its ctx is the node's,
// not a caller's, so that no frame is lost between two owners. A worker whose
// stream broke stays as silent as it was to the original, until its port closes.
func (p *port) read(ctx context.Context) {
	defer p.hangUp()
	for {
		frame, err := p.far.Recv(ctx)
		if err != nil {
			break
		}
		p.deliver(data{p, frame})
	}
	select {
	case <-p.far.Done():
	case <-ctx.Done():
		p.shut(errKilled)
		if p.orphans {
			return
		}
	}
	<-p.far.Done()
	p.deliver(exited{p, p.far.Exit()})
	p.shut(errNormal)
}

// deliver sends to whoever is the owner now; a closed port sends nothing.
func (p *port) deliver(x any) {
	p.mu.Lock()
	owner, closed := p.owner, p.closed
	p.mu.Unlock()
	if !closed {
		owner.post(x)
	}
}

func (p *port) connect(to *process) error {
	if !to.link(p) {
		return fmt.Errorf("connect %s to %s: %w: not alive", p.id, to.name, errBadArg)
	}
	if !p.adopt(to) {
		to.unlink(p)
		return fmt.Errorf("connect %s to %s: %w: port is closed", p.id, to.name, errBadArg)
	}
	return nil
}

// adopt is the port's half of connect; false if it is closed. A new owner who
// has died since he was linked has told the port too early: it hears it now.
func (p *port) adopt(owner *process) bool {
	p.mu.Lock()
	open := !p.closed
	if open {
		p.owner = owner
		if !slices.Contains(p.links, owner) {
			p.links = append(p.links, owner)
		}
	}
	p.mu.Unlock()
	if reason, dead := owner.death(); open && dead {
		p.signal(owner, reason)
	}
	return open
}

func (p *port) unlink(who *process) {
	p.forget(who)
	who.unlink(p)
}

// forget is the port's half of unlink.
func (p *port) forget(who *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links = slices.DeleteFunc(p.links, func(l *process) bool { return l == who })
}

// command is Port.command: it waits for a busy port and knows no timeout.
func (p *port) command(by *process, frame []byte) error {
	switch {
	case !by.alive():
		return by.obituary()
	case p.isClosed():
		return fmt.Errorf("command %s: %w: port is closed", p.id, errBadArg)
	}
	select {
	case p.line <- struct{}{}:
	case <-by.life.Done():
		return by.obituary()
	}
	defer func() { <-p.line }()
	return p.far.Send(by.life, frame)
}

// send is a message to the port: its sender never learns what became of it.
func (p *port) send(by *process, frame []byte) error {
	p.mu.Lock()
	owner, closed := p.owner, p.closed
	p.mu.Unlock()
	switch {
	case closed, !by.alive():
	case by != owner:
		owner.strike(p, errBadSig)
	default:
		_ = p.command(by, frame)
	}
	return nil
}

// signal is an exit signal from a linked process that has died.
func (p *port) signal(from *process, reason error) {
	p.mu.Lock()
	owner := p.owner
	p.mu.Unlock()
	if errors.Is(reason, errNormal) && from != owner {
		p.forget(from)
		return
	}
	p.shut(reason)
}

// shut is Port.close, which waits for nothing. The worker sees end-of-file,
// which no worker outlives: hence Kill.
func (p *port) shut(reason error) {
	links, open := p.retire()
	if !open {
		return
	}
	select {
	case <-p.far.Done(): // it went by itself
	default:
		if p.orphans {
			p.abandon()
			break
		}
		_ = p.far.Kill()
	}
	for _, l := range links {
		l.signal(p, reason)
	}
}

// dismiss closes the port politely: the worker is asked to go, and waited for
// until ctx ends.
func (p *port) dismiss(ctx context.Context, by *process) {
	if !by.alive() {
		return
	}
	links, open := p.retire()
	if !open {
		return
	}
	if p.orphans {
		p.abandon()
	} else {
		_ = p.far.Close(ctx)
	}
	for _, l := range links {
		l.signal(p, errNormal)
	}
}

// abandon closes the port of a worker that does not go, and that nobody ends. What
// waits for it is there for as long.
func (p *port) abandon() {
	p.hangUp()
	go func() {
		if h, ok := worker.HalfCloserOf(p.far); ok {
			h.CloseSend()
			return
		}
		_ = p.far.Close(context.Background())
	}()
}

// retire closes the port to everybody and says whom that concerns; open is
// false if it was closed already.
func (p *port) retire() (links []*process, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false
	}
	p.closed, links, p.links = true, p.links, nil
	return links, true
}

func (p *port) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}
