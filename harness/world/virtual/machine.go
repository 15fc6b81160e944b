package virtual

import (
	"sync"
	"time"

	"github.com/butfor/butfor/harness/cpu"
)

// A machine is the cores of a world, in the time of its bubble: one timer is
// armed at the next change.
type machine struct {
	start time.Time
	place func(*cpu.Machine) *cpu.Group // of a new worker

	mu       sync.Mutex // guards what follows, and all sessions
	cpu      *cpu.Machine
	timer    *time.Timer
	sessions []*session
	hogs     []*hog
}

func newMachine(c cpu.Config, place func(*cpu.Machine) *cpu.Group) *machine {
	return &machine{start: time.Now(), place: place, cpu: cpu.New(c)}
}

// change does something with the cores as they stand now.
func (m *machine) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.start)
	m.cpu.Advance(now)
	f()
	at, ok := m.cpu.Next()
	switch {
	case !ok && m.timer != nil:
		m.timer.Stop()
	case !ok:
	case m.timer == nil:
		m.timer = time.AfterFunc(at-now, func() { m.change(func() {}) })
	default:
		m.timer.Reset(at - now)
	}
}

// A session is a worker's scheduling group, as each real one has its own unless
// it was recorded otherwise. It computes one thing at a time.
type session struct {
	*machine
	group       *cpu.Group
	thread      *cpu.Thread // nil if it computes nothing
	had, waited time.Duration
	made        time.Duration
	limits      []limit
}

// A limit is a quota from some time on; one of 0 cores is none.
type limit struct {
	from   time.Duration
	cores  float64
	period time.Duration
}

func (m *machine) session() *session {
	s := &session{machine: m}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.group, s.made = m.place(m.cpu), time.Since(m.start)
	m.sessions = append(m.sessions, s)
	return s
}

// Burn implements model.CPU.
func (s *session) Burn(stop <-chan struct{}, d time.Duration) bool {
	had := make(chan struct{})
	s.change(func() { s.thread = s.group.Start(d, func() { close(had) }) })
	select {
	case <-had:
	case <-stop:
	}
	s.change(func() {
		s.thread.Cancel()
		s.had += s.thread.Had()
		s.waited += s.thread.Waited() + s.thread.Throttled()
		s.thread = nil
	})
	return isClosed(had)
}

// Used implements model.CPU.
func (s *session) Used() (had, waited time.Duration) {
	s.mu.Lock()
	had, waited = s.had, s.waited
	busy := s.thread != nil
	s.mu.Unlock()
	if busy {
		s.change(func() {
			had, waited = s.had, s.waited
			if t := s.thread; t != nil {
				had, waited = had+t.Had(), waited+t.Waited()+t.Throttled()
			}
		})
	}
	return had, waited
}

// limit puts the session under a quota; 0 cores take it away.
func (s *session) limit(cores float64, period time.Duration) {
	s.change(func() {
		s.group.SetQuota(cores, period)
		s.limits = append(s.limits, limit{s.cpu.Now(), cores, period})
	})
}

// throttled is how often a quota has kept the session from running.
func (s *session) throttled() (n int) {
	s.change(func() { n = s.group.Throttles() })
	return n
}

// A hog is a thread that computes for ever, in a group of its own, until it is
// stopped.
type hog struct {
	thread   *cpu.Thread
	from, to time.Duration
	stopped  bool
}

func (m *machine) hog() (stop func() time.Duration) {
	h := &hog{}
	m.change(func() {
		h.from = m.cpu.Now()
		h.thread = m.cpu.Group(cpu.GroupConfig{}).Start(cpu.Forever, nil)
		m.hogs = append(m.hogs, h)
	})
	return func() (had time.Duration) {
		m.change(func() {
			h.thread.Cancel()
			had = h.thread.Had()
			h.to, h.stopped = m.cpu.Now(), true
		})
		return had
	}
}
