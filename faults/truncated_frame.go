package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(TruncatedFrame{}, func(lots *rand.Rand) Fault {
		return TruncatedFrame{Bytes: 1 + lots.IntN(40), Exits: lots.IntN(2) == 0, Nth: lots.IntN(4)}
	})
}

// TruncatedFrame has a worker write no more than the begin of the frame that is its
// reply. If it exits then, whoever reads finds the end of the port within a frame; if
// it lives on they wait, and take for the rest of it whatever comes next.
//
// It fires once the worker has stated that it does. It can be used in every world with workers of ours.
type TruncatedFrame struct {
	Bytes int  `yaml:"bytes"`           // how many of the frame it writes, its length's four among them; from 1 to 40
	Exits bool `yaml:"exits,omitempty"` // then it exits, with status 70
	Nth   int  `yaml:"nth,omitempty"`   // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (TruncatedFrame) Name() string { return "truncated-frame" }

// Check implements Fault.
func (f TruncatedFrame) Check() error {
	if err := between("bytes", f.Bytes, 1, 40); err != nil { // no reply is shorter
		return err
	}
	return checkNth(f.Nth)
}

func (f TruncatedFrame) order() wire.Order {
	o := wire.Order{Say: wire.Say{Cut: f.Bytes}}
	if f.Exits {
		o.Exit, o.Replied = exitStatus, true
	}
	return o
}

// Order implements CallFault.
func (f TruncatedFrame) Order(nth int) (wire.Order, bool) {
	return f.order(), f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (TruncatedFrame) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (TruncatedFrame) Unrecorded() string {
	return "a reply was cut short; in a replay it is whole"
}
