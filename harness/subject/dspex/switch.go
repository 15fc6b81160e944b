package dspex

import (
	"fmt"
	"maps"
	"slices"

	"github.com/butfor/butfor/worker"
)

// A Switch is a historical bug: on, the pool has it; off, it has the real fix.
// Most are named as in findings, table B; those that only table A shows are
// named as there. AliveGuard and PortHandedBack are fixes that fix nothing.
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
	// GiveUpCrashesPool: that a check-out fails because its caller is dead is an error of
	// the pool's. Off: it says no more than that, and the next in line has the worker.
	GiveUpCrashesPool Switch = "give-up-crashes-pool"
	// IllegalReturn: an error at the check-out is an answer that NimblePool
	// does not know, and ends the manager. Off: the worker is removed.
	IllegalReturn Switch = "illegal-return"
	// AliveGuard: the check-out asks whether the caller is alive before it
	// connects him. It is the historical fix of a badarg, and fixes nothing.
	AliveGuard Switch = "alive-guard"
	// RequeueSpin: what the manager is sent while a worker starts it posts to
	// itself, again and again: its core is busy for the whole start, the order of
	// messages is lost, and the start timeout begins anew at each. It is the
	// historical fix of DeafStart.
	RequeueSpin Switch = "requeue-spin"
	// SpinsForReal has the manager, in real time, take the core that a spin takes, on a
	// thread of its own. Off, and in a bubble: it waits for as long, and leaves that core
	// to the harness, with which it shares a process. It is no bug.
	SpinsForReal Switch = "spins-for-real"
	// PrewarmLeaks: only requests outlive a start; check-ins, cancels and deaths
	// are dropped, and the workers that they are about stay taken for ever.
	PrewarmLeaks Switch = "prewarm-leaks"
	// HotRestart: a start that fails is begun again at once, and nobody is told
	// why. Off: those who wait are told, and the next start comes later each time.
	HotRestart Switch = "hot-restart"
	// SlowGoodbye: a removal waits for an exit that is not told to the manager, as
	// long as it waits at most.
	SlowGoodbye Switch = "slow-goodbye"
	// ShutdownIgnored: a worker is told to shut down, and answers that it does, but
	// stays; it is waited for all the same. Off: its port is closed, which ends it.
	ShutdownIgnored Switch = "shutdown-ignored"
	// StopRace: who stops the pool kills its manager's name first, and is told that
	// there is no such process. The manager goes on stopping behind his back.
	StopRace Switch = "stop-race"
	// HealthBlocksPool: a worker that was not looked at for 30 s is pinged at its
	// check-in, inside the manager; the answer goes to the owner of the port, who
	// is the client, and the manager waits for 5 s.
	HealthBlocksPool Switch = "health-blocks-pool"
	// HealthCheckConstant: all is healthy whenever one asks. Off: it is told how many
	// workers are missing, and idle ones that have died are replaced within a second.
	HealthCheckConstant Switch = "health-check-constant"
	// DegradedIsDeath: a worker that answered with an error is thrown away, once
	// the next caller has got it.
	DegradedIsDeath Switch = "degraded-is-death"
	// SessionIsolation: a session has whichever worker is next, and so a state on
	// each. Off: it has one, and waits for that.
	SessionIsolation Switch = "session-isolation"
	// SlowStartSelfMade: before each worker Python is started three times to see
	// whether it is there, one after another, inside the manager.
	SlowStartSelfMade Switch = "slow-start-self-made"
	// PortSend: requests are messages to the port in place of Port.command. It is
	// no bug: for the owner both are the same (findings: port-command).
	PortSend Switch = "port-send"
	// NonOwnerSend: the manager sends a message to a port that is no longer its
	// own, which kills the owner (findings: port-command).
	NonOwnerSend Switch = "non-owner-send"
	// ReadySignal: any map is taken for a hello.
	ReadySignal Switch = "ready-signal"
	// LongLivedWorkers: a worker that is checked in still belongs to the client
	// who had it, and dies with him. Off: he hands it back.
	LongLivedWorkers Switch = "long-lived-workers"
	// PortHandedBack: the manager takes the port over at the check-in. It is the
	// historical fix of LongLivedWorkers, and helps no client that ends at once.
	PortHandedBack Switch = "port-handed-back"
)

// Bugs of V2's clients.
const (
	// LateReply: a call that had no answer in time gives its worker back all the
	// same, and the next one gets that answer; the third failure ends the worker.
	// Off: it is removed at once.
	LateReply Switch = "late-reply"
	// CheckinToNowhere: the client sends the check-in to himself.
	CheckinToNowhere Switch = "checkin-to-nowhere"
	// CounterOverwritten: at each call of a session its entry in the table is made
	// anew, and its count with it.
	CounterOverwritten Switch = "counter-overwritten"
	// TableOwnerDies: the table of sessions belongs to the client who came first,
	// and goes with him. Off: it belongs to the pool.
	TableOwnerDies Switch = "table-owner-dies"
	// SessionLeak: that a session has ended is not told to its workers.
	SessionLeak Switch = "session-leak"
	// ErrorCrashesClient: a Python error in a call without a session has no
	// clause, and ends the client and his worker.
	ErrorCrashesClient Switch = "error-crashes-client"
	// ConfigNeverRead: what the application's configuration says of the pool (see
	// configuration) is not looked at. Off: it has the last word.
	ConfigNeverRead Switch = "config-never-read"
	// WrongName: the command get_stats asks the manager first, which knows no
	// such call, and dies of it.
	WrongName Switch = "wrong-name"
)

// Bugs of the workers, which are part of the pools (worker.Habit). ShutdownIgnored
// has two sides.
const (
	// OrphanSpin: a worker takes no notice of the end of its port, and nobody kills it.
	OrphanSpin Switch = "orphan-spin"
	// StdoutNoise: what called code prints goes to the port, where it is taken for
	// the length of a frame that never comes.
	StdoutNoise Switch = "stdout-noise"
	// StderrMerged: what is written to stderr goes to the port as well, and breaks the
	// framing as a print does (findings: port-command).
	StderrMerged Switch = "stderr-merged"
	// SessionListing: a listing without a session is of all of them (findings:
	// session-isolation).
	SessionListing Switch = "session-listing"
	// SilentFrames: what the worker can't make anything of gets no answer, nor does
	// a call whose result is no JSON.
	SilentFrames Switch = "silent-frames"
)

// Bugs of V2-P3's way to a worker.
const (
	// InlineBreaker: the circuit breaker makes the calls inside itself, one at a
	// time.
	InlineBreaker Switch = "inline-breaker"
	// BreakerNeverOpens: an error that is an answer counts as a success. Off: the
	// breaker opens after five failures.
	BreakerNeverOpens Switch = "breaker-never-opens"
	// HalfOpenStuck: the probes that a half-open breaker lets through are counted
	// once for all; after three of them it lets nobody through.
	HalfOpenStuck Switch = "half-open-stuck"
	// RetryAmplifies: what failed is tried again, three times in all, whether or
	// not the pool is under stress and the call has been carried out. Off: nothing is.
	RetryAmplifies Switch = "retry-amplifies"
)

// Bugs of V3.
const (
	// BusyDesync: a call that had no answer in time gives its worker back, which is
	// still busy, and tells the next caller so. Off: it is replaced.
	BusyDesync Switch = "busy-desync"
	// DeadInRotation: nobody watches the workers, and dead ones are handed out.
	// Off: they are replaced.
	DeadInRotation Switch = "dead-in-rotation"
	// Herd: all workers start at once. Off: as many as there are cores.
	Herd Switch = "herd"
	// StartedIsNotReady: the pool is open once its workers were launched. Off: once
	// they said hello.
	StartedIsNotReady Switch = "started-is-not-ready"
)

// switches says of each switch that a version knows whether it is on.
type switches map[Switch]bool

func (s switches) on(bug Switch) bool { return s[bug] }

// habits are those of the pool's workers.
func (s switches) habits() (habits []worker.Habit) {
	for _, h := range []struct {
		bug Switch
		is  worker.Habit
	}{{OrphanSpin, worker.Outlives}, {ShutdownIgnored, worker.Stays}, {StdoutNoise, worker.Prints}, {StderrMerged, worker.Merges}, {SilentFrames, worker.Swallows}, {SessionListing, worker.Shows}} {
		if s.on(h.bug) {
			habits = append(habits, h.is)
		}
	}
	return habits
}

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
		if s.configures(name) {
			continue
		}
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
