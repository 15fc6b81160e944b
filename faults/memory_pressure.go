package faults

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(MemoryPressure{}, func(lots *rand.Rand) Fault {
		return MemoryPressure{MB: 64, Left: 2 + lots.IntN(7), Pages: 1 + lots.IntN(2000)}
	})
}

// MemoryPressure has workers be short of memory, each for itself, and kills none: a
// process beside each takes all that its container may have, but for what the worker holds
// and a little for what it reads of files, its own program among them. Such pages are
// dropped again and again, and read again when they are wanted, which costs the worker CPU
// time and waiting. When it wants to hold more that process gives it back, as long as it
// has some. The rest of the machine has what it had.
//
// What that costs was measured on Python workers of 18 MiB. With 4 MiB left a call that
// does little took 20 major faults, and an import of asyncio 500, which made it twice as
// long; with 2 MiB they took 100 and 8,000, with 1 MiB 900 and 60,000. Each cost 50 µs of
// CPU time and about as much waiting where the machine's memory has the files; where only
// the disk has them it is more.
//
// It fires with each worker that computed while its container, by the count of its own
// cgroup, had to read again what had been dropped; of models with each that was called
// meanwhile. It can be used in the world of models and in that of containers. A process has
// no memory of its own to be short of: all of the machine's would have to be taken.
type MemoryPressure struct {
	MB    int `yaml:"mb"`              // MiB that a container may have, without swap, from 48 to 1 Mi
	Left  int `yaml:"left"`            // MiB of it for what is read of files, from 1, and no more than half of mb
	Pages int `yaml:"pages,omitempty"` // major faults that a model takes with each call, up to 1 Mi; 0: 20
}

// Name implements Fault.
func (MemoryPressure) Name() string { return "memory-pressure" }

// Check implements Fault.
func (f MemoryPressure) Check() error {
	return errors.Join(between("mb", f.MB, 48, 1<<20), between("left", f.Left, 1, max(1, f.MB/2)), between("pages", f.Pages, 0, 1<<20))
}

// majorFault is what one costs, measured in containers whose files the machine's memory
// had: 50,000 of them took 2.6 s of CPU and 3.2 s of waiting.
const majorFault = 50 * time.Microsecond

// Model implements ModelledWorkerFault.
func (f MemoryPressure) Model(m Model, p *model.Port) (end func() int) {
	each := time.Duration(or(f.Pages, 20)) * majorFault
	before := m.Burdened(p)
	m.Burden(p, model.Demand{CPU: each, Wait: each})
	return func() int {
		m.Burden(p, model.Demand{})
		return min(1, m.Burdened(p)-before)
	}
}

// Real implements WorkerFault.
func (f MemoryPressure) Real(r Real, p worker.Port) (end func() int, err error) {
	lift, err := r.Press(p, int64(f.MB)<<20, int64(f.Left)<<20)
	if err != nil {
		return nil, err
	}
	before := p.Info().CPU
	return func() int {
		computed := p.Info().CPU > before
		if felt := lift(); felt && computed {
			return 1
		}
		return 0
	}, nil
}

// Needs implements Needy.
func (MemoryPressure) Needs(r Real) error { return r.CanPress() }
