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

// alone is one worker and one call of so much CPU.
func alone(cpuS float64) func(*harness.Scenario) {
	return func(sc *harness.Scenario) {
		sc.Warm, sc.Config.Size = 1, 1
		sc.Workload = scenario.Workload{Clients: 1, Command: "burn", Args: map[string]any{"cpu_s": cpuS}}
	}
}

func TestAQuotaHoldsAWorkerBackInEachPeriod(t *testing.T) {
	// 0.29 s at 0.2 cores: 14 periods that end throttled, and 10 ms of the 15th.
	r := tried(t, alone(0.29), faults.Entry{Fault: faults.CPUQuota{Cores: 0.2}, At: faults.Clock, Until: 3 * time.Second})
	if took := r.Record.Served()[0].Round(ms); took != 1410*ms {
		t.Errorf("the call took %v, want 1.41s", took)
	}
	if f := r.Record.Faults[0]; f.Fired != 14 || f.Laid != 1 {
		t.Errorf("%+v: want it to have fired 14 times", plain(f))
	}
	sound(t, r, 1)
}

func TestAQuotaThatIsNeverUsedUpDidNotFire(t *testing.T) {
	r := tried(t, alone(0.015), faults.Entry{Fault: faults.CPUQuota{Cores: 0.2}, At: faults.Clock})
	if took := r.Record.Served()[0].Round(ms); took != 15*ms || r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "fault 1, cpu-quota, never fired: it was laid on 1 of the workers, and nothing came of it") {
		t.Errorf("it took %v; %s: %s", took, r.Word, r.Reason)
	}
}

func TestAQuotaIsLiftedWhenItsWindowCloses(t *testing.T) {
	// 20 ms by 150 ms and 20 more by then, and the other 260 ms at full speed.
	r := tried(t, alone(0.3), faults.Entry{Fault: faults.CPUQuota{Cores: 0.2}, At: faults.Clock, Until: 150 * ms})
	said(t, r, `
		0 fault cpu-quota start 1
		150 fault-over cpu-quota start 1`)
	counted(t, r, 2, 0, 150*ms)
	if took := r.Record.Served()[0].Round(ms); took != 410*ms {
		t.Errorf("the call took %v, want 410ms", took)
	}
}

func TestAQuotaLiesOnWorkersThatAreLaunchedWithinItsWindow(t *testing.T) {
	r := tried(t, cold, faults.Entry{Fault: faults.CPUQuota{Cores: 0.5}, Target: faults.Target{Starts: []int{2}}})
	for n, w := range r.Record.Workers()[:3] { // 100 ms at half a core: 50, and 50 of the next period
		if took := (w.Ready - w.Launched).Round(ms); took != []time.Duration{100, 150, 100}[n]*ms {
			t.Errorf("start %d took %v", n+1, took)
		}
	}
}

func TestWhatAQuotaDidToAWorkerThatDiedCounts(t *testing.T) {
	// Throttled at 20, 120, 220 and 320 ms.
	r := tried(t, alone(0.29), faults.Entry{Fault: faults.CPUQuota{Cores: 0.2}, At: faults.Clock},
		faults.Entry{Fault: faults.ExitMidCall{After: 350 * ms}})
	counted(t, r, 4, 0, 350*ms)
}

func TestOfTwoQuotasTheFirstLiesOnAWorker(t *testing.T) {
	second := faults.Entry{Fault: faults.CPUQuota{Cores: 0.9}, At: faults.Clock, From: 100 * ms}
	r := tried(t, alone(0.29), faults.Entry{Fault: faults.CPUQuota{Cores: 0.2}, At: faults.Clock}, second)
	if took := r.Record.Served()[0].Round(ms); took != 1410*ms || r.Record.Faults[0].Fired != 14 || r.Record.Faults[1].Laid != 0 {
		t.Errorf("it took %v; %+v and %+v", took, plain(r.Record.Faults[0]), plain(r.Record.Faults[1]))
	}
}

func TestOurPoolLivesWithQuotas(t *testing.T) { survives(t, "cpu-quota", 0) }

func TestRealQuotas(t *testing.T) {
	needsQuota(t)
	r := played(t, func(sc *harness.Scenario) {
		sc.Workload.Command, sc.Workload.Args = "burn", map[string]any{"cpu_s": 0.02}
	}, faults.Entry{Fault: faults.CPUQuota{Cores: 0.05}, At: faults.Clock}) // so little that it has more on any machine
	firedReally(t, r, 2, 1e6)
	if f := r.Record.Faults[0]; f.Laid != 2 {
		t.Errorf("%+v: want it laid on both workers", plain(f))
	}
}
