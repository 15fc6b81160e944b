package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(MemoryLimit{}, func(lots *rand.Rand) Fault { return MemoryLimit{MB: 32 + lots.IntN(64)} })
}

// MemoryLimit bounds the memory of workers, each for itself. One that wants more is
// killed in the midst of what it does, as the kernel does that is out of memory: it
// tells nobody. Its call counts as excused if its error comes by its deadline.
//
// It fires with each worker that was killed so. It can be used in the world of models,
// where the command alloc alone takes memory, and in that of containers, whose engine
// has the limit. A process has none of its own: a limit of its address space makes its
// own allocations fail, which is an error of a call, and kills nobody.
type MemoryLimit struct {
	MB int `yaml:"mb"` // MiB, without swap, from 16, of which Python takes some 10, to 1 Mi
}

// Name implements Fault.
func (MemoryLimit) Name() string { return "memory-limit" }

// Check implements Fault.
func (f MemoryLimit) Check() error { return between("mb", f.MB, 16, 1<<20) }

func (f MemoryLimit) bytes() int64 { return int64(f.MB) << 20 }

// Model implements ModelledWorkerFault.
func (f MemoryLimit) Model(_ Model, p *model.Port) (end func() int) {
	p.LimitMemory(f.bytes())
	return func() int {
		p.LimitMemory(0)
		return 0 // what it did is seen at its end: see Fired
	}
}

// Real implements WorkerFault.
func (f MemoryLimit) Real(r Real, p worker.Port) (end func() int, err error) {
	return bounded(r, p, Memory, f.bytes())
}

// Fired implements RefusingFault.
func (MemoryLimit) Fired(s Sign) bool { return s.Seen == Gone && s.Exit.OOM }

// Needs implements Needy.
func (MemoryLimit) Needs(r Real) error { return r.CanBound(Memory) }
