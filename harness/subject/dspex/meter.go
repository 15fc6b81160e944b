package dspex

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

type realKey struct{}

// InRealTime gives a ctx to open pools with where time is no bubble's: there
// SpinsForReal holds. In a bubble it would stop the clock, and a spin stands for as much
// CPU as it takes time.
func InRealTime(ctx context.Context) context.Context {
	return context.WithValue(ctx, realKey{}, true)
}

// A meter has the CPU that an actor takes: while it has a thread, all that this has
// had; else what the actor spins.
type meter struct {
	mu          sync.Mutex
	thread      int           // 0: none
	earlier     time.Duration // that the thread had had before
	had, waited time.Duration
	since       time.Time     // that it spins; zero: it does not
	before      time.Duration // what its thread had had then
}

// on has it be of the calling thread, until off.
func (m *meter) on() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.thread = unix.Gettid()
	m.earlier, _ = clock(m.thread)
}

// clock is what a thread of this program has had since it was made.
func clock(thread int) (had time.Duration, ok bool) {
	const perThread, scheduler = 4, 2 // see CPUCLOCK_PERTHREAD_MASK in the kernel's linux/posix-timers.h
	var ts unix.Timespec
	err := unix.ClockGettime(int32(^thread<<3|perThread|scheduler), &ts)
	return time.Duration(ts.Nano()), err == nil
}

func (m *meter) off() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.had, m.waited = m.read()
	m.thread = 0
}

// spins says that a spin begins, and its result that it is over.
func (m *meter) spins() (over func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before, _ = m.read()
	m.since = time.Now()
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.had, m.waited = m.read()
		m.since = time.Time{}
	}
}

// burnt is what it has had so far, and for how long it could run and had to wait: who
// spins could run all the time.
func (m *meter) burnt() (had, waited time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.read()
}

func (m *meter) read() (had, waited time.Duration) {
	var spun time.Duration
	if !m.since.IsZero() {
		spun = time.Since(m.since)
	}
	had, waited = m.had, m.waited
	if m.thread == 0 {
		return had + spun, waited
	}
	if all, ok := clock(m.thread); ok {
		had = all - m.earlier
	}
	if spun > 0 {
		waited += max(0, spun-(had-m.before))
	}
	return had, waited
}
