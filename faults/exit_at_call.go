package faults

import (
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(ExitAtCall{}, func(lots *rand.Rand) Fault { return ExitAtCall{Nth: lots.IntN(4)} })
}

// ExitAtCall has a worker exit when it gets a call, before it executes it. The
// call can't be answered: if its error comes by its deadline it counts as excused.
//
// It fires when the worker has ended with that status. It can be used in every
// world with workers of ours. The Python worker obeys in
// python/butfor_worker/fault.py, the model in worker/model/serve.go.
type ExitAtCall struct {
	Nth    int `yaml:"nth,omitempty"`    // at the worker's n-th call, from 1; 0: at any that Target is true of
	Status int `yaml:"status,omitempty"` // exit status, from 1 to 255; 0: 70
}

// Name implements Fault.
func (ExitAtCall) Name() string { return "exit-at-call" }

// Check implements Fault.
func (f ExitAtCall) Check() error { return checkExit(f.Nth, f.Status) }

// Order implements CallFault.
func (f ExitAtCall) Order(nth int) (wire.Order, bool) {
	return wire.Order{Exit: or(f.Status, exitStatus)}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (f ExitAtCall) Fired(s Sign) bool { return exited(s, f.Status) }

// exited says whether a worker has exited as it was ordered.
func exited(s Sign, status int) bool {
	return s.Seen == Gone && s.Exit.Code == or(status, exitStatus)
}
