package judge

import (
	"slices"

	"github.com/butfor/butfor/harness/scenario"
)

// mildest is the run with what it met as mild as what was seen allows: a start that
// was cut short would have ended just then, those that nobody began would have asked
// for no more than the scenario says, others wanted nothing any more once the recording
// had ended, and this program itself never did: what of that was the pool's own code,
// which runs in it, nobody knows. Nobody gets there by taking longer to be warm.
func (t *trial) mildest() scenario.Scenario {
	sc := t.Met
	if clock, ok := t.Run.First(scenario.Go); ok {
		sc.Came = clock.At
	}
	if t.mild != nil {
		sc.Replay = t.mild
		return sc
	}
	e := *sc.Replay
	e.Starts = slices.Clone(e.Starts)
	for i := range e.Starts {
		if s := &e.Starts[i]; s.Cut && s.Asks == nil {
			s.Cut, s.Mute = false, false
		}
	}
	if e.Further == nil { // a plan of faults knows them
		for i := range 2*(sc.Config.Size+sc.Config.Overflow) + 8 {
			e.Further = append(e.Further, scenario.Span{Worker: len(e.Starts) + i, Demand: sc.Start})
		}
	}
	if n := len(e.Load); n > 0 {
		e.Load = calmed(withoutUs(e.Load, e.Rivals), e.Load[n-1].At+e.Load[n-1].Span)
	}
	e.Prepare()
	t.mild = &e
	sc.Replay = &e
	return sc
}

// withoutUs is the load of all others but this program.
func withoutUs(load []scenario.Bucket, rivals []scenario.Rival) []scenario.Bucket {
	load = slices.Clone(load)
	for i := range load {
		load[i].Load = slices.DeleteFunc(slices.Clone(load[i].Load), func(l scenario.Load) bool { return rivals[l.Rival].Harness })
	}
	return load
}

// unseen says what an excuse hangs on that nobody saw: if ideal pools keep every
// deadline in the mildest of what the run may have met, the environment is no excuse
// yet.
func (t *trial) unseen() (doubt string) {
	for seed := range uint64(seedsLeast) {
		if o := t.ideal(setting{mild: true, seed: seed, scale: 1}); o.err != nil || o.misses > 0 || o.served == 0 {
			return ""
		}
	}
	return "ideal pools miss the deadline only by what was not seen: how starts that were cut short, or that nobody began, would have gone, what others wanted afterwards, and what of this program's own CPU the pool took"
}
