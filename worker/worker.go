// Package worker has what every Python worker is reached through, whatever
// starts it: the port that carries its frames, the launcher that starts it,
// the hello that says it is ready, and the call. How a worker is started
// belongs to the folders below: process, container, model.
package worker

import (
	"cmp"
	"context"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker/wire"
)

// A Port carries frames to one worker and owns it: closing it ends the worker.
// One goroutine may send and one receive at a time; everything else may be
// called by anybody at any time.
type Port interface {
	// Send writes one frame: the payload, without its length header. A frame
	// cut short (ctx ended in the midst of it) closes the port.
	Send(ctx context.Context, frame []byte) error
	// Recv waits for the next frame, which is the caller's to keep. A
	// cancelled Recv loses nothing; after Done it hands out what had arrived,
	// then io.EOF.
	Recv(ctx context.Context) ([]byte, error)
	// Info says what is known of the far side, at any time.
	Info() Info
	// Done is closed once the far side is gone and reaped.
	Done() <-chan struct{}
	// Exit says how the far side ended; valid after Done.
	Exit() Exit
	// Kill ends the far side at once, without waiting; idempotent.
	Kill() error
	// Close asks the far side to end, waits until ctx ends, kills, and returns
	// once it is gone; idempotent.
	Close(ctx context.Context) error
}

// A Launcher starts the far side of a port. It does not wait for the hello.
// ctx bounds the launch alone, never the worker's life. Safe for concurrent
// use.
type Launcher interface {
	Launch(ctx context.Context, id string) (Port, error)
}

// as finds what a port can do besides, on it or on one that it wraps.
func as[T any](p Port) (t T, ok bool) {
	for {
		if t, ok = p.(T); ok {
			return t, true
		}
		outer, wraps := p.(interface{ Unwrap() Port })
		if !wraps {
			return t, false
		}
		p = outer.Unwrap()
	}
}

// A Runner is a port that can say whether its worker runs or waits for a CPU at
// this moment. Not every port is one.
type Runner interface {
	Runnable() bool
}

// Runnable says whether a port's worker runs or waits for a CPU at this moment;
// false if that is not known. A wait for a CPU is in Info's RunDelay only once
// it is over.
func Runnable(p Port) bool {
	r, ok := as[Runner](p)
	return ok && r.Runnable()
}

// A Weigher is a port that can say how much memory its worker holds just now, in
// bytes: what is resident, of the worker itself and not of its children. Not every
// port is one.
type Weigher interface {
	Memory() (bytes int64, ok bool)
}

// Memory is how many bytes of memory a port's worker holds; not ok if that is not
// known, or it is gone.
func Memory(p Port) (bytes int64, ok bool) {
	w, ok := as[Weigher](p)
	if !ok {
		return 0, false
	}
	return w.Memory()
}

// A Pauser is a port that can keep its worker, with its children, from doing anything
// for a while: it is not told, and is in the midst of what it did afterwards. Not every
// port is one.
type Pauser interface {
	Pause(ctx context.Context) error   // returns once nothing of it runs
	Unpause(ctx context.Context) error // it goes on at once, or as soon as its turn comes; of one that has ended an error, or nothing
}

// PauserOf finds what can pause a port's worker, if anything can.
func PauserOf(p Port) (Pauser, bool) { return as[Pauser](p) }

// A FileLimiter is a port that can bound how many files its worker may have open, by
// the descriptors that it may use: those that it has stay. Not every port is one.
type FileLimiter interface {
	LimitFiles(most uint64) (before uint64, err error)
}

// FileLimiterOf finds what can bound the files of a port's worker, if anything can.
func FileLimiterOf(p Port) (FileLimiter, bool) { return as[FileLimiter](p) }

// A CoreLimiter is a port that can say on how many cores its worker may run: the first
// of those that this program may use; 0: all of these. Not every port is one.
type CoreLimiter interface {
	LimitCores(most int) error
}

// CoreLimiterOf finds what can bound the cores of a port's worker, if anything can.
func CoreLimiterOf(p Port) (CoreLimiter, bool) { return as[CoreLimiter](p) }

// A Listener is a port that can say, without waiting, whether something has come
// that nobody has received yet: a frame, or part of one. Not every port is one.
// It is for the goroutine that receives.
type Listener interface {
	Unasked() bool
}

// A HalfCloser is a port that can tell its worker that nothing more comes, and leave
// it at that: Close ends who does not heed it. Not every port is one.
type HalfCloser interface {
	CloseSend()
}

// HalfCloserOf finds what can close a port without an end of its worker, if anything
// can.
func HalfCloserOf(p Port) (HalfCloser, bool) { return as[HalfCloser](p) }

// Info is what is known of a worker from outside.
type Info struct {
	PID      int           // 0 where there is none to name
	Cgroup   string        // path of its CPU cgroup; "" if not known
	CPU      time.Duration // CPU used so far, by all its threads; keeps its last value once it is gone
	RunDelay time.Duration // time its threads could run and waited for a CPU; 0 if not known; keeps the last value read
	// Throttled is how much of RunDelay a CPU quota kept its group from running, if
	// the group is its own; 0 if none did or it is not known.
	Throttled time.Duration
	Engine    EngineTime // of its launch; zero where no container engine had a part in it
	Stderr    string     // the last of what it wrote to stderr
	Written   int64      // how many bytes it wrote there so far
}

// EngineTime is what a container engine took of a launch. It is neither the worker's
// nor the pool's.
type EngineTime struct {
	Create, Attach, Start time.Duration
	// CPU and RunDelay are what the process had had, and had waited for a CPU, when it came to
	// be the worker: it is the engine's before that. They are in Info's, and Throttled is in
	// RunDelay.
	CPU, RunDelay, Throttled time.Duration
}

// Total is how long all of it took.
func (t EngineTime) Total() time.Duration { return t.Create + t.Attach + t.Start }

// Exit says how a worker ended.
type Exit struct {
	Code   int            // exit status; -1 if a signal ended it
	Signal syscall.Signal // 0 if none did
	OOM    bool           // the kernel killed it for want of memory
	HungUp bool           // it closed its end of the port and lived on; its port killed it
}

func (e Exit) String() string {
	switch {
	case e.OOM:
		return "out of memory"
	case e.HungUp:
		return "closed its port and lived on, until it was killed"
	case e.Signal != 0:
		return "killed by " + cmp.Or(unix.SignalName(e.Signal), e.Signal.String())
	default:
		return fmt.Sprintf("exit status %d", e.Code)
	}
}

// ParseExit reads what String wrote.
func ParseExit(text string) (Exit, error) {
	if oom := (Exit{Code: -1, Signal: syscall.SIGKILL, OOM: true}); text == oom.String() {
		return oom, nil
	}
	if hungUp := (Exit{Code: -1, Signal: syscall.SIGKILL, HungUp: true}); text == hungUp.String() {
		return hungUp, nil
	}
	for s := syscall.Signal(1); s <= signalMost; s++ {
		if e := (Exit{Code: -1, Signal: s}); text == e.String() {
			return e, nil
		}
	}
	var e Exit
	if n, err := fmt.Sscanf(text, "exit status %d", &e.Code); n != 1 || err != nil || text != e.String() {
		return Exit{}, fmt.Errorf("%q is no way in which a worker ends", text)
	}
	return e, nil
}

const signalMost = 64 // of Linux's, the realtime ones too

// Evidence is what a worker states of its own run (see wire.Evidence).
type Evidence = wire.Evidence
