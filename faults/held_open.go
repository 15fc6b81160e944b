package faults

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(HeldOpen{}, func(lots *rand.Rand) Fault {
		return HeldOpen{Hold: tens(lots, 1, 500), Nth: lots.IntN(4)}
	})
}

// HeldOpen has a worker exit when it gets a call, with its port held open by a
// grandchild that has left its session, as a daemon does that a library has started: the
// end of the port does not come with the worker's. The call can't be answered: if its
// error comes by its deadline it counts as excused.
//
// It fires when the worker has ended with that status. It can be used in every world
// with workers of ours. A model has no grandchildren: its port ends with it, as that of
// a real worker must. Of a container whose first process it is nothing outlives it.
type HeldOpen struct {
	Hold   time.Duration `yaml:"hold"`             // for so long, from 1ms to 1s: what lives longer is taken for left behind
	Nth    int           `yaml:"nth,omitempty"`    // at the worker's n-th call, from 1; 0: at any that Target is true of
	Status int           `yaml:"status,omitempty"` // exit status, from 1 to 255; 0: 70
}

// Name implements Fault.
func (HeldOpen) Name() string { return "held-open" }

// Check implements Fault.
func (f HeldOpen) Check() error {
	return errors.Join(between("hold", f.Hold, time.Millisecond, time.Second), checkExit(f.Nth, f.Status))
}

// Order implements CallFault.
func (f HeldOpen) Order(nth int) (wire.Order, bool) {
	return wire.Order{Exit: or(f.Status, exitStatus), Hold: f.Hold}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (f HeldOpen) Fired(s Sign) bool { return exited(s, f.Status) }
