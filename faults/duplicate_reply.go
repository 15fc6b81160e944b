package faults

import (
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(DuplicateReply{}, func(lots *rand.Rand) Fault { return DuplicateReply{After: tens(lots, 0, 300), Nth: lots.IntN(4)} })
}

// DuplicateReply has a worker say the reply to a call twice. Who does not look takes
// the second one for the reply to the call after it.
//
// It fires once the worker has stated that it does. It can be used in every world with
// workers of ours.
type DuplicateReply struct {
	After time.Duration `yaml:"after,omitempty"` // between the two, up to 24h; 0: at once
	Nth   int           `yaml:"nth,omitempty"`   // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Name implements Fault.
func (DuplicateReply) Name() string { return "duplicate-reply" }

// Check implements Fault.
func (f DuplicateReply) Check() error {
	if err := checkAfter(f.After); err != nil {
		return err
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f DuplicateReply) Order(nth int) (wire.Order, bool) {
	return wire.Order{Say: wire.Say{Again: true, AgainAfter: f.After}}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (DuplicateReply) Fired(s Sign) bool { return s.Stated }

// Unrecorded implements Unrecorded.
func (DuplicateReply) Unrecorded() string {
	return "a reply came twice; in a replay it comes once"
}
