package faults

import (
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(LateReply{}, func(lots *rand.Rand) Fault { return LateReply{After: tens(lots, 1, 500), Nth: lots.IntN(4)} })
}

// LateReply has a worker keep the reply to a call to itself for a while. If its caller
// has no more patience by then, it meets whoever calls next.
//
// It fires once the worker has stated that it does. It can be used in
// every world with workers of ours.
type LateReply struct {
	After time.Duration `yaml:"after"`         // how late, above 0 and up to 24h
	Nth   int           `yaml:"nth,omitempty"` // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (LateReply) Name() string { return "late-reply" }

// Check implements Fault.
func (f LateReply) Check() error {
	if err := between("after", f.After, 1, mostDemand); err != nil {
		return err
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f LateReply) Order(nth int) (wire.Order, bool) {
	return wire.Order{Say: wire.Say{Late: f.After}}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (LateReply) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (LateReply) Unrecorded() string {
	return "a reply was kept back; in a replay it comes when it is there"
}

func (LateReply) mild() {}
