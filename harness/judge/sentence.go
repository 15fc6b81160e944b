package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// sentence is what a person would say of a run's four cells, of which the
// recording itself stands for a.
func (t *trial) sentence(b, c, d scenario.Cell) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch t.verdict.Word {
	case scenario.Environmental:
		add("%s", t.machine())
		add("%s", t.idealsLate(b))
		if code := t.verdict.Table.NeedCode; code > least {
			add("but for the code %.0f %% of the misses would not have been", 100*code)
		}
		add("inside the contract this pool has %s to spare", short(t.Run.Deadline-c.Time))
	case scenario.Infeasible:
		add("%s", missed(t.Run))
		add("no pool could keep that even inside the contract: %s", t.idealsNeed(d))
	case scenario.Overdetermined:
		add("%s", missed(t.Run))
		add("inside the contract this pool misses it as well, and under what it met %s", t.idealsLate(b))
	case scenario.Amplified:
		add("%s", missed(t.Run))
		add("it takes both: under what it met %s", t.idealsServe(b))
		add("inside the contract this pool serves all by %s", short(c.Time))
		add("beyond the contract: %s", strings.Join(t.excess, ", "))
		add("%s", t.told())
	default:
		add("%s", missed(t.Run))
		add("under what it met %s", t.idealsServe(b))
		if c.Misses > 0 {
			add("inside the contract this pool misses it as well")
		}
		add("%s", t.told())
	}
	return strings.Join(parts, "; ")
}

// machine says what the latest call hung on that the machine did not give, and what was
// beyond the contract.
func (t *trial) machine() string {
	beyond := strings.Join(t.excess, ", ")
	w, ok := t.hungOn()
	if !ok || w.Delay < w.OnCPU || w.Delay < t.Run.Deadline/10 {
		return beyond
	}
	wanted, _ := t.Met.Replay.Wanted()
	throttled := ""
	if w.Throttled > 0 {
		throttled = fmt.Sprintf(", of which its quota throttled it for %s", short(w.Throttled))
	}
	return fmt.Sprintf("the machine gave %s %s of CPU in %s (run-queue delay %s%s, outside load %.1f on %.2g cores); beyond the contract: %s",
		w.ID, short(w.OnCPU), short(w.Ready-w.Launched), short(w.Delay), throttled, wanted, t.Run.Cores, beyond)
}

// hungOn is the worker that the latest call waited for longest, while it started: not
// ok if it waited longer for anything else.
func (t *trial) hungOn() (w scenario.Worker, ok bool) {
	on := map[string]time.Duration{}
	longest, rest := "", time.Duration(0)
	for _, g := range t.verdict.Path {
		if g.On == "" || !slices.Contains([]string{behindStart, startOnCPU, startForCPU}, g.What) {
			rest += g.To - g.From
			continue
		}
		if on[g.On] += g.To - g.From; longest == "" || on[g.On] > on[longest] {
			longest = g.On
		}
	}
	if on[longest] < rest {
		return w, false
	}
	for _, w := range t.Run.Workers() {
		if w.ID == longest && w.Ready >= 0 {
			return w, true
		}
	}
	return w, false
}

// bestOf names those that this pool is held against.
func (t *trial) bestOf() string {
	best := t.ideal(setting{scale: 1})
	if best.of == 1 {
		return fmt.Sprintf("the one ideal pool (%s)", best.name)
	}
	return fmt.Sprintf("the best of %d ideal pools (%s)", best.of, best.name)
}

func (t *trial) idealsServe(c scenario.Cell) string {
	if c.Time == never {
		return t.bestOf() + " serves in time whoever can be served"
	}
	return fmt.Sprintf("%s serves all by %s", t.bestOf(), short(c.Time))
}

func (t *trial) idealsLate(c scenario.Cell) string {
	if c.Time == never {
		return t.bestOf() + " would not have served all either"
	}
	return fmt.Sprintf("%s would have missed the deadline by %s", t.bestOf(), short(c.Time-t.Run.Deadline))
}

func (t *trial) idealsNeed(c scenario.Cell) string {
	if c.Time == never {
		return t.bestOf() + " does not serve all"
	}
	return fmt.Sprintf("%s needs %s", t.bestOf(), short(c.Time))
}

// answered is said of a run without a miss.
func answered(run *scenario.Record, latest scenario.Call) string {
	n := len(run.Served())
	if n == 0 {
		return "the scenario itself ended all calls"
	}
	return fmt.Sprintf("all %d calls were answered within %s, the last after %s", n, short(run.Deadline), short(latest.Took))
}

// missed is said of a run with misses.
func missed(run *scenario.Record) string {
	calls := run.Calls()
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

// told says what the latest call's time went to.
func (t *trial) told() string {
	if t.verdict.Mechanism == "" {
		return "its latest call took no longer than theirs"
	}
	return told(t.verdict.Path, t.verdict.Mechanism)
}

// short is a duration as a person reads it.
func short(d time.Duration) string {
	switch {
	case d == never:
		return "never"
	case d >= time.Second:
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
