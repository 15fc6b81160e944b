//go:build linux

package faults_test

import (
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
)

func TestAWorkerExitsInTheMidstOfACall(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.ExitMidCall{After: 60 * ms}, At: faults.Call(3), Times: 1})
	said(t, r, `
		160 fault exit-mid-call c3.1
		160 victim exit-mid-call c3.1`)
	counted(t, r, 1, 160*ms, 160*ms)
	sound(t, r, 11)
	died(t, r.Record, 1)
}

func TestAWorkerExitsAtTheEndOfACallThatIsOverSooner(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.ExitMidCall{After: time.Hour}, At: faults.Call(3), Times: 1})
	counted(t, r, 1, 200*ms, 200*ms)
	sound(t, r, 11)
}

// Whoever gave up before it happened has ended the worker: then nothing proves
// the fault.
func TestAnExitThatThePoolForestalledDidNotFire(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) { sc.Config.CallTimeout = 40 * ms }, faults.Entry{Fault: faults.ExitMidCall{After: 60 * ms}, Times: 1})
	if f := r.Record.Faults[0]; f.Fired != 0 || f.Laid != 1 || f.Why != "it was laid on 1 of the calls, and nothing came of it" {
		t.Errorf("%+v", plain(f))
	}
}

func TestOurPoolLivesWithExitsInTheMidstOfCalls(t *testing.T) { survives(t, "exit-mid-call", 3) }

func TestRealWorkersThatExitInTheMidstOfACall(t *testing.T) {
	r := played(t, func(sc *harness.Scenario) {
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": 0.2}
	}, faults.Entry{Fault: faults.ExitMidCall{After: 20 * ms, Nth: 1}, Times: 1})
	firedReally(t, r, 1, 1)
	died(t, r.Record, 1)
}
