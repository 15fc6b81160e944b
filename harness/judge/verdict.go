package judge

import (
	"fmt"
	"strings"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

func (t *trial) inconclusive(missing ...string) {
	t.verdict.Word = scenario.Inconclusive
	t.verdict.Reason = strings.Join(missing, "; ")
}

// undecided is the verdict on misses that nobody can be held to account for.
func (t *trial) undecided(doubts ...string) {
	t.inconclusive(append([]string{missed(t.Run)}, doubts...)...)
}

// setAside says of a verdict which doubts it does not hang on.
func (t *trial) setAside() {
	if len(t.aside) > 0 && t.verdict.Word != scenario.Inconclusive {
		t.verdict.Reason += fmt.Sprintf("; set aside, as ideal pools keep %s of the deadline: %s", t.spare, strings.Join(t.aside, ", "))
	}
}

// codeAlone is the verdict on a pool that can't be replayed where ideal ones keep
// even a third of the deadline.
func (t *trial) codeAlone(doubts []string) {
	b := t.cell(t.ideals, setting{scale: 1}, seedsLeast)
	t.verdict.Word = scenario.Architectural
	t.verdict.Reason = fmt.Sprintf("%s; under what it met %s, and even a third of the deadline is enough for it; %s; whether the environment has a part in it as well can't be told: %s",
		missed(t.Run), t.idealsServe(b), t.told(), strings.Join(doubts, ", "))
}

// unsafe is the verdict on what must never happen.
func (t *trial) unsafe(broken []string) {
	t.verdict.Word, t.verdict.Safety = scenario.Architectural, broken
	t.verdict.Reason = strings.Join(broken, "; ")
	if t.Run.Misses() == 0 {
		return
	}
	t.verdict.Reason += "; " + missed(t.Run)
	if t.Unknown != nil {
		return
	}
	if best := t.ideal(setting{scale: 1}); best.err == nil && best.misses == 0 && best.served > 0 {
		t.verdict.Reason += fmt.Sprintf("; under what it met %s; %s", t.idealsServe(scenario.Cell{Time: best.last}), t.told())
	}
}

// sound is the verdict on a run without a miss.
func (t *trial) sound() {
	t.verdict.Word = scenario.Sound
	t.verdict.Mechanism, t.verdict.Path = "", nil // there is nothing to explain
	t.verdict.Reason = answered(t.Run, t.latest)
}

// evidence has every figure that was used.
func (t *trial) evidence() {
	run := t.Run
	var f []scenario.Figure
	seconds := func(name string, d time.Duration) {
		f = append(f, scenario.Figure{Name: name, Value: d.Seconds(), Unit: "s"})
	}
	figure := func(name string, v float64, unit string) {
		f = append(f, scenario.Figure{Name: name, Value: v, Unit: unit})
	}
	seconds("deadline", run.Deadline)
	figure("missed", float64(run.Misses()), "calls")
	figure("served", float64(len(run.Served())), "calls")
	seconds("harness timers late by at most", run.Late)
	figure("cores", run.Cores, "cores")
	for _, r := range run.Faults {
		figure(fmt.Sprintf("%v fired", r), float64(r.Fired), "times")
	}
	for _, w := range run.Workers() {
		if w.Ready < 0 {
			continue
		}
		seconds(w.ID+" start", w.Ready-w.Launched)
		seconds(w.ID+" start on CPU", w.OnCPU)
		seconds(w.ID+" start waiting for a CPU", w.Delay)
		if w.Throttled > 0 {
			seconds(w.ID+" start throttled", w.Throttled)
		}
	}
	if e := run.Environment; e != nil && len(e.Load) > 0 {
		wanted, stolen := e.Wanted()
		figure("outside load", wanted, "threads")
		figure("stolen", stolen, "cores")
	}
	if q := t.verdict.Table; q != nil {
		for _, cell := range []struct {
			name string
			scenario.Cell
		}{{"this pool, as it was", q.This}, {"ideal pools, as it was", q.Ideal}, {"this pool, inside the contract", q.ThisInside}, {"ideal pools, inside the contract", q.IdealInside}} {
			figure(cell.name+": missed", cell.Misses, "calls")
			if cell.Time < never {
				seconds(cell.name+": all served", cell.Time)
			}
		}
		figure("band of a near tie", q.Band, "deadlines")
	}
	t.verdict.Evidence = f
}
