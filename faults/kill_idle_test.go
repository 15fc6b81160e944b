//go:build linux

package faults_test

import (
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
)

func TestIdleWorkersAreKilled(t *testing.T) {
	// The one caller's call takes 100 ms: two of the three workers rest.
	r := tried(t, func(sc *harness.Scenario) { sc.Workload.Clients, sc.Workload.Calls = 1, 1 },
		faults.Entry{Fault: faults.KillIdle{After: 20 * ms}, At: faults.Clock, Times: 2})
	counted(t, r, 2, 20*ms, 20*ms)
	sound(t, r, 1)
	killed := 0
	for _, e := range r.Record.Events {
		if e.Kind == scenario.Exit && !e.Asked && e.Text == "killed by SIGKILL" {
			killed++
		}
	}
	if killed != 2 {
		t.Errorf("%d were killed: %v", killed, exits(r.Record))
	}
}

// Its window is closed while workers rest, and opens while others do.
func TestAWorkerThatRestsIsKilledAsSoonAsTheWindowOpens(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) { sc.Workload.Clients, sc.Workload.Think = 1, 500*ms },
		faults.Entry{Fault: faults.KillIdle{After: 20 * ms}, Target: faults.Target{Workers: []string{"w1", "w2", "w3"}}, At: faults.Clock, From: 300 * ms, Until: 400 * ms})
	counted(t, r, 3, 300*ms, 300*ms)
	sound(t, r, 2)
}

func TestOurPoolLivesWithKillsOfIdleWorkers(t *testing.T) { survives(t, "kill-idle", 4) }

func TestRealWorkersThatAreKilledWhileIdle(t *testing.T) {
	r := played(t, func(sc *harness.Scenario) { sc.Subject, sc.Warm = once(dead(2)), 0 },
		faults.Entry{Fault: faults.KillIdle{}, At: faults.Clock, Times: 2})
	firedReally(t, r, 2, 2)
	killed := 0
	for _, e := range r.Record.Events {
		if e.Kind == scenario.Exit && !e.Asked && e.Text == "killed by SIGKILL" {
			killed++
		}
	}
	if killed != 2 {
		t.Errorf("it fired twice, but %v", exits(r.Record))
	}
}
