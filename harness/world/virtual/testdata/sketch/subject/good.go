package subject

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/butfor/butfor/harness/world/virtual/testdata/sketch/worker"
)

// Policy is what the family of plain lock pools differs in: how many starts
// run at once, and whether the first demand starts one worker or all.
type Policy struct {
	Width int // 0: Size
	Fill  bool
	Grow  bool // width 1 until a worker is ready, then Size
}

// Plain is a pool with one short lock, FIFO admission, and starts that run on
// their own and outlive the caller who caused them.
func Plain(name string, pol Policy) Subject {
	return Subject{name, func(ctx context.Context, l worker.Launcher, cfg Config) (Pool, error) {
		ctx, cancel := context.WithCancel(ctx)
		p := &plain{ctx: ctx, cancel: cancel, l: l, cfg: cfg, pol: pol}
		if p.pol.Width == 0 {
			p.pol.Width = cfg.Size
		}
		if !cfg.Lazy {
			return p, p.warm()
		}
		return p, nil
	}}
}

// waiter is one caller in line. granted is closed under the lock after w is set.
type waiter struct {
	granted chan struct{}
	w       *slot
}

type slot struct {
	worker.Port
	id    string
	calls int
}

type plain struct {
	ctx    context.Context
	cancel context.CancelFunc
	l      worker.Launcher
	cfg    Config
	pol    Policy

	mu                    sync.Mutex
	idle, all             []*slot
	line                  []*waiter
	live, starting, names int
	want                  int // workers that Fill or warm asks for beyond the line
	busy                  sync.WaitGroup
}

// plan says which starts to begin now; the caller begins them unlocked.
func (p *plain) plan() (ids []string) {
	if p.pol.Fill && len(p.line) > 0 {
		p.want = p.cfg.Size
	}
	width := p.pol.Width
	if p.pol.Grow && p.live == 0 {
		width = 1
	}
	for p.ctx.Err() == nil && p.starting < width && p.live+p.starting < p.cfg.Size &&
		(p.starting < len(p.line) || p.live+p.starting < p.want) {
		p.starting++
		p.names++
		ids = append(ids, fmt.Sprintf("w%d", p.names))
	}
	return ids
}

func (p *plain) begin(ids []string) {
	for _, id := range ids {
		p.busy.Go(func() { p.start(id) })
	}
}

func (p *plain) start(id string) {
	ctx, cancel := p.ctx, context.CancelFunc(func() {})
	if p.cfg.StartTimeout > 0 {
		ctx, cancel = context.WithTimeout(p.ctx, p.cfg.StartTimeout)
	}
	defer cancel()
	var r worker.Reply
	port, err := p.l.Launch(ctx, id)
	if err == nil {
		if r, err = worker.Ask(ctx, port, worker.Hello(id)); err == nil && !r.Success {
			err = fmt.Errorf("%s: %s", id, r.Error)
		}
		if err != nil {
			port.Close()
		}
	}
	p.mu.Lock()
	p.starting--
	if err == nil {
		s := &slot{Port: port, id: id}
		p.live++
		p.all = append(p.all, s)
		p.give(s)
	}
	ids := p.plan()
	p.mu.Unlock()
	p.begin(ids)
}

// give hands a worker to the first in line; under the lock.
func (p *plain) give(s *slot) {
	if len(p.line) == 0 {
		p.idle = append(p.idle, s)
		return
	}
	w := p.line[0]
	p.line = p.line[1:]
	w.w = s
	close(w.granted)
}

// back returns a worker, or its slot if it is in doubt.
func (p *plain) back(s *slot, ok bool) {
	if !ok {
		s.Close()
	}
	p.mu.Lock()
	if ok {
		p.give(s)
	} else {
		p.live--
	}
	ids := p.plan()
	p.mu.Unlock()
	p.begin(ids)
}

func (p *plain) Call(ctx context.Context, call Call) (worker.Reply, error) {
	w := &waiter{granted: make(chan struct{})}
	p.mu.Lock()
	if len(p.idle) > 0 && len(p.line) == 0 {
		w.w, p.idle = p.idle[0], p.idle[1:]
		close(w.granted)
	} else {
		p.line = append(p.line, w)
	}
	ids := p.plan()
	p.mu.Unlock()
	p.begin(ids)
	select { // wakes only: the state under the lock decides
	case <-w.granted:
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	p.mu.Lock()
	s := w.w
	if s == nil {
		if i := slices.Index(p.line, w); i >= 0 {
			p.line = slices.Delete(p.line, i, i+1)
		}
	}
	p.mu.Unlock()
	switch {
	case s == nil && p.ctx.Err() != nil:
		return worker.Reply{}, errClosed
	case s == nil:
		return worker.Reply{}, errCheckout
	case ctx.Err() != nil: // untouched: back it goes
		p.back(s, true)
		return worker.Reply{}, errCheckout
	}
	s.calls++
	r, err := worker.Ask(ctx, s, worker.Request{ID: s.calls, Command: call.Command, Args: call.Args})
	p.back(s, err == nil)
	return r, err
}

// warm has all workers started at the policy's width.
func (p *plain) warm() error {
	p.mu.Lock()
	p.want = p.cfg.Size
	ids := p.plan()
	p.mu.Unlock()
	p.begin(ids)
	p.busy.Wait()
	return nil
}

func (p *plain) Close(context.Context) error {
	p.cancel()
	p.busy.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.all {
		s.Close()
	}
	return nil
}
