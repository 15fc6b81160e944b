package judge

import (
	"fmt"
	"slices"

	"github.com/butfor/butfor/harness/scenario"
)

// likely is in how many orders of what happened at one moment this pool is replayed
// that its recording suggests, before lots are drawn.
const likely = 2

// likeness says why replays of this pool prove nothing: step 4. Under what it met, in
// at least one order of what happened at one moment, it must miss the same calls.
// Which of those that came at one moment is no matter: they are alike.
func (t *trial) likeness() []string {
	for _, frozen := range t.loads() {
		c, err := t.Again(frozen, likely)
		if err != nil {
			return []string{"this pool can't be replayed: " + err.Error()}
		}
		missed := map[string]bool{}
		for _, p := range c.Calls {
			missed[p.ID] = p.Missed[1]
		}
		differs := t.unlike(missed)
		t.misses = t.misses || slices.ContainsFunc(c.Calls, func(p scenario.CallPair) bool { return p.Missed[1] })
		for seed := uint64(0); differs != "" && seed < seedsMost; seed++ {
			o := t.this(setting{frozen: frozen, seed: seed, scale: 1})
			if o.err != nil {
				return []string{"this pool can't be replayed: " + o.err.Error()}
			}
			differs = t.unlike(o.missed)
			t.misses = t.misses || o.misses > 0
		}
		if differs != "" {
			return []string{fmt.Sprintf("in none of %d replays does this pool miss the same calls: %s", likely+seedsMost, differs)}
		}
	}
	return nil
}

// unlike says what differs from the run; "" if nothing does.
func (t *trial) unlike(missed map[string]bool) string {
	calls := slices.Clone(t.Run.Calls())
	slices.SortStableFunc(calls, func(a, b scenario.Call) int { return int(a.Arrived - b.Arrived) })
	for from := 0; from < len(calls); {
		to := from + 1
		for to < len(calls) && calls[to].Arrived-calls[to-1].Arrived < scenario.OneMoment {
			to++
		}
		recorded, replayed := 0, 0
		for _, c := range calls[from:to] {
			if c.Missed {
				recorded++
			}
			if missed[c.ID] {
				replayed++
			}
		}
		if recorded != replayed {
			return fmt.Sprintf("of the %d that came with %s it missed %d, and %d in the last of them", to-from, calls[from].ID, recorded, replayed)
		}
		from = to
	}
	return ""
}
