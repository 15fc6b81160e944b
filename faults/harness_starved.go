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
// in every world. In that of models the harness stands still for 10ms for each, and then
// goes on for as long, in turn.
type HarnessStarved struct {
	Goroutines int `yaml:"goroutines"` // how many for each of Go's processors (GOMAXPROCS), from 1 to 100
}

// turn is for how long Go lets a goroutine compute that never waits, if others want to
// run: forcePreemptNS of its scheduler.
const turn = 10 * time.Millisecond

// Name implements Fault.
func (HarnessStarved) Name() string { return "harness-starved" }

// Check implements Fault.
func (f HarnessStarved) Check() error { return between("goroutines", f.Goroutines, 1, 100) }

// Model implements MachineFault.
func (f HarnessStarved) Model(m Model) (end func() int) {
	late := time.Duration(f.Goroutines) * turn
	over, ended, fired := make(chan struct{}), make(chan struct{}), 0
	go func() {
		defer close(ended)
		rest := time.NewTimer(0)
		defer rest.Stop()
		for {
			select {
			case <-rest.C:
			case <-over:
				return
			}
			m.Stall(late)
			m.Point("harness", "goes on")
			fired = f.Goroutines
			rest.Reset(late)
		}
	}()
	return func() int {
		close(over)
		<-ended
		return fired
	}
}

// Real implements MachineFault.
func (f HarnessStarved) Real(Real) (end func() int, err error) {
	var over atomic.Bool
	var fired atomic.Int64
	var all sync.WaitGroup
	for range f.Goroutines * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := 0; !over.Load(); n++ {
				if n == 0 {
					fired.Add(1)
				}
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
