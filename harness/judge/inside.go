package judge

import (
	"fmt"

	"github.com/butfor/butfor/harness/scenario"
)

// seedsLeast and seedsMost are how many seeds a cell has.
const (
	seedsLeast = 8
	seedsMost  = 64
)

// inside says whether the run met nothing beyond the contract, and ideal pools keep
// every deadline there: step 3. Then it is the pool's own doing.
func (t *trial) inside() bool {
	if len(t.excess) > 0 {
		return false
	}
	for _, frozen := range t.frozen {
		for _, clipped := range []bool{true, false} { // what is over for a moment is no excess on average
			for seed := range uint64(seedsLeast) {
				if o := t.ideal(setting{clipped: clipped, frozen: frozen, seed: seed, scale: 1}); o.err != nil || o.misses > 0 || o.served == 0 {
					return false
				}
			}
		}
	}
	t.verdict.Word = scenario.Architectural
	this := scenario.Cell{Misses: float64(t.Run.Misses()), Time: all(t.Run)}
	ideal := t.cell(t.ideals, setting{clipped: true, scale: 1}, seedsLeast)
	t.table(this, ideal, this, ideal, seedsLeast) // E∧C is E
	t.verdict.Reason = fmt.Sprintf("%s; what it met was inside the contract, where %s; %s", missed(t.Run), t.idealsServe(ideal), t.told())
	return true
}

// infeasible says whether no pool could keep the deadline even inside the contract:
// of step 5, but for this pool, which need not be asked. Where it is doubtful what
// others wanted, it must be so even if nobody did.
func (t *trial) infeasible(alone bool) bool {
	for _, frozen := range t.frozen {
		for _, scale := range t.scales() {
			over := 0
			for seed := range uint64(seedsLeast) {
				o := t.ideal(setting{clipped: true, frozen: frozen, alone: alone, seed: seed, scale: scale})
				if o.err != nil {
					return false
				}
				if o.misses > 0 {
					over++
				}
			}
			if float64(over) <= infeasibleMost*seedsLeast {
				return false
			}
		}
	}
	t.verdict.Word = scenario.Infeasible
	d := t.cell(t.ideals, setting{clipped: true, scale: 1}, seedsLeast)
	t.table(scenario.Cell{Misses: float64(t.Run.Misses()), Time: all(t.Run)}, t.cell(t.ideals, setting{scale: 1}, seedsLeast), scenario.Cell{Time: never}, d, seedsLeast)
	t.verdict.Reason = fmt.Sprintf("%s; no pool could keep that even inside the contract: %s", missed(t.Run), t.idealsNeed(d))
	return true
}

// infeasibleMost is in how much of the seeds ideal pools may miss a deadline inside
// the contract that is feasible.
const infeasibleMost = 0.2
