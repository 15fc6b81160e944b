package harness

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
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

// Ours gives a start a minute by itself: until then two places are taken, and a caller
// waits for these rather than have a third begun. With a bound in the scenario it is over
// while the run lasts.
func TestAPoolThatGivesUpMuteStartsByItselfHasLostNothingForGood(t *testing.T) {
	for _, timeout := range []time.Duration{0, 2 * time.Second} {
		r := TryT(t, Scenario{
			Name: "mute starts", World: "virtual", Seed: 32, Subject: subject.Ours(), Config: subject.Config{Size: 4, Lazy: true, StartTimeout: timeout},
			Workload: scenario.Workload{Clients: 3, Command: "sleep", Args: map[string]any{"s": 0.1}}, Deadline: 2 * time.Second,
			Faults: faults.Plan{{Fault: faults.NeverSaysHello{}, Target: faults.Target{First: 2}}},
		})
		if replayed := strings.Contains(r.Reason, "in the replay it has its capacity again"); r.Word != scenario.Sound || replayed != (timeout == 0) {
			t.Errorf("start timeout %v: %s: %s", timeout, r.Word, r.Reason)
		}
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

// Hogs that come and go are put down in the recording as CPU that nobody was seen to
// use, and no more is known of them. Where the deadline lies between what the workload
// takes beside them and what it takes alone, our pool misses it for them, so it must not
// be accused; and V2, which begins its workers one after another, misses a longer one too
// when it is alone.
func TestCPUThatNobodyWasSeenToUseIsHeldAgainstNobodyAndExcusesNobody(t *testing.T) {
	lots := rand.New(rand.NewPCG(1, 2))
	between := func(least, most int) time.Duration {
		return time.Duration(least+lots.IntN(most-least)) * time.Millisecond
	}
	draws := 60
	if testing.Short() {
		draws = 12
	}
	ours, theirs, accused := 0, 0, 0
	for range draws {
		sc := Scenario{
			Name: "hidden", World: "virtual", Cores: 2, Subject: subject.Ours(), Config: subject.Config{Size: 4, Lazy: true},
			Start:    scenario.Demand{CPU: between(20, 120), Wait: between(1, 200)},
			Workload: scenario.Workload{Clients: 4, Command: "burn", Args: map[string]any{"cpu_s": between(1, 80).Seconds()}},
			Deadline: time.Hour,
		}
		alone := through(TryT(t, sc))
		sc.Faults = faults.Plan{{Fault: faults.CPUHogs{Threads: 1 + lots.IntN(4)}, From: between(0, 200)}}
		sc.Faults[0].Until = sc.Faults[0].From + between(20, 150)
		beside := through(TryT(t, sc))
		sc.Patience = time.Minute
		if sc.Deadline = (alone + beside) / 2; beside > alone+alone/20 {
			ours++
			if v := Judge(t.Context(), t, unnamed(TryT(t, sc))); v.Word != scenario.Inconclusive && v.Word != scenario.Environmental {
				t.Errorf("ours, which alone takes %v and beside hogs %v: %s: %s", alone, beside, v.Word, v.Reason)
			}
		}
		sc.Subject, sc.Config.Lazy = dspex.V2Seed(), false
		sc.Start.Wait += 100 * time.Millisecond
		sc.Deadline = (beside + 100*time.Millisecond) * 3 / 2
		r := unnamed(TryT(t, sc))
		if sc.Faults = nil; len(r.Record.Environment.Hidden()) > 0 && TryT(t, sc).Record.Misses() > 0 {
			theirs++
			switch v := Judge(t.Context(), t, r); v.Word {
			case scenario.Architectural, scenario.Amplified:
				accused++
			case scenario.Environmental, scenario.Sound:
				t.Errorf("V2, which is late alone as well: %s: %s", v.Word, v.Reason)
			}
		}
	}
	t.Logf("of %d runs of ours none was accused, of %d of V2 %d", ours, theirs, accused)
	if ours < draws/4 || accused < theirs/4 || accused == 0 {
		t.Error("that says nothing")
	}
}

// unnamed is the run without what was seen of the load from outside: only that somebody
// used as much.
func unnamed(r Result) Result {
	for i := range r.Record.Environment.Load {
		b := &r.Record.Environment.Load[i]
		for _, l := range b.Load {
			b.Unseen += l.CPU
		}
		b.Load = nil
	}
	return r
}

// through is by when all calls were answered, since each arrived.
func through(r Result) (last time.Duration) {
	for _, c := range r.Record.Calls() {
		last = max(last, c.Took)
	}
	return last
}
