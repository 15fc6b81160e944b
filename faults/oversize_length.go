package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(OversizeLength{}, func(lots *rand.Rand) Fault { return OversizeLength{Nth: lots.IntN(4)} })
}

// OversizeLength has a worker announce a frame that is longer than any may be, with the
// reply to a call behind it. Who takes memory on that word takes gigabytes.
//
// It fires once the worker has stated that it does. It can be used in every world with
// workers of ours.
type OversizeLength struct {
	Size int64 `yaml:"size,omitempty"` // bytes that the frame's length says, from 67108865 to 4294967295; 0: 2147483648
	Nth  int   `yaml:"nth,omitempty"`  // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (OversizeLength) Name() string { return "oversize-length" }

// Check implements Fault.
func (f OversizeLength) Check() error {
	if f.Size != 0 {
		if err := between("size", f.Size, wire.DefaultLimit+1, 1<<32-1); err != nil {
			return err
		}
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f OversizeLength) Order(nth int) (wire.Order, bool) {
	return wire.Order{Say: wire.Say{Size: or(f.Size, 1<<31)}}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (OversizeLength) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (OversizeLength) Unrecorded() string {
	return "a reply had a length that none can have; in a replay it has its own"
}
