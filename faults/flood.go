package faults

import (
	"math/rand/v2"
	"time"
)

func init() {
	Register(Flood{}, func(lots *rand.Rand) Fault {
		return Flood{Callers: 1 + lots.IntN(30), Every: time.Duration(lots.IntN(3)) * 5 * time.Millisecond, Patience: tens(lots, 1, 1000)}
	})
}

// Flood has many more callers come than the workload has, at once or one after
// another, as a retry storm does or somebody else's batch. Each makes one call, the
// workload's first, of no session. They are among the run's arrivals: ideal pools and
// replays meet them too. Whether their calls are answered counts neither as kept nor as
// missed; a wrong answer to one is a breach all the same.
//
// They come no sooner than the clients' clock starts, and no more of them once the
// workload is over; whoever has come is waited for.
//
// It fires with each call that has come to the pool. It can be used in every world:
// callers are the harness's.
type Flood struct {
	Callers  int           `yaml:"callers"`            // how many, from 1 to 1000
	Every    time.Duration `yaml:"every,omitempty"`    // between one and the next, up to 1m; 0: all at once
	Patience time.Duration `yaml:"patience,omitempty"` // how long each waits for its answer, up to 24h; 0: as long as callers of the workload
}

// Name implements Fault.
func (Flood) Name() string { return "flood" }

// Check implements Fault.
func (f Flood) Check() error {
	if err := between("callers", f.Callers, 1, 1000); err != nil {
		return err
	}
	if err := between("every", f.Every, 0, time.Minute); err != nil {
		return err
	}
	return between("patience", f.Patience, 0, mostDemand)
}

// Comes implements CrowdFault.
func (f Flood) Comes(nth int) (after time.Duration, comes bool) {
	return time.Duration(nth-1) * f.Every, nth <= f.Callers
}

// Waits implements CrowdFault.
func (f Flood) Waits() time.Duration { return f.Patience }
