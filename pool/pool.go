package pool

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// A Pool hands workers to callers. All methods may be called concurrently.
type Pool struct {
	cfg      Config
	launcher worker.Launcher
	life     context.Context // ends when the pool is closed: starts are bound to it
	end      context.CancelFunc
	patience context.Context // ends when Close has no time left: gentle ends are bound to it
	force    context.CancelFunc
	unhook   func() bool    // from the ctx given to New
	work     sync.WaitGroup // every goroutine of the pool
	gone     chan struct{}  // closed once the pool is closed and its last process is gone
	points   point.Set      // where a test may decide who takes the lock first; none is in a program

	mu        point.Mutex // guards all that follows; no start, stop, send, wait or log while it is held
	closed    bool
	slots     map[*slot]struct{} // one for each process that may be alive
	idle      []*slot            // longest idle first; the last is given out
	line      list.List          // of *waiter, first come first served
	watching  []*watch           // who waits for a number of ready workers
	n         [states]int        // slots by state
	target    int                // ready workers to keep
	named     int                // workers named so far
	storm     storm
	pace      pace
	reaper    *time.Timer // ends idle overflow; nil if not armed
	exhausted bool        // callers have had to wait since a worker was last idle
	stat      Stat        // its counters; the rest is filled in by Stat

	sessions map[string]*Session // that have not ended
	resting  list.List           // of *Session: those that nobody uses, longest first
	expiry   *time.Timer         // ends those that were not used for long enough; nil if not armed
	tied     int                 // callers in line who wait for one worker alone

	tender   *time.Timer // looks after idle workers; nil if not armed
	tenderAt time.Time   // when it will
	pinging  bool        // one of them is being pinged
	aged     []*slot     // old workers whose successors are yet to come
	relieved int         // old workers whose successors are there
}

// A slot is one worker's place in the pool, from before its launch until its
// process is gone.
type slot struct {
	id     string
	state  state
	port   worker.Port    // nil before the launch
	w      *worker.Worker // nil before the hello
	begun  time.Time      // when its start was planned
	launch time.Duration  // from then until it had a port
	nth    int            // of the workers named so far, from 1
	had    time.Duration  // CPU that its start had had when pace last looked
	good   bool           // it has answered
	since  time.Time      // when it became idle
	wanted time.Duration  // CPU that its start had asked for when pace last looked
	turn   atomic.Uint64  // goes up whenever the worker changes hands
	cut    atomic.Bool    // Close took it from its caller
	noted  chan struct{}  // closed once the pool has taken note of its death

	session  *Session          // whose caller has it in hand; nil: none
	sessions map[*Session]bool // of which it may hold something: does, if a call was made
	chores   []chore           // to be done before anybody gets it
	calls    int               // made on it
	memory   int64             // that it held after the last, if there is a limit
	born     time.Time         // when it was ready
	seen     time.Time         // when it has done a chore last
	aged     bool              // it is old, and waits or has waited for its successor
	relieved bool              // which is there
}

type state int

const (
	starting state = iota // launched, no hello yet
	idle                  // ready, given to nobody
	busy                  // in a caller's hands
	tended                // in the pool's own: see chore
	ending                // told to end, or being killed; its process may live
	states                // their number
)

// A waiter is a caller in line. Whoever grants or refuses sets w or err under
// the lock, and then closes served.
type waiter struct {
	served chan struct{}
	slot   *slot
	err    error
	place  *list.Element // nil once out of line

	session *Session // nil: none
	tied    bool     // any worker but one is of no use
	only    *slot    // that one; nil if it is the one that a caller before it gets
}

// A watch waits for a number of ready workers.
type watch struct {
	n    int
	done chan struct{}
	err  error
}

// New opens a pool and returns at once; unless cfg.Lazy, its workers are then
// starting (Ready waits for them). The pool ends with Close, or when ctx ends:
// then without regard for calls that run.
func New(ctx context.Context, launcher worker.Launcher, cfg Config) (*Pool, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if launcher == nil {
		return nil, errors.New("pool: no launcher")
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("pool: not opened: %w", context.Cause(ctx))
	}
	cfg.fill()
	p := &Pool{cfg: cfg, launcher: launcher, points: point.From(ctx), gone: make(chan struct{}), slots: map[*slot]struct{}{}, sessions: map[string]*Session{}}
	p.life, p.end = context.WithCancel(context.WithoutCancel(ctx))
	p.patience, p.force = context.WithCancel(context.WithoutCancel(ctx))
	p.unhook = context.AfterFunc(ctx, func() { _ = p.close(ctx, point.Named("hook", cfg.Name)) })
	if !cfg.Lazy {
		p.mu.Lock()
		p.target = cfg.Size
		begin := p.plan()
		p.mu.Unlock()
		p.begin(begin)
	}
	return p, nil
}

// Reply is a worker's answer.
type Reply struct {
	wire.Reply
	Worker string // id of who answered
}

// Call runs one command on one worker: Checkout, Lease.Call, Checkin.
//
// Errors: *CheckoutError if no worker was had, *worker.RemoteError if the
// command's handler failed, *worker.CallError if the worker did.
func (p *Pool) Call(ctx context.Context, command string, args map[string]any) (Reply, error) {
	l, err := p.Checkout(ctx)
	if err != nil {
		return Reply{}, err
	}
	defer l.Checkin()
	return l.Call(ctx, command, args)
}

// Checkout takes a worker out of the pool, waiting in line for one if need be.
// A caller that gives up leaves nothing behind. Every lease must be checked
// in. Errors are *CheckoutError.
func (p *Pool) Checkout(ctx context.Context) (Lease, error) {
	who := point.Who(ctx)
	p.points.At(who, "checkout")
	p.mu.Lock()
	for !p.closed && len(p.idle) > 0 { // nobody is in line while a worker is idle
		s := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		p.move(s, busy)
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
	return p.wait(ctx, who, nil)
}

// wait is Checkout's slow half, for a session or for none. It is entered with the
// lock held.
func (p *Pool) wait(ctx context.Context, who point.Name, q *Session) (Lease, error) {
	begin := time.Now()
	if err := p.refusal(ctx, q); err != nil {
		var starts []*slot
		if errors.Is(err, ErrQueueFull) && p.cfg.QueueLimit < 0 && (q == nil || q.bound() == nil) {
			starts = p.planFor(1) // nobody waits, yet a lazy pool must learn that it is wanted
		}
		e := p.refused(err, begin).of(q)
		p.mu.Unlock()
		p.begin(starts)
		return Lease{}, e
	}
	w := &waiter{served: make(chan struct{})}
	if q != nil {
		q.joins(w)
	}
	w.place = p.line.PushBack(w)
	p.stat.Waited++
	announce := !p.exhausted && !w.tied && p.n[starting] == 0 && p.full()
	p.exhausted = p.exhausted || announce
	starts := p.plan()
	p.mu.Unlock()
	p.begin(starts)
	if announce {
		p.cfg.Logger.Warn("pool exhausted: callers wait", "size", p.cfg.Size, "overflow", p.cfg.Overflow)
	}

	var timeout <-chan time.Time
	if t := p.cfg.CheckoutTimeout; t > 0 && !endsWithin(ctx, t) {
		t := time.NewTimer(t)
		defer t.Stop()
		timeout = t.C
	}
	select { // only wakes us: the state under the lock decides, in a fixed order
	case <-w.served:
	case <-ctx.Done():
	case <-timeout:
	}

	p.points.At(who, "woken")
	p.mu.Lock()
	p.stat.WaitTime += time.Since(begin)
	if w.slot == nil {
		err := w.err
		if err == nil {
			p.line.Remove(w.place)
			if err = context.Cause(ctx); err == nil {
				err = ErrCheckoutTimeout
			}
			p.left(w)
		}
		p.stat.GaveUp++
		e := p.refused(err, begin).of(q)
		p.mu.Unlock()
		return Lease{}, e
	}
	l := p.lease(w.slot, who)
	p.stat.Checkouts++
	p.mu.Unlock()
	return l, nil
}

// refusal says why a caller may not even wait.
func (p *Pool) refusal(ctx context.Context, q *Session) error {
	switch {
	case p.closed:
		return ErrClosed
	case q != nil && q.over != nil:
		return q.over
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case p.cfg.QueueLimit < 0, p.cfg.QueueLimit > 0 && p.line.Len() >= p.cfg.QueueLimit:
		p.stat.Refused++
		return ErrQueueFull
	}
	return p.storm.refusal(p)
}

// A Lease is a worker in a caller's hands. It is for one goroutine at a time,
// and worthless after Checkin.
type Lease struct {
	who  point.Name
	p    *Pool
	s    *slot
	turn uint64
}

func (p *Pool) lease(s *slot, who point.Name) Lease {
	return Lease{who: who, p: p, s: s, turn: s.turn.Load()}
}

// Worker is the id of the worker.
func (l Lease) Worker() string {
	if l.s == nil {
		return ""
	}
	return l.s.id
}

// Call runs one command on the leased worker, within the pool's CallTimeout.
// Errors are those of worker.Worker.Call, and ErrReturned. One that Close cut
// short is ErrClosed too, and one that cost a session its worker ErrSessionLost.
func (l Lease) Call(ctx context.Context, command string, args map[string]any) (Reply, error) {
	if l.s == nil || l.s.turn.Load() != l.turn {
		return Reply{}, ErrReturned
	}
	if t := l.p.cfg.CallTimeout; t > 0 && !endsWithin(ctx, t) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t)
		defer cancel()
	}
	if q := l.s.session; q != nil {
		args = q.calls(l.s, args)
	}
	l.s.calls++
	r, err := l.s.w.Call(ctx, worker.Request{Command: command, Args: args, Evidence: l.p.cfg.Evidence})
	if e := (*worker.CallError)(nil); errors.As(err, &e) {
		if dead(l.s.port) { // the pool knows no later than its caller
			<-l.s.noted
		}
		switch {
		case l.s.cut.Load(): // or one would look for who killed it
			err = fmt.Errorf("pool%s: closed with a call under way: %w: %w", l.p.called(), ErrClosed, err)
		case l.s.session != nil && l.p.cfg.Affinity == Strict && l.s.session.goesWith(l.s):
			err = fmt.Errorf("pool%s: session %s: %w: %w", l.p.called(), l.s.session.id, ErrSessionLost, err)
		}
	}
	return Reply{Reply: r, Worker: l.s.id}, err
}

// endsWithin says whether a ctx has a deadline that is no further than d.
func endsWithin(ctx context.Context, d time.Duration) bool {
	at, ok := ctx.Deadline()
	return ok && time.Until(at) <= d
}

// Checkin gives the worker back; a worker in doubt is replaced. Only the first
// Checkin of a lease does anything.
func (l Lease) Checkin() {
	if l.s != nil {
		l.p.back(l, false)
	}
}

// Discard gives the worker back to be replaced, because its caller knows that
// it must not be used again.
func (l Lease) Discard() {
	if l.s != nil {
		l.p.back(l, true)
	}
}

func (p *Pool) back(l Lease, doubt bool) {
	s := l.s
	unasked := s.turn.Load() == l.turn && !s.w.InDoubt() && s.w.Unasked() // a system call: not under the lock
	var holds int64
	if p.cfg.MaxMemory > 0 {
		holds, _ = worker.Memory(s.port) // another
	}
	p.points.At(l.who, "checkin")
	p.mu.Lock()
	if !s.turn.CompareAndSwap(l.turn, l.turn+1) {
		p.mu.Unlock()
		return
	}
	s.memory = holds
	if q := s.session; q != nil {
		s.session = nil
		q.returned()
	}
	if s.state != busy || dead(s.port) { // watch deals with the dead, Close with what it cut short
		p.mu.Unlock()
		return
	}
	doubt = doubt || unasked || s.w.InDoubt()
	switch {
	case s.good:
	case unasked: // nothing it said can be relied on
		p.storm.failed(p, s, fmt.Errorf("worker %s: %w", s.id, worker.ErrUnasked))
	case s.w.Answered():
		s.good = true
		p.storm.over(p)
	}
	switch {
	case doubt:
		p.stat.Replaced++
		p.move(s, ending)
		p.retire(s, false)
	case p.closed:
		p.move(s, ending)
		p.retire(s, true)
	default:
		p.give(s)
	}
	starts := p.plan()
	p.mu.Unlock()
	p.begin(starts)
	if unasked {
		p.cfg.Logger.Warn("worker sent what nobody asked for: replaced", "worker", s.id, "stderr", s.port.Info().Stderr)
	}
}

func dead(port worker.Port) bool {
	select {
	case <-port.Done():
		return true
	default:
		return false
	}
}

// give hands a ready worker to the first in line that it is of use to, or puts it
// by. What the pool itself has to do with it comes first.
func (p *Pool) give(s *slot) {
	switch {
	case len(s.chores) > 0:
		s.since = time.Now()
		p.tend(s)
	case !p.handOn(s): // only then is the clock read: under the lock that counts
		s.since = time.Now()
		p.putBy(s)
	}
}

// handOn hands it to somebody in line, or ends it if it is old; false if neither.
func (p *Pool) handOn(s *slot) bool {
	if p.cfg.renews() && p.outlived(s) {
		p.recycle(s)
		return true
	}
	w := p.first(s)
	if w != nil {
		p.grant(s, w)
	}
	return w != nil
}

// putBy makes it an idle one, by when it was given back.
func (p *Pool) putBy(s *slot) {
	p.move(s, idle)
	p.idle = append(p.idle, s)
	for at := len(p.idle) - 1; at > 0 && p.idle[at-1].since.After(s.since); at-- { // it was tended meanwhile
		p.idle[at-1], p.idle[at] = s, p.idle[at-1]
	}
	p.exhausted = false
	p.armReaper()
	if p.cfg.tends() {
		p.armTender()
	}
}

// first is the first in line whom a worker is of use to; nil if there is nobody.
func (p *Pool) first(s *slot) *waiter {
	for e := p.line.Front(); e != nil; e = e.Next() {
		if w := e.Value.(*waiter); !w.tied || w.only == s {
			return w
		}
	}
	return nil
}

// grant hands a worker to somebody in line.
func (p *Pool) grant(s *slot, w *waiter) {
	p.line.Remove(w.place)
	w.slot, w.place = s, nil
	p.move(s, busy)
	if w.session != nil {
		w.session.hold(s)
		p.left(w)
	}
	close(w.served)
}

// refuse sends somebody home who is in line.
func (p *Pool) refuse(w *waiter, err error) {
	p.line.Remove(w.place)
	w.err, w.place = err, nil
	p.left(w)
	close(w.served)
}

// waiters are those in line, first come first. The one at hand may be taken out.
func (p *Pool) waiters() iter.Seq[*waiter] {
	return func(yield func(*waiter) bool) {
		for e := p.line.Front(); e != nil; {
			next := e.Next()
			if !yield(e.Value.(*waiter)) {
				return
			}
			e = next
		}
	}
}

// takeIdle takes a worker from the idle ones.
func (p *Pool) takeIdle(s *slot) {
	at := slices.Index(p.idle, s)
	p.idle = slices.Delete(p.idle, at, at+1)
}

// move changes a slot's state and the count of it.
func (p *Pool) move(s *slot, to state) {
	p.n[s.state]--
	s.state = to
	p.n[to]++
}

func (p *Pool) ready() int { return p.n[idle] + p.n[busy] + p.n[tended] }

// full says whether there is no room for another process.
func (p *Pool) full() bool { return len(p.slots) >= p.cfg.Size+p.cfg.Overflow }

// Warm makes n distinct workers ready, keeps them so, and returns once they
// are. n is at most Size. It fails with *CheckoutError if ctx ends, the pool
// is closed, or starts keep failing.
func (p *Pool) Warm(ctx context.Context, n int) error {
	if n > p.cfg.Size {
		return fmt.Errorf("pool: can't keep %d workers warm with a size of %d", n, p.cfg.Size)
	}
	p.points.At(point.Who(ctx), "warm")
	p.mu.Lock()
	p.target = max(p.target, n)
	return p.await(ctx, n)
}

// Ready returns once the workers that the pool keeps are ready: Size of them,
// or with Lazy as many as Warm asked for. Errors are as of Warm.
func (p *Pool) Ready(ctx context.Context) error {
	p.points.At(point.Who(ctx), "ready")
	p.mu.Lock()
	return p.await(ctx, p.target)
}

// await is entered with the lock held.
func (p *Pool) await(ctx context.Context, n int) error {
	begin := time.Now()
	if p.closed {
		e := p.refused(ErrClosed, begin)
		p.mu.Unlock()
		return e
	}
	if p.ready() >= n {
		p.mu.Unlock()
		return nil
	}
	w := &watch{n: n, done: make(chan struct{})}
	p.watching = append(p.watching, w)
	starts := p.plan()
	p.mu.Unlock()
	p.begin(starts)
	select { // only wakes us
	case <-w.done:
	case <-ctx.Done():
	}
	p.points.At(point.Who(ctx), "awaited")
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.watching {
		if other == w { // still waiting: it was ctx
			p.watching = append(p.watching[:i], p.watching[i+1:]...)
			return p.refused(context.Cause(ctx), begin)
		}
	}
	if w.err != nil {
		return p.refused(w.err, begin)
	}
	return nil
}

// tell ends the watches that have what they waited for; with an error, all.
func (p *Pool) tell(err error) {
	still := p.watching[:0]
	for _, w := range p.watching {
		missing := p.ready() < w.n
		if err == nil && missing {
			still = append(still, w)
			continue
		}
		if missing {
			w.err = err
		}
		close(w.done)
	}
	p.watching = still
}
