package faults

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(ExitMidCall{}, func(lots *rand.Rand) Fault {
		return ExitMidCall{After: tens(lots, 1, 500), Nth: lots.IntN(4)}
	})
}

// ExitMidCall has a worker exit while it executes a call, some time after it got
// it, or at the end of the call in place of the reply if that comes first. The
// call can't be answered: if its error comes by its deadline it counts as excused.
//
// It fires when the worker has ended with that status. It can be used in every
// world with workers of ours. The Python worker obeys in
// python/butfor_worker/fault.py, the model in worker/model/serve.go.
type ExitMidCall struct {
	After  time.Duration `yaml:"after"`            // since the worker got the call; above 0
	Nth    int           `yaml:"nth,omitempty"`    // at the worker's n-th call, from 1; 0: at any that Target is true of
	Status int           `yaml:"status,omitempty"` // exit status, from 1 to 255; 0: 70
}

// Name implements Fault.
func (ExitMidCall) Name() string { return "exit-mid-call" }

// Check implements Fault.
func (f ExitMidCall) Check() error {
	if f.After <= 0 || f.After > mostDemand {
		return fmt.Errorf("after is %v: it must be above 0, and at most %v; exit-at-call exits at once", f.After, mostDemand)
	}
	return checkExit(f.Nth, f.Status)
}

// Order implements CallFault.
func (f ExitMidCall) Order(nth int) (wire.Order, bool) {
	return wire.Order{Exit: or(f.Status, exitStatus), After: f.After}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (f ExitMidCall) Fired(s Sign) bool { return exited(s, f.Status) }
