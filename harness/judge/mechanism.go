package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// What a call's time can go to.
const (
	openingPool   = "waiting for the pool to open"
	behindStart   = "queued behind the start of a worker"
	startOnCPU    = "queued behind a start that computes"
	startForCPU   = "queued behind a start that waits for a CPU"
	behindCalls   = "queued behind other calls"
	idleNotGiven  = "an idle worker was free but not given"
	nobodyStarted = "no worker was there and none was started"
	executing     = "executing"
	afterReply    = "answered by the worker but not yet handed over"
	answeredError = "refused by the pool"
)

// path is the time of one call, from its arrival to its end, piece by piece:
// step 7.
func path(r *scenario.Record, c scenario.Call) (segments []scenario.Segment) {
	if c.ID == "" {
		return nil
	}
	s := street{call: c.ID, workers: map[string]*stand{}}
	from := c.Arrived
	for _, e := range r.Events {
		if to := min(e.At, c.Ended); to > from {
			segments = extend(segments, s.piece(from, to))
			from = to
		}
		s.event(e)
	}
	if len(segments) == 0 && c.Err != "" {
		return []scenario.Segment{{What: answeredError, From: c.Arrived, To: c.Ended}}
	}
	return split(segments, r)
}

// street is who stands where at one moment.
type street struct {
	opening  bool
	order    []string // workers, by launch
	workers  map[string]*stand
	call     string // whose path is sought
	answered bool   // a worker has answered it
}

type stand struct {
	ready bool
	hand  map[string]bool
}

func (s *street) event(e scenario.Event) {
	w := s.workers[e.Worker]
	switch e.Kind {
	case scenario.Open:
		s.opening = true
	case scenario.Opened:
		s.opening = false
	case scenario.Launch:
		if w == nil {
			s.order = append(s.order, e.Worker)
		}
		s.workers[e.Worker] = &stand{hand: map[string]bool{}}
	case scenario.Launched:
		if e.Err != "" {
			delete(s.workers, e.Worker)
		}
	case scenario.Ready:
		if w != nil {
			w.ready = true
		}
	case scenario.Send:
		if w != nil && e.Call != "" {
			w.hand[e.Call] = true
			if e.Err != "" { // it did not go out after all
				delete(w.hand, e.Call)
			}
		}
	case scenario.Recv:
		if w != nil {
			delete(w.hand, e.Call)
		}
		s.answered = s.answered || e.Call == s.call
	case scenario.Exit:
		delete(s.workers, e.Worker)
	}
}

// piece says what the call's time between two events went to.
func (s *street) piece(from, to time.Duration) scenario.Segment {
	g := scenario.Segment{From: from, To: to}
	var starting, busy, idle string
	for _, id := range s.order {
		w := s.workers[id]
		switch {
		case w == nil:
		case w.hand[s.call]:
			g.What, g.On = executing, id
			return g
		case !w.ready && starting == "":
			starting = id
		case w.ready && len(w.hand) == 0 && idle == "":
			idle = id
		case w.ready && len(w.hand) > 0 && busy == "":
			busy = id
		}
	}
	switch {
	case s.answered:
		g.What = afterReply
	case s.opening && starting != "":
		g.What, g.On = behindStart, starting
	case s.opening:
		g.What = openingPool
	case idle != "":
		g.What, g.On = idleNotGiven, idle
	case starting != "":
		g.What, g.On = behindStart, starting
	case busy != "":
		g.What, g.On = behindCalls, busy
	default:
		g.What = nobodyStarted
	}
	return g
}

// extend adds a segment, or lengthens the last if it is of the same kind on
// the same worker.
func extend(segments []scenario.Segment, g scenario.Segment) []scenario.Segment {
	if n := len(segments); n > 0 && segments[n-1].What == g.What && segments[n-1].On == g.On {
		segments[n-1].To = g.To
		return segments
	}
	return append(segments, g)
}

// split says of the time behind a start what that start spent it on.
func split(segments []scenario.Segment, r *scenario.Record) (out []scenario.Segment) {
	workers := map[string]scenario.Worker{}
	for _, w := range r.Workers() {
		workers[w.ID] = w
	}
	for _, g := range segments {
		w, ok := workers[g.On]
		if g.What != behindStart || !ok || w.Ready < 0 || w.Ready <= w.Launched {
			out = append(out, g)
			continue
		}
		// The start's shares, laid end to end over the part that was waited.
		whole, part := w.Ready-w.Launched, g.To-g.From
		share := func(d time.Duration) time.Duration {
			return time.Duration(float64(min(d, whole)) / float64(whole) * float64(part))
		}
		at := g.From
		for _, s := range []struct {
			what string
			d    time.Duration
		}{{startOnCPU, share(w.OnCPU)}, {startForCPU, share(w.Delay)}} {
			if d := min(s.d, g.To-at); d > 0 { // threads together may have had more than the time there was
				out = append(out, scenario.Segment{What: s.what, On: g.On, From: at, To: at + d})
				at += d
			}
		}
		if at < g.To {
			out = append(out, scenario.Segment{What: behindStart, On: g.On, From: at, To: g.To})
		}
	}
	return out
}

// totals adds a path up by kind.
func totals(path []scenario.Segment) map[string]time.Duration {
	t := map[string]time.Duration{}
	for _, g := range path {
		t[g.What] += g.To - g.From
	}
	return t
}

// latest is the call whose time the mechanism is sought in: the longest of those
// that missed, else of all. Excused calls say nothing.
func latest(calls []scenario.Call) (l scenario.Call) {
	for _, c := range calls {
		if c.Excused {
			continue
		}
		if l.ID == "" || c.Missed && !l.Missed || c.Missed == l.Missed && c.Took > l.Took {
			l = c
		}
	}
	return l
}

// mechanism finds what most of the latest call's time went to, in excess of what the
// best of the ideal pools takes.
func (t *trial) mechanism() {
	var best outcome
	if t.Unknown == nil && t.Run.Misses() > 0 {
		best = t.ideal(setting{scale: 1})
	}
	t.verdict.Mechanism = mechanism(t.verdict.Path, unavoidable(t.verdict.Path, best))
}

// unavoidable is what of a path ideal pools have too. Of them it is known how long a
// call waits for a worker: as much is taken for it as a pool can't help most.
func unavoidable(path []scenario.Segment, best outcome) (had []scenario.Segment) {
	mine := totals(path)
	add := func(kind string, d time.Duration) {
		had = append(had, scenario.Segment{What: kind, To: d})
	}
	waited := best.waited
	for _, kind := range []string{startOnCPU, behindStart, startForCPU, behindCalls, openingPool, nobodyStarted} {
		d := min(waited, mine[kind])
		waited -= d
		add(kind, d)
	}
	if best.last < never {
		add(executing, best.last-best.waited)
	}
	return had
}

// leastExcess is what names a mechanism at least. Less is a matter of which of
// two that do the same was written in fewer steps.
const leastExcess = time.Millisecond / 2

// mechanism is the kind of time of which a run's latest call had most in
// excess of the reference's; "" if it had no more of any than the reference.
func mechanism(path, reference []scenario.Segment) (what string) {
	mine, ideal := totals(path), totals(reference)
	most := leastExcess
	for _, kind := range []string{idleNotGiven, behindCalls, behindStart, startForCPU, startOnCPU, openingPool, nobodyStarted, afterReply, executing, answeredError} {
		if excess := mine[kind] - ideal[kind]; excess > most {
			what, most = kind, excess
		}
	}
	return what
}

// told says a mechanism in a sentence: how long, and on whom most of it hung.
func told(path []scenario.Segment, what string) string {
	on := map[string]time.Duration{}
	var names []string
	for _, g := range path {
		if g.What != what {
			continue
		}
		if on[g.On] == 0 {
			names = append(names, g.On)
		}
		on[g.On] += g.To - g.From
	}
	sum := totals(path)[what]
	slices.SortStableFunc(names, func(a, b string) int { return int(on[b] - on[a]) })
	s := fmt.Sprintf("the latest call spent %s of its time on this: %s", short(sum), what)
	if len(names) > 0 && names[0] != "" {
		s += " (" + names[0]
		if len(names) > 1 {
			s += fmt.Sprintf(" and %d more", len(names)-1)
		}
		s += ")"
	}
	return s
}
