package virtual

import (
	"fmt"
	"math/rand/v2"

	"github.com/butfor/butfor/harness/scenario"
)

// A Strategy picks one of the parked goroutines, which are sorted by name.
// step counts the picks of the run.
type Strategy func(step int, ps []*parked) int

// strategy makes what a scenario asks for.
func strategy(seed uint64, o scenario.Order) (Strategy, error) {
	pick, err := plainStrategy(seed, o)
	if err == nil && len(o.Begin) > 0 && o.Choices == nil {
		pick = inTurn(o.Begin, pick)
	}
	return pick, err
}

func plainStrategy(seed uint64, o scenario.Order) (Strategy, error) {
	if o.Choices != nil {
		return replay(o.Choices), nil
	}
	switch o.Strategy {
	case "", scenario.Random:
		return random(seed), nil
	case scenario.PCT:
		return pct(seed, max(1, o.Depth), max(1, o.Length)), nil
	}
	return nil, fmt.Errorf("no strategy is called %q: there are %s and %s", o.Strategy, scenario.Random, scenario.PCT)
}

// random picks by a lot that is drawn for each visit from the seed and the
// place alone. So two pools under the same seed see their callers arrive in the
// same order, however many steps they take in between.
func random(seed uint64) Strategy {
	return func(_ int, ps []*parked) int {
		best, lowest := 0, uint64(0)
		for i, p := range ps {
			if p.drawn != p.nth { // else it has been looked at before
				p.lot, p.drawn = scenario.Lot(seed, p.who, p.at, p.nth), p.nth
			}
			if l := p.lot; i == 0 || l < lowest {
				best, lowest = i, l
			}
		}
		return best
	}
}

// pct is the strategy of Burckhardt and others, "A Randomized Scheduler with
// Probabilistic Guarantees of Finding Bugs", ASPLOS 2010: everybody is given a
// priority by lot, and whoever has the highest goes on; at depth-1 steps, drawn
// from the first length ones, the one that would go on gets a priority below all
// those, which is the steps' number in the order in which they were drawn. A bug
// that hangs on depth orderings among n is found with a probability of at least
// 1/(n·length^(depth-1)) in a run of no more than length steps. Here n are the
// names, not the goroutines: whatever is done in one name has its priority.
func pct(seed uint64, depth, length int) Strategy {
	draw := rand.New(rand.NewPCG(seed, 2))
	changes := map[int]uint64{}
	for i := 1; i < depth; i++ {
		changes[draw.IntN(length)] = uint64(i)
	}
	lowered := map[string]uint64{}
	priority := func(p *parked) uint64 {
		if low, ok := lowered[p.who]; ok {
			return low
		}
		return scenario.Lot(seed, p.who, "", 0) | 1<<63
	}
	highest := func(ps []*parked) int {
		best := 0
		for i, p := range ps {
			if priority(p) > priority(ps[best]) {
				best = i
			}
		}
		return best
	}
	return func(step int, ps []*parked) int {
		best := highest(ps)
		if low, ok := changes[step]; ok {
			lowered[ps[best].who] = low
			best = highest(ps)
		}
		return best
	}
}

// replay repeats a list of choices, and then always takes the first by name.
func replay(choices []int) Strategy {
	return func(step int, ps []*parked) int {
		if step < len(choices) && choices[step] < len(ps) {
			return choices[step]
		}
		return 0
	}
}

// arrives says whether it is a call's that is about to turn to the pool: where it
// arrives, or if the pool was not open yet, where it begins.
func (p place) arrives() bool { return p.at == "arrive" || p.at == "begin" }

// inTurn picks as another strategy does, but of the calls that are about to turn
// to the pool the one that is named first.
func inTurn(begin []string, pick Strategy) Strategy {
	turn := map[string]int{}
	for i, id := range begin {
		turn[id] = i + 1
	}
	return func(step int, ps []*parked) int {
		best := pick(step, ps)
		if !ps[best].arrives() || turn[ps[best].who] == 0 {
			return best
		}
		for i, p := range ps {
			if t := turn[p.who]; p.arrives() && t > 0 && t < turn[ps[best].who] {
				best = i
			}
		}
		return best
	}
}
