package faults

import (
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(SlicedWrites{}, func(lots *rand.Rand) Fault {
		return SlicedWrites{Bytes: 1 + lots.IntN(20), Gap: []time.Duration{0, time.Millisecond, 10 * time.Millisecond}[lots.IntN(3)], Nth: lots.IntN(4)}
	})
}

// SlicedWrites has a worker write the reply to a call in pieces. With a gap between
// them it drips: a reader that takes what it gets for a frame, or its patience for one
// that begins anew with each byte, is found out.
//
// It fires once the worker has stated that it does, before the last piece. It can be
// used in every world with workers of ours.
type SlicedWrites struct {
	Bytes int           `yaml:"bytes"`         // of a piece, from 1 to 1048576
	Gap   time.Duration `yaml:"gap,omitempty"` // between two pieces, up to 1m
	Nth   int           `yaml:"nth,omitempty"` // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (SlicedWrites) Name() string { return "sliced-writes" }

// Check implements Fault.
func (f SlicedWrites) Check() error {
	if err := between("bytes", f.Bytes, 1, 1<<20); err != nil {
		return err
	}
	if err := between("gap", f.Gap, 0, time.Minute); err != nil {
		return err
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f SlicedWrites) Order(nth int) (wire.Order, bool) {
	return wire.Order{Say: wire.Say{Slice: f.Bytes, Gap: f.Gap}}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (SlicedWrites) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (SlicedWrites) Unrecorded() string {
	return "a reply came in pieces; in a replay it comes whole"
}

func (SlicedWrites) mild() {}
