package judge

import (
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// cell is one of the four: the mean over the seeds, and how long it takes those who
// do not give up.
func (t *trial) cell(had map[setting]outcome, s setting, seeds int) scenario.Cell {
	play := t.this
	if had[s].name != "" {
		play = t.ideal
	}
	var misses []int
	for seed := range uint64(seeds) {
		s.seed = seed
		misses = append(misses, play(s).misses)
	}
	s.seed, s.scale = 0, 0
	return scenario.Cell{Misses: mean(misses), Time: play(s).last}
}

// table puts the four cells into the verdict.
func (t *trial) table(this, ideal, thisInside, idealInside scenario.Cell, seeds int) {
	table := scenario.Table{This: this, Ideal: ideal, ThisInside: thisInside, IdealInside: idealInside, Seeds: seeds, Band: t.band}
	best := t.ideal(setting{scale: 1})
	table.Winner, table.Ideals = best.name, best.of
	if this.Misses > 0 {
		table.NeedCode, table.NeedEnvironment = max(0, 1-ideal.Misses/this.Misses), max(0, 1-thisInside.Misses/this.Misses)
	}
	if a, b, c, d := this.Time, ideal.Time, thisInside.Time, idealInside.Time; max(a, b, c, d) < never {
		table.Effects = &scenario.Effects{Code: c - d, Environment: b - d, Both: a - b - c + d}
	}
	if this.Time < never {
		table.Margin = t.Run.Deadline - this.Time
	}
	t.verdict.Table = &table
}

// all is by when all calls of a run were answered, each since its arrival.
func all(r *scenario.Record) time.Duration {
	return count(Ideal{Calls: r.Calls()}, r.Deadline).last
}
