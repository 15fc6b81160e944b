package faults

import (
	"math/rand/v2"
	"strings"

	"github.com/butfor/butfor/worker"
)

func init() {
	Register(FileLimit{}, func(*rand.Rand) Fault { return FileLimit{} })
}

// FileLimit bounds how many files workers may have open, each for itself, by their
// descriptors. Those that they have stay; one more is refused. Who is launched within
// its window may not get as far as its hello.
//
// It fires with each reply that says the kernel's error, EMFILE; its call counts as
// excused. It can be used in the world of processes, and in that of containers whose
// processes can be seen.
type FileLimit struct {
	Files int `yaml:"files,omitempty"` // from 0, which means no more than are open: the worker's port has the lowest, to 1 Mi
}

// Name implements Fault.
func (FileLimit) Name() string { return "file-limit" }

// Check implements Fault.
func (f FileLimit) Check() error { return between("files", f.Files, 0, 1<<20) }

// Unmodelled implements Unmodelled.
func (FileLimit) Unmodelled() string { return "a model opens no files" }

// Unrecorded implements Unrecorded.
func (FileLimit) Unrecorded() string { return "workers were refused files; in a replay nobody is" }

// Real implements WorkerFault.
func (f FileLimit) Real(r Real, p worker.Port) (end func() int, err error) {
	return bounded(r, p, Files, int64(f.Files))
}

// bounded bounds a resource by a fault whose firing is seen at the port.
func bounded(r Real, p worker.Port, of Resource, most int64) (end func() int, err error) {
	lift, err := r.Bound(p, of, most)
	if err != nil {
		return nil, err
	}
	return func() int {
		lift()
		return 0
	}, nil
}

// Fired implements RefusingFault.
func (FileLimit) Fired(s Sign) bool { return strings.Contains(s.Err, "[Errno 24]") }

// Needs implements Needy.
func (FileLimit) Needs(r Real) error { return r.CanBound(Files) }
