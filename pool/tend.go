package pool

import (
	"context"

	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/worker"
)

// A chore is what the pool itself has to ask of a worker. It comes before any
// caller: what an ended session left behind must not be met by one of the same
// name.
type chore struct {
	command string
	session *Session // that it is about; nil: none
}

// over is called under the lock once there is nothing left to do.
func (c chore) over() {
	if c.session != nil {
		c.session.forgotten()
	}
}

// charge gives a worker a chore. It is done as soon as nobody has it in hand.
func (p *Pool) charge(s *slot, c chore) {
	s.chores = append(s.chores, c)
	if s.state == idle {
		p.takeIdle(s)
		p.tend(s)
	}
}

// tend has a worker's chores done, off everybody's path. It is called under the
// lock, with a worker that is in nobody's hands and among no others.
func (p *Pool) tend(s *slot) {
	p.move(s, tended)
	p.work.Go(func() {
		who := point.Named("tend", s.id)
		for more := true; more; {
			p.points.At(who, "tend")
			p.mu.Lock()
			if s.state != tended || dead(s.port) { // watch, or Close, has it
				p.mu.Unlock()
				return
			}
			c := s.chores[0]
			p.mu.Unlock()
			err := p.do(s, c)
			p.points.At(who, "tended")
			p.mu.Lock()
			more = p.tendedTo(s, err)
			starts := p.plan()
			p.mu.Unlock()
			p.begin(starts)
			if err != nil && p.life.Err() == nil {
				p.cfg.Logger.Warn("worker did not do what the pool asked: replaced", "worker", s.id, "command", c.command, "error", err, "stderr", s.port.Info().Stderr)
			}
		}
	})
}

// do asks a worker for a chore. Any error means that it is not to be relied on,
// also one of its own: what it was to forget it may still hold.
func (p *Pool) do(s *slot, c chore) error {
	ctx, cancel := context.WithTimeout(p.life, p.cfg.TendTimeout)
	defer cancel()
	r := worker.Request{Command: c.command}
	if c.session != nil {
		r.Args = map[string]any{"session_id": c.session.id}
	}
	_, err := s.w.Call(ctx, r)
	if err == nil && s.w.Unasked() {
		err = worker.ErrUnasked
	}
	return err
}

// tendedTo is called under the lock once a worker's first chore is done, or could
// not be; more says that there are others.
func (p *Pool) tendedTo(s *slot, err error) (more bool) {
	switch {
	case s.state != tended || dead(s.port):
		return false
	case p.closed:
		p.move(s, ending)
		p.retire(s, err == nil)
		return false
	case err != nil:
		p.stat.Replaced++
		p.move(s, ending)
		p.retire(s, false)
		return false
	}
	s.chores[0].over()
	s.chores = s.chores[1:]
	if len(s.chores) > 0 {
		return true
	}
	p.offer(s)
	return false
}
