package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker"
)

func init() {
	Register(FewCores{}, func(*rand.Rand) Fault { return FewCores{Cores: 1} })
}

// FewCores has all workers run on the same few of the machine's cores, as a cpuset does,
// while others may use all of them.
//
// It fires with each worker that computed meanwhile. It can be used in the worlds of
// processes and of containers. A world of models has as many cores as its scenario says.
type FewCores struct {
	Cores int `yaml:"cores"` // from 1 to 1024: the first of those that the program may use; of a container, the engine's
}

// Name implements Fault.
func (FewCores) Name() string { return "few-cores" }

// Check implements Fault.
func (f FewCores) Check() error { return between("cores", f.Cores, 1, 1<<10) }

// Unmodelled implements Unmodelled.
func (FewCores) Unmodelled() string { return "say in the scenario how many cores there are" }

// Unrecorded implements Unrecorded.
func (FewCores) Unrecorded() string {
	return "workers had to do with few of the cores; in a replay they may use all"
}

// Real implements WorkerFault.
func (f FewCores) Real(r Real, p worker.Port) (end func() int, err error) {
	lift, err := r.Bound(p, Cores, int64(f.Cores))
	if err != nil {
		return nil, err
	}
	before := p.Info().CPU
	return func() int {
		defer lift()
		if p.Info().CPU > before {
			return 1
		}
		return 0
	}, nil
}

// Needs implements Needy.
func (FewCores) Needs(r Real) error { return r.CanBound(Cores) }
