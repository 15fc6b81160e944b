package findings

import (
	"fmt"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var startedIsNotReady = Finding{
	ID:     "started-is-not-ready",
	Claim:  "V3 starts a thousand times faster: 10 to 30 ms",
	Source: "V3's own benchmark",
	Truth:  "that is the launching alone; the first call is answered no sooner than by whoever waits for a start",
	Kind:   "figure",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		opened := func(r *scenario.Record) string { return fmt.Sprintf("open after %.1f", openAfter(u, r)) }
		return showing(opened, try(scenario.Scenario{
			Config:   subject.Config{Size: 4},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{0}, "echo", hello),
			Deadline: times(3, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V3(), nil, "", Accept{Served: 1, Times: []float64{1}}},
			trial{"open once they said hello", dspex.V3(), without(dspex.StartedIsNotReady), "", Accept{Served: 1, Times: []float64{1}}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1, Times: []float64{1}}},
		))
	},
	// V3 as it was, and one that is open once it is ready.
	Together: func(u Unit, records []*scenario.Record) (problems []string) {
		for i, at := range []float64{0, 1} {
			if took := openAfter(u, records[i]); took < at*.8 || took > at+.5 {
				problems = append(problems, fmt.Sprintf("V3 was open after %.2f boots, expected %g", took, at))
			}
		}
		return problems
	},
}

// openAfter is how long a pool took to open, in boots; below 0 if it never did.
func openAfter(u Unit, r *scenario.Record) float64 {
	open, _ := r.First(scenario.Open)
	opened, ok := r.First(scenario.Opened)
	if !ok {
		return -1
	}
	return (opened.At - open.At).Seconds() / u.Waits.Seconds()
}
