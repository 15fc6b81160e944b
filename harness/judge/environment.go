package judge

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// environment says why the environment that was recorded proves nothing: step 2.
// Given the recorded begin of each start and call, the model of cores must come to
// the recorded ends; else what is replayed under it is another world. What it is
// off widens the band in which a deadline is a near tie.
func (t *trial) environment() (doubts []string) {
	if t.Unknown != nil {
		return []string{"it can't be run again: " + t.Unknown.Error()}
	}
	e := t.Run.MetByClients()
	doubts = append(t.Met.Replay.Doubts(), t.stolenSince()...)
	for _, frozen := range t.loads() {
		c := scenario.Comparison{Deadline: t.Run.Deadline, Spans: t.before(e.Modelled(frozen))}
		t.widen(c.Spans)
		if off := append(c.Doubts(), t.offTrack(c.Spans)...); len(off) > 0 {
			doubts = append(doubts, off...)
			break // with the other kind of load it would be told again, in other figures
		}
	}
	switch {
	case len(doubts) == 0:
	case t.keep(grossly):
		t.spare, t.aside, doubts = "a third", doubts, nil
	case len(doubts) == len(t.Met.Replay.Hidden()):
		if band := t.band + t.hidden(); band <= widest && t.keep(1-band) && t.miss(1+band) {
			t.spare, t.aside, doubts = fmt.Sprintf("%.2f", 1-band), doubts, nil
			t.band = band
		}
	}
	return doubts
}

// hidden is how much CPU was taken unseen until the last deadline, as a share of the
// deadline. It delayed no call by more than that; what came later made none miss it.
func (t *trial) hidden() float64 {
	last := time.Duration(0)
	for _, c := range t.Run.Calls() {
		last = max(last, c.Arrived+t.Run.Deadline)
	}
	return t.Met.Replay.HiddenUntil(last).Seconds() / t.Run.Deadline.Seconds()
}

// stolenSince says which demands may be longer for what was stolen once all clients were
// through: a replay has the demand whole, and nothing of the theft, so that ideal pools
// might miss a deadline for it that the machine let them keep.
func (t *trial) stolenSince() (doubts []string) {
	over, ok := t.Run.Through()
	if !ok {
		return nil
	}
	e := t.Run.Environment
	ask := func(what string, s scenario.Span) {
		if !s.Whole() || s.Begin >= over {
			return
		}
		if stolen := e.StolenWithin(over, s.End); stolen.Seconds() > scenario.TieShare*t.Run.Deadline.Seconds() {
			doubts = append(doubts, fmt.Sprintf("%s was under way when all clients were through, and %s of CPU were stolen from the machine until its end", what, short(stolen)))
		}
	}
	for i, s := range e.Starts {
		ask(fmt.Sprintf("start %d", i), s)
	}
	for _, id := range slices.Sorted(maps.Keys(e.Calls)) {
		for _, s := range e.Calls[id] {
			ask("call "+id, s)
		}
	}
	return doubts
}

// before leaves out what was not over when the workload was: faults have stopped
// since, and nothing of it is judged.
func (t *trial) before(spans []scenario.SpanPair) []scenario.SpanPair {
	over, ok := t.Run.Through()
	if !ok {
		return spans
	}
	return slices.DeleteFunc(spans, func(s scenario.SpanPair) bool { return s.Begin+s.Recorded > over })
}

// keep says whether ideal pools would keep such a share of the deadline under what was
// recorded. If it is a third, nothing that was not seen can be what they lack: the CPU
// that was used unseen is none that they have, and what a worker did unseen it asked
// for.
func (t *trial) keep(share float64) bool {
	for _, frozen := range t.frozen {
		for seed := range uint64(seedsLeast) {
			if o := t.ideal(setting{frozen: frozen, seed: seed, scale: share}); o.err != nil || o.misses > 0 || o.served == 0 {
				return false
			}
		}
	}
	return true
}

// miss says whether this pool would miss a deadline so much longer as well.
func (t *trial) miss(times float64) bool {
	for _, frozen := range t.frozen {
		for seed := range uint64(seedsLeast) {
			if o := t.this(setting{frozen: frozen, seed: seed, scale: times}); o.err != nil || o.misses == 0 {
				return false
			}
		}
	}
	return true
}

// grossly is the share of the deadline at which no doubt matters.
const grossly = 1. / 3

// offTrack says which of what is judged the model does not come to: calls, and when
// the first and the last worker were ready.
func (t *trial) offTrack(spans []scenario.SpanPair) (doubts []string) {
	took := map[string]time.Duration{}
	for _, c := range t.Run.Calls() {
		if c.Ended >= 0 {
			took[c.ID] = c.Took
		}
	}
	far := func(what string, p scenario.Pair) {
		if p.Off().Abs() > time.Duration(scenario.TieShare*float64(max(p.Recorded, t.Run.Deadline))) {
			doubts = append(doubts, fmt.Sprintf("by the model of cores %s would be after %s, it was after %s", what, short(p.Replayed), short(p.Recorded)))
		}
	}
	open, _ := t.Run.First(scenario.Open)
	var first, last scenario.Pair
	for i := range t.Run.Environment.Starts {
		what := fmt.Sprintf("start %d", i)
		n := slices.IndexFunc(spans, func(s scenario.SpanPair) bool { return s.What == what })
		if n < 0 {
			continue
		}
		begin := spans[n].Begin - open.At
		r, m := begin+spans[n].Recorded, begin+spans[n].Replayed
		if first.Recorded == 0 || r < first.Recorded {
			first.Recorded = r
		}
		if first.Replayed == 0 || m < first.Replayed {
			first.Replayed = m
		}
		last = scenario.Pair{Recorded: max(last.Recorded, r), Replayed: max(last.Replayed, m)}
	}
	far("the first worker's hello", first)
	far("the last worker's hello", last)
	for _, s := range spans {
		if whole, ok := took[s.What]; ok {
			far("the end of "+s.What, scenario.Pair{Recorded: whole, Replayed: whole + s.Off()})
		}
	}
	return doubts
}

// widen makes the band at least as wide as nine tenths of the spans are off.
func (t *trial) widen(spans []scenario.SpanPair) {
	var off []time.Duration
	for _, s := range spans {
		off = append(off, s.Off().Abs())
	}
	if len(off) == 0 || t.Run.Deadline == 0 {
		return
	}
	slices.Sort(off)
	t.band = min(max(t.band, off[len(off)*9/10].Seconds()/t.Run.Deadline.Seconds()), widest)
}

// widest is how wide the band is at most: beyond it step 2 does not let a run pass.
const widest = 0.5
