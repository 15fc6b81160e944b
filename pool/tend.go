package pool

import (
	"context"
	"time"

	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/worker"
)

// A chore is what the pool itself has to ask of a worker. It comes before any
// caller: what an ended session left behind must not be met by one of the same
// name.
type chore struct {
	command string
	session *Session // that it is about; nil: none, it is a ping
}

// charge gives a worker a chore. It is done as soon as nobody has it in hand.
func (p *Pool) charge(s *slot, c chore) {
	s.chores = append(s.chores, c)
	if s.state == idle {
		p.takeIdle(s)
		p.tend(s)
	}
}

// over is called under the lock once a chore is done, or its worker is no more.
func (p *Pool) over(c chore) {
	if c.session != nil {
		c.session.forgotten()
		return
	}
	p.pinging = false
	p.armTender()
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
	s.seen = time.Now()
	c := s.chores[0]
	if s.chores = s.chores[1:]; len(s.chores) == 0 && !p.handOn(s) {
		p.putBy(s)
	}
	p.over(c)
	return s.state == tended
}

// armTender sees to it that idle workers are pinged, and end when they are of age.
func (p *Pool) armTender() {
	if p.closed {
		return
	}
	var next time.Time
	for _, s := range p.idle {
		for _, due := range []time.Time{p.pingDue(s), p.ageDue(s)} {
			if !due.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
	}
	if next.IsZero() {
		return
	}
	if p.tender != nil {
		if !next.Before(p.tenderAt) || !p.tender.Stop() { // it comes early enough, or just now
			return
		}
		p.work.Done()
	}
	p.tenderAt = next
	p.work.Add(1)
	p.tender = time.AfterFunc(time.Until(next), func() {
		defer p.work.Done()
		p.lookAfter()
	})
}

// pingDue is when an idle worker is to be pinged; zero: never, or another is just
// now. One at a time, so that few callers find one less.
func (p *Pool) pingDue(s *slot) time.Time {
	if p.cfg.PingEvery == 0 || p.pinging {
		return time.Time{}
	}
	if s.seen.After(s.since) {
		return s.seen.Add(p.cfg.PingEvery)
	}
	return s.since.Add(p.cfg.PingEvery)
}

// ageDue is when an idle worker comes of age; zero: never, or it is.
func (p *Pool) ageDue(s *slot) time.Time {
	if p.cfg.MaxAge == 0 || p.old(s) {
		return time.Time{}
	}
	return s.born.Add(p.cfg.MaxAge)
}

// lookAfter pings the idle worker that nobody has heard of for longest, if it is
// time, and ends those that are of age.
func (p *Pool) lookAfter() {
	p.points.At(point.Named("tender", p.cfg.Name), "look")
	p.mu.Lock()
	p.tender = nil
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.renewIdle()
	var longest *slot
	for _, s := range p.idle {
		if due := p.pingDue(s); !due.IsZero() && !due.After(time.Now()) && (longest == nil || due.Before(p.pingDue(longest))) {
			longest = s
		}
	}
	if longest != nil {
		p.pinging = true
		p.charge(longest, chore{command: "ping"})
	}
	p.armTender()
	starts := p.plan()
	p.mu.Unlock()
	p.begin(starts)
}

// old says whether a worker has served for as long as it may, or holds more than it
// may.
func (p *Pool) old(s *slot) bool {
	return p.cfg.MaxMemory > 0 && s.memory > p.cfg.MaxMemory || p.cfg.MaxCalls > 0 && s.calls >= p.cfg.MaxCalls || p.cfg.MaxAge > 0 && time.Since(s.born) >= p.cfg.MaxAge
}

// outlived says whether a worker that nobody has in hand is to end now, because it
// is old. Overflow has no successor; of others it is ready first where there is
// room, and else they go one at a time. None goes with which a session would be lost, or while starts fail.
func (p *Pool) outlived(s *slot) bool {
	switch {
	case !p.old(s), p.holds(s), p.storm.failures > 0:
		return false
	case s.relieved, p.ready()-p.relieved > p.cfg.Size:
		return true
	case p.full():
		return p.n[starting]+p.n[ending]+p.relieved == 0 // none of which makes room soon
	}
	if !s.aged {
		s.aged = true
		p.aged = append(p.aged, s)
	}
	return false
}

// recycle ends an old worker.
func (p *Pool) recycle(s *slot) {
	p.stat.Recycled++
	p.move(s, ending)
	p.retire(s, true)
}

// relieve has an old worker end whose successor is there, and others whose turn it
// is. It is called under the lock with each worker that is ready.
func (p *Pool) relieve() {
	if len(p.aged) > 0 {
		p.aged[0].relieved = true
		p.aged = p.aged[1:]
		p.relieved++
	}
	p.renewIdle()
}

// renewIdle ends idle workers that are old.
func (p *Pool) renewIdle() {
	for at := 0; at < len(p.idle); {
		s := p.idle[at]
		if !p.outlived(s) {
			at++
			continue
		}
		p.takeIdle(s)
		p.recycle(s)
	}
}
