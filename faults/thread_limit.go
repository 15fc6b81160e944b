package faults

import (
	"math/rand/v2"
	"strings"

	"github.com/butfor/butfor/worker"
)

func init() {
	Register(ThreadLimit{}, func(*rand.Rand) Fault { return ThreadLimit{Threads: 2} })
}

// ThreadLimit bounds how many threads workers may have, each for itself, with their
// children, as engines do by a limit of pids. Those that they have stay; one more is
// refused.
//
// It fires with each reply that says so; its call counts as excused. It can be used in the
// world of containers, whose engine has the limit: a process has one for all processes of
// its user.
type ThreadLimit struct {
	Threads int `yaml:"threads"` // from 1 to 1 Mi; a worker has two
}

// Name implements Fault.
func (ThreadLimit) Name() string { return "thread-limit" }

// Check implements Fault.
func (f ThreadLimit) Check() error { return between("threads", f.Threads, 1, 1<<20) }

// Unmodelled implements Unmodelled.
func (ThreadLimit) Unmodelled() string { return "a model has no threads" }

// Unrecorded implements Unrecorded.
func (ThreadLimit) Unrecorded() string { return "workers were refused threads; in a replay nobody is" }

// Real implements WorkerFault.
func (f ThreadLimit) Real(r Real, p worker.Port) (end func() int, err error) {
	return bounded(r, p, Threads, int64(f.Threads))
}

// Fired implements RefusingFault: a thread is refused by Python's own words, a process by
// EAGAIN.
func (ThreadLimit) Fired(s Sign) bool {
	return strings.Contains(s.Err, "can't start new thread") || strings.Contains(s.Err, "[Errno 11]")
}

// Needs implements Needy.
func (ThreadLimit) Needs(r Real) error { return r.CanBound(Threads) }
