//go:build linux

package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
)

func TestAPausedWorkerGoesOnWhereItWas(t *testing.T) {
	// 100 of 290 ms by 100 ms, and the rest from 1 s on.
	r := tried(t, alone(0.29), faults.Entry{Fault: faults.Pause{}, At: faults.Clock, From: 100 * ms, Until: time.Second})
	said(t, r, `
		100 fault pause start 1
		100 victim pause c1
		1000 fault-over pause start 1`)
	counted(t, r, 1, 100*ms, time.Second)
	if took := r.Record.Served()[0].Round(ms); took != 1190*ms {
		t.Errorf("the call took %v, want 1.19s", took)
	}
	sound(t, r, 1)
}

func TestTimeGoesOnForAPausedWorker(t *testing.T) {
	asleep := func(sc *harness.Scenario) {
		alone(0)(sc)
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": 0.3}
	}
	for until, want := range map[time.Duration]time.Duration{200 * ms: 300 * ms, time.Second: time.Second} {
		r := tried(t, asleep, faults.Entry{Fault: faults.Pause{}, At: faults.Clock, From: 100 * ms, Until: until})
		if took := r.Record.Served()[0].Round(ms); took != want {
			t.Errorf("paused until %v, a sleep of 300ms took %v, want %v", until, took, want)
		}
	}
}

func TestWhatAPausedWorkerIsSentWaits(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) {
		alone(0.1)(sc)
		sc.Workload.Every, sc.Workload.Clients = 50*ms, 1
		sc.Workload.At = []time.Duration{50 * ms}
	}, faults.Entry{Fault: faults.Pause{}, At: faults.Clock, Until: 500 * ms})
	if took := r.Record.Served()[0].Round(ms); took != 550*ms {
		t.Errorf("the call took %v, want 550ms", took)
	}
}

// Its caller is told when its patience is over, and nobody could have answered.
func TestACallOnAPausedWorkerThatTimesOutIsExcused(t *testing.T) {
	for _, calls := range []int{1, 2} { // in hand when it comes, and sent to it then
		r := tried(t, func(sc *harness.Scenario) {
			alone(0.1)(sc)
			sc.Config.CallTimeout, sc.Workload.Calls, sc.Workload.Think = time.Second, calls, 50*ms
		}, faults.Entry{Fault: faults.Pause{}, At: faults.Clock, From: time.Duration(130*(calls-1)+10) * ms, Until: 10 * time.Second, Times: 1})
		if f := r.Record.Faults[0]; f.Fired != 1 {
			t.Errorf("%+v", plain(f))
		}
		sound(t, r, calls-1)
	}
}

func TestOurPoolLivesWithPauses(t *testing.T) { survives(t, "pause", 0) }

func TestRealPauses(t *testing.T) {
	r := played(t, func(sc *harness.Scenario) {
		sc.Workload.Command, sc.Workload.Args = "burn", map[string]any{"cpu_s": 0.02}
	}, faults.Entry{Fault: faults.Pause{}, At: faults.Clock, Until: 500 * ms})
	firedReally(t, r, 1, 2) // one by one: on a slow machine the second may be spared
}

func TestAPlanSaysHowLongAPauseLasts(t *testing.T) {
	err := faults.Plan{{Fault: faults.Pause{}}}.Check()
	if err == nil || !strings.Contains(err.Error(), "fault 1, pause: until is missing") {
		t.Errorf("got %v", err)
	}
}
