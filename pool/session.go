package pool

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/butfor/butfor/internal/point"
)

// An Affinity says which workers the calls of a session go to. Whatever it is,
// workers keep what they hold of one session from all others.
type Affinity int

const (
	// Strict has all calls of a session go to one worker, in the order in which
	// they were made; they wait for it, though others be free. If it is lost,
	// so is what it held, and the session's calls fail with ErrSessionLost.
	Strict Affinity = iota
	// Preferred has a call go to the worker that served its session last, if
	// that is idle, and else to any: for what can be made again.
	Preferred
	// None has calls go to any worker.
	None
)

// A Session is calls that belong together: workers keep what one of them leaves
// behind for those that follow, and from everybody else's. It ends by End, with
// the pool, and once it was not used for SessionTTL. All methods may be called
// concurrently.
type Session struct {
	p  *Pool
	id string

	// Under the pool's lock.
	on       []*slot // that may hold something of it, last used last; with Strict one at most
	waiting  int     // its callers in line
	out      int     // its leases
	used     time.Time
	resting  *list.Element // among the pool's, while it has neither
	over     error         // why it takes no more calls
	ended    bool          // the pool does not know it any more
	cleaning int           // workers that are yet to forget it
	cleaned  chan struct{} // closed once it has ended and all have
}

// Session gives the session of that name, which is opened if there is none. What
// was lost stays lost until End, so that whoever comes next is told.
//
// Errors are *CheckoutError, of ErrClosed or ErrSessionLimit, and one for a name
// that is empty.
func (p *Pool) Session(id string) (*Session, error) {
	if id == "" {
		return nil, errors.New("pool: a session needs a name")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, p.refused(ErrClosed, time.Now()).of(&Session{id: id})
	}
	if q := p.sessions[id]; q != nil {
		return q, nil
	}
	if limit := p.cfg.SessionLimit; limit > 0 && len(p.sessions) >= limit {
		return nil, p.refused(ErrSessionLimit, time.Now()).of(&Session{id: id})
	}
	q := &Session{p: p, id: id, cleaned: make(chan struct{})}
	p.sessions[id] = q
	q.rest()
	return q, nil
}

// ID is the session's name.
func (q *Session) ID() string { return q.id }

// Call runs one command in the session: Checkout, Lease.Call, Checkin.
//
// Errors are those of Pool.Call; with ErrSessionLost or ErrSessionEnded in them
// where the session is the reason.
func (q *Session) Call(ctx context.Context, command string, args map[string]any) (Reply, error) {
	l, err := q.Checkout(ctx)
	if err != nil {
		return Reply{}, err
	}
	defer l.Checkin()
	return l.Call(ctx, command, args)
}

// Checkout takes a worker for the session out of the pool, as Pool.Checkout does.
// What is called by the lease belongs to the session.
func (q *Session) Checkout(ctx context.Context) (Lease, error) {
	p, who := q.p, point.Who(ctx)
	p.points.At(who, "checkout")
	p.mu.Lock()
	for s := q.pick(); s != nil; s = q.pick() {
		p.takeIdle(s)
		p.move(s, busy)
		q.hold(s)
		l := p.lease(s, who)
		p.stat.Checkouts++
		p.mu.Unlock()
		if !s.w.Unasked() {
			return l, nil
		}
		p.back(l, false) // which sees that too
		p.points.At(who, "again")
		p.mu.Lock()
		p.stat.Checkouts-- // nobody got it
	}
	return p.wait(ctx, who, q)
}

// pick is the idle worker that a caller of the session takes; nil if it has to
// wait, or may not come at all.
func (q *Session) pick() *slot {
	p := q.p
	if p.closed || q.over != nil {
		return nil
	}
	if q.p.cfg.Affinity != None {
		for _, s := range slices.Backward(q.on) {
			if s.state == idle {
				return s
			}
		}
	}
	if q.bound() != nil || len(p.idle) == 0 {
		return nil
	}
	best := p.idle[len(p.idle)-1]
	if p.cfg.Affinity != None {
		for _, s := range slices.Backward(p.idle) { // so that not all meet on one
			if len(s.sessions) < len(best.sessions) {
				best = s
			}
		}
	}
	return best
}

// bound is the worker that the session has to itself; nil if there is none yet,
// or any will do.
func (q *Session) bound() *slot {
	if q.p.cfg.Affinity == Strict && len(q.on) > 0 {
		return q.on[0]
	}
	return nil
}

// hold has a worker given to the session. It is called under the lock.
func (q *Session) hold(s *slot) {
	s.session = q
	q.out++
	q.wake()
	if i := slices.Index(q.on, s); i >= 0 {
		q.on = append(slices.Delete(q.on, i, i+1), s)
		return
	}
	q.on = append(q.on, s)
	if s.sessions == nil {
		s.sessions = map[*Session]bool{}
	}
	s.sessions[q] = false
	if q.waiting > 0 && q.bound() != nil {
		for w := range q.p.waiters() {
			if w.session == q {
				w.only = s // which they waited to know
			}
		}
	}
}

// returned is called under the lock once for each lease.
func (q *Session) returned() {
	q.out--
	q.rest()
}

// goesWith says whether the session is lost with a worker on which a call failed. It
// is not where the worker had died before, with nothing of the session on it.
func (q *Session) goesWith(s *slot) bool {
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	return q.over != nil || q.bound() == s
}

// joins puts a caller of the session into the line. With Strict it waits for one
// worker: the session's, or that which a caller before it is to get.
func (q *Session) joins(w *waiter) {
	w.session, w.only = q, q.bound()
	if q.p.cfg.Affinity == Strict && (w.only != nil || q.waiting > 0) {
		w.tied = true
		q.p.tied++
	}
	q.waiting++
	q.wake()
}

// left is called under the lock once a caller of a session, or of none, is out of
// the line.
func (p *Pool) left(w *waiter) {
	q := w.session
	if q == nil {
		return
	}
	q.waiting--
	if w.tied {
		p.tied--
	} else if w.slot == nil && q.waiting > 0 { // the next one is to find a worker
		for next := range p.waiters() {
			if next.session == q {
				p.untie(next)
				break
			}
		}
	}
	q.rest()
}

func (p *Pool) untie(w *waiter) {
	if w.tied {
		w.tied = false
		p.tied--
	}
}

// rest notes that the session is not in use, if it isn't: its time runs.
func (q *Session) rest() {
	if q.waiting > 0 || q.out > 0 || q.ended || q.p.closed {
		return
	}
	q.used = time.Now()
	q.resting = q.p.resting.PushBack(q)
	q.p.armExpiry()
}

// wake notes that it is.
func (q *Session) wake() {
	if q.resting != nil {
		q.p.resting.Remove(q.resting)
		q.resting = nil
	}
}

// calls notes that a call is made on a worker, and gives its arguments with the
// session in them.
func (q *Session) calls(s *slot, args map[string]any) map[string]any {
	q.p.mu.Lock()
	if _, on := s.sessions[q]; on { // else it was lost meanwhile
		s.sessions[q] = true
	}
	q.p.mu.Unlock()
	own := maps.Clone(args)
	if own == nil {
		own = map[string]any{}
	}
	own["session_id"] = q.id
	return own
}

// End ends the session: callers in line get ErrSessionEnded, those that have a
// worker keep it, and every worker that may hold something of the session is told
// to forget it before it does anything else. End returns once they all have, or
// are gone; if ctx ends before, with its cause, and they are told all the same.
// The name may be used again at once. Idempotent.
func (q *Session) End(ctx context.Context) error {
	p, who := q.p, point.Who(ctx)
	p.points.At(who, "end session")
	p.mu.Lock()
	q.end()
	p.mu.Unlock()
	select { // only wakes us
	case <-q.cleaned:
	case <-ctx.Done():
	}
	p.points.At(who, "session ended")
	select {
	case <-q.cleaned:
		return nil
	default:
		return fmt.Errorf("pool%s: session %s has ended, but not all of its workers know: %w", p.called(), q.id, context.Cause(ctx))
	}
}

// end is called under the lock.
func (q *Session) end() {
	if q.ended {
		return
	}
	p := q.p
	q.wake()
	q.ended = true
	delete(p.sessions, q.id)
	if q.over == nil {
		q.over = ErrSessionEnded
	}
	for w := range p.waiters() {
		if w.session == q {
			p.refuse(w, q.over)
		}
	}
	q.cleaning = 1 // so that it is not over before all are told
	for _, s := range q.on {
		delete(s.sessions, q)
		if !p.closed { // then they end all the same
			q.cleaning++
			p.charge(s, chore{command: "cleanup_session", session: q})
		}
	}
	q.on = nil
	q.forgotten()
}

// forgotten is called under the lock for each worker that holds nothing of the
// session any more.
func (q *Session) forgotten() {
	if q.cleaning--; q.cleaning == 0 {
		close(q.cleaned)
	}
}

// armExpiry sees to it that sessions which nobody uses do not stay for ever.
func (p *Pool) armExpiry() {
	if p.cfg.SessionTTL == 0 || p.expiry != nil || p.resting.Len() == 0 {
		return
	}
	wait := time.Until(p.resting.Front().Value.(*Session).used.Add(p.cfg.SessionTTL))
	p.work.Add(1)
	p.expiry = time.AfterFunc(wait, func() {
		defer p.work.Done()
		p.expire()
	})
}

// expire ends sessions that were not used for long enough.
func (p *Pool) expire() {
	p.points.At(point.Named("expiry", p.cfg.Name), "expire")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expiry = nil
	if p.closed {
		return
	}
	for e := p.resting.Front(); e != nil; e = p.resting.Front() {
		q := e.Value.(*Session)
		if time.Since(q.used) < p.cfg.SessionTTL {
			break
		}
		p.stat.SessionsExpired++
		q.end()
	}
	p.armExpiry()
}

// lose tells the sessions of a worker that it is no more; how says what became of
// it. It is called under the lock.
func (p *Pool) lose(s *slot, how string) {
	if len(s.sessions) == 0 || p.closed {
		return
	}
	for q, called := range s.sessions { // in any order: nobody sees a part of it
		q.on = slices.DeleteFunc(q.on, func(other *slot) bool { return other == s })
		if p.cfg.Affinity == Strict && called {
			q.over = fmt.Errorf("%w: worker %s %s", ErrSessionLost, s.id, how)
			p.stat.SessionsLost++
		}
	}
	s.sessions = nil
	free := map[*Session]bool{} // whose first caller in line looks for another worker
	for w := range p.waiters() {
		q := w.session
		switch {
		case w.only != s:
		case q.over != nil:
			p.refuse(w, q.over)
		default:
			if w.only = nil; !free[q] {
				free[q] = true
				p.untie(w)
			}
		}
	}
	for len(free) > 0 && len(p.idle) > 0 {
		s := p.idle[len(p.idle)-1]
		first := p.first(s)
		if first == nil {
			break
		}
		p.takeIdle(s)
		p.grant(s, first)
	}
}
