package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/harness/cpu"
)

// Modelled says how long each start and call that was let finish takes by the
// model of cores, given when it began and what it asked for: what the pool did
// is taken as it was, so what is off is the model's or the recording's doing
// alone. Those that were not let finish take their CPU from the others all the
// same, as much as they had.
func (e *Environment) Modelled(frozen bool) []SpanPair {
	type begun struct {
		Span
		what string // "": it is another pool's
		end  *time.Duration
	}
	var all []begun
	add := func(what string, s Span) {
		end := never
		all = append(all, begun{Span: s, what: what, end: &end})
	}
	for i, s := range e.Starts {
		add(fmt.Sprintf("start %d", i), s)
	}
	for _, id := range slices.Sorted(maps.Keys(e.Calls)) {
		for i, s := range e.Calls[id] {
			what := id
			if i > 0 {
				what = fmt.Sprintf("%s/%d", id, i+1)
			}
			add(what, s)
		}
	}
	for _, s := range e.Others {
		s.Worker += len(e.Starts)
		add("", s)
	}
	computes := func(s Span) time.Duration { return s.Begin + s.Engine } // from when on
	slices.SortStableFunc(all, func(a, b begun) int {
		return cmp.Or(cmp.Compare(computes(a.Span), computes(b.Span)), strings.Compare(a.what, b.what))
	})

	m := cpu.New(e.Config(frozen))
	groups := map[int]*cpu.Group{}
	for _, s := range all {
		m.Advance(computes(s.Span))
		if groups[s.Worker] == nil {
			groups[s.Worker] = e.Group(m)
		}
		groups[s.Worker].Start(s.CPU, func() { *s.end = m.Now() + s.Wait - s.Engine })
	}
	for at, ok := m.Next(); ok; at, ok = m.Next() {
		m.Advance(at)
	}
	var pairs []SpanPair
	for _, s := range all {
		if s.Whole() && s.what != "" {
			pairs = append(pairs, SpanPair{What: s.what, Begin: s.Begin, Pair: Pair{Recorded: s.End - s.Begin, Replayed: *s.end - s.Begin}})
		}
	}
	return pairs
}

// never is the end of what nobody lets run.
const never = time.Duration(1 << 62)
