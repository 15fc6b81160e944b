package virtual

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/scenario"
)

// scheduled is who goes on, step by step, where everybody named has so many
// steps to make and is always ready to make the next.
func scheduled(pick Strategy, steps map[string]int) string {
	var ps []*parked
	for _, who := range slices.Sorted(maps.Keys(steps)) {
		ps = append(ps, &parked{place: place{who, "step"}, nth: 1})
	}
	var order strings.Builder
	for step := 0; len(ps) > 0; step++ {
		i := pick(step, ps)
		order.WriteString(ps[i].who)
		if ps[i].nth++; ps[i].nth > steps[ps[i].who] {
			ps = slices.Delete(ps, i, i+1)
		}
	}
	return order.String()
}

// shows says whether two come out in that order.
func shows(pick Strategy, order string) bool {
	ps := []*parked{{place: place{"a", "step"}, nth: 1}, {place: place{"b", "step"}, nth: 1}}
	left := map[string]int{"a": strings.Count(order, "a"), "b": strings.Count(order, "b")}
	for step := range len(order) {
		i := pick(step, ps)
		if p := ps[i]; p.who != order[step:step+1] {
			return false
		} else if p.nth++; p.nth > left[p.who] {
			ps = slices.Delete(ps, i, i+1)
		}
	}
	return true
}

// Each bug shows in one order alone. Its depth is how many orderings that hangs
// on: all of a's steps before b's first; all of b's between two of a's; b's but
// for the last between two of a's, and the rest of a's before it.
func TestPCTFindsABugOfItsDepthAsOftenAsItPromisesAndMoreOftenThanLotsDo(t *testing.T) {
	const n = 2
	for _, c := range []struct {
		depth, seeds int
		bug          string
	}{
		{1, 1_000, order(16, 16)},
		{2, 5_000, order(16, 16, 1)},
		{3, 200_000, order(24, 24, 24, 1)},
	} {
		found := func(strategy func(seed uint64) Strategy) (times int) {
			for seed := range uint64(c.seeds) {
				if shows(strategy(seed), c.bug) {
					times++
				}
			}
			return times
		}
		of := func(depth int) func(seed uint64) Strategy {
			return func(seed uint64) Strategy { return pct(seed, depth, len(c.bug)) }
		}
		promised := float64(c.seeds) / (n * math.Pow(float64(len(c.bug)), float64(c.depth-1)))
		byPCT, byLot := found(of(c.depth)), found(random)
		t.Logf("depth %d: of %d seeds PCT found it under %d, lots under %d; %.0f are promised", c.depth, c.seeds, byPCT, byLot, promised)
		if float64(byPCT) < promised-3*math.Sqrt(promised) || byPCT < 2*byLot {
			t.Errorf("depth %d: PCT found it under %d of %d seeds, lots under %d; want about %.0f, and twice as many as by lot", c.depth, byPCT, c.seeds, byLot, promised)
		}
		if c.depth > 1 {
			if less := found(of(c.depth - 1)); less > 0 {
				t.Errorf("PCT of a depth of %d found a bug of %d, under %d seeds", c.depth-1, c.depth, less)
			}
		}
	}
}

// order is that in which a and b make so many steps in turns.
func order(turns ...int) (s string) {
	for i, n := range turns {
		s += strings.Repeat("ab"[i%2:i%2+1], n)
	}
	return s
}

func TestPCTChangesPrioritiesAllOverTheRun(t *testing.T) {
	const length = 20
	changedAt := map[int]int{}
	for seed := range uint64(2_000) {
		order := scheduled(pct(seed, 2, length), map[string]int{"a": length, "b": length})
		first := strings.IndexByte(order, "ab"[(order[0]-'a'+1)%2]) // where it is another's turn
		changedAt[first]++
	}
	for at := 1; at < length; at++ { // at 0 it looks like another lot
		if n := changedAt[at]; n < 60 || n > 140 {
			t.Errorf("under %d of 2000 seeds it changed at step %d, want about 100", n, at)
		}
	}
}

func TestWhoeverLosesHisPriorityDoesNotMakeThatStepAnyMore(t *testing.T) {
	for seed := range uint64(50) {
		two := map[string]int{"a": 2, "b": 2}
		as, changed := scheduled(pct(seed, 1, 1), two), scheduled(pct(seed, 2, 1), two)
		if want := as[2:] + as[:2]; changed != want {
			t.Errorf("seed %d: without a change it is %s, with one at once %s, want %s", seed, as, changed, want)
		}
	}
}

func TestLotsHaveTwoPoolsSeeTheSameArrivals(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(50) {
		callers := map[string]int{"1": 1, "2": 1, "3": 1, "4": 1, "5": 1}
		one := scheduled(random(seed), callers)
		callers["w"] = 7 // a pool that does more in between
		other := strings.ReplaceAll(scheduled(random(seed), callers), "w", "")
		if one != other {
			t.Errorf("seed %d: they come as %s to one and as %s to the other", seed, one, other)
		}
		orders[one] = true
	}
	if len(orders) < 30 {
		t.Errorf("50 seeds gave %d orders", len(orders))
	}
}

func TestBeyondItsEndAListOfChoicesTakesTheFirstByName(t *testing.T) {
	for _, c := range []struct {
		choices []int
		want    string
	}{
		{[]int{}, "aabbcc"},
		{[]int{2, 1}, "cbaabc"},
		{[]int{2, 1, 0, 0, 0, 0}, "cbaabc"},
		{[]int{3, 1}, "ababcc"}, // so does a choice that there is not
	} {
		if got := scheduled(replay(c.choices), map[string]int{"a": 2, "b": 2, "c": 2}); got != c.want {
			t.Errorf("%v gives %s, want %s", c.choices, got, c.want)
		}
	}
}

func TestAnOrderSaysWhichStrategyItIs(t *testing.T) {
	callers := map[string]int{"a": 3, "b": 3, "c": 3}
	for _, c := range []struct {
		order scenario.Order
		want  func(seed uint64) Strategy
	}{
		{scenario.Order{}, random},
		{scenario.Order{Strategy: scenario.Random, Depth: 3, Length: 9}, random},
		{scenario.Order{Strategy: scenario.PCT, Depth: 3, Length: 9}, func(seed uint64) Strategy { return pct(seed, 3, 9) }},
		{scenario.Order{Strategy: scenario.PCT}, func(seed uint64) Strategy { return pct(seed, 1, 1) }},
		{scenario.Order{Strategy: scenario.PCT, Choices: []int{2, 1}}, func(uint64) Strategy { return replay([]int{2, 1}) }},
		{scenario.Order{Choices: []int{}}, func(uint64) Strategy { return replay(nil) }},
	} {
		for seed := range uint64(20) {
			got, err := strategy(seed, c.order)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := scheduled(got, callers), scheduled(c.want(seed), callers); got != want {
				t.Errorf("%+v, seed %d: %s, want %s", c.order, seed, got, want)
			}
		}
	}
	if _, err := strategy(0, scenario.Order{Strategy: "alphabetical"}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", "alphabetical")) {
		t.Errorf("got %v, want it named", err)
	}
}
