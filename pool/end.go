package pool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/worker"
)

// watch waits for the end of a worker's process, which may come at any time,
// and only then frees its slot.
func (p *Pool) watch(s *slot) {
	<-s.port.Done()
	p.points.At(point.Named("watch", s.id), "ended")
	p.mu.Lock()
	died := s.state != ending
	if s.state == idle {
		for i, other := range p.idle {
			if other == s {
				p.idle = append(p.idle[:i], p.idle[i+1:]...)
				break
			}
		}
	}
	p.drop(s, "ended: "+s.port.Exit().String())
	p.free(s)
	if died { // only now: it is no worker that callers could wait for
		p.stat.Deaths++
		if !s.good && !p.closed && time.Since(s.begun) < youth+s.w.StartedIn {
			p.storm.failed(p, s, fmt.Errorf("worker %s: ended %v after its hello: %v", s.id, time.Since(s.begun)-s.w.StartedIn, s.port.Exit()))
		}
	}
	close(s.noted)
	starts := p.plan()
	p.mu.Unlock()
	p.begin(starts)
	if died {
		p.cfg.Logger.Warn("worker died", "worker", s.id, "exit", s.port.Exit().String(), "stderr", s.port.Info().Stderr)
	}
}

// youth is how soon after its hello the death of a worker that has answered
// nothing counts as a start that failed.
const youth = time.Second

// free takes a slot out of the pool, once its process is gone.
func (p *Pool) free(s *slot) {
	delete(p.slots, s)
	p.move(s, ending) // whatever a lease still does with it comes to nothing
	p.n[ending]--
	if p.closed && len(p.slots) == 0 {
		close(p.gone)
	}
}

// retire ends a worker's process, off everybody's path: gently if it may be in
// the midst of nothing, at once if it is in doubt. Its slot is in state ending.
// It is called under the lock, so that Close can't have stopped waiting.
func (p *Pool) retire(s *slot, gently bool) {
	p.drop(s, "was replaced")
	p.work.Go(func() {
		p.points.At(point.Named("retire", s.id), "retire")
		if gently {
			s.port.Close(p.patience)
		} else {
			s.port.Kill()
		}
	})
}

// armReaper sees to it that overflow does not stay idle for ever.
func (p *Pool) armReaper() {
	if p.reaper != nil || p.ready() <= p.cfg.Size || len(p.idle) == 0 {
		return
	}
	s := p.spare()
	if s == nil {
		return
	}
	wait := time.Until(s.since.Add(p.cfg.OverflowIdle))
	p.work.Add(1)
	p.reaper = time.AfterFunc(wait, func() {
		defer p.work.Done()
		p.reap()
	})
}

// reap ends workers above Size that have been idle for long enough.
func (p *Pool) reap() {
	p.points.At(point.Named("reap", p.cfg.Name), "reap")
	p.mu.Lock()
	p.reaper = nil
	var over []*slot
	for s := p.spare(); !p.closed && p.ready() > p.cfg.Size && s != nil && time.Since(s.since) >= p.cfg.OverflowIdle; s = p.spare() {
		over = append(over, s)
		p.takeIdle(s)
		p.move(s, ending)
		p.stat.Reaped++
	}
	if !p.closed {
		p.armReaper()
		for _, s := range over {
			p.retire(s, true)
		}
	}
	p.mu.Unlock()
}

// drop lets go of all that was planned with a worker; how says what became of it.
// It is called under the lock once it is to end, or has, and may be called twice.
func (p *Pool) drop(s *slot, how string) {
	switch {
	case s.relieved:
		p.relieved--
		s.relieved = false
	case s.aged:
		p.aged = slices.DeleteFunc(p.aged, func(other *slot) bool { return other == s })
	}
	chores := s.chores
	s.chores = nil
	for _, c := range chores {
		p.over(c)
	}
	p.lose(s, how)
}

// spare is the worker that has been idle longest of those that can be spared: no
// session would be lost with it.
func (p *Pool) spare() *slot {
	for _, s := range p.idle {
		if !p.holds(s) {
			return s
		}
	}
	return nil
}

// holds says whether sessions would be lost with a worker.
func (p *Pool) holds(s *slot) bool { return p.cfg.Affinity == Strict && len(s.sessions) > 0 }

// refuseLine sends everybody home who is in line.
func (p *Pool) refuseLine(err error) {
	for w := range p.waiters() {
		p.refuse(w, err)
	}
}

// Close ends the pool. Callers in line get ErrClosed, idle workers and starts
// are ended, calls that run may finish until ctx ends; then their workers are
// killed. It returns once every process is gone and every goroutine of the
// pool has ended, with an error that says how many workers it had to take from their callers.
// Of several calls of Close the first whose ctx ends has the rest killed, and it
// alone gets the error.
func (p *Pool) Close(ctx context.Context) error { return p.close(ctx, point.Who(ctx)) }

func (p *Pool) close(ctx context.Context, who point.Name) error {
	p.points.At(who, "close")
	p.mu.Lock()
	if !p.closed {
		p.shut()
	}
	p.mu.Unlock()
	p.unhook()
	p.end()
	defer p.force()

	select { // only wakes us
	case <-p.gone:
	case <-ctx.Done():
	}
	p.points.At(who, "closing")
	select {
	case <-p.gone: // both may have been true
		p.work.Wait()
		return nil
	default:
	}
	cut := p.killAll()
	unkillable := time.NewTimer(closePatience)
	defer unkillable.Stop()
	select {
	case <-p.gone:
		p.work.Wait()
	case <-unkillable.C:
		p.mu.Lock()
		defer p.mu.Unlock()
		return fmt.Errorf("pool%s: %d processes live %v after they were killed: %w", p.called(), len(p.slots), closePatience, context.Cause(ctx))
	}
	if cut > 0 {
		return fmt.Errorf("pool%s: closed while %d workers were in callers' hands: %w", p.called(), cut, context.Cause(ctx))
	}
	return nil
}

// closePatience is how long a killed process may take to be gone: one that
// waits for a disk can't be killed.
const closePatience = 5 * time.Second

// shut is Close's first half, under the lock.
func (p *Pool) shut() {
	p.closed = true
	p.refuseLine(ErrClosed)
	p.tell(ErrClosed)
	if p.reaper != nil && p.reaper.Stop() {
		p.work.Done()
	}
	for _, timer := range []*time.Timer{p.expiry, p.tender} {
		if timer != nil && timer.Stop() {
			p.work.Done()
		}
	}
	p.storm.stop(p)
	if p.pace.timer != nil && p.pace.timer.Stop() {
		p.work.Done()
	}
	for _, s := range p.idle {
		p.move(s, ending)
		p.retire(s, true)
	}
	p.idle = nil
	if len(p.slots) == 0 {
		close(p.gone)
	}
}

// killAll kills every process that is left, and counts those in a call.
func (p *Pool) killAll() (cut int) {
	var ports []worker.Port
	p.mu.Lock()
	for s := range p.slots {
		if s.port != nil {
			ports = append(ports, s.port)
		}
		if s.state == busy {
			cut++
			s.cut.Store(true)
			p.move(s, ending)
		}
	}
	p.mu.Unlock()
	p.force()
	for _, port := range ports {
		port.Kill()
	}
	return cut
}
