package harness

import (
	"context"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/harness/world/virtual"
)

// runsIn plays scenarios in a test's bubbles.
func runsIn(t *testing.T) func(context.Context, Scenario) (Result, error) {
	return func(ctx context.Context, sc Scenario) (Result, error) { return runIn(ctx, t, sc) }
}

// crowd is a scenario with far more in it than it takes for V2-seed to fail.
func crowd() Scenario {
	return Scenario{
		World: virtual.Name, Seed: 7, Subject: dspex.V2Seed(),
		Config:   subject.Config{Size: 6, Overflow: 2, Lazy: true, CheckoutTimeout: 3 * time.Second},
		Start:    scenario.Demand{CPU: 100 * time.Millisecond, Wait: 200 * time.Millisecond},
		Workload: scenario.Workload{Clients: 12, Calls: 3, Think: 20 * time.Millisecond, Arrive: scenario.Poisson, Every: 10 * time.Millisecond, Health: []time.Duration{time.Second}, Command: "sleep", Args: map[string]any{"s": .1}},
		Deadline: 2 * time.Second,
		Faults:   faults.Plan{{Fault: faults.SlowStart{Wait: 10 * time.Millisecond}}, {Fault: faults.CPUHogs{Threads: 1}}},
	}
}

func TestWhatFailsIsMadeAsSmallAsItCanBe(t *testing.T) {
	if testing.Short() {
		t.Skip("plays a search of some hundred runs")
	}
	t.Parallel()
	ctx := t.Context()
	run := runsIn(t)
	before, err := run(ctx, crowd())
	if err != nil || before.Word != scenario.Architectural {
		t.Fatalf("%s: %s, %v", before.Word, before.Reason, err)
	}
	told := 0
	after, err := (&Reducer{Run: run, Progress: func(Scenario, int) { told++ }}).Reduce(ctx, before)
	if err != nil || failureOf(after) != failureOf(before) || told == 0 {
		t.Errorf("%+v became %+v, told %d times: %v", failureOf(before), failureOf(after), told, err)
	}
	sc := after.Scenario
	if sc.Workload.Calls > 2 || sc.Workload.Think > 0 || sc.Workload.Health != nil || sc.Config.Overflow > 0 || sc.Config.CheckoutTimeout > 0 || sc.Config.Size > 2 || sc.Workload.Clients > 4 || len(sc.Faults) > 0 {
		t.Errorf("this is left: %+v", sc)
	}
	// Each of the reductions was tried on what is left, so none can do more.
	for i, step := range reductions {
		for _, less := range step(sc) {
			less.Order = scenario.Order{Choices: []int{}}
			if r, err := run(ctx, less); err == nil && failureOf(r) == failureOf(after) && r.Scenario.Seed == sc.Seed && len(sc.Order.Choices) == 0 {
				t.Errorf("reduction %d makes it smaller still: %+v", i, less)
			}
		}
	}
	sc.Subject = dspex.V2Seed()
	for range 20 {
		if r, err := run(ctx, sc); err != nil || r.Hash != after.Hash || failureOf(r) != failureOf(after) {
			t.Fatalf("again it is %+v with hash %s, not %s: %v", failureOf(r), r.Hash, after.Hash, err)
		}
	}
}

func TestTheOrderIsReducedToTheChoicesThatMatter(t *testing.T) {
	// The failure is made up: it hangs on one choice of the order alone.
	const matters = 17
	run := func(_ context.Context, sc Scenario) (Result, error) {
		r := Result{Scenario: sc, Record: &scenario.Record{}}
		choices := sc.Order.Choices
		if choices == nil {
			choices = make([]int, 40)
			for i := range choices {
				choices[i] = 1 + i%3
			}
		}
		r.Word = scenario.Sound
		if len(choices) > matters && choices[matters] == 1+matters%3 {
			r.Word = scenario.Architectural
		}
		r.Record.Choices = choices
		return r, nil
	}
	sc := Scenario{World: virtual.Name, Subject: subject.Ours(), Config: subject.Config{Size: 1}, Workload: scenario.Workload{Clients: 1, Command: "ping"}, Deadline: time.Second}
	before, _ := run(t.Context(), sc)
	after, err := (&Reducer{Run: run}).Reduce(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	got := after.Scenario.Order.Choices
	if len(got) != matters+1 || got[matters] != 1+matters%3 {
		t.Errorf("these choices are left: %v", got)
	}
	for i, c := range got[:min(matters, len(got))] {
		if c != 0 {
			t.Errorf("choice %d is %d, though it does not matter", i, c)
		}
	}
}

func TestAReductionThatIsStoppedGivesWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	run := runsIn(t)
	before, err := run(ctx, crowd())
	if err != nil {
		t.Fatal(err)
	}
	after, err := (&Reducer{Run: run, Progress: func(Scenario, int) { cancel() }}).Reduce(ctx, before)
	if err == nil || failureOf(after) != failureOf(before) || len(after.Scenario.Faults) == 2 {
		t.Errorf("got %+v with %d faults, %v", failureOf(after), len(after.Scenario.Faults), err)
	}
}

func TestEachSubjectIsFoundByItsName(t *testing.T) {
	for _, s := range Subjects() {
		if got, err := Subject(s.Name); err != nil || got.Name != s.Name || got.Open == nil {
			t.Errorf("%s: %+v, %v", s.Name, got, err)
		}
	}
	if _, err := Subject("nobody"); err == nil {
		t.Error("nobody was found")
	}
}
