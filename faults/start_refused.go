package faults

import (
	"errors"
	"math/rand/v2"

	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(StartRefused{}, func(*rand.Rand) Fault { return StartRefused{} })
}

// StartRefused has a worker not be launched at all, for a reason that the launcher gives
// at once: no more processes, no image, a name that is taken.
//
// It fires when the launch is refused. It can be used in every world: what can be
// launched is told to the pool by the harness.
type StartRefused struct {
	Reason string `yaml:"reason,omitempty"` // what the launcher says; "": resource temporarily unavailable
}

// Name implements Fault.
func (StartRefused) Name() string { return "start-refused" }

// Check implements Fault.
func (StartRefused) Check() error { return nil }

func (f StartRefused) refuses() error {
	return errors.New("refused by a fault: " + or(f.Reason, "resource temporarily unavailable"))
}

// Model implements StartFault.
func (f StartRefused) Model(p *model.Profile, _ *rand.Rand) {
	if p.Refuse == nil { // else another does
		p.Refuse = f.refuses()
	}
}

// Real implements StartFault: there is nobody to be told.
func (StartRefused) Real(*rand.Rand) []string { return nil }

// Fired implements StartFault: there is no port at which it could be seen.
func (StartRefused) Fired(Sign) bool { return false }
