package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(DiesBySignal{}, func(lots *rand.Rand) Fault {
		return DiesBySignal{Signal: deadly[lots.IntN(len(deadly))], After: tens(lots, 0, 500), Nth: lots.IntN(4)}
	})
}

// DiesBySignal has a worker end itself by a signal: when it gets a call, or while it
// executes it. SEGV is a true crash, by a read of what is not there; KILL is what the
// kernel does that wants its memory. The call can't be answered: if its error comes by
// its deadline it counts as excused.
//
// It fires when the worker has ended by that signal. It can be used in every world with
// workers of ours; the first process of a container is spared all but SEGV and ABRT by
// the kernel, if it sends them itself.
type DiesBySignal struct {
	Signal string        `yaml:"signal"`          // its name: ABRT, BUS, FPE, HUP, ILL, KILL, QUIT, SEGV or TERM
	After  time.Duration `yaml:"after,omitempty"` // since the worker got the call, or at the end of the call if that comes first; 0: before it is executed
	Nth    int           `yaml:"nth,omitempty"`   // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// deadly are the signals that end a process which does nothing about them.
var deadly = []string{"ABRT", "BUS", "FPE", "HUP", "ILL", "KILL", "QUIT", "SEGV", "TERM"}

// Name implements Fault.
func (DiesBySignal) Name() string { return "dies-by-signal" }

// Check implements Fault.
func (f DiesBySignal) Check() error {
	var named error
	if !slices.Contains(deadly, f.Signal) {
		named = fmt.Errorf("signal is %q: it must be one of %s", f.Signal, strings.Join(deadly, ", "))
	}
	return errors.Join(named, checkAfter(f.After), checkNth(f.Nth))
}

func (f DiesBySignal) signal() syscall.Signal { return unix.SignalNum("SIG" + f.Signal) }

// Order implements CallFault.
func (f DiesBySignal) Order(nth int) (wire.Order, bool) {
	return wire.Order{Signal: int(f.signal()), After: f.After}, f.Nth == 0 || f.Nth == nth
}

// Fired implements CallFault.
func (f DiesBySignal) Fired(s Sign) bool { return s.Seen == Gone && s.Exit.Signal == f.signal() }
