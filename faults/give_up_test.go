//go:build linux

package faults_test

import (
	"strings"
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
)

func TestCallersGiveUp(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.GiveUp{After: 30 * ms}, Target: faults.Target{Clients: []string{"c2"}}})
	said(t, r, `
		80 fault give-up c2.1
		210 fault give-up c2.2`)
	counted(t, r, 2, 80*ms, 210*ms)
	sound(t, r, 10)
	for _, c := range r.Record.Calls() {
		if given := c.Client == "c2"; given != c.Excused || given != strings.Contains(c.Err, faults.ErrGaveUp.Error()) {
			t.Errorf("%s: excused %v, %q", c.ID, c.Excused, c.Err)
		}
	}
}

func TestNobodyGivesUpACallThatIsBack(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.GiveUp{After: 500 * ms}})
	if f := r.Record.Faults[0]; f.Fired != 0 || f.Why != "none of the callers that it is meant for came within its window" {
		t.Errorf("%+v", plain(f))
	}
}

func TestOurPoolLivesWithCallersThatGiveUp(t *testing.T) { survives(t, "give-up", 0) }

func TestCallersOfRealWorkersGiveUp(t *testing.T) {
	r := played(t, func(sc *harness.Scenario) {
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": 0.2}
	}, faults.Entry{Fault: faults.GiveUp{After: 20 * ms}, Target: faults.Target{Calls: []string{"c1.1", "c2.2"}}})
	firedReally(t, r, 2, 2)
}
