package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// tellApart says what of the CPU until the workload was over was asked for by this
// pool's workers, and what by those of the run's other pools.
func (t *trial) tellApart() {
	e := t.Run.Environment
	if e == nil || len(e.Others) == 0 {
		return
	}
	until := slices.IndexFunc(t.Run.Events, func(e scenario.Event) bool { return e.Kind == scenario.Probing || e.Kind == scenario.Close })
	asked := func(spans []scenario.Span) (sum time.Duration) {
		for _, s := range spans {
			if until < 0 || s.Begin < t.Run.Events[until].At {
				sum += s.CPU
			}
		}
		return sum
	}
	own, others := asked(e.Starts), asked(e.Others)
	for _, spans := range e.Calls {
		own += asked(spans)
	}
	v := &t.verdict
	v.Evidence = append(v.Evidence,
		scenario.Figure{Name: "CPU that its own workers asked for", Value: own.Seconds(), Unit: "s"},
		scenario.Figure{Name: "CPU that other pools' workers asked for", Value: others.Seconds(), Unit: "s"})
	if v.Word != scenario.Sound {
		v.Reason += fmt.Sprintf("; its own workers asked for %s of CPU, those of other pools for %s", short(own), short(others))
	}
}
