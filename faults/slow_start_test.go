//go:build linux

package faults_test

import (
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
)

func TestSlowStartsAreSlowByWhatTheyAskFor(t *testing.T) {
	// 100 ms of their own, and 300 and 200 more for two of three.
	r := tried(t, cold, faults.Entry{Fault: faults.SlowStart{CPU: 300 * ms, Wait: 200 * ms}, Target: faults.Target{First: 2}})
	said(t, r, `
		0 fault slow-start start 1
		0 fault slow-start start 2
		600 fault-over slow-start start 1
		600 fault-over slow-start start 2`)
	counted(t, r, 2, 0, 600*ms)
	sound(t, r, 12)
	for n, w := range r.Record.Workers()[:3] {
		if took := (w.Ready - w.Launched).Round(ms); took != []time.Duration{600, 600, 100}[n]*ms {
			t.Errorf("start %d took %v", n+1, took)
		}
	}
}

func TestASlowStartIsDrawnTheSameUnderTheSameSeed(t *testing.T) {
	starts := func(seed uint64) (all [2]time.Duration) {
		r := tried(t, func(sc *harness.Scenario) { cold(sc); sc.Seed = seed }, faults.Entry{Fault: faults.SlowStart{Wait: 200 * ms, Tail: faults.Pareto}})
		for i, w := range r.Record.Workers()[:2] {
			all[i] = (w.Ready - w.Launched).Round(ms) - 100*ms
		}
		return all
	}
	one := starts(1)
	if one != starts(1) || one == starts(2) || one[0] == one[1] || one[0] < 200*ms {
		t.Errorf("under seed 1 %v and %v, under seed 2 %v", one, starts(1), starts(2))
	}
}

func TestOurPoolLivesWithSlowStarts(t *testing.T) { survives(t, "slow-start", 0) }

func TestSlowStartsOfRealWorkers(t *testing.T) {
	r := played(t, func(sc *harness.Scenario) { sc.Start = scenario.Demand{CPU: 20 * ms} },
		faults.Entry{Fault: faults.SlowStart{CPU: 60 * ms, Wait: 40 * ms}, Target: faults.Target{Starts: []int{2}}})
	firedReally(t, r, 1, 1)
	// A third may be begun after it all: in the place of one whose probe was cut short.
	for n, w := range r.Record.Workers()[:2] { // at least what they ask for: nothing is too fast
		least := []time.Duration{20 * ms, 80 * ms}[n]
		if w.OnCPU < least || n == 1 && w.Ready-w.Launched < 120*ms {
			t.Errorf("start %d was ready after %v, with %v of CPU", n+1, w.Ready-w.Launched, w.OnCPU)
		}
	}
}
