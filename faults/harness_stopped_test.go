//go:build linux

package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
)

// starved checks that a run was not judged, because the harness did not run.
func starved(t *testing.T, r harness.Result) {
	t.Helper()
	if r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "the harness itself was starved") {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	if f := r.Record.Faults[0]; f.Fired != 1 {
		t.Errorf("%+v", plain(f))
	}
}

func TestARunWhoseHarnessWasStoppedIsNotJudged(t *testing.T) {
	stopped := faults.Entry{Fault: faults.HarnessStopped{For: 2 * time.Second}, At: faults.Clock}
	starved(t, tried(t, func(sc *harness.Scenario) { sc.Deadline = 5 * time.Second }, stopped))
	starved(t, tried(t, func(sc *harness.Scenario) { sc.Deadline = time.Second }, stopped)) // missed, whosever fault it is
	if r := tried(t, func(sc *harness.Scenario) { sc.Deadline = 2 * time.Minute }, stopped); r.Word != scenario.Sound {
		t.Errorf("a deadline that was kept by minutes: %s: %s", r.Word, r.Reason)
	}
}

func TestARunWhoseRealHarnessWasStoppedIsNotJudged(t *testing.T) {
	// The calls go on for as long as it takes to stop it.
	r := unjudged(t, func(sc *harness.Scenario) {
		sc.Deadline = 5 * time.Second
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": 2.0}
	}, faults.Entry{Fault: faults.HarnessStopped{For: 2 * time.Second}, At: faults.Clock})
	starved(t, r)
}
