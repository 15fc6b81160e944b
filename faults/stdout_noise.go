package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(StdoutNoise{}, func(lots *rand.Rand) Fault { return StdoutNoise{Bytes: 1 + lots.IntN(100), Nth: lots.IntN(4)} })
}

// StdoutNoise has a worker print where its frames go, in front of the reply to a call,
// as a library does that was not told that stdout is taken. The first four letters are
// then read as a length, which no frame has.
//
// It fires once the worker has stated that it does. It can be used in every world with
// workers of ours. Model and Python worker say the reply as wire.Say has it.
type StdoutNoise struct {
	Bytes int `yaml:"bytes"`         // how many it prints, from 1 to 1048576
	Nth   int `yaml:"nth,omitempty"` // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (StdoutNoise) Name() string { return "stdout-noise" }

// Check implements Fault.
func (f StdoutNoise) Check() error {
	if err := between("bytes", f.Bytes, 1, 1<<20); err != nil {
		return err
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f StdoutNoise) Order(nth int) (wire.Order, bool) {
	return wire.Order{Say: wire.Say{Noise: f.Bytes}}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (StdoutNoise) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (StdoutNoise) Unrecorded() string {
	return "a worker printed to its port; in a replay it prints nothing"
}
