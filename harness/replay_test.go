package harness

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
)

// recordVirtually runs a scenario in virtual time, as a recording.
func recordVirtually(t *testing.T, sc Scenario) Result {
	t.Helper()
	fill(&sc)
	r, err := stage(t.Context(), t, sc, sc.Subject, false)
	if err != nil {
		t.Fatalf("%s, seed %d: %v", sc.Subject.Name, sc.Seed, err)
	}
	return Result{Scenario: sc, Record: r}
}

// stepCost is more than what the order of things takes in a virtual run: a
// microsecond a step, and what a historical manager takes to have some ports back
// before it comes to a call.
func stepCost(r *scenario.Record) time.Duration {
	return time.Duration(len(r.Choices)+1)*time.Microsecond + 50*time.Microsecond
}

// uneven takes the roundness out of a scenario, so that no timer ends at the very
// moment at which work does: which of them is first is not recorded.
func uneven(sc Scenario) Scenario {
	sc.Start.CPU += 1234567 * time.Nanosecond
	sc.Start.Wait += 2345678 * time.Nanosecond
	sc.Deadline += 3456789 * time.Nanosecond
	sc.Workload.Think += 4567891 * time.Nanosecond
	sc.Workload.Every += 5678912 * time.Nanosecond
	for i, d := range []*time.Duration{&sc.Config.CheckoutTimeout, &sc.Config.CallTimeout, &sc.Workload.DieAfter} {
		if *d > 0 {
			*d += time.Duration(7891234+i*1912345) * time.Nanosecond
		}
	}
	return sc
}

func TestInVirtualTimeAReplayIsTheRecordingOverAgain(t *testing.T) {
	for _, s := range controlled() {
		t.Run(s.Name, func(t *testing.T) {
			for seed := range seeds(t, 40) {
				sc := uneven(mixed(seed))
				sc.Subject = s
				sc.Workload.Arrive, sc.Workload.Calls = scenario.Rate, 1 // no two at one moment
				of := recordVirtually(t, sc)
				again, err := Replay(t.Context(), t, of, Replaying{})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				cost := stepCost(of.Record) + stepCost(again.Record)
				for _, p := range again.Calls {
					if p.Missed[0] != p.Missed[1] || !p.Took.Within(cost, 0) {
						t.Errorf("seed %d: %s took %v, missed %v; in the replay %v, %v", seed, p.ID, p.Took.Recorded, p.Missed[0], p.Took.Replayed, p.Missed[1])
					}
				}
				if !again.FirstReady.Within(cost, 0) {
					t.Errorf("seed %d: the first worker was ready after %v; in the replay %v", seed, again.FirstReady.Recorded, again.FirstReady.Replayed)
				}
				before, after := of.Record.Environment.Starts, again.Record.Environment.Starts
				for i := range min(len(before), len(after)) {
					p := scenario.Pair{Recorded: before[i].End - before[i].Begin, Replayed: after[i].End - after[i].Begin}
					if before[i].Whole() && after[i].Whole() && !p.Within(cost, 0) {
						t.Errorf("seed %d: start %d took %v; in the replay %v", seed, i, p.Recorded, p.Replayed)
					}
				}
				for _, off := range again.Off(cost, 0) {
					t.Errorf("seed %d: %s took %v, by the model %v", seed, off.What, off.Recorded, off.Replayed)
				}
			}
		})
	}
}

// Of what happens at one moment the order is not recorded, so a few may have to
// be tried.
func TestAReplayMissesTheSameCallsInOneOfAFewOrders(t *testing.T) {
	most := 0
	for _, s := range controlled() {
		for seed := range seeds(t, 40) {
			sc := uneven(mixed(seed))
			sc.Subject = s
			sc.Workload.Calls = 1
			of := recordVirtually(t, sc)
			again, err := Replay(t.Context(), t, of, Replaying{Orders: 64})
			if err != nil {
				t.Fatalf("%s, seed %d: %v", s.Name, seed, err)
			}
			if others := again.Others(); len(others) > 0 {
				t.Errorf("%s, seed %d: after %d orders still others miss their deadline: %v", s.Name, seed, again.Tried, others)
			}
			most = max(most, again.Tried)
		}
	}
	t.Logf("at most %d orders were tried", most)
}

func TestAnotherSubjectMeetsTheSameEnvironment(t *testing.T) {
	// Six starts of 0.1 to 0.6 s of CPU one after another on two cores.
	sc := Scenario{
		World: virtual.Name, Subject: dspex.V2Seed(), Config: subject.Config{Size: 6}, Start: scenario.Demand{CPU: 300 * time.Millisecond},
		Workload: scenario.Workload{Clients: 6, Command: "sleep", Args: map[string]any{"s": 2.0}}, Deadline: 20 * time.Second,
	}
	of := recordVirtually(t, sc)
	for i := range of.Record.Environment.Starts {
		of.Record.Environment.Starts[i].CPU = time.Duration(i+1) * 100 * time.Millisecond
	}
	again, err := Replay(t.Context(), t, of, Replaying{Subject: subject.Herd()})
	if err != nil {
		t.Fatal(err)
	}
	// All at once: a third of a core each until the first is through after 0.3 s;
	// 2.1 s of CPU take 1.1 s where the last one is alone for its last 0.1 s.
	cost := stepCost(again.Record)
	if got := again.FirstReady.Replayed - 300*time.Millisecond; again.Record.Subject != "herd" || got.Abs() > cost {
		t.Errorf("%s: the first worker is %v off", again.Record.Subject, got)
	}
	if got := again.LastReady.Replayed - 1100*time.Millisecond; got.Abs() > cost {
		t.Errorf("the last worker is %v off", got)
	}
}

func TestTheDemandsOfAnotherRunCanBeMetUnderTheLoadOfThisOne(t *testing.T) {
	sc := Scenario{
		World: virtual.Name, Subject: subject.Herd(), Config: subject.Config{Size: 2}, Cores: 1, Start: scenario.Demand{CPU: 300 * time.Millisecond},
		Workload: scenario.Workload{Clients: 2, Command: "echo"}, Deadline: 10 * time.Second,
	}
	of := recordVirtually(t, sc)
	sc.Start.CPU = 100 * time.Millisecond
	other := recordVirtually(t, sc)
	e := of.Record.Environment
	e.Rivals = []scenario.Rival{{Place: scenario.Place{Path: []scenario.Group{{Name: "hog", Weight: 1}}}}}
	e.Load = []scenario.Bucket{{Span: 200 * time.Millisecond, Load: []scenario.Load{{Threads: 1, Runnable: 1, CPU: 1}}}}
	for _, c := range []struct {
		how  Replaying
		want time.Duration
	}{ // each of three, or of two, that share one core
		{Replaying{}, 900}, {Replaying{Demands: other.Record.Environment}, 300}, {Replaying{Alone: true}, 600},
	} {
		again, err := Replay(t.Context(), t, of, c.how)
		if err != nil {
			t.Fatal(err)
		}
		if off := again.LastReady.Replayed - c.want*time.Millisecond; off.Abs() > stepCost(again.Record) {
			t.Errorf("the last worker is ready after %v, want %vms", again.LastReady.Replayed, int64(c.want))
		}
		// What a replay met is known of it, too.
		third, err := Replay(t.Context(), t, Result{Scenario: again.Scenario, Record: again.Record}, Replaying{})
		if err != nil || !third.LastReady.Within(stepCost(again.Record)+stepCost(third.Record), 0) {
			t.Errorf("the replay of the replay: %v, %s", err, third.String())
		}
	}
}

func TestABundleIsReplayedAsItsRunIs(t *testing.T) {
	sc := uneven(mixed(3))
	sc.Subject = dspex.V2Seed()
	sc.Workload.Arrive = scenario.Rate
	of := recordVirtually(t, sc)
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := trace.Save(dir, of); err != nil {
		t.Fatal(err)
	}
	read, err := Reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, orders := range []int{0, 3} {
		a, errA := Replay(t.Context(), t, of, Replaying{Orders: orders})
		b, errB := Replay(t.Context(), t, read, Replaying{Orders: orders})
		if errA != nil || errB != nil || trace.Hash(a.Record) != trace.Hash(b.Record) {
			t.Errorf("%v, %v: %s\nfrom the bundle: %s", errA, errB, a.String(), b.String())
		}
	}
}

func TestAReplayIsTheSameForTheSameSeed(t *testing.T) {
	for seed := range seeds(t, 20) {
		sc := mixed(seed)
		sc.Subject = subject.Puddle()
		of := recordVirtually(t, sc)
		of.Record.Environment.Starts = of.Record.Environment.Starts[:1] // the others, and the calls, are drawn
		of.Record.Environment.Calls = nil
		one, err1 := Replay(t.Context(), t, of, Replaying{})
		two, err2 := Replay(t.Context(), t, of, Replaying{})
		if err1 != nil || err2 != nil || trace.Hash(one.Record) != trace.Hash(two.Record) {
			t.Errorf("seed %d: %v, %v: two traces", seed, err1, err2)
		}
	}
}

func TestWhatCannotBeReplayedIsNamed(t *testing.T) {
	for says, spoil := range map[string]func(r *Result){
		"no recording":            func(r *Result) { r.Record = nil },
		"is not known":            func(r *Result) { r.Record.Environment = nil },
		"before its clients":      func(r *Result) { r.Record.Events = r.Record.Events[:1] },
		"client c2 never arrived": func(r *Result) { r.Scenario.Workload.Clients = 2 },
		"0 cores":                 func(r *Result) { r.Record.Environment.Cores = 0 },
		"Subject.Open":            func(r *Result) { r.Scenario.Subject.Open = nil },
	} {
		sc := Scenario{World: virtual.Name, Subject: subject.Ours(), Config: subject.Config{Size: 1}, Workload: scenario.Workload{Clients: 1, Command: "echo"}, Deadline: time.Second}
		of := recordVirtually(t, sc)
		spoil(&of)
		if _, err := Replay(t.Context(), t, of, Replaying{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want it to say %q", err, says)
		}
	}
	if _, err := Reopen(t.TempDir()); err == nil {
		t.Error("an empty folder was taken for a bundle")
	}
}

// sent are the calls in the order in which workers first had them.
func sent(r *scenario.Record) (ids []string) {
	for _, e := range r.Events {
		if e.Kind == scenario.Send && e.Call != "" && !e.Probe {
			ids = append(ids, e.Call)
		}
	}
	return ids
}

func TestClientsOfOneMomentComeInTheOrderInWhichTheyCame(t *testing.T) {
	for name, c := range map[string]struct {
		subject subject.Subject
		lazy    bool
		warm    int
	}{
		"to an open pool":                   {dspex.V1(), false, 1},
		"while it opens":                    {dspex.V1(), false, 0},
		"to one that does not go by theirs": {dspex.V2Last(), true, 0}, // who came first while a worker starts is last
	} {
		orders := map[string]bool{}
		for seed := range seeds(t, 20) {
			of := recordVirtually(t, Scenario{
				World: virtual.Name, Seed: seed, Subject: c.subject, Config: subject.Config{Size: 1, Lazy: c.lazy}, Start: scenario.Demand{CPU: 300 * time.Millisecond}, Warm: c.warm,
				Workload: scenario.Workload{Clients: 4, Command: "sleep", Args: map[string]any{"s": 0.2}}, Deadline: 10 * time.Second,
			})
			of.Scenario.Seed += 1000                   // other lots
			of.Scenario.Order.Choices = []int{0, 1, 2} // the recorded run's are no matter of the replay's
			again, err := Replay(t.Context(), t, of, Replaying{})
			if err != nil {
				t.Fatal(err)
			}
			before, after := sent(of.Record), sent(again.Record)
			if !slices.Equal(before, after) || len(before) != 4 {
				t.Errorf("%s, seed %d: served were %v, in the replay %v", name, seed, before, after)
			}
			orders[strings.Join(before, " ")] = true
		}
		if len(orders) < 2 {
			t.Errorf("%s: the recordings all have one order", name)
		}
	}
}

func TestTheLikelyOrdersAreTriedBeforeOtherSeeds(t *testing.T) {
	of := recordVirtually(t, Scenario{
		World: virtual.Name, Seed: 7, Subject: subject.Ours(), Config: subject.Config{Size: 1},
		Workload: scenario.Workload{Clients: 1, Command: "echo"}, Deadline: 10 * time.Second,
	})
	of.Record.Deadline = 1 // whatever the order, it is missed in the replay alone
	of.Record.Events = append(of.Record.Events, scenario.Event{Kind: scenario.Return, Call: "c1", Excused: true})
	again, err := Replay(t.Context(), t, of, Replaying{Orders: 5})
	if err != nil || again.Tried != 5 || again.Scenario.Lots() != 9 || again.Record.Seed != 7 {
		t.Errorf("%v: after %d orders the last has lots of %d, in a run of seed %d; want 5, 9 and 7", err, again.Tried, again.Scenario.Lots(), again.Record.Seed)
	}
	if again.Scenario.Order.Begin != nil {
		t.Errorf("a likely order is tried with every seed: %v", again.Scenario.Order.Begin)
	}
}

func TestWhoComesAtOneMomentIsSetApartWithThoseWhoCameBeside(t *testing.T) {
	ms := time.Millisecond
	w := scenario.Workload{Clients: 2, At: []time.Duration{10 * ms, 10*ms + 5}, Extra: []scenario.Extra{{Name: "flood1.1", At: 10 * ms, Waits: ms}, {Name: "flood1.2", At: 30 * ms}}}
	got := setApart(w, []string{"c2", "flood1.1", "c1"}, ms)
	c2, flood, c1 := got.At[1], got.Extra[0].At, got.At[0]
	if !(10*ms <= c2 && c2 < flood && flood < c1 && c1 < 11*ms) || got.Extra[0].Waits != ms || got.Extra[1] != w.Extra[1] {
		t.Errorf("%v, %+v", got.At, got.Extra)
	}
	if w.At[0] != 10*ms || w.Extra[0].At != 10*ms {
		t.Errorf("what was recorded is now %v, %+v", w.At, w.Extra)
	}
}

// A flood comes as it came, whatever lots are drawn.
func TestAFloodIsReplayedAsItCame(t *testing.T) {
	missed := 0
	for seed := range seeds(t, 20) {
		of := recordVirtually(t, Scenario{
			World: virtual.Name, Seed: seed, Subject: subject.Ours(), Config: subject.Config{Size: 1}, Start: scenario.Demand{CPU: 70 * time.Millisecond}, Warm: int(seed % 2),
			Workload: scenario.Workload{Clients: 4, Command: "sleep", Args: map[string]any{"s": 0.2}}, Deadline: 900 * time.Millisecond, Patience: 10 * time.Second,
			Faults: faults.Plan{
				{Fault: faults.Flood{Callers: 5, Every: 20 * time.Millisecond, Patience: 3 * time.Second}, At: faults.Call(2)},
				{Fault: faults.Flood{Callers: 7}, At: faults.Clock},
			},
		})
		of.Scenario.Seed += 1000 // other lots
		again, err := Replay(t.Context(), t, of, Replaying{})
		if err != nil {
			t.Fatal(err)
		}
		before, after := of.Record.Extra(), again.Record.Extra()
		if others := again.Others(); len(others) > 0 || len(before) != 12 || len(after) != 12 {
			t.Errorf("seed %d: %d callers and then %d; %v", seed, len(before), len(after), &again.Comparison)
		}
		if served := sent(of.Record); !slices.Equal(served, sent(again.Record)) {
			t.Errorf("seed %d: served were %v, in the replay %v", seed, served, sent(again.Record))
		}
		for _, x := range again.Scenario.Workload.Extra {
			if want := map[bool]time.Duration{true: 3 * time.Second}[strings.HasPrefix(x.Name, "flood1.")]; x.Waits != want {
				t.Errorf("%s waits for %v, want %v", x.Name, x.Waits, want)
			}
		}
		if len(again.Record.Faults) > 0 {
			t.Errorf("it came twice: %v", again.Record.Faults)
		}
		missed += again.Misses()[1]
	}
	if missed == 0 {
		t.Error("whoever comes, nobody is late")
	}
}

func TestTheSameCallersAreHurtInEveryOrder(t *testing.T) {
	hurt := func(r *scenario.Record) string {
		var who []string
		for _, e := range r.Events {
			if e.Kind == scenario.Fault {
				who = append(who, e.Client)
			}
		}
		slices.Sort(who)
		return strings.Join(who, " ")
	}
	of := recordVirtually(t, Scenario{
		World: virtual.Name, Seed: 7, Subject: subject.Ours(), Config: subject.Config{Size: 1}, Start: scenario.Demand{Wait: time.Second},
		Workload: scenario.Workload{Clients: 16, Command: "echo"}, Deadline: 10 * time.Second, Patience: 10 * time.Second,
		Faults: faults.Plan{{Fault: faults.GiveUp{After: 100 * time.Millisecond}, Target: faults.Target{Share: 0.5}}},
	})
	want := hurt(of.Record)
	if want == "" || strings.Contains(want+" ", "c2 ") {
		t.Fatalf("those who gave up are %q, not c2 and somebody else", want)
	}
	of.Record.Deadline = 1 // whatever the order, it is missed in the replay alone
	of.Record.Events = append(of.Record.Events, scenario.Event{Kind: scenario.Return, Call: "c2", Excused: true})
	hashes := map[string]bool{}
	for orders := 1; orders <= 8; orders++ {
		again, err := Replay(t.Context(), t, of, Replaying{Orders: orders})
		if err != nil || again.Tried != orders {
			t.Fatalf("%d orders were tried: %v", again.Tried, err)
		}
		if got := hurt(again.Record); got != want {
			t.Errorf("order %d: those who gave up are %s, in the recording %s", orders, got, want)
		}
		hashes[trace.Hash(again.Record)] = true
	}
	if len(hashes) < 4 {
		t.Errorf("8 orders are %d", len(hashes))
	}
}

func TestARunAgreesWithItsReplaysUnlessTheLabIsWrong(t *testing.T) {
	run := func() Result {
		return recordVirtually(t, Scenario{
			World: virtual.Name, Subject: dspex.V1(), Config: subject.Config{Size: 2}, Start: scenario.Demand{CPU: 300 * time.Millisecond},
			Workload: scenario.Workload{Clients: 4, Command: "sleep", Args: map[string]any{"s": 0.5}}, Deadline: 1500 * time.Millisecond, Patience: 10 * time.Second,
		})
	}
	for _, c := range []struct {
		name               string
		spoil              func(r *scenario.Record)
		doubts, difference string
	}{
		{"as it is", func(*scenario.Record) {}, "", ""},
		{"a harness that was late", func(r *scenario.Record) { r.Late = time.Second }, "starved", ""},
		{"a demand that was not the call's", func(r *scenario.Record) { r.Environment.Calls["c2"][0].Wait *= 3 }, "the model of cores comes to", ""},
		{"an answer that came back later than anything explains", func(r *scenario.Record) {
			for i := range r.Events {
				if e := &r.Events[i]; e.Kind == scenario.Return && e.Call == "c2" {
					e.At += 5 * time.Second
				}
			}
		}, "", "served call"},
		{"one that never came back", func(r *scenario.Record) {
			r.Events = slices.DeleteFunc(r.Events, func(e scenario.Event) bool { return e.Kind == scenario.Return && e.Call == "c2" })
		}, "", "3 calls were served, 4 in the replay"},
		{"load that matters only if it is frozen", func(r *scenario.Record) {
			r.Environment.Cores = 1.7
			r.Environment.Starts[0].CPU = 800 * time.Millisecond
			r.Environment.Starts[0].End += 500 * time.Millisecond
			r.Environment.Rivals = []scenario.Rival{{Place: scenario.Place{Path: []scenario.Group{{Name: "hog"}}}}}
			r.Environment.Load = []scenario.Bucket{{Span: time.Hour, Load: []scenario.Load{{Threads: 1, Runnable: 0.95, CPU: 0.1}}}}
			r.Deadline = 1400 * time.Millisecond
		}, "hangs on whether", "alone"},
	} {
		of := run()
		c.spoil(of.Record)
		a, err := Agree(t.Context(), t, of, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(a.Doubts, "; "); (got == "") != (c.doubts == "") || !strings.Contains(got, c.doubts) {
			t.Errorf("%s: doubts %q, want %q", c.name, got, c.doubts)
		}
		if outside := c.doubts == "starved" || c.doubts == "hangs on whether"; outside != (len(a.Outside) > 0) {
			t.Errorf("%s: others wanted the machine: %q", c.name, a.Outside)
		}
		if got := strings.Join(a.Differences(), "; "); (got == "") != (c.difference == "") || !strings.Contains(got, c.difference) || a.Ok() != (got == "") {
			t.Errorf("%s: differences %q, want %q", c.name, got, c.difference)
		}
	}
}

// What a fault made of the machine and of the workers is in the environment; the
// fault itself does not come again.
func TestWhatFaultsDidIsReplayedWithoutThem(t *testing.T) {
	hogs := func(from, until time.Duration) faults.Entry {
		return faults.Entry{Fault: faults.CPUHogs{Threads: 2}, From: from * time.Millisecond, Until: until * time.Millisecond}
	}
	for name, plan := range map[string]faults.Plan{
		"hogs all the time":  {hogs(0, 0)},
		"hogs for some time": {hogs(100, 600), hogs(400, 900)},
		"a quota":            {{Fault: faults.CPUQuota{Cores: 0.3}}},
		"both":               {hogs(0, 0), {Fault: faults.CPUQuota{Cores: 0.3}}},
		"slow starts":        {{Fault: faults.SlowStart{CPU: 300 * time.Millisecond, Wait: 100 * time.Millisecond}, Target: faults.Target{First: 2}}},
		"deaths in a call":   {{Fault: faults.ExitMidCall{After: 50 * time.Millisecond}, Target: faults.Target{Calls: []string{"c2"}}}},
		"no hello":           {{Fault: faults.NeverSaysHello{}, Target: faults.Target{Starts: []int{2}}}},
		"callers that go":    {{Fault: faults.GiveUp{After: 650 * time.Millisecond}, Target: faults.Target{Clients: []string{"c3"}}}},
	} {
		for _, s := range []subject.Subject{subject.Ours(), subject.Herd()} {
			of := recordVirtually(t, Scenario{
				World: virtual.Name, Subject: s, Config: subject.Config{Size: 4, Lazy: true, StartTimeout: 3 * time.Second}, Start: scenario.Demand{CPU: 211 * time.Millisecond},
				Workload: scenario.Workload{Clients: 6, Arrive: scenario.Rate, Every: 13 * time.Millisecond, Command: "burn", Args: map[string]any{"cpu_s": 0.157}},
				Deadline: 5 * time.Second, Faults: plan,
			})
			if _, fired := of.Record.First(scenario.Fault); !fired {
				t.Errorf("%s, %s: it did not fire", name, s.Name)
			}
			again, err := Replay(t.Context(), t, of, Replaying{})
			if err != nil {
				t.Fatal(err)
			}
			cost := stepCost(of.Record) + stepCost(again.Record)
			for _, p := range again.Calls {
				if p.Missed[0] != p.Missed[1] || !p.Took.Within(cost, 0) {
					t.Errorf("%s, %s: %s took %v, missed %v; in the replay %v, %v", name, s.Name, p.ID, p.Took.Recorded, p.Missed[0], p.Took.Replayed, p.Missed[1])
				}
			}
			if doubts := of.Record.Environment.Doubts(); len(doubts) > 0 {
				t.Errorf("%s, %s: %q", name, s.Name, doubts)
			}
		}
	}
}

func TestAnotherPoolThatTakesLongerIsForetoldUnderTheSameHogs(t *testing.T) {
	for name, plan := range map[string]faults.Plan{
		"hogs until the end":    {{Fault: faults.CPUHogs{Threads: 3}}},
		"hogs of the program":   {{Fault: faults.CPUHogs{Threads: 3, Own: true}}},
		"hogs that come later":  {{Fault: faults.CPUHogs{Threads: 3}, From: 900 * time.Millisecond}},
		"hogs that went early":  {{Fault: faults.CPUHogs{Threads: 3}, Until: 300 * time.Millisecond}},
		"a quota until the end": {{Fault: faults.CPUQuota{Cores: 0.3}}},
	} {
		sc := Scenario{
			World: virtual.Name, Subject: subject.Herd(), Config: subject.Config{Size: 4}, Start: scenario.Demand{CPU: 211 * time.Millisecond, Wait: 100 * time.Millisecond},
			Workload: scenario.Workload{Clients: 4, Command: "burn", Args: map[string]any{"cpu_s": 0.357}},
			Deadline: time.Minute, Faults: plan,
		}
		fill(&sc)
		quick, err := stage(t.Context(), t, sc, sc.Subject, true)
		if err != nil {
			t.Fatal(err)
		}
		foretold, err := Replay(t.Context(), t, Result{Scenario: sc, Record: quick}, Replaying{Subject: dspex.V1()})
		if err != nil {
			t.Fatal(err)
		}
		own, err := stage(t.Context(), t, sc, dspex.V1(), true)
		if err != nil {
			t.Fatal(err)
		}
		a, b := own.Served(), foretold.Record.Served()
		if len(a) != 4 || len(b) != 4 {
			t.Fatalf("%s: served were %v and %v", name, a, b)
		}
		for i := range a {
			if p := (scenario.Pair{Recorded: a[i], Replayed: b[i]}); !p.Within(stepCost(own)+stepCost(foretold.Record)+4*apart, 0) {
				t.Errorf("%s: V1 serves its call number %d after %v, foretold were %v", name, i+1, a[i], b[i])
			}
		}
	}
}

func TestLoadIsCutOffAtTheEndOfTheWorkload(t *testing.T) {
	load := []scenario.Bucket{{At: 0, Span: 200}, {At: 200, Span: 200, Own: 1}, {At: 400, Span: 200}}
	for end, want := range map[time.Duration][]scenario.Bucket{
		0: {}, 100: {{At: 0, Span: 100}}, 200: {{At: 0, Span: 200}}, 250: {{At: 0, Span: 200}, {At: 200, Span: 50, Own: 1}}, 600: load, 900: load,
	} {
		r := scenario.Record{Environment: &scenario.Environment{Load: load}, Events: []scenario.Event{{At: end, Kind: scenario.Close}}}
		if got := r.MetByClients().Load; !reflect.DeepEqual(got, want) {
			t.Errorf("at %v: got %v, want %v", end, got, want)
		}
	}
	if load[1].Span != 200 {
		t.Error("the recording was changed")
	}
}

func TestArrivalsOfOneMomentAreSetApartInTheirOrderAtThePool(t *testing.T) {
	const ms = time.Millisecond
	arrived := []time.Duration{0, 5 * ms, 40 * ms}
	for late, second := range map[time.Duration]bool{0: false, 6 * ms: true, time.Hour: true} {
		at := inTurn(arrived, []int{1, 0, 2}, momentOf(&scenario.Record{Late: late}))
		if first := at[1] < at[0]; first != second || at[2] != 40*ms { // no lateness makes all the run one moment
			t.Errorf("late by %v: they come at %v", late, at)
		}
	}
	busy := &scenario.Environment{Rivals: []scenario.Rival{{}}, Load: []scenario.Bucket{{Span: ms, Load: []scenario.Load{{Runnable: 3}}}}}
	for order, second := range map[string]bool{"none": true, "edges": false} {
		at := inTurn(arrived, []int{1, 0, 2}, momentOf(&scenario.Record{Order: order, Environment: busy}))
		if first := at[1] < at[0]; first != second {
			t.Errorf("others want the CPUs, order %s: they come at %v", order, at)
		}
	}
	stream := []time.Duration{0, 15 * ms, 30 * ms}
	if at := inTurn(stream, []int{2, 1, 0}, mostMoment); at[1] != 15*ms || at[0] != at[1]+apart || at[2] != 30*ms {
		t.Errorf("a stream is no one moment: they come at %v", at)
	}
}

// A replay is a run like any other, and its engine is waited for in it, too.
func TestAReplayOfContainersIsJudgedAsTheyWere(t *testing.T) {
	const boot = 300 * time.Millisecond
	var met scenario.Environment
	met.Cores = 2
	for i := range 8 {
		engine := time.Duration(100+40*i) * time.Millisecond
		met.Starts = append(met.Starts, scenario.Span{Worker: i, Demand: scenario.Demand{CPU: boot, Wait: engine}, Engine: engine})
	}
	r := TryT(t, Scenario{
		World: virtual.Name, Subject: subject.Herd(), Config: subject.Config{Size: 8, Lazy: true}, Start: scenario.Demand{CPU: boot},
		Workload: scenario.Workload{Clients: 8, Command: "echo"}, Deadline: 5 * boot / 2, Patience: 10 * boot, Replay: &met,
	})
	if r.Word != scenario.Architectural {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	for i, s := range r.Record.Environment.Starts[:8] { // probes have more begun
		if want := met.Starts[i]; s.Engine != want.Engine || s.Wait != want.Engine || s.CPU != boot {
			t.Errorf("start %d asked for %+v, %v of it its engine's, want %+v", i, s.Demand, s.Engine, want.Demand)
		}
	}
	r.Scenario.World, r.Scenario.Boxed = container, true
	if sc, err := again(r, Replaying{}); err != nil || sc.Boxed { // a replay has no containers
		t.Errorf("of workers in one container: %v, %v", sc.Boxed, err)
	}
}
