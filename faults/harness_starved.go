package faults

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func init() {
	Register(HarnessStarved{}, func(lots *rand.Rand) Fault { return HarnessStarved{Goroutines: 1 + lots.IntN(20)} })
}

// HarnessStarved has goroutines of the harness's own program compute, and never wait, as
// tests do that run beside it in one program. The harness, and with it the pool and the
// clients, get one of Go's processors only after them: whoever is sent a reply sees it
// later by 10ms or more for each. Whatever comes out then says nothing of the pool, and
// the verdict must be that it is inconclusive, where the deadline was kept or missed by
// not much more.
//
// It fires with each goroutine that has computed by the end of its window. It can be used
// in every world. In that of models, which has one processor, the harness stands still for
// 10ms for each, and then goes on for as long, in turn.
type HarnessStarved struct {
	Goroutines int `yaml:"goroutines"` // how many for each of Go's processors (GOMAXPROCS), from 1 to 100
}

// slice is for how long Go lets a goroutine compute that never waits, if others want to
// run: forcePreemptNS of its scheduler.
const slice = 10 * time.Millisecond

// Name implements Fault.
func (HarnessStarved) Name() string { return "harness-starved" }

// Check implements Fault.
func (f HarnessStarved) Check() error { return between("goroutines", f.Goroutines, 1, 100) }

// Model implements MachineFault.
func (f HarnessStarved) Model(m Model) (end func() int) {
	stop := m.Starve(time.Duration(f.Goroutines) * slice)
	return func() int {
		if stop() {
			return f.Goroutines
		}
		return 0
	}
}

// Real implements MachineFault.
func (f HarnessStarved) Real(Real) (end func() int, err error) {
	var over atomic.Bool
	var fired atomic.Int64
	var all sync.WaitGroup
	for range f.Goroutines * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			fired.Add(1)
			for !over.Load() {
			}
		})
	}
	return func() int {
		over.Store(true)
		all.Wait()
		return int(fired.Load())
	}, nil
}

// Unrecorded implements Unrecorded.
func (HarnessStarved) Unrecorded() string { return "the harness was starved; in a replay it runs" }
