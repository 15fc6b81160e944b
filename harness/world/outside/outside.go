//go:build linux

// Package outside records what everybody else on the machine wanted and had of
// the CPU while a run went on: the load part of a scenario.Environment. What the run's own workers asked for comes from its
// trace, and what is made of either from those who replay or judge it.
//
// Every 200 ms it takes one look over /proc: at the CPU clock of each process,
// in one system call that needs no rights, and at the threads of those whose
// clock went on. That costs about half a percent of a core with a hundred
// threads; where it would cost more than one percent it looks less often, and
// says so.
package outside

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/harness/scenario"
)

// Period is the time from one look to the next. A thread's delay is booked when
// it gets the CPU, so that shorter buckets are mostly noise.
const Period = 200 * time.Millisecond

// shortest is how long a bucket before a look out of turn is at least.
const shortest = Period / 10

// A Recorder records one run. Its methods may be called concurrently.
type Recorder struct {
	began  time.Time
	bell   int           // an eventfd that is rung for a look out of turn, and to end the recording
	done   chan struct{} // closed once it has ended
	end    sync.Once
	ending atomic.Bool
	looked chan struct{} // told after each look out of turn

	mu   sync.Mutex
	told []int // pids, since the last look

	// Of the recording thread until done is closed.
	book  *ledger
	watch watch
}

// Start takes the first look and returns. Whoever has mark in their environment
// is of the run, as are those whom Own names; everybody else is outside, this
// program too.
func Start(mark string) (*Recorder, error) {
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("recorder of outside load: eventfd: %w", err)
	}
	r := &Recorder{bell: bell, done: make(chan struct{}), looked: make(chan struct{}, 1)}
	ready := make(chan error)
	go onThread(func() { r.record(mark, ready) })
	if err := <-ready; err != nil {
		<-r.done
		_ = unix.Close(bell)
		return nil, fmt.Errorf("recorder of outside load: %w", err)
	}
	return r, nil
}

// Began is the time of the first look. The environment's times are since then.
func (r *Recorder) Began() time.Time { return r.began }

// Own says that a process is one of the run's workers.
func (r *Recorder) Own(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, pid)
}

// Look takes a look out of turn: what comes from now on has nothing to do with what was
// before, and stands in other buckets. Where the last look was only just taken that one
// will do. It is not to be called by several at once.
func (r *Recorder) Look() {
	if r.ending.Load() {
		return
	}
	r.ring()
	select {
	case <-r.looked:
	case <-r.done:
	}
}

func (r *Recorder) ring() {
	one := [8]byte{1}
	_, _ = unix.Write(r.bell, one[:])
}

// Stop takes the last look, ends the recording and returns it: all but what
// comes from the trace. Called again it returns the same once more.
func (r *Recorder) Stop() scenario.Environment {
	r.end.Do(func() {
		r.ending.Store(true)
		r.ring()
		<-r.done
		_ = unix.Close(r.bell)
	})
	e := r.book.environment()
	r.watch.into(&e, r.book.at)
	return e
}

// record is the recording thread's life.
func (r *Recorder) record(mark string, ready chan<- error) {
	defer close(r.done)
	r.watch.begin()
	k, err := open(mark)
	if err != nil {
		ready <- err
		return
	}
	defer k.close()
	r.book = newLedger(k)
	k.began = time.Now()
	r.began = k.began
	r.book.look(0, nil)
	r.watch.settle()
	close(ready)
	defer r.watch.finish()
	for last := time.Duration(0); ; {
		rung := r.watch.wait(r.bell, r.began, last)
		ending, now := rung && r.ending.Load(), k.now()
		switch since := now - r.book.at; {
		case ending && since < Period/2 && len(r.book.buckets) > 0:
			return // too short to say anything: the bucket before it holds on
		case rung && !ending && since < shortest:
			r.looked <- struct{}{}
			continue
		}
		last = now
		r.mu.Lock()
		told := r.told
		r.told = nil
		r.mu.Unlock()
		r.book.look(last, told)
		switch {
		case ending:
			return
		case rung:
			r.looked <- struct{}{}
		}
	}
}
