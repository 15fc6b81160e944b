package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(BitFlip{}, func(lots *rand.Rand) Fault { return BitFlip{Bit: 1 + lots.IntN(bitMost), Nth: lots.IntN(4)} })
}

// BitFlip has one bit of the reply to a call turned over, where that can't go unseen:
// in its length, the brace with which it begins, or the name of its id. A length that
// is too great has whoever reads wait for what never comes.
//
// It fires once the worker has stated that it does. It can be used in every world with
// workers of ours.
type BitFlip struct {
	Bit int `yaml:"bit"`           // which bit of the frame, from 1, the highest of its length, to 80
	Nth int `yaml:"nth,omitempty"` // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (BitFlip) Name() string { return "bit-flip" }

// Check implements Fault.
func (f BitFlip) Check() error {
	if err := between("bit", f.Bit, 1, bitMost); err != nil {
		return err
	}
	return checkNth(f.Nth)
}

// bitMost is the last of {"id": in a reply, with its length.
const bitMost = 8 * (wire.HeaderSize + len(`{"id":`))

// Order implements CallFault.
func (f BitFlip) Order(nth int) (wire.Order, bool) {
	return wire.Order{Say: wire.Say{Bit: f.Bit}}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (BitFlip) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (BitFlip) Unrecorded() string {
	return "a bit of a reply was turned over; in a replay none is"
}
