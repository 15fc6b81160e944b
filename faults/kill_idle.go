package faults

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/butfor/butfor/worker"
)

func init() {
	Register(KillIdle{}, func(lots *rand.Rand) Fault { return KillIdle{After: tens(lots, 0, 300)} })
}

// KillIdle kills a worker once it has had nothing to do for some time, as the
// kernel does that wants its memory: with SIGKILL, and so its children. A call
// that is sent to it before anybody can know counts as excused if its error comes
// by its deadline.
//
// It fires when the worker has ended by that signal. It can be used in every
// world: a port can kill its far side everywhere.
type KillIdle struct {
	After time.Duration `yaml:"after,omitempty"` // since its hello or its last reply; 0: 10ms
}

// Name implements Fault.
func (KillIdle) Name() string { return "kill-idle" }

// Check implements Fault.
func (f KillIdle) Check() error {
	if f.After < 0 || f.After > mostDemand {
		return fmt.Errorf("after is %v: it must be from 0, which means %v, to %v", f.After, killIdleAfter, mostDemand)
	}
	return nil
}

// killIdleAfter is long enough for a caller to give its worker back.
const killIdleAfter = 10 * time.Millisecond

// Idle implements IdleFault.
func (f KillIdle) Idle() time.Duration { return or(f.After, killIdleAfter) }

// Strike implements IdleFault.
func (KillIdle) Strike(p worker.Port) { _ = p.Kill() } // it fails if it is gone: then there is nothing to kill

// Fired implements IdleFault.
func (KillIdle) Fired(s Sign) bool { return s.Seen == Gone && s.Exit.Signal == syscall.SIGKILL }
