package faults

import (
	"math/rand/v2"
	"time"
)

func init() {
	Register(DieHolding{}, func(lots *rand.Rand) Fault { return DieHolding{After: tens(lots, 0, 500)} })
}

// DieHolding has clients die while they hold a worker. Where the pool lets a
// client take a worker out (subject.Lessor), it does, makes its call on it, and
// dies without giving it back, in the midst of the call or after it. Elsewhere it
// dies in the midst of its call. What it was calling counts neither as kept nor as
// missed.
//
// It fires when a client has died that held a worker. It can be used in every
// world: callers are the harness's.
type DieHolding struct {
	After time.Duration `yaml:"after,omitempty"` // since its call was sent to the worker; 0: at once
}

// Name implements Fault.
func (DieHolding) Name() string { return "die-holding" }

// Check implements Fault.
func (f DieHolding) Check() error { return checkAfter(f.After) }

// When implements CallerFault.
func (f DieHolding) When() (CallMoment, time.Duration) { return Held, f.After }

// Strike implements CallerFault.
func (DieHolding) Strike(c *Caller) { c.Die() }
