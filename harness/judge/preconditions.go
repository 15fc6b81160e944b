package judge

import (
	"fmt"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// preconditions says what is missing for a verdict: step 0. Each fault must have
// fired, the recording must be complete, and the harness itself must not have been
// starved: its own timers never later than a quarter of the margin by which the
// deadline was missed or kept.
func (t *trial) preconditions() (lacking []string) {
	r := t.Run
	for _, f := range r.Faults {
		if f.Fired == 0 && !f.Maybe {
			lacking = append(lacking, fmt.Sprintf("%v, never fired: %s", f, f.Why))
		}
	}
	if text := incomplete(r); text != "" {
		lacking = append(lacking, "the recording of "+r.Subject+" is incomplete: "+text)
	}
	if unanswered(r) && r.Late > r.Deadline/4 {
		lacking = append(lacking, fmt.Sprintf("the harness itself was starved: its timers were up to %s late, the deadline of calls that got no answer was %s", short(r.Late), short(r.Deadline)))
	}
	if m, ok := margin(r); ok && r.Late > m/4 {
		lacking = append(lacking, fmt.Sprintf("the harness itself was starved: its timers were up to %s late, and %s kept or missed the deadline by %s", short(r.Late), r.Subject, short(m)))
	}
	if r.Environment != nil && r.Misses() > 0 { // what an ideal pool would have made of it nobody knows
		for _, g := range r.Environment.Gaps {
			if g.Kind == scenario.GapFault {
				lacking = append(lacking, "no replay can show it: "+g.Text)
			}
		}
	}
	return lacking
}

// incomplete says what a record lacks to be judged.
func incomplete(r *scenario.Record) string {
	if len(r.Events) == 0 {
		return "it has no events"
	}
	calls := r.Calls()
	if len(calls) == 0 {
		return "nobody called"
	}
	for _, c := range calls {
		if c.Ended < 0 {
			return "call " + c.ID + " has no end"
		}
	}
	return ""
}

// unanswered says whether a call missed its deadline without an answer. Nobody
// knows by how much.
func unanswered(r *scenario.Record) bool {
	for _, c := range r.Calls() {
		if c.Missed && (c.Err != "" || c.Lost) {
			return true
		}
	}
	return false
}

// margin is the least by which a call was answered before or after its
// deadline. Calls that got no answer say nothing of it.
func margin(r *scenario.Record) (least time.Duration, ok bool) {
	for _, took := range r.Served() {
		m := (r.Deadline - took).Abs()
		if !ok || m < least {
			least, ok = m, true
		}
	}
	return least, ok
}
