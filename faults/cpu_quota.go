package faults

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(CPUQuota{}, func(lots *rand.Rand) Fault { return CPUQuota{Cores: float64(1+lots.IntN(9)) / 10} })
}

// CPUQuota limits the CPU of workers, each for itself: in every period a worker
// gets so much, at whatever speed, and is then kept from running until the next
// one begins. So a short burst is not slowed at all.
//
// It fires with each period in which it kept a worker from running. It can be used
// in the world of models, in that of containers whose cgroups can be seen, and in
// that of processes where cgroups of ours can be made: as root, or in a cgroup that
// was delegated. A container that is launched within the window is under it from the
// first, what the engine does inside of it included; a process is stopped while
// it is laid on it, and what it had before went free.
type CPUQuota struct {
	Cores  float64       `yaml:"cores"`            // on average over a period; in a period at least 1ms of CPU
	Period time.Duration `yaml:"period,omitempty"` // from 1ms to 1s; 0: 100ms, which is Linux's own
}

// Name implements Fault.
func (CPUQuota) Name() string { return "cpu-quota" }

// Check implements Fault: with what Linux refuses.
func (f CPUQuota) Check() error {
	period := or(f.Period, quotaPeriod)
	switch {
	case period < time.Millisecond || period > time.Second:
		return fmt.Errorf("period is %v: it must be from 1ms to 1s", f.Period)
	case !(f.Cores > 0 && f.Cores <= 1<<10): // NaN too
		return fmt.Errorf("cores is %v: it must be above 0, and at most %d", f.Cores, 1<<10)
	case f.Cores*float64(period) < float64(time.Millisecond):
		return fmt.Errorf("cores is %v and period is %v: in a period there must be 1ms of CPU at least", f.Cores, period)
	}
	return nil
}

const quotaPeriod = 100 * time.Millisecond

// Model implements ModelledWorkerFault.
func (f CPUQuota) Model(m Model, p *model.Port) (end func() int) {
	before := m.Throttled(p)
	m.Limit(p, f.Cores, or(f.Period, quotaPeriod))
	return func() int {
		n := m.Throttled(p) - before
		m.Limit(p, 0, 0)
		return n
	}
}

// Real implements WorkerFault.
func (f CPUQuota) Real(r Real, p worker.Port) (end func() int, err error) {
	limit, err := r.Limit(p, f.quota())
	if err != nil {
		return nil, err
	}
	return func() int {
		defer limit.Lift()
		return limit.Throttled()
	}, nil
}

func (f CPUQuota) quota() Quota { return Quota{f.Cores, or(f.Period, quotaPeriod)} }

// Needs implements Needy.
func (CPUQuota) Needs(r Real) error { return r.CanLimit() }
