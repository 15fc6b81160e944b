package faults

import (
	"math/rand/v2"
	"time"
)

func init() {
	Register(GiveUp{}, func(lots *rand.Rand) Fault { return GiveUp{After: tens(lots, 0, 500)} })
}

// GiveUp has callers give up: the ctx of a call ends some time after the call
// came, wherever it is then: in line, behind a start, in a worker's hands. The
// call counts neither as kept nor as missed.
//
// It fires when a call is given up that had not come back. It can be used in every
// world: callers are the harness's.
type GiveUp struct {
	After time.Duration `yaml:"after,omitempty"` // since the call's arrival; 0: at once
}

// Name implements Fault.
func (GiveUp) Name() string { return "give-up" }

// Check implements Fault.
func (f GiveUp) Check() error { return checkAfter(f.After) }

// When implements CallerFault.
func (f GiveUp) When() (CallMoment, time.Duration) { return Arrived, f.After }

// Strike implements CallerFault.
func (GiveUp) Strike(c *Caller) { c.GiveUp() }
