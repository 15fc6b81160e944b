//go:build linux

package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/worker"
)

func TestAPlanThatIsNeverTriggeredIsInconclusiveAndNamed(t *testing.T) {
	for says, e := range map[string]faults.Entry{
		"fault 1, slow-start, never fired: its moment, start 9, never came":                                     {Fault: faults.SlowStart{CPU: ms}, At: faults.Start(9)},
		"fault 1, exit-at-call, never fired: its moment, call 40, never came":                                   {Fault: faults.ExitAtCall{}, At: faults.Call(40)},
		"fault 1, kill-idle, never fired: none of the workers that it is meant for came within its window":      {Fault: faults.KillIdle{}, Target: faults.Target{Workers: []string{"w77"}}},
		"fault 1, give-up, never fired: none of the callers that it is meant for came within its window":        {Fault: faults.GiveUp{}, Target: faults.Target{Clients: []string{"c7"}}},
		"fault 1, die-holding, never fired: none of the callers that it is meant for came within its window":    {Fault: faults.DieHolding{}, At: faults.Clock, From: time.Hour},
		"fault 1, cpu-hogs, never fired: the run was over before it":                                            {Fault: faults.CPUHogs{Threads: 1}, At: faults.Clock, From: time.Hour},
		"fault 1, cpu-hogs, never fired: its moment, call 40, never came":                                       {Fault: faults.CPUHogs{Threads: 1}, At: faults.Call(40)},
		"fault 1, cpu-quota, never fired: none of the workers that it is meant for came within its window":      {Fault: faults.CPUQuota{Cores: 1}, At: faults.Clock, From: time.Hour},
		"fault 1, exit-mid-call, never fired: none of the calls that it is meant for came within its window":    {Fault: faults.ExitMidCall{After: ms, Nth: 40}},
		"fault 1, never-says-hello, never fired: none of the starts that it is meant for came within its windo": {Fault: faults.NeverSaysHello{}, From: time.Hour},
	} {
		r := tried(t, nil, e)
		if r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, says) {
			t.Errorf("%s: %s; want inconclusive: %s", r.Word, r.Reason, says)
		}
	}
}

func TestARunFailsIfOneOfItsFaultsDidNotFire(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.ExitAtCall{}, Times: 1}, faults.Entry{Fault: faults.SlowStart{CPU: ms}, At: faults.Start(9)})
	if r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "fault 2, slow-start") || strings.Contains(r.Reason, "fault 1") {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}

func TestWindowsAreCountedFromTheirMoment(t *testing.T) {
	// Calls come every 50 ms: the fourth opens the window at 150 ms.
	r := tried(t, nil, faults.Entry{Fault: faults.ExitAtCall{}, At: faults.Call(4), From: 40 * ms, Until: 60 * ms})
	said(t, r, `
		200 fault exit-at-call c1.2
		200 fault exit-at-call c5.1
		200 victim exit-at-call c1.2
		200 victim exit-at-call c5.1`)
}

func TestTwoFaultsAtOnce(t *testing.T) {
	plan := faults.Plan{
		{Fault: faults.SlowStart{CPU: 100 * ms}, Target: faults.Target{First: 2}},
		{Fault: faults.SlowStart{Wait: 50 * ms}, Target: faults.Target{Starts: []int{2}}},
		{Fault: faults.DiesBeforeHello{}, Target: faults.Target{Starts: []int{2}}},
		{Fault: faults.ExitMidCall{After: 40 * ms}, Target: faults.Target{Clients: []string{"c3"}}},
		{Fault: faults.CPUHogs{Threads: 2}, At: faults.Clock, Until: 300 * ms},
		{Fault: faults.CPUQuota{Cores: 0.5}, At: faults.Clock, Until: time.Second},
		{Fault: faults.GiveUp{After: 10 * ms}, Target: faults.Target{Calls: []string{"c4.2"}}},
	}
	r := tried(t, cold, plan...)
	for _, f := range r.Record.Faults {
		if f.Fired == 0 {
			t.Errorf("%v: %s", f, f.Why)
		}
	}
	sound(t, r, 9)
	for n, w := range r.Record.Workers() { // the second is slow twice, and dies then
		if n == 1 && (w.Ready >= 0 || w.Exited-w.Launched < 250*ms) {
			t.Errorf("start 2: %+v", w)
		}
	}
	if again := tried(t, cold, plan...); trace.Hash(again.Record) != trace.Hash(r.Record) {
		t.Error("under one seed there are two traces")
	}
}

func TestTwoFaultsAtOnceOfRealWorkers(t *testing.T) {
	r := played(t, func(sc *harness.Scenario) {
		sc.Subject, sc.Warm = once(func([]worker.Port) bool { return computing(false) == 1 }), 0
	},
		faults.Entry{Fault: faults.SlowStart{CPU: 30 * ms}, Target: faults.Target{First: 2}},
		faults.Entry{Fault: faults.DiesBeforeHello{}, Target: faults.Target{Starts: []int{2}}},
		faults.Entry{Fault: faults.ExitAtCall{}, At: faults.Call(2), Times: 1},
		faults.Entry{Fault: faults.CPUHogs{Threads: 1}})
	for _, f := range r.Record.Faults {
		if f.Fired == 0 {
			t.Errorf("%v: %s", f, f.Why)
		}
	}
}

// A call that was the fault's victim is excused if its caller is told in time, and
// missed if it is not.
func TestAVictimThatIsToldTooLateIsMissed(t *testing.T) {
	late := func(sc *harness.Scenario) { sc.Deadline, sc.Patience = 100*ms, long }
	r := tried(t, late, faults.Entry{Fault: faults.ExitMidCall{After: 150 * ms}, Times: 1})
	n := 0
	for _, c := range r.Record.Calls() {
		if c.Err != "" {
			n++
			if told := c.Took <= 100*ms; c.Excused != told || c.Missed == told {
				t.Errorf("%+v", c)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d calls got an error", n)
	}
}

func TestNothingIsHurtAfterTheWorkload(t *testing.T) {
	one := func(sc *harness.Scenario) { sc.Workload.Clients, sc.Workload.Calls = 1, 1 }
	r := tried(t, one, faults.Entry{Fault: faults.ExitAtCall{}})
	counted(t, r, 1, 0, 0)
	if probed, _ := r.Record.First(scenario.Probed); probed.N != 3 {
		t.Errorf("after it probes held %d of 3 workers: %s", probed.N, r.Reason)
	}
}

// What an entry draws hangs on no other fault of the plan: it can be made smaller.
func TestAnEntryDrawsTheSameWhateverElseIsInThePlan(t *testing.T) {
	slow := faults.Entry{Fault: faults.SlowStart{Wait: 200 * ms, Tail: faults.Pareto}}
	took := func(plan ...faults.Entry) time.Duration {
		w := tried(t, cold, plan...).Record.Workers()[0]
		return (w.Ready - w.Launched).Round(ms)
	}
	alone := took(slow)
	if beside := took(faults.Entry{Fault: faults.GiveUp{After: 10 * ms}, Target: faults.Target{First: 1}}, slow); beside != alone {
		t.Errorf("the first start takes %v, beside another fault %v", alone, beside)
	}
	if twice := took(slow, slow); (twice - 100*ms - 2*(alone-100*ms)).Abs() <= 2*ms {
		t.Errorf("two of one kind draw the same: %v and then %v", alone, twice)
	}
}
