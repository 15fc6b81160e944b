package faults

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(ExitAfterReply{}, func(lots *rand.Rand) Fault {
		return ExitAfterReply{After: tens(lots, 0, 100), Nth: lots.IntN(4)}
	})
}

// ExitAfterReply has a worker answer a call and exit then: while its caller gives it
// back, if it does so at once, or when it is handed to the next. A call that it is sent
// before anybody can know counts as excused if its error comes by its deadline.
//
// It fires when the worker has ended with that status. It can be used in every world
// with workers of ours.
type ExitAfterReply struct {
	After  time.Duration `yaml:"after,omitempty"`  // since its reply; 0: at once, which is when it is given back
	Nth    int           `yaml:"nth,omitempty"`    // at the worker's n-th call, from 1; 0: at any that Target is true of
	Status int           `yaml:"status,omitempty"` // exit status, from 1 to 255; 0: 70
}

// Name implements Fault.
func (ExitAfterReply) Name() string { return "exit-after-reply" }

// Check implements Fault.
func (f ExitAfterReply) Check() error {
	return errors.Join(checkAfter(f.After), checkExit(f.Nth, f.Status))
}

// Order implements CallFault.
func (f ExitAfterReply) Order(nth int) (wire.Order, bool) {
	return wire.Order{Exit: or(f.Status, exitStatus), After: f.After, Replied: true}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (f ExitAfterReply) Fired(s Sign) bool { return exited(s, f.Status) }

// Unrecorded implements Unrecorded.
func (ExitAfterReply) Unrecorded() string {
	return "a worker ended after a reply; in a replay it ends at that age, whatever it does"
}
