package harness

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// No pool can have a worker then, and one that never gives up may be lucky with those
// of which the plan was not asked.
func TestOfARunWhoseEveryStartFailsNobodyIsAccused(t *testing.T) {
	sc := Scenario{
		Name: "dead starts", World: "virtual", Subject: subject.Ours(), Config: subject.Config{Size: 2},
		Start:    scenario.Demand{CPU: 100 * time.Millisecond},
		Workload: scenario.Workload{Clients: 4, Command: "echo"}, Deadline: 5 * time.Second,
		Faults: faults.Plan{{Fault: faults.DiesBeforeHello{}}},
	}
	if r := TryT(t, sc); r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "every start fail") {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	sc.Faults[0].Target.First = 2
	if r := TryT(t, sc); r.Word != scenario.Sound {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}

// What a fault does that no replay shows is said, and accuses nobody of a miss; where
// nobody missed there is nothing to be shown.
func TestOfAFaultThatNoReplayShowsNobodyIsAccused(t *testing.T) {
	slow := faults.SlowHello{After: 200 * time.Millisecond}
	for deadline, want := range map[time.Duration]scenario.Word{200 * time.Millisecond: scenario.Inconclusive, time.Second: scenario.Sound} {
		r := TryT(t, Scenario{
			Name: "slow hello", World: "virtual", Subject: subject.Ours(), Config: subject.Config{Size: 1},
			Start:    scenario.Demand{Wait: 100 * time.Millisecond},
			Workload: scenario.Workload{Clients: 1, Command: "echo"}, Deadline: deadline, Patience: 2 * time.Second,
			Faults: faults.Plan{{Fault: slow}},
		})
		gap := slow.Unrecorded()
		if r.Word != want || strings.Contains(r.Reason, "no replay can show it: "+gap) != (want == scenario.Inconclusive) {
			t.Errorf("within %v: %s: %s", deadline, r.Word, r.Reason)
		}
		if !slices.Contains(r.Record.Environment.Gaps, scenario.Gap{Kind: scenario.GapFault, Text: gap}) {
			t.Errorf("the gaps are %+v", r.Record.Environment.Gaps)
		}
	}
}

// Once faults have stopped, starts are quick again, also those of the probes after
// the run: no pool could have had those while they lasted.
func TestStartsAfterTheFaultsAreNotWhatAnotherPoolWouldHaveMet(t *testing.T) {
	sc := Scenario{
		Name: "slow starts", World: "virtual", Subject: subject.Ours(), Config: subject.Config{Size: 4, Lazy: true},
		Start:    scenario.Demand{CPU: 250 * time.Millisecond, Wait: time.Second},
		Workload: scenario.Workload{Clients: 4, Command: "echo"}, Deadline: 4 * time.Second,
		Faults: faults.Plan{{Fault: faults.SlowStart{CPU: 5 * time.Second}}},
	}
	if r := TryT(t, sc); r.Word != scenario.Environmental {
		t.Errorf("%s: %s; want environmental: no start was through within the deadline", r.Word, r.Reason)
	}
	sc.Faults[0].Target.First = 2 // a pool that begins four at once need not wait for them
	sc.Deadline = 10 * time.Second
	if r := TryT(t, sc); r.Word != scenario.Sound {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}
