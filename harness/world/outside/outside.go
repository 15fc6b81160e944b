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
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/harness/scenario"
)

// Period is the time from one look to the next. A thread's delay is booked when
// it gets the CPU, so that shorter buckets are mostly noise.
const Period = 200 * time.Millisecond

// A Recorder records one run. Its methods may be called concurrently.
type Recorder struct {
	began time.Time
	bell  int           // an eventfd that is rung to end the recording
	done  chan struct{} // closed once it has ended
	end   sync.Once

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
	r := &Recorder{bell: bell, done: make(chan struct{})}
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

// Stop takes the last look, ends the recording and returns it: all but what
// comes from the trace. Called again it returns the same once more.
func (r *Recorder) Stop() scenario.Environment {
	r.end.Do(func() {
		one := [8]byte{1}
		_, _ = unix.Write(r.bell, one[:])
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
	for last := time.Duration(0); ; {
		rung := r.watch.wait(r.bell, r.began, last)
		last = k.now()
		if rung && last-r.book.at < Period/2 && len(r.book.buckets) > 0 {
			break // too short to say anything: the bucket before it holds on
		}
		r.mu.Lock()
		told := r.told
		r.told = nil
		r.mu.Unlock()
		r.book.look(last, told)
		if rung {
			break
		}
	}
	r.watch.finish()
}
