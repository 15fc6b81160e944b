//go:build linux

package faults_test

import (
	"strings"
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

func TestAWorkerExitsAtItsNthCall(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.ExitAtCall{Nth: 2}, Times: 2})
	said(t, r, `
		150 fault exit-at-call c4.1
		150 victim exit-at-call c4.1
		200 fault exit-at-call c5.1
		200 victim exit-at-call c5.1`)
	counted(t, r, 2, 150*ms, 200*ms)
	sound(t, r, 10)
	died(t, r.Record, 2)
}

// died checks that so many calls got an error that names the worker and how it
// ended.
func died(t *testing.T, r *scenario.Record, calls int) {
	t.Helper()
	n := 0
	for _, c := range r.Calls() {
		if c.Err == "" {
			continue
		}
		n++
		// On a machine that is busy the end may not be known yet when the port's is.
		if !strings.Contains(c.Err, "worker "+c.Worker) || !strings.Contains(c.Err, "exit status 70") && !strings.Contains(c.Err, "closed its port") {
			t.Errorf("%s was told %q", c.ID, c.Err)
		}
	}
	if n != calls {
		t.Errorf("%d calls got an error, want %d", n, calls)
	}
}

func TestACallMayBeNamedAtWhichAWorkerExits(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.ExitAtCall{}, Target: faults.Target{Calls: []string{"c3.2", "c6.1"}}})
	counted(t, r, 2, 250*ms, 300*ms)
	for _, c := range r.Record.Calls() {
		if hit := c.ID == "c3.2" || c.ID == "c6.1"; hit != (c.Err != "") {
			t.Errorf("%s: %q", c.ID, c.Err)
		}
	}
}

func TestOurPoolLivesWithExitsAtCalls(t *testing.T) { survives(t, "exit-at-call", 3) }

func TestRealWorkersThatExitAtACall(t *testing.T) {
	r := played(t, nil, faults.Entry{Fault: faults.ExitAtCall{}, Target: faults.Target{Clients: []string{"c1"}}, Times: 2})
	firedReally(t, r, 2, 2)
	died(t, r.Record, 2)
}
