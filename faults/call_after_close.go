package faults

import (
	"errors"
	"math/rand/v2"
)

func init() {
	Register(CallAfterClose{}, func(lots *rand.Rand) Fault {
		return CallAfterClose{While: lots.IntN(4), After: 1 + lots.IntN(4)}
	})
}

// CallAfterClose has somebody call the pool who does not know that it is over: while it
// closes, and once it has closed. Each makes one call, the workload's first, of no
// session. It must be told so at once: one that does not come back, that crashes, that is
// answered by a closed pool, or that has this begin a worker is a breach. What comes while
// the pool closes may be answered still, and must be back by when it has closed.
//
// It fires with each call that has come to the pool. It can be used in every world:
// callers are the harness's.
type CallAfterClose struct {
	While int `yaml:"while,omitempty"` // how many come while it closes, up to 1000
	After int `yaml:"after,omitempty"` // how many come once it has closed, up to 1000
}

// Name implements Fault.
func (CallAfterClose) Name() string { return "call-after-close" }

// Check implements Fault.
func (f CallAfterClose) Check() error {
	if f.While == 0 && f.After == 0 {
		return errors.New("while and after are 0: nobody comes")
	}
	if err := between("while", f.While, 0, 1000); err != nil {
		return err
	}
	return between("after", f.After, 0, 1000)
}

// Late implements ClosingFault.
func (f CallAfterClose) Late() (closing, closed int) { return f.While, f.After }
