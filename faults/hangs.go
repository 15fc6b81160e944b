package faults

import (
	"fmt"
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(Hangs{}, func(lots *rand.Rand) Fault {
		return Hangs{How: []wire.Hang{wire.Deadlock, wire.HeldLock}[lots.IntN(2)], Replied: lots.IntN(3) == 0, Nth: lots.IntN(4)}
	})
}

// Hangs has a worker go on for ever when it gets a call: it waits for a lock that it
// holds itself, and still ends with its port; or it computes in C and holds the
// interpreter's lock, so that nothing else in it runs, and must be killed.
//
// It fires once the worker has stated that it does, which is seen at its end. It can be
// used in every world with workers of ours.
type Hangs struct {
	How     wire.Hang `yaml:"how"`               // deadlock or gil
	Replied bool      `yaml:"replied,omitempty"` // once it has answered the call, not in place of that
	Nth     int       `yaml:"nth,omitempty"`     // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (Hangs) Name() string { return "hangs" }

// Check implements Fault.
func (f Hangs) Check() error {
	if f.How != wire.Deadlock && f.How != wire.HeldLock {
		return fmt.Errorf("how is %q: it must be %s or %s", f.How, wire.Deadlock, wire.HeldLock)
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f Hangs) Order(nth int) (wire.Order, bool) {
	return wire.Order{Hang: f.How, Replied: f.Replied}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (Hangs) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (Hangs) Unrecorded() string { return "a worker hung; a replay has nobody who waits for ever" }
