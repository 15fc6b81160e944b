package faults

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(SlowDisk{}, func(lots *rand.Rand) Fault {
		return SlowDisk{Module: "asyncio", Rate: 512 + lots.IntN(513), KB: 1 + lots.IntN(1000)}
	})
}

// SlowDisk has a worker import a real module from a slow disk before it reads its first
// frame, with nothing of it in the machine's memory: as the first start after a boot does,
// or one from a network's disk that has used up its credit. The module's files are
// written to the machine's own disk, for each worker anew, and what its container reads of
// that is throttled by the engine. Of several that a plan has for one start the first is
// had.
//
// It fires once the worker has stated that it had to read from the disk, by the kernel's
// count, and that this took half as long, at least, as it must at that rate. It can be used
// in the world of models, which wait for as long as it must take, and in that of containers
// where the engine is on this machine and the folder of temporary files is on a disk; that
// the disk can be slowed is tried before the run. A process has none of its own.
type SlowDisk struct {
	Module string `yaml:"module"`       // its name, of Python's own library: asyncio, say
	Rate   int    `yaml:"rate"`         // KiB that are read in a second, from 4 to 1024
	KB     int    `yaml:"kb,omitempty"` // KiB that a model reads, up to 1 Mi; 0: 620, which asyncio takes
}

// Name implements Fault.
func (SlowDisk) Name() string { return "slow-disk" }

// Check implements Fault.
func (f SlowDisk) Check() error {
	return errors.Join(checkModule(f.Module), between("rate", f.Rate, 4, 1024), between("kb", f.KB, 0, 1<<20))
}

// Model implements StartFault.
func (f SlowDisk) Model(p *model.Profile, _ *rand.Rand) {
	p.BootWait += time.Duration(or(f.KB, 620)) * time.Second / time.Duration(f.Rate)
	p.ReadsSlowly = true
}

// Real implements StartFault: the world tells such a worker what is on its disk, and where.
func (SlowDisk) Real(*rand.Rand) []string { return nil }

func (f SlowDisk) disk() Disk { return Disk{f.Module, int64(f.Rate) << 10} }

func (SlowDisk) states() string { return wire.StatedDisk }

// Fired implements StartFault.
func (SlowDisk) Fired(s Sign) bool { return s.Stated }

// Needs implements Needy.
func (f SlowDisk) Needs(r Real) error { return r.CanSlow(f.disk()) }
