package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(StderrFlood{}, func(lots *rand.Rand) Fault { return StderrFlood{Bytes: 1000 * (1 + lots.IntN(200)), Nth: lots.IntN(4)} })
}

// StderrFlood has a worker write much to its stderr at the end of a call, before the
// reply, as a library does that logs at its most talkative. Where nobody reads that it
// waits for ever, once the pipe is full.
//
// It fires once the worker has stated that it did, behind all that it wrote there. It can be
// used in every world with workers of ours.
type StderrFlood struct {
	Bytes int `yaml:"bytes"`         // how many it writes, from 1 to 67108864
	Nth   int `yaml:"nth,omitempty"` // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (StderrFlood) Name() string { return "stderr-flood" }

// Check implements Fault.
func (f StderrFlood) Check() error {
	if err := between("bytes", f.Bytes, 1, 64<<20); err != nil {
		return err
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f StderrFlood) Order(nth int) (wire.Order, bool) {
	return wire.Order{Say: wire.Say{Stderr: f.Bytes}}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (StderrFlood) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (StderrFlood) Unrecorded() string {
	return "a worker wrote much to its stderr; in a replay it writes nothing"
}

func (StderrFlood) mild() {}
