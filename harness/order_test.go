//go:build linux

package harness

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/internal/point"
)

func TestTheChoicesOfARunGiveItsTraceAgain(t *testing.T) {
	t.Parallel()
	for _, s := range controlled() {
		for seed := range seeds(t, 20) {
			sc := mixed(seed)
			first := play1(t, s, sc)
			choices := first.Choices
			for _, list := range [][]int{choices, trimmed(slices.Clone(choices))} {
				sc.Order = scenario.Order{Choices: list}
				again := play1(t, s, sc)
				if trace.Hash(first) != trace.Hash(again) || !slices.Equal(again.Choices, choices) {
					t.Errorf("%s, seed %d, %d of %d choices: %s", s.Name, seed, len(list), len(choices), firstDifference(first, again))
				}
			}
		}
	}
}

func TestAListOfChoicesCutShortIsAnOrderOfItsOwn(t *testing.T) {
	sc := threeOnOne(3)
	whole := play1(t, subject.Ours(), sc)
	traces := map[string]bool{}
	for n := range whole.Choices {
		sc.Order = scenario.Order{Choices: append([]int{}, whole.Choices[:n]...)}
		r := play1(t, subject.Ours(), sc)
		if got := r.Choices; !slices.Equal(got[:n], whole.Choices[:n]) || slices.ContainsFunc(got[n:], func(c int) bool { return c != 0 }) {
			t.Errorf("%v was gone by as %v", sc.Order.Choices, got)
		}
		traces[trace.Hash(r)] = true
	}
	if len(traces) < 3 {
		t.Errorf("lists of up to %d choices gave %d traces: the order makes no difference", len(whole.Choices), len(traces))
	}
}

func TestTheBundleHasTheChoices(t *testing.T) {
	sc := threeOnOne(3)
	sc.Subject = subject.Ours()
	r := RunT(t, sc)
	dir := filepath.Join(t.TempDir(), "run")
	if err := trace.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	b, err := trace.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Record.Choices) == 0 || !slices.Equal(b.Record.Choices, r.Record.Choices) || b.Record.Order != r.Order {
		t.Errorf("it has %v of an order of %q, want %v of %q", b.Record.Choices, b.Record.Order, r.Record.Choices, r.Order)
	}
	again := b.Scenario
	again.Subject, again.Order.Choices = sc.Subject, b.Record.Choices
	if got := RunT(t, again); got.Hash != r.Hash {
		t.Errorf("what is in it gives the trace %s, not %s", got.Hash, r.Hash)
	}
}

func TestPCTTakesItsLengthFromARunByLot(t *testing.T) {
	sc := threeOnOne(3)
	sc.Subject = subject.Ours()
	byLot := RunT(t, sc)
	sc.Order = scenario.Order{Strategy: scenario.PCT, Depth: 3}
	byPCT := RunT(t, sc)
	if n := byPCT.Scenario.Order.Length; n == 0 || n != len(byLot.Record.Choices) {
		t.Errorf("a run of %d steps is taken for one of %d", len(byLot.Record.Choices), n)
	}
	if again := RunT(t, byPCT.Scenario); again.Hash != byPCT.Hash {
		t.Error("the scenario as it was run gives another trace")
	}
	for seed := range uint64(10) {
		sc := mixed(seed)
		fill(&sc)
		sc.Subject, sc.Order = subject.Ours(), scenario.Order{}
		want := len(play1(t, sc.Subject, sc).Choices)
		sc.Order = scenario.Order{Strategy: scenario.PCT, Depth: 3}
		if n, err := length(t.Context(), t, sc); n != want || err != nil {
			t.Errorf("seed %d: a length of %d, want %d: %v", seed, n, want, err)
		}
	}
	sc.Order.Length = 7
	if n := RunT(t, sc).Scenario.Order.Length; n != 7 {
		t.Errorf("a length that is given became %d", n)
	}
}

func TestAResultSaysHowFarTheOrderWasControlled(t *testing.T) {
	inside := "edges" // without the tag there are no points
	if point.Enabled {
		inside = "points"
	}
	for _, c := range []struct {
		subject subject.Subject
		want    string
	}{{subject.Ours(), inside}, {subject.Puddle(), "edges"}, {subject.Herd(), "edges"}} {
		sc := threeOnOne(1)
		sc.Subject = c.subject
		if r := RunT(t, sc); r.Order != c.want {
			t.Errorf("%s: %q, want %q", c.subject.Name, r.Order, c.want)
		}
	}
	if got := fmt.Sprint(order("process", false), " ", order("process", true)); got != "none none" {
		t.Errorf("in real time it is %q", got)
	}
}

// What a subject does in the harness's goroutines can't end the program, in
// virtual time either.
func TestAPanicOfASubjectIsItsAnswer(t *testing.T) {
	sc := threeOnOne(1)
	sc.Subject = bend(func(b *bent) {
		b.call = func(ctx context.Context, p subject.Pool, c subject.Call) (subject.Reply, error) {
			if c.Client == "c2" {
				panic("no such key")
			}
			return p.Call(ctx, c)
		}
	})
	r, err := runIn(t.Context(), t, sc)
	if err != nil || r.Word == scenario.Sound {
		t.Fatalf("got %q, %v", r.Word, err)
	}
	for _, e := range events(r.Record, scenario.Return) {
		if panicked := e.Err == "panic: no such key"; panicked != (e.Call == "c2") {
			t.Errorf("%s: %q", e.Call, e.Err)
		}
	}
}
