// Package sync is the standard library's, but for its locks: on these a goroutine
// blocks durably in the sense of testing/synctest, so that a bubble whose lock is
// held across a wait goes on, as it would in the world. They are handed over in
// the order in which they were asked for.
//
// It is put in the place of the other by an overlay, see butfor overlay. OnceFunc,
// OnceValue and OnceValues are as they were: whoever waits for one of these still
// stops a bubble.
package sync

import (
	std "sync"
	"sync/atomic"
)

// As they were.
type (
	Cond      = std.Cond
	Locker    = std.Locker
	Map       = std.Map
	Pool      = std.Pool
	WaitGroup = std.WaitGroup
)

// NewCond is the standard library's.
func NewCond(l Locker) *Cond { return std.NewCond(l) }

// OnceFunc is the standard library's.
func OnceFunc(f func()) func() { return std.OnceFunc(f) }

// OnceValue is the standard library's.
func OnceValue[T any](f func() T) func() T { return std.OnceValue(f) }

// OnceValues is the standard library's.
func OnceValues[T1, T2 any](f func() (T1, T2)) func() (T1, T2) { return std.OnceValues(f) }

// A Mutex is a mutual exclusion lock. Its zero value is unlocked.
type Mutex struct {
	mu   std.Mutex // never held across a wait
	held bool
	line []chan struct{} // of those who wait; each made by them, so that a lock may outlive a bubble
}

// Lock takes the lock, waiting in line for it.
func (m *Mutex) Lock() {
	m.mu.Lock()
	if !m.held {
		m.held = true
		m.mu.Unlock()
		return
	}
	mine := join(&m.line)
	m.mu.Unlock()
	<-mine
}

// TryLock takes the lock if it is free.
func (m *Mutex) TryLock() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := !m.held
	m.held = true
	return taken
}

// Unlock gives the lock back, or hands it to whoever has waited longest.
func (m *Mutex) Unlock() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.held {
		panic("sync: unlock of unlocked mutex")
	}
	m.held = next(&m.line)
}

// join puts somebody into a line.
func join(line *[]chan struct{}) chan struct{} {
	mine := make(chan struct{})
	*line = append(*line, mine)
	return mine
}

// next lets the first of a line go on, if there is anybody.
func next(line *[]chan struct{}) bool {
	if len(*line) == 0 {
		return false
	}
	close((*line)[0])
	*line = (*line)[1:]
	return true
}

// An RWMutex is a lock that many readers can hold at once, or one writer. Whoever
// wants to read waits for a writer who came before. Its zero value is unlocked.
type RWMutex struct {
	mu               std.Mutex // never held across a wait
	reading          int       // how many do
	writing          bool
	readers, writers []chan struct{} // who waits
}

// Lock takes the lock for writing, waiting in line for it.
func (rw *RWMutex) Lock() {
	rw.mu.Lock()
	if !rw.writing && rw.reading == 0 {
		rw.writing = true
		rw.mu.Unlock()
		return
	}
	mine := join(&rw.writers)
	rw.mu.Unlock()
	<-mine
}

// TryLock takes the lock for writing if it is free.
func (rw *RWMutex) TryLock() bool {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	if rw.writing || rw.reading > 0 {
		return false
	}
	rw.writing = true
	return true
}

// Unlock gives the lock back: to all who wait to read, else to the first who waits
// to write.
func (rw *RWMutex) Unlock() {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	if !rw.writing {
		panic("sync: Unlock of unlocked RWMutex")
	}
	rw.writing = false
	for next(&rw.readers) {
		rw.reading++
	}
	if rw.reading == 0 {
		rw.writing = next(&rw.writers)
	}
}

// RLock takes the lock for reading.
func (rw *RWMutex) RLock() {
	rw.mu.Lock()
	if !rw.writing && len(rw.writers) == 0 {
		rw.reading++
		rw.mu.Unlock()
		return
	}
	mine := join(&rw.readers)
	rw.mu.Unlock()
	<-mine
}

// TryRLock takes the lock for reading if that can be had at once.
func (rw *RWMutex) TryRLock() bool {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	if rw.writing || len(rw.writers) > 0 {
		return false
	}
	rw.reading++
	return true
}

// RUnlock undoes one RLock. The last lets the first who waits to write go on.
func (rw *RWMutex) RUnlock() {
	rw.mu.Lock()
	defer rw.mu.Unlock()
	if rw.reading == 0 {
		panic("sync: RUnlock of unlocked RWMutex")
	}
	rw.reading--
	if rw.reading == 0 {
		rw.writing = next(&rw.writers)
	}
}

// RLocker gives a Locker that locks for reading.
func (rw *RWMutex) RLocker() Locker { return (*reader)(rw) }

type reader RWMutex

func (r *reader) Lock()   { (*RWMutex)(r).RLock() }
func (r *reader) Unlock() { (*RWMutex)(r).RUnlock() }

// A Once does something once. Whoever else asks for it waits until it is done.
type Once struct {
	done atomic.Bool
	mu   Mutex
}

// Do calls f unless it, or another, was called before.
func (o *Once) Do(f func()) {
	if o.done.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.done.Load() {
		defer o.done.Store(true)
		f()
	}
}
