package dspex

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// nimble is NimblePool: one manager process with a mailbox, a FIFO of idle
// workers and a FIFO of waiting callers. An idle worker is used before a lazy
// one is started, and a worker is started and removed inside the manager, while
// everybody waits. Overflow is not read by anything (findings:
// overflow-is-a-no-op).
type nimble struct {
	*node
	launcher worker.Launcher
	cfg      subject.Config
	talk     func(to *port, by *process, frame []byte) error // command or send
	eager    int                                             // workers started when the pool opens
	self     *process
	opened   chan struct{}

	// The manager's alone.
	names  int
	lazy   int // workers that may still be started on demand
	idle   []*slot
	line   []*request
	homes  map[string]*slot // of sessions, where they have one (findings: session-isolation)
	failed failures

	census sync.Mutex // for who looks at the workers from outside; none but the manager changes them
	all    []*slot
}

// slot is a worker in the pool.
type slot struct {
	port     *port
	evidence bool // the worker offered to state some

	// Of whoever has the worker.
	calls    int64 // so far
	strikes  int   // that failed (findings: late-reply)
	sessions map[string]bool

	// The manager's alone.
	looked   time.Time // when it was last pinged (findings: health-blocks-pool)
	degraded bool
	ended    []string // sessions that are still to be forgotten
}

// request is one check-out, from its message to its check-in. What is in it
// beside client and deadline is the manager's alone.
type request struct {
	client   *process
	session  string
	deadline time.Time // zero: none
	over     bool
	worker   *slot // nil: waiting
}

// The manager's messages.
type (
	checkout struct{ r *request }
	granted  struct {
		r *request
		w *slot
	}
	refused struct {
		r   *request
		why error
	}
	checkin struct {
		r      *request
		failed bool // the worker answered with an error
	}
	cancel struct {
		r      *request
		unused bool // the caller gave up before it knew of a worker
	}
	again      struct{} // a worker is missing: start one
	status     struct{} // what the manager has no clause for
	checkup    struct{} // look after the idle workers
	endSession struct {
		from *process
		id   string
	}
	sessionEnded struct{ id string }
)

// isRequest says what PrewarmLeaks leaves of what the manager is sent.
func isRequest(x any) bool {
	switch x.(type) {
	case checkout, stop:
		return true
	}
	return false
}

// errIllegalReturn is why a manager dies that was answered an error where
// NimblePool knows none.
var errIllegalReturn = errors.New("illegal return")

// openNimble starts the manager, which starts the eager workers one after
// another before the pool is open (findings: serial-start).
func openNimble(ctx context.Context, m *nimble) error {
	m.lazy = m.cfg.Size - m.eager
	m.opened = make(chan struct{})
	m.self = m.process("manager of " + m.pool)
	m.self.traps = true
	if err := register(ctx, m.self.name, m.self); err != nil {
		return err
	}
	m.homes = map[string]*slot{}
	m.spawn(m.self, m.run)
	select {
	case <-m.opened:
	case <-ctx.Done():
	}
	if !m.bugs.on(HealthCheckConstant) {
		m.spawn(m.process("health timer of "+m.pool), m.lookAfter)
	}
	return context.Cause(ctx)
}

func (m *nimble) run(me *process) error {
	if me.real {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		me.cpu.on()
		defer me.cpu.off()
	}
	for range m.eager {
		_ = m.start()
	}
	close(m.opened)
	for {
		x, err := me.receive(me.life, anything, patience{})
		if err != nil {
			return err
		}
		if err := m.handle(x); err != nil {
			return err
		}
	}
}

// Burnt is what the manager has had of a CPU. In real time a spin that is none for real
// has had nothing.
func (m *nimble) Burnt() (had, waited time.Duration) {
	if m.real && !m.self.real {
		return 0, 0
	}
	return m.self.cpu.burnt()
}

// stopPool has all actors end, the manager last. With StopRace the server that stands in
// front of them under the pool's name is killed, and then asked to: the actors end some
// time, and whoever asks hears that it is dead.
func (m *nimble) stopPool(ctx context.Context, actors ...*process) error {
	if !m.bugs.on(StopRace) || m.ctx.Err() != nil {
		return m.close(ctx, actors...)
	}
	front := m.process(m.pool)
	front.exit(errKilled)
	for _, p := range actors {
		p.post(stop{})
	}
	go func() { _ = m.close(m.ctx) }()
	return fmt.Errorf("stop: no process: %w", front.obituary())
}

// handle answers one message; an error is the manager's end.
func (m *nimble) handle(x any) error {
	switch x := x.(type) {
	case checkout:
		x.r.client.watch(m.self, x.r)
		return m.serve(x.r)
	case checkin:
		if x.r.worker != nil && m.forget(x.r) {
			m.takeBack(x.r.worker, x.failed)
		}
		return m.serve(m.next())
	case cancel:
		return m.cancelled(x.r, x.unused)
	case down:
		return m.cancelled(x.ref.(*request), false)
	case exited: // of a worker that belongs to the manager: nobody has used it yet
		m.died(x.from)
	case again:
		_ = m.start()
		return m.serve(m.next())
	case checkup:
		m.replaceDead()
		return m.serve(m.next())
	case endSession:
		m.endSession(x.id)
		m.self.send(x.from, sessionEnded{x.id})
	case status:
		return errors.New("no function clause matching in handle_call: get_status")
	case stop:
		for _, w := range m.idle {
			m.goodbye(w)
		}
		return errShutdown
	}
	return nil // late frames and the exit signals of ports: nobody looks at them
}

// takeBack has a worker that was checked in. Whose it is stays as it was, or it is
// taken over, which is too late where the client has ended at once (findings:
// long-lived-workers).
func (m *nimble) takeBack(w *slot, failed bool) {
	if m.bugs.on(PortHandedBack) {
		m.pause(takeOverTime)
		if w.port.connect(m.self) != nil {
			m.remove(w)
			return
		}
	}
	if m.bugs.on(HealthBlocksPool) && time.Since(w.looked) >= lookEvery {
		m.look(w)
	}
	for _, id := range w.ended {
		m.cleanUp(w, id)
	}
	w.ended = nil
	w.degraded = failed && m.bugs.on(DegradedIsDeath)
	m.idle = append(m.idle, w)
}

// serve finds the request a worker, starting one if none is idle and one may
// still be started, or else puts it in line.
func (m *nimble) serve(r *request) error {
	for r != nil {
		if r.late(time.Now()) {
			m.forget(r)
			r = m.next()
			continue
		}
		home, elsewhere := m.home(r)
		if len(m.idle) == 0 && m.lazy > 0 && !elsewhere {
			m.lazy--
			if err := m.start(); err != nil {
				m.refuse(r, err)
				r = m.next()
				continue
			}
		}
		if len(m.idle) == 0 || elsewhere {
			m.line = append(m.line, r)
			return nil
		}
		w := m.idle[home]
		m.idle = slices.Delete(m.idle, home, home+1)
		if w.degraded { // the caller whose turn it is pays
			m.remove(w)
			continue
		}
		err := m.hand(w, r)
		switch {
		case err == nil:
			return nil
		case !m.bugs.on(GiveUpCrashesPool) && !r.client.alive(): // no fault of the worker's: the next in line has it
			m.idle = slices.Insert(m.idle, home, w)
			m.forget(r)
			r = m.next()
		case m.bugs.on(IllegalReturn):
			return fmt.Errorf("%w at check-out: %w", errIllegalReturn, err)
		default:
			m.remove(w) // and the next one is tried
		}
	}
	return nil
}

// hand gives a worker to the caller, who owns its port from now on. To ask
// whether the caller is alive guards nothing (findings: alive-guard): he may
// die before the connect, and the guard's answer is as good as badarg. Only the
// connect itself can tell.
func (m *nimble) hand(w *slot, r *request) error {
	if m.bugs.on(AliveGuard) {
		if !r.client.alive() {
			return fmt.Errorf("%s: not alive", r.client.name)
		}
		m.pause(takeOverTime)
	}
	if err := w.port.connect(r.client); err != nil {
		return err
	}
	if m.bugs.on(NonOwnerSend) {
		m.ping(w, (*port).send)
	}
	if r.session != "" && !m.bugs.on(SessionIsolation) {
		m.homes[r.session] = w
	}
	r.worker = w
	m.self.send(r.client, granted{r, w})
	return nil
}

// home says which of the idle workers a request gets: the first one, or that of its
// session; elsewhere is true if another client has that one.
func (m *nimble) home(r *request) (at int, elsewhere bool) {
	w := m.homes[r.session]
	if w == nil || w.gone() {
		return 0, false
	}
	at = slices.Index(m.idle, w)
	return max(at, 0), at < 0
}

// refuse tells a caller why there is no worker for him.
func (m *nimble) refuse(r *request, why error) {
	if m.forget(r) {
		m.self.send(r.client, refused{r, why})
	}
}

// cancelled is a caller who gave up, failed or died. A worker that he may have
// used is in doubt. One that he never knew of is not, yet it is destroyed all
// the same (findings: start-then-kill). Nobody in line is served by it.
func (m *nimble) cancelled(r *request, unused bool) error {
	if !m.forget(r) || r.worker == nil {
		return nil
	}
	if unused && !m.bugs.on(StartThenKill) {
		_ = r.worker.port.connect(m.self) // if it is closed, the next check-out finds out
		m.idle = append(m.idle, r.worker)
		return m.serve(m.next())
	}
	m.remove(r.worker)
	return nil
}

// forget ends a request; false if it was over.
func (m *nimble) forget(r *request) bool {
	if r.over {
		return false
	}
	r.over = true
	r.client.unwatch(r)
	return true
}

// next is the first in line who still waits, and not for a worker that another one
// has; nil if nobody does.
func (m *nimble) next() *request {
	m.line = slices.DeleteFunc(m.line, func(r *request) bool { return r.over })
	at := slices.IndexFunc(m.line, func(r *request) bool {
		_, elsewhere := m.home(r)
		return !elsewhere
	})
	if at < 0 {
		return nil
	}
	r := m.line[at]
	m.line = slices.Delete(m.line, at, at+1)
	return r
}

func (r *request) late(now time.Time) bool {
	return !r.deadline.IsZero() && !now.Before(r.deadline)
}

// died removes an idle worker that has ended.
func (m *nimble) died(p *port) {
	at := slices.IndexFunc(m.idle, func(w *slot) bool { return w.port == p })
	if at < 0 {
		return
	}
	w := m.idle[at]
	m.idle = slices.Delete(m.idle, at, at+1)
	m.remove(w)
}
