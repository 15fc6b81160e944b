package virtual

import (
	"fmt"
	"sync"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/cpu"
	"github.com/butfor/butfor/harness/scenario"
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
	had      []func() // to be called by whoever holds no lock
}

func newMachine(c cpu.Config, place func(*cpu.Machine) *cpu.Group) *machine {
	return &machine{start: time.Now(), place: place, cpu: cpu.New(c)}
}

// lock takes the cores as they stand now.
func (m *machine) lock() {
	m.mu.Lock()
	m.cpu.Advance(time.Since(m.start))
}

// unlock arms the timer at their next change, and lets go of them.
func (m *machine) unlock() {
	at, ok := m.cpu.Next()
	if len(m.had) > 0 {
		at, ok = m.cpu.Now(), true
	}
	switch {
	case !ok && m.timer != nil:
		m.timer.Stop()
	case !ok:
	case m.timer == nil:
		m.timer = time.AfterFunc(at-m.cpu.Now(), m.fire)
	default:
		m.timer.Reset(at - m.cpu.Now())
	}
	m.mu.Unlock()
}

// fire lets the cores go on, and tells those who have had what they asked for.
func (m *machine) fire() {
	m.lock()
	had := m.had
	m.had = nil
	m.unlock()
	for _, tell := range had {
		tell()
	}
}

// A session is a worker's scheduling group, as each real one has its own unless
// it was recorded otherwise. It computes one thing at a time.
type session struct {
	*machine
	group       *cpu.Group
	thread      *cpu.Thread // nil if it computes nothing
	had, waited time.Duration
	held        time.Duration // of what it waited: by a quota
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
func (s *session) Burn(d time.Duration, had func()) {
	s.lock()
	defer s.unlock()
	s.thread = s.group.Start(d, func() {
		s.settle()
		s.machine.had = append(s.machine.had, had)
	})
}

// Stop implements model.CPU.
func (s *session) Stop() {
	s.mu.Lock()
	idle := s.thread == nil
	s.mu.Unlock()
	if idle {
		return
	}
	s.lock()
	defer s.unlock()
	if s.thread != nil {
		s.thread.Cancel()
		s.settle()
	}
}

// settle adds what the thread has had, once it has come to its end.
func (s *session) settle() {
	s.had, s.waited, s.held = s.used()
	s.thread = nil
}

// Used implements model.CPU.
func (s *session) Used() (had, waited, throttled time.Duration) {
	s.mu.Lock()
	had, waited, throttled = s.had, s.waited, s.held
	idle := s.thread == nil
	s.mu.Unlock()
	if idle {
		return had, waited, throttled
	}
	s.lock()
	defer s.unlock()
	return s.used()
}

func (s *session) used() (had, waited, throttled time.Duration) {
	had, waited, throttled = s.had, s.waited, s.held
	if t := s.thread; t != nil {
		held := t.Throttled()
		had, waited, throttled = had+t.Had(), waited+t.Waited()+held, throttled+held
	}
	return had, waited, throttled
}

// limit puts the session under a quota; 0 cores take it away.
func (s *session) limit(cores float64, period time.Duration) {
	s.lock()
	defer s.unlock()
	s.group.SetQuota(cores, period)
	s.limits = append(s.limits, limit{s.cpu.Now(), cores, period})
}

// throttled is how often a quota has kept the session from running.
func (s *session) throttled() int {
	s.lock()
	defer s.unlock()
	return s.group.Throttles()
}

// want has the workers of other pools want their CPU when they did.
func (m *machine) want(spans []scenario.Span) {
	m.mu.Lock() // the first may want it at once
	defer m.mu.Unlock()
	groups := map[int]*cpu.Group{}
	for _, s := range spans {
		if s.CPU == 0 {
			continue
		}
		if groups[s.Worker] == nil {
			groups[s.Worker] = m.place(m.cpu)
		}
		time.AfterFunc(s.Begin, func() {
			m.lock()
			defer m.unlock()
			groups[s.Worker].Start(s.CPU, nil)
		})
	}
}

// A hog is a thread that computes for ever, in a group of its own unless it is the
// program's, until it is stopped.
type hog struct {
	group    string
	thread   *cpu.Thread
	from, to time.Duration
	stopped  bool
}

func (m *machine) hog(own bool) (stop func() time.Duration) {
	m.lock()
	defer m.unlock()
	h, c := &hog{from: m.cpu.Now(), group: fmt.Sprintf("hog%d", len(m.hogs)+1)}, cpu.GroupConfig{}
	if own {
		h.group, c.Path = faults.OwnGroup, faults.OwnGroup
	}
	h.thread = m.cpu.Group(c).Start(cpu.Forever, nil)
	m.hogs = append(m.hogs, h)
	return func() time.Duration {
		m.lock()
		defer m.unlock()
		h.thread.Cancel()
		h.to, h.stopped = m.cpu.Now(), true
		return h.thread.Had()
	}
}
