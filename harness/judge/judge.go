// Package judge says of one run whether the architecture is at fault. It reads
// records and nothing else: no clock, no process, no pool.
//
// Its steps are those of the design, each in a file of its own: preconditions,
// safety, mechanism. Lateness has a provisional rule: a run that misses its
// deadline is architectural if an ideal pool, run after it, alone, in the same
// world under the same demands, keeps it; else the run is inconclusive.
package judge

import (
	"fmt"
	"strings"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// Judge says what a run was. reference is the ideal pool's run under the same
// scenario; it may be nil if no call missed its deadline.
func Judge(run, reference *scenario.Record) scenario.Verdict {
	var v scenario.Verdict
	calls := run.Calls()
	latest := latest(calls)
	v.Path = path(run, latest)
	v.Mechanism = mechanism(v.Path, referencePath(reference))
	v.Evidence = evidence(run, reference)

	broken, slow := safety(run)
	missing := preconditions(run, reference)
	if run.Late > lateMost { // then nor was what the harness gave them
		for _, what := range slow {
			missing = append(missing, fmt.Sprintf("its timers were up to %s late, so this may be its own doing: %s", short(run.Late), what))
		}
	} else {
		broken = append(broken, slow...)
	}
	v.Safety = broken
	switch {
	case len(broken) > 0: // an environment excuses lateness, never a wrong answer
		v.Word = scenario.Architectural
		v.Reason = strings.Join(broken, "; ")
		if run.Misses() > 0 {
			_, why := lateness(run, reference, v)
			v.Reason += "; " + why
		}
	case len(missing) > 0:
		v.Word = scenario.Inconclusive
		v.Reason = strings.Join(missing, "; ")
	case run.Misses() == 0:
		v.Word = scenario.Sound
		v.Mechanism, v.Path = "", nil // there is nothing to explain
		v.Reason = answered(run, latest)
	default:
		v.Word, v.Reason = lateness(run, reference, v)
	}
	return v
}

// lateness is the provisional rule, for a run that missed its deadline.
func lateness(run, reference *scenario.Record, v scenario.Verdict) (scenario.Word, string) {
	why := missed(run, run.Calls())
	switch {
	case reference == nil:
		return scenario.Inconclusive, why + "; there is no run of the ideal pool to hold it against"
	case len(reference.Served()) == 0 && reference.Misses() == 0:
		return scenario.Inconclusive, why + "; the scenario itself ended all calls of the ideal pool"
	case reference.Misses() > 0:
		return scenario.Inconclusive, fmt.Sprintf("%s; so did %d with the ideal pool, alone under the same demands: whether the environment or the deadline is at fault can't be told from these two runs", why, reference.Misses())
	}
	why += "; " + kept(reference)
	if v.Mechanism != "" {
		why += "; " + told(v.Path, v.Mechanism)
	}
	return scenario.Architectural, why
}

func answered(run *scenario.Record, latest scenario.Call) string {
	n := len(run.Served())
	if n == 0 {
		return "the scenario itself ended all calls"
	}
	return fmt.Sprintf("all %d calls were answered within %s, the last after %s", n, short(run.Deadline), short(latest.Took))
}

func missed(run *scenario.Record, calls []scenario.Call) string {
	never := 0
	first := ""
	for _, c := range calls {
		if c.Missed && (c.Err != "" || c.Lost) {
			never++
			if first == "" {
				first = c.Err
			}
		}
	}
	s := fmt.Sprintf("%d of %d calls missed the deadline of %s", run.Misses(), len(calls), short(run.Deadline))
	if never > 0 {
		s += fmt.Sprintf(" (%d got no answer: %s)", never, clip(first))
	}
	return s
}

func kept(reference *scenario.Record) string {
	served := reference.Served()
	return fmt.Sprintf("an ideal pool, alone under the same demands, served all %d by %s", len(served), short(served[len(served)-1]))
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

func referencePath(reference *scenario.Record) []scenario.Segment {
	if reference == nil {
		return nil
	}
	return path(reference, latest(reference.Calls()))
}

func evidence(run, reference *scenario.Record) []scenario.Figure {
	seconds := func(name string, d time.Duration) scenario.Figure {
		return scenario.Figure{Name: name, Value: d.Seconds(), Unit: "s"}
	}
	count := func(name string, n int, unit string) scenario.Figure {
		return scenario.Figure{Name: name, Value: float64(n), Unit: unit}
	}
	f := []scenario.Figure{
		seconds("deadline", run.Deadline),
		count("missed", run.Misses(), "calls"),
		count("served", len(run.Served()), "calls"),
		seconds("harness timers late by at most", run.Late),
		{Name: "cores", Value: run.Cores, Unit: "cores"},
	}
	for _, r := range run.Faults {
		f = append(f, count(fmt.Sprintf("%v fired", r), r.Fired, "times"))
	}
	for _, w := range run.Workers() {
		if w.Ready < 0 {
			continue
		}
		f = append(f,
			seconds(w.ID+" start", w.Ready-w.Launched),
			seconds(w.ID+" start on CPU", w.OnCPU),
			seconds(w.ID+" start waiting for a CPU", w.Delay))
	}
	if reference != nil {
		f = append(f, count(reference.Subject+" missed", reference.Misses(), "calls"))
		if served := reference.Served(); len(served) > 0 {
			f = append(f, seconds(reference.Subject+" last served", served[len(served)-1]))
		}
	}
	return f
}

// short is a duration as a person reads it.
func short(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", float64(d)/1e6)
}

func clip(s string) string {
	const most = 120 // bytes
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
