package faults

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func init() {
	Register(Pause{}, func(*rand.Rand) Fault { return Pause{} })
}

// Pause keeps workers from doing anything as long as its window lasts, as a suspended
// machine does, or a debugger: their ports stay open, and nobody is told. After it they
// are in the midst of what they did. A plan says until when.
//
// A call that a worker has or gets meanwhile counts as excused if its error comes by its
// deadline.
//
// It fires with each worker that was paused. It can be used in every world: processes
// are sent SIGSTOP and SIGCONT, as are those of a worker that shares a container; else
// the engine freezes all that is in it.
type Pause struct{}

// Name implements Fault.
func (Pause) Name() string { return "pause" }

// Check implements Fault.
func (Pause) Check() error { return nil }

// Model implements ModelledWorkerFault.
func (Pause) Model(_ Model, p *model.Port) (end func() int) {
	end, _ = paused(p) // it fails if it has ended: then there is nothing to be done
	return end
}

// Real implements WorkerFault.
func (Pause) Real(_ Real, p worker.Port) (end func() int, err error) {
	return paused(p)
}

func (Pause) passing() {}

func (Pause) silences() {}

// Unrecorded implements Unrecorded: that a worker waited is recorded as what it asked
// for, if it came to an end.
func (Pause) Unrecorded() string {
	return "a worker was paused; a replay has what it did not come to an end with as if it had not been"
}

func paused(p worker.Port) (end func() int, err error) {
	may, ok := worker.PauserOf(p)
	if !ok {
		return nil, errors.New("its port can't pause a worker")
	}
	if err := may.Pause(context.Background()); err != nil {
		return func() int { return 0 }, err
	}
	return func() int {
		_ = may.Unpause(context.Background()) // it fails if the worker has ended
		return 1
	}, nil
}
