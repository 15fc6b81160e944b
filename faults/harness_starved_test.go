//go:build linux

package faults_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
)

func TestARunWhoseHarnessWasStarvedIsNotJudged(t *testing.T) {
	// It stands still for 100 ms and goes on for 100 ms, in turn.
	hurt := faults.Entry{Fault: faults.HarnessStarved{Goroutines: 10}, At: faults.Clock}
	sleep := func(deadline time.Duration) func(*harness.Scenario) {
		return func(sc *harness.Scenario) {
			sc.Warm, sc.Deadline = 2, deadline
			sc.Workload = scenario.Workload{Clients: 2, Command: "sleep", Args: map[string]any{"s": 1.0}}
		}
	}
	for deadline, why := range map[time.Duration]string{
		950 * ms:  "no replay can show it: the harness was starved", // they got no answer
		1390 * ms: "the harness itself was starved: its timers were up to 100 ms late",
	} {
		r := tried(t, sleep(deadline), hurt)
		if r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, why) {
			t.Errorf("a deadline of %v: %s: %s", deadline, r.Word, r.Reason)
		}
		if f := r.Record.Faults[0]; f.Fired != 10 {
			t.Errorf("%+v", plain(f))
		}
	}
	if r := tried(t, sleep(time.Minute), hurt); r.Word != scenario.Sound {
		t.Errorf("a deadline that was kept by a minute: %s: %s", r.Word, r.Reason)
	}
	brief := hurt
	brief.Until = 300 * ms // it is over while they sleep
	if r := tried(t, sleep(2*time.Second), brief); r.Record.Faults[0].Last > 500*ms || len(r.Record.Served()) != 2 {
		t.Errorf("%+v, served %v", plain(r.Record.Faults[0]), r.Record.Served())
	}
}

// Of Go's own timers none is later than by some 30 ms, of however many goroutines.
func TestARunWhoseRealHarnessWasStarvedIsNotJudged(t *testing.T) {
	const each, least = 20, 150 * ms
	r := unjudged(t, func(sc *harness.Scenario) {
		sc.Deadline, sc.Patience = time.Second+2*least, forever
		sc.Workload = scenario.Workload{Clients: 2, Command: "sleep", Args: map[string]any{"s": 1.0}}
	}, faults.Entry{Fault: faults.HarnessStarved{Goroutines: each}, At: faults.Clock})
	if f := r.Record.Faults[0]; f.Fired != each*runtime.GOMAXPROCS(0) {
		t.Errorf("%+v", plain(f))
	}
	if r.Record.Late < least {
		t.Errorf("it was late by %v at most", r.Record.Late)
	}
	if len(r.Record.Served()) != 2 || r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "starved") {
		t.Errorf("%s: %s; served %v", r.Word, r.Reason, r.Record.Served())
	}
}
