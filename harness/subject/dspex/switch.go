package dspex

import (
	"fmt"
	"maps"
	"slices"
)

// A Switch is a historical bug: on, the pool has it; off, it has the real fix.
// Most are named as in findings, table B; those that only table A shows are
// named as there.
type Switch string

// Bugs of V1.
const (
	// DiesOnFirstSuccess: the answer of a successful command is an illegal
	// return, which ends the coordinator.
	DiesOnFirstSuccess Switch = "dies-on-first-success"
	// DoubleUnwrap: the result is unwrapped twice; every answer is null.
	DoubleUnwrap Switch = "double-unwrap"
)

// Bugs of NimblePool's manager, as the pools use it.
const (
	// DeafStart: the manager drops what it is sent while a worker starts:
	// check-outs, check-ins, cancels, deaths, and the order to stop.
	DeafStart Switch = "deaf-start"
	// RollingDeadline: the start timeout begins anew at each message that has
	// nothing to do with the start.
	RollingDeadline Switch = "rolling-deadline"
	// StartThenKill: the worker that was started for a caller who gave up is
	// destroyed, though he never touched it. Off: the next one has it.
	StartThenKill Switch = "start-then-kill"
	// GiveUpCrashesPool: a caller who died in line gets as far as the check-out
	// of a worker, which fails. Off: he is dropped before.
	GiveUpCrashesPool Switch = "give-up-crashes-pool"
	// IllegalReturn: an error at the check-out is an answer that NimblePool
	// does not know, and ends the manager. Off: the worker is removed.
	IllegalReturn Switch = "illegal-return"
	// AliveGuard: the check-out asks whether the caller is alive before it
	// connects him. It is the historical fix of a badarg, and fixes nothing.
	AliveGuard Switch = "alive-guard"
	// ReadySignal: any map is taken for a hello.
	ReadySignal Switch = "ready-signal"
	// LongLivedWorkers: a worker that is checked in still belongs to the client
	// who had it, and dies with him. Off: he hands it back.
	LongLivedWorkers Switch = "long-lived-workers"
)

// Bugs of V2's clients.
const (
	// ErrorCrashesClient: a Python error in a call without a session has no
	// clause, and ends the client and his worker.
	ErrorCrashesClient Switch = "error-crashes-client"
	// WrongName: the command get_stats asks the manager first, which knows no
	// such call, and dies of it.
	WrongName Switch = "wrong-name"
)

// switches says of each switch that a version knows whether it is on.
type switches map[Switch]bool

func (s switches) on(bug Switch) bool { return s[bug] }

// apply makes changes, and then those of a Config's options. Which of several
// errors is told is no matter of chance.
func (s switches) apply(changes []Change, options map[string]any) error {
	for _, c := range changes {
		if err := s.known(c.Switch); err != nil {
			return err
		}
		s[c.Switch] = c.On
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if err := s.known(Switch(name)); err != nil {
			return err
		}
		on, ok := options[name].(bool)
		if !ok {
			return fmt.Errorf("option %q: want true or false, got %T", name, options[name])
		}
		s[Switch(name)] = on
	}
	return nil
}

func (s switches) known(bug Switch) error {
	if _, ok := s[bug]; !ok {
		return fmt.Errorf("unknown option %q (known: %q)", bug, slices.Sorted(maps.Keys(s)))
	}
	return nil
}
