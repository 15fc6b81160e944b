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
			Config:   subject.Config{Size: 2},
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
	Together: []Property{openAt(0, 0), openAt(1, 1)},
}

// openAt says of the nth case after how many boots the pool is open, about.
func openAt(n int, boots float64) Property {
	return Property{Name: "open after", Of: []int{n}, Times: true, Wrong: func(u Unit, of []*scenario.Record) []string {
		took := openAfter(u, of[0])
		return wrongIf(took < boots*.8 || took > boots+.5, "V3 was open after %.2f boots, expected %g", took, boots)
	}}
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
