package harness

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/butfor/butfor/harness/scenario"
)

// A Reducer makes a scenario that failed smaller: one with fewer clients, calls,
// workers, faults and choices that still gives the same verdict by the same mechanism.
type Reducer struct {
	// Run plays a scenario in the virtual world; it may be called concurrently.
	Run func(context.Context, Scenario) (Result, error)
	// Seeds is how many other seeds are tried where a smaller scenario comes out
	// otherwise under its own: what clients there are decides who meets whom. 0
	// means 32.
	Seeds int
	// Progress is told what is left of the scenario each time it has become
	// smaller, and after how many runs, if it is not nil.
	Progress func(left Scenario, runs int)

	mu   sync.Mutex
	runs int
}

// Reduce makes the scenario of r, a run in the virtual world, as small as it
// finds. What it gives is the smallest that it saw come out alike, with its
// result; its order is a list of choices. It ends early, with what it has, when
// ctx does.
func (d *Reducer) Reduce(ctx context.Context, r Result) (Result, error) {
	want := failureOf(r)
	r.Scenario = plain(r.Scenario)
	best := r
	accept := func(sc Scenario) bool {
		if got, ok := d.alike(ctx, sc, want); ok {
			best = got
			if d.Progress != nil {
				d.Progress(best.Scenario, d.count())
			}
			return true
		}
		return false
	}

	for smaller := true; smaller && ctx.Err() == nil; {
		smaller = false
		for _, step := range reductions {
			for slices.ContainsFunc(step(best.Scenario), accept) && ctx.Err() == nil {
				smaller = true
			}
		}
	}

	// Now the order: what was drawn becomes a list, of which as little is kept as
	// will do. Beyond its end the first by name goes on, as with a 0.
	sc := best.Scenario
	sc.Order = scenario.Order{Seed: sc.Order.Seed, Choices: append([]int{}, best.Record.Choices...)}
	if !accept(sc) {
		return best, ctx.Err() // it is no matter of the order: a crash of the program, or a hang
	}
	with := func(choices []int) {
		sc := best.Scenario
		sc.Order.Choices = choices
		accept(sc)
	}
	choices := func() []int { return best.Scenario.Order.Choices }
	for chunk := len(choices()); chunk > 0 && ctx.Err() == nil; chunk /= 2 {
		for end := len(choices()); end > 0 && ctx.Err() == nil; end -= chunk {
			end = min(end, len(choices()))
			begin := max(0, end-chunk)
			if !slices.ContainsFunc(choices()[begin:end], func(c int) bool { return c != 0 }) {
				continue
			}
			fewer := slices.Clone(choices())
			clear(fewer[begin:end])
			with(trimmed(fewer))
		}
	}
	if fewer := trimmed(slices.Clone(choices())); len(fewer) < len(choices()) {
		with(fewer)
	}
	return best, ctx.Err()
}

// trimmed is a list of choices without what its end says anyway.
func trimmed(choices []int) []int {
	for len(choices) > 0 && choices[len(choices)-1] == 0 {
		choices = choices[:len(choices)-1]
	}
	return choices
}

// A failure is what must stay when a scenario becomes smaller.
type failure struct {
	word      scenario.Word
	mechanism string
	breach    string // the kind of the first breach of safety
}

func failureOf(r Result) failure {
	f := failure{word: r.Word, mechanism: r.Mechanism}
	if len(r.Safety) > 0 {
		f.breach, _, _ = strings.Cut(r.Safety[0], ":")
	}
	return f
}

// alike plays a scenario, under its own seed and if need be under others, and
// says whether it fails alike.
func (d *Reducer) alike(ctx context.Context, sc Scenario, want failure) (Result, bool) {
	play := func(sc Scenario) (Result, bool) {
		d.mu.Lock()
		d.runs++
		d.mu.Unlock()
		r, err := d.Run(ctx, sc)
		r.Scenario = sc // as it is asked for, not filled in
		return r, err == nil && failureOf(r) == want
	}
	if sc.Check() != nil {
		return Result{}, false
	}
	if r, ok := play(sc); ok || sc.Order.Choices != nil {
		return r, ok
	}
	others := d.Seeds
	if others == 0 {
		others = 32
	}
	const together = 4
	for i := 0; i < others && ctx.Err() == nil; i += together {
		results := make([]Result, together)
		fails := make([]bool, together)
		var wg sync.WaitGroup
		for j := range min(together, others-i) {
			other := sc
			other.Seed += uint64(1 + i + j)
			wg.Go(func() { results[j], fails[j] = play(other) })
		}
		wg.Wait()
		if j := slices.Index(fails, true); j >= 0 {
			return results[j], true
		}
	}
	return Result{}, false
}

func (d *Reducer) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.runs
}

// reductions are the ways in which a scenario may become smaller, the boldest
// first. Each gives what is worth a try: nothing, where there is no more to take
// away.
var reductions = []func(Scenario) []Scenario{
	noFaults,
	halve(func(sc *Scenario) *int { return &sc.Workload.Clients }, 1),
	halve(func(sc *Scenario) *int { return &sc.Workload.Calls }, 1),
	halve(func(sc *Scenario) *int { return &sc.Config.Size }, 1),
	halve(func(sc *Scenario) *int { return &sc.Config.Overflow }, 0),
	halve(func(sc *Scenario) *int { return &sc.Warm }, 0),
	oneFaultFewer,
	fewer(func(sc *Scenario) *int { return &sc.Workload.Clients }, 1),
	fewer(func(sc *Scenario) *int { return &sc.Workload.Calls }, 1),
	fewer(func(sc *Scenario) *int { return &sc.Config.Size }, 1),
	fewer(func(sc *Scenario) *int { return &sc.Config.Overflow }, 0),
	fewer(func(sc *Scenario) *int { return &sc.Warm }, 0),
	without(func(sc *Scenario) bool { return len(sc.Others) > 0 }, func(sc *Scenario) { sc.Others = nil }),
	without(func(sc *Scenario) bool { return sc.Workload.Arrive != "" }, func(sc *Scenario) { sc.Workload.Arrive, sc.Workload.Every = "", 0 }),
	without(func(sc *Scenario) bool { return sc.Workload.Think > 0 }, func(sc *Scenario) { sc.Workload.Think = 0 }),
	without(func(sc *Scenario) bool { return sc.Workload.DieAfter > 0 }, func(sc *Scenario) { sc.Workload.DieAfter = 0 }),
	without(func(sc *Scenario) bool { return sc.Workload.Health != nil }, func(sc *Scenario) { sc.Workload.Health = nil }),
	without(func(sc *Scenario) bool { return sc.Workload.Mortal }, func(sc *Scenario) { sc.Workload.Mortal = false }),
	without(func(sc *Scenario) bool { return sc.Config.CheckoutTimeout > 0 }, func(sc *Scenario) { sc.Config.CheckoutTimeout = 0 }),
	without(func(sc *Scenario) bool { return sc.Config.CallTimeout > 0 }, func(sc *Scenario) { sc.Config.CallTimeout = 0 }),
	without(func(sc *Scenario) bool { return sc.Start.CPU > 0 }, func(sc *Scenario) { sc.Start.CPU = 0 }),
	without(func(sc *Scenario) bool { return sc.Start.Wait > 0 }, func(sc *Scenario) { sc.Start.Wait = 0 }),
}

func noFaults(sc Scenario) []Scenario {
	if len(sc.Faults) < 2 {
		return nil // oneFaultFewer comes to the same
	}
	sc.Faults = nil
	return []Scenario{sc}
}

func oneFaultFewer(sc Scenario) (less []Scenario) {
	all := sc.Faults
	for i := range all {
		sc.Faults = slices.Delete(slices.Clone(all), i, i+1)
		less = append(less, sc)
	}
	return less
}

func halve(of func(*Scenario) *int, least int) func(Scenario) []Scenario {
	return func(sc Scenario) []Scenario {
		n := of(&sc)
		if *n/2 <= least {
			return nil
		}
		*n /= 2
		return []Scenario{fitting(sc)}
	}
}

func fewer(of func(*Scenario) *int, least int) func(Scenario) []Scenario {
	return func(sc Scenario) []Scenario {
		n := of(&sc)
		if *n <= least {
			return nil
		}
		*n--
		return []Scenario{fitting(sc)}
	}
}

// fitting is a scenario that warms no more workers than its pool has.
func fitting(sc Scenario) Scenario {
	sc.Warm = min(sc.Warm, sc.Config.Size)
	return sc
}

func without(has func(*Scenario) bool, take func(*Scenario)) func(Scenario) []Scenario {
	return func(sc Scenario) []Scenario {
		if !has(&sc) {
			return nil
		}
		take(&sc)
		return []Scenario{sc}
	}
}
