package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(SwappedReplies{}, func(lots *rand.Rand) Fault { return SwappedReplies{Nth: lots.IntN(4)} })
}

// SwappedReplies has a worker say, at a call, the reply before it once more and then
// this one: from then on each call finds the reply to the one before.
//
// It fires once the worker has stated that it does. It can be used in every world with
// workers of ours.
type SwappedReplies struct {
	Nth int `yaml:"nth,omitempty"` // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (SwappedReplies) Name() string { return "swapped-replies" }

// Check implements Fault.
func (f SwappedReplies) Check() error { return checkNth(f.Nth) }

// Order implements CallFault.
func (f SwappedReplies) Order(nth int) (wire.Order, bool) {
	return wire.Order{Say: wire.Say{Stale: true}}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (SwappedReplies) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (SwappedReplies) Unrecorded() string {
	return "replies came one call late; in a replay each comes to its own"
}
