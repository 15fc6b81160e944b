package faults

import (
	"fmt"
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(ClosesPort{}, func(lots *rand.Rand) Fault {
		return ClosesPort{Side: []wire.Side{"", wire.In, wire.Out}[lots.IntN(3)], Replied: lots.IntN(2) == 0, Nth: lots.IntN(4)}
	})
}

// ClosesPort has a worker close its port when it gets a call, or a half of it, and live
// on, as one does that becomes a daemon. A worker that can't be heard is ended by its
// port; one that can't hear is not missed until it is called again, and does not notice
// the end of its port.
//
// It fires once the worker has stated that it does. It can be used in every world with
// workers of ours.
type ClosesPort struct {
	Side    wire.Side `yaml:"side,omitempty"`    // in: what it reads; out: what it writes; neither: both
	Replied bool      `yaml:"replied,omitempty"` // once it has answered the call, not in place of that
	Nth     int       `yaml:"nth,omitempty"`     // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (ClosesPort) Name() string { return "closes-port" }

// Check implements Fault.
func (f ClosesPort) Check() error {
	if f.Side != "" && f.Side != wire.In && f.Side != wire.Out {
		return fmt.Errorf("side is %q: it must be %s or %s, or nothing, which means both", f.Side, wire.In, wire.Out)
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f ClosesPort) Order(nth int) (wire.Order, bool) {
	return wire.Order{Close: or(f.Side, wire.Both), Replied: f.Replied}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (ClosesPort) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (ClosesPort) Unrecorded() string {
	return "a worker closed its port and lived on; in a replay it ends"
}
