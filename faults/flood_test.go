//go:build linux

package faults_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// of are the calls of a run's events of a kind, in their order.
func of(r harness.Result, k scenario.Kind) (calls []string) {
	for _, e := range r.Record.Events {
		if e.Kind == k && e.Call != "" && !e.Probe {
			calls = append(calls, e.Call)
		}
	}
	return calls
}

func TestAFloodComesAtOnce(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.Flood{Callers: 20}, At: faults.Clock, From: 120 * ms})
	counted(t, r, 20, 120*ms, 120*ms)
	sound(t, r, 12)
	if n := len(r.Record.Extra()); n != 20 || len(r.Record.Calls()) != 12 {
		t.Fatalf("%d calls of the flood's, %d of the workload's", n, len(r.Record.Calls()))
	}
	for _, c := range r.Record.Extra() {
		if c.Err != "" || c.Missed || c.Client != c.ID || !strings.HasPrefix(c.ID, "flood1.") {
			t.Errorf("%+v", c)
		}
	}
}

func TestAFloodIsServedInLine(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.Flood{Callers: 20, Every: ms}, At: faults.Clock, From: 120 * ms}) // while nobody else comes
	if begun, sent := of(r, scenario.Begin), of(r, scenario.Send); !slices.Equal(begun, sent) || len(sent) != 32 {
		t.Errorf("they turned to the pool in the order\n%v\nand were served in\n%v", begun, sent)
	}
}

func TestAFloodComesOneAfterAnotherAsLongAsItsWindowLasts(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.Flood{Callers: 20, Every: 30 * ms}, At: faults.Clock, From: 100 * ms, Until: 170 * ms})
	said(t, r, `
		100 fault flood flood1.1
		130 fault flood flood1.2
		160 fault flood flood1.3`)
	r = tried(t, nil, faults.Entry{Fault: faults.Flood{Callers: 20}, At: faults.Call(4), From: 5 * ms, Times: 4}, faults.Entry{Fault: faults.Flood{Callers: 2}, At: faults.Clock, From: 300 * ms})
	counted(t, r, 4, 155*ms, 155*ms)
	if f := r.Record.Faults[1]; f.Fired != 2 || len(r.Record.Extra()) != 6 {
		t.Errorf("%+v; %d in all", plain(f), len(r.Record.Extra()))
	}
}

func TestNobodyComesBeforeTheClientsClock(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.Flood{Callers: 3, Every: 10 * ms}, From: 50 * ms}) // while it is warmed
	counted(t, r, 3, 0, 20*ms)
	r = tried(t, nil, faults.Entry{Fault: faults.Flood{Callers: 3}, Until: 50 * ms})
	if f := r.Record.Faults[0]; f.Fired != 0 || f.Why != "nobody came within its window" {
		t.Errorf("%+v", plain(f))
	}
}

func TestNoMoreOfAFloodComeOnceTheWorkloadIsOver(t *testing.T) {
	one := func(sc *harness.Scenario) { sc.Workload.Clients, sc.Workload.Calls = 1, 1 } // of 100 ms
	r := tried(t, one, faults.Entry{Fault: faults.Flood{Callers: 20, Every: 30 * ms}, At: faults.Clock})
	counted(t, r, 4, 0, 90*ms)
	for _, c := range r.Record.Extra() {
		if c.Err != "" {
			t.Errorf("%+v", c)
		}
	}
}

func TestAFloodHasAPatienceOfItsOwn(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.Flood{Callers: 20, Patience: 10 * ms}, At: faults.Clock, From: 120 * ms})
	sound(t, r, 12)
	for _, c := range r.Record.Extra() {
		if c.Err == "" || (c.Took-10*ms).Abs() > ms {
			t.Errorf("%+v", c)
		}
	}
}

func TestABoundedQueueRefusesAFloodAtOnce(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) { sc.Config.QueueLimit = 2 },
		faults.Entry{Fault: faults.Flood{Callers: 20}, At: faults.Clock, From: 120 * ms}) // one of three workers is free
	refused := 0
	for _, c := range r.Record.Extra() {
		switch {
		case strings.Contains(c.Err, "queue is full") && c.Took < ms:
			refused++
		case c.Err != "":
			t.Errorf("%+v", c)
		}
	}
	if refused < 15 || len(r.Safety) > 0 {
		t.Errorf("%d of 20 were refused: %v", refused, r.Safety)
	}
}

// One core, calls of 100 ms, and twenty more of them before the only client's.
func TestADeadlineThatNoPoolCouldKeepUnderAFloodIsInfeasible(t *testing.T) {
	flooded := func(deadline time.Duration, limit int) harness.Result {
		return tried(t, func(sc *harness.Scenario) {
			sc.Config.Size, sc.Config.QueueLimit, sc.Warm, sc.Cores = 1, limit, 1, 1
			sc.Deadline, sc.Workload.Clients, sc.Workload.Calls = deadline, 1, 1
			sc.Workload.At = []time.Duration{50 * ms}
		}, faults.Entry{Fault: faults.Flood{Callers: 20, Patience: long}, At: faults.Clock})
	}
	if r := flooded(500*ms, 0); r.Word != scenario.Infeasible {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	if r := flooded(4*time.Second, 0); r.Word != scenario.Sound {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}

// Eight calls before the client's, on four workers whose starts wait for 100 ms: begun at
// once they leave time for all, begun one after another they do not.
func TestAPoolThatIsSlowUnderAFloodIsAccused(t *testing.T) {
	flooded := func(s subject.Subject) harness.Result {
		return tried(t, func(sc *harness.Scenario) {
			sc.Subject, sc.Config.Size, sc.Warm, sc.Cores, sc.Start = s, 4, 0, 4, scenario.Demand{Wait: 100 * ms}
			sc.Deadline, sc.Patience, sc.Workload.Clients, sc.Workload.Calls = 400*ms, long, 1, 1
			sc.Workload.At = []time.Duration{50 * ms}
		}, faults.Entry{Fault: faults.Flood{Callers: 8, Patience: long}, At: faults.Clock})
	}
	if r := flooded(dspex.V2Seed()); r.Word != scenario.Architectural || len(r.Safety) > 0 {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	sound(t, flooded(subject.Ours()), 1)
}

func TestOurPoolLivesWithFloods(t *testing.T) { survives(t, "flood", 0) }

func TestAFloodOfRealWorkers(t *testing.T) {
	r := played(t, nil, faults.Entry{Fault: faults.Flood{Callers: 50}, At: faults.Call(2)})
	firedReally(t, r, 50, 50)
	for _, c := range r.Record.Extra() {
		if c.Err != "" {
			t.Errorf("%+v", c)
		}
	}
}
