package virtual

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// Environment is the machine that the run met so far: that of its scenario, and
// what its faults made of it.
func (w *World) Environment() scenario.Environment {
	e := *w.env
	if w.machine == nil {
		return e
	}
	w.machine.lock()
	defer w.machine.unlock()
	w.machine.addHogs(&e)
	w.machine.addQuota(&e)
	return e
}

// Asks says what the starts of workers ask for, by id and in the order of their
// launch, those that were cut short too: nil for one that never says hello.
func (w *World) Asks() map[string][]*scenario.Demand {
	asks := map[string][]*scenario.Demand{}
	for _, p := range w.launcher.Ports() {
		var asked *scenario.Demand
		if d, ok := p.Boot(); ok {
			asked = &scenario.Demand{CPU: d.CPU, Wait: d.Wait}
		}
		asks[p.ID] = append(asks[p.ID], asked)
	}
	return asks
}

// addHogs adds them as rivals, those of the program in one session. In a replay, which
// has none, all load is as it was.
func (m *machine) addHogs(e *scenario.Environment) {
	if len(m.hogs) == 0 || len(e.Load) > 0 {
		return
	}
	now := m.cpu.Now()
	edges := []time.Duration{0, now}
	for at := period; at < now; at += period {
		edges = append(edges, at)
	}
	for _, h := range m.hogs {
		if !h.stopped {
			h.to = now
		}
		edges = append(edges, h.from, h.to)
		e.Rivals = append(e.Rivals, scenario.Rival{Place: scenario.Place{Path: []scenario.Group{{Name: h.group, Weight: 1}}}})
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	for i, at := range edges[:len(edges)-1] {
		b := scenario.Bucket{At: at, Span: edges[i+1] - at}
		for r, h := range m.hogs {
			if h.from <= at && at < h.to {
				had := float64(h.thread.Had()) / float64(h.to-h.from) // on average: it never sleeps, so no more hangs on it
				b.Load = append(b.Load, scenario.Load{Rival: r, Threads: 1, Runnable: 1, CPU: min(1, had)})
			}
		}
		e.Load = append(e.Load, b)
	}
}

// period is how long a bucket is at most: as long as a recorder's, as what comes
// after a recording is taken to be as its last buckets were.
const period = 200 * time.Millisecond

// addQuota adds the limits of workers. An environment has one for all of them and
// for all the time; those that were launched once it was lifted say nothing of it.
func (m *machine) addQuota(e *scenario.Environment) {
	if len(e.Workers) > 0 || !slices.ContainsFunc(m.sessions, func(s *session) bool { return len(s.limits) > 0 }) {
		return
	}
	same, lifted := true, m.lifted()
	for i, s := range m.sessions {
		if s.made >= lifted {
			continue
		}
		g := scenario.Group{Name: fmt.Sprintf("%s%d", scenario.SessionPrefix, i+1), Weight: 1}
		if len(s.limits) > 0 {
			l := s.limits[0]
			g.Quota = scenario.Quota{Cores: l.cores, Period: l.period}
			same = same && l.from-s.made < time.Millisecond // a step or two
		}
		e.Workers = append(e.Workers, scenario.Place{Path: []scenario.Group{g}, Processes: 1, Threads: 1})
		same = same && g.Quota == e.Workers[0].Path[0].Quota
		if q := g.Quota; q.Cores > 0 && (e.Quota.Cores == 0 || q.Cores < e.Quota.Cores) {
			e.Quota = q
		}
	}
	if !same {
		e.Gaps = append(e.Gaps, scenario.Gap{Kind: scenario.GapGroup, Text: "a quota lay on some of the workers only, or not from their launch on"})
	}
}

// lifted is when the first limit was.
func (m *machine) lifted() time.Duration {
	first := time.Duration(math.MaxInt64)
	for _, s := range m.sessions {
		for _, l := range s.limits {
			if l.cores == 0 {
				first = min(first, l.from)
			}
		}
	}
	return first
}
