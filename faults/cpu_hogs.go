package faults

import (
	"fmt"
	"math/rand/v2"
	"time"
)

func init() {
	Register(CPUHogs{}, func(lots *rand.Rand) Fault { return CPUHogs{Threads: 1 + lots.IntN(6), Own: lots.IntN(3) == 0} })
}

// CPUHogs computes beside the workers: threads that want a core each. From outside
// each of them is in a scheduling group of its own, as a session is. As processes of
// this program's own, which a test starts itself and forgets, they are all in its session,
// and have together what one group has. What they get they take from whoever else wants it.
//
// It fires with each of them that had some CPU by the end of its window. It can be
// used in every world; own ones are on this program's machine, wherever workers run.
type CPUHogs struct {
	Threads int  `yaml:"threads"`       // how many, from 1 to 1000
	Own     bool `yaml:"own,omitempty"` // whether they are this program's own
}

// Name implements Fault.
func (CPUHogs) Name() string { return "cpu-hogs" }

// Check implements Fault.
func (f CPUHogs) Check() error {
	if f.Threads < 1 || f.Threads > 1000 {
		return fmt.Errorf("threads is %d: it must be from 1 to 1000", f.Threads)
	}
	return nil
}

// Model implements MachineFault.
func (f CPUHogs) Model(m Model) (end func() int) {
	var stops []func() time.Duration
	for range f.Threads {
		stops = append(stops, m.Burn(f.Own))
	}
	return computed(stops)
}

// Real implements MachineFault.
func (f CPUHogs) Real(r Real) (end func() int, err error) {
	begin := r.Python
	if f.Own {
		begin = r.Within
	}
	var stops []func() time.Duration
	for range f.Threads {
		stop, err := begin("while True: pass")
		if err != nil {
			computed(stops)()
			return nil, err
		}
		stops = append(stops, stop)
	}
	return computed(stops), nil
}

// computed stops hogs and counts those that had some CPU.
func computed(stops []func() time.Duration) func() int {
	return func() (n int) {
		for _, stop := range stops {
			if stop() > 0 {
				n++
			}
		}
		return n
	}
}
