//go:build linux

package outside

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/harness/scenario"
)

// A watch is the recording thread's own: when it wakes, how late it was, and
// what it costs.
type watch struct {
	slice time.Duration
	cost  time.Duration // of the thread so far
	first time.Duration // of that, before the first look was over
	late  time.Duration // the most
	gap   time.Duration // between the last two looks, as planned
	slow  int           // looks that were put off, so that the cost stays within its bound
}

// share is the most that the recording may cost, in cores.
const share = 0.01

// slice is what the thread asks the scheduler for: the least that Linux gives.
// It is then preferred to others at its wake-up, and late by no more than 3 ms
// beside 4 hogs in place of 9.
const slice = 100 * time.Microsecond

// onThread runs f on a thread of its own, which ends with it, and whatever f did
// to it. The program's first thread would not end.
func onThread(f func()) {
	runtime.LockOSThread() // for good
	if unix.Gettid() != os.Getpid() {
		f()
		return
	}
	bound := make(chan struct{})
	go func() { // while this one holds the first
		runtime.LockOSThread()
		close(bound)
		f()
	}()
	<-bound
	runtime.UnlockOSThread()
}

// begin gives the thread its slice. Waiting is done in the thread, too: Go's
// timers would be late by another one's wake-up.
func (w *watch) begin() {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL && attr.Policy != unix.SCHED_BATCH {
		return
	}
	attr.Runtime = uint64(slice)
	attr.Flags = 0
	if unix.SchedSetAttr(0, attr, 0) != nil {
		return
	}
	// Older kernels take no notice and give back 0.
	if attr, err = unix.SchedGetAttr(0, 0); err == nil && attr.Runtime == uint64(slice) {
		w.slice = slice
	}
}

// settle says that the first look is over.
func (w *watch) settle() {
	w.cost = threadCPU()
	w.first = w.cost
}

// wait waits for the time of the next look, a Period after the last, or until the
// bell is rung, which it silences.
func (w *watch) wait(bell int, began time.Time, last time.Duration) (rung bool) {
	was := w.cost
	w.cost = threadCPU()
	w.gap = gap(w.gap, last, w.cost-w.first, w.cost-was)
	if w.gap > Period {
		w.slow++
	}
	due := last + w.gap
	for {
		left := due - time.Since(began)
		ts := unix.NsecToTimespec(int64(max(0, left)))
		n, err := unix.Ppoll([]unix.PollFd{{Fd: int32(bell), Events: unix.POLLIN}}, &ts, nil)
		switch {
		case n > 0:
			var rings [8]byte
			_, _ = unix.Read(bell, rings[:]) // it is silent again
			return true
		case err != nil && err != unix.EINTR:
			return true // it can't wait: better no recording than a busy loop
		}
		if late := time.Since(began) - due; late >= 0 {
			w.late = max(w.late, late)
			return false
		}
	}
}

// gap is the time to let go by from the last look to the next, so that both
// together with all before stay within what the recording may cost. A look that
// cost much once doubles it at most.
func gap(was, last, spent, look time.Duration) time.Duration {
	affordable := time.Duration(float64(spent+look)/share) - last
	return max(Period, min(affordable, 2*max(was, Period)))
}

func (w *watch) finish() { w.cost = threadCPU() }

// threadCPU is what the calling thread has had.
func threadCPU() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// into states what the recording cost until now.
func (w *watch) into(e *scenario.Environment, now time.Duration) {
	e.Late, e.Cost, e.Slice = w.late, w.cost-w.first, w.slice
	if now > 0 {
		e.Share = float64(e.Cost) / float64(now)
	}
	for i := range e.Gaps {
		if g := &e.Gaps[i]; g.Kind == scenario.GapLate && w.slow > 0 {
			g.Text += fmt.Sprintf("; %d looks were put off, so that they cost no more than %v of a core", w.slow, share)
		}
	}
}
