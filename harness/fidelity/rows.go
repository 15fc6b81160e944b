//go:build linux

package fidelity

import (
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
)

// A SpansRow is how far the model of cores was off on the spans of runs beside a
// load, given when each began and what it asked for.
type SpansRow struct {
	Load         string
	off          []time.Duration // absolute
	share        []float64       // of what was recorded
	close, near  int             // within 20 ms or 10 %, within 50 ms or 15 %
	nearIfFrozen int
	doubts       []string
}

func (r *SpansRow) add(e *scenario.Environment) {
	for _, s := range e.Modelled(false) {
		r.off = append(r.off, s.Off().Abs())
		r.share = append(r.share, float64(s.Off().Abs())/float64(max(s.Recorded, 1)))
		if s.Within(20*time.Millisecond, 0.1) {
			r.close++
		}
		if s.Within(scenario.NearTime, scenario.NearShare) {
			r.near++
		}
	}
	for _, s := range e.Modelled(true) {
		if s.Within(scenario.NearTime, scenario.NearShare) {
			r.nearIfFrozen++
		}
	}
	for _, d := range e.Doubts() {
		if !slices.Contains(r.doubts, d) {
			r.doubts = append(r.doubts, d)
		}
	}
}

// N is how many spans there were.
func (r SpansRow) N() int { return len(r.off) }

func (r SpansRow) String() string {
	return fmt.Sprintf("%d spans, off by %s in the median, within 50 ms or 15 %%: %s", r.N(), r.median(), percent(r.near, r.N()))
}

func (r SpansRow) median() string {
	if r.N() == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f ms, %.1f %%", float64(median(r.off))/1e6, 100*median(r.share))
}

// A StartsRow is how far runs of starts were off: replayed, and predicted from a
// recording of another policy; with the load from outside reacting, and frozen.
type StartsRow struct {
	Load               string
	replayed, foretold [2]readies
}

// readies are by which share the first and the last ready were off.
type readies struct{ first, last []float64 }

func (r *readies) add(c *scenario.Comparison) {
	share := func(p scenario.Pair) float64 { return float64(p.Off()) / float64(max(p.Recorded, 1)) }
	r.first = append(r.first, share(c.FirstReady))
	r.last = append(r.last, share(c.LastReady))
}

func (r *StartsRow) add(frozen bool, replay *scenario.Comparison, foretold scenario.Comparison) {
	i := 0
	if frozen {
		i = 1
	}
	r.replayed[i].add(replay)
	r.foretold[i].add(&foretold)
}

func (r StartsRow) String() string {
	return fmt.Sprintf("replayed %s; foretold %s", r.replayed[0], r.foretold[0])
}

// startsShare is how near the first and the last ready should come.
const startsShare = 0.1

func within(shares []float64) string {
	n, worst := 0, 0.0
	for _, s := range shares {
		if abs(s) <= startsShare {
			n++
		}
		if abs(s) > abs(worst) {
			worst = s
		}
	}
	return fmt.Sprintf("%d of %d (%+.0f %%)", n, len(shares), 100*worst)
}

func (r readies) String() string {
	return fmt.Sprintf("first %s, last %s", within(r.first), within(r.last))
}

// A FindingsRow is how the replays of a finding's runs beside a load came out.
type FindingsRow struct {
	Load, Finding string
	Runs          int
	Same          int // the same calls missed their deadline
	Ties          int // else, but those that differ were so near to it that a model can't tell
	Doubtful      int // else, but the recording says that its replay may prove nothing
	Other         int // else
	disagree      int // of all: something else differs without a doubt
}

func (r *FindingsRow) add(a *harness.Agreement) {
	r.Runs++
	switch {
	case len(a.Reacting.Others()) == 0:
		r.Same++
	case a.Ok():
		r.Ties++
	case len(a.Doubts) > 0:
		r.Doubtful++
	default:
		r.Other++
	}
	if !a.Ok() && len(a.Doubts) == 0 {
		r.disagree++
	}
}

func (r FindingsRow) String() string {
	return fmt.Sprintf("%d of %d runs miss the same calls, %d near ties, %d in doubt, %d others", r.Same, r.Runs, r.Ties, r.Doubtful, r.Other)
}

func abs(x float64) float64 { return max(x, -x) }

func median[T time.Duration | float64](xs []T) T {
	xs = slices.Sorted(slices.Values(xs))
	return xs[len(xs)/2]
}

func percent(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(of))
}
