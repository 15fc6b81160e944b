//go:build linux

package container

import (
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/outside"
)

// A span is a time in which the engine is at work for the run.
type span struct{ begin, end time.Duration }

// It ends a container in several steps, some of them before it says that the worker is
// gone, and some after.
const (
	endsBefore = 300 * time.Millisecond
	endsAfter  = 500 * time.Millisecond
)

// works notes that the engine was at work.
func (w *World) works(begin, end time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spans = append(w.spans, span{begin, end})
}

// ends notes when it puts a container away, once that is gone.
func (w *World) ends(done <-chan struct{}) {
	<-done
	now := w.Now()
	w.works(now-endsBefore, now+endsAfter)
}

// Environment is what the run met. The engine starts processes that come and go
// between two looks of the recorder's, so what nobody is seen to use while it is at
// work is held to be its own.
func (w *World) Environment() scenario.Environment {
	e := w.World.Environment()
	w.mu.Lock()
	defer w.mu.Unlock()
	return withEngine(e, w.spans)
}

// engineGroup is where what the engine uses stands in an environment.
const engineGroup = "container engine"

// withEngine gives the engine what nobody was seen to use in the buckets in which it
// was at work. One such bucket alone says little, and may have less than nothing: what
// counts is the sum.
func withEngine(e scenario.Environment, spans []span) scenario.Environment {
	e.Load = slices.Clone(e.Load)
	var its []int // buckets
	var sum, above float64
	for i, b := range e.Load {
		if slices.ContainsFunc(spans, func(s span) bool {
			return b.At < s.end+outside.Period && s.begin-outside.Period < b.At+b.Span
		}) {
			its = append(its, i)
			sum += b.Unseen * b.Span.Seconds()
			above += max(0, b.Unseen) * b.Span.Seconds()
		}
	}
	if sum <= 0 {
		return e
	}
	rival := len(e.Rivals)
	e.Rivals = append(slices.Clone(e.Rivals), scenario.Rival{Place: scenario.Place{Path: []scenario.Group{{Name: engineGroup, Weight: 1}}}})
	for _, i := range its {
		b := &e.Load[i]
		if had := max(0, b.Unseen) * sum / above; had > 0 {
			b.Load = append(slices.Clone(b.Load), scenario.Load{Rival: rival, Threads: 1 + int(had), Runnable: had, CPU: had})
		}
		b.Unseen = 0
	}
	return e
}
