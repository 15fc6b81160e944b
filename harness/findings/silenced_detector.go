package findings

import (
	"fmt"
	"math"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var silencedDetector = Finding{
	ID:     "silenced-detector",
	Claim:  "a test shows that calls run in parallel: the slowest takes less than twice the average",
	Source: "pool_v2_test.exs; later: less than 5 times, of 5 calls",
	Truth:  "the test can't fail: of n calls one after another the slowest takes 2n/(n+1) times the average",
	Kind:   "test",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		for _, s := range []subject.Subject{dspex.V1(), subject.Ours()} {
			a := Accept{Unit: u.Waits, UnitName: "ops", Served: 5, Times: []float64{1, 2, 3, 4, 5}}
			word := scenario.Word("")
			if s.Name == subject.Ours().Name {
				a.Times, word = repeat(1, 5), scenario.Sound
			}
			cases = append(cases, Case{
				Scenario: scenario.Scenario{
					Subject: s, Config: subject.Config{Size: 5}, Start: u.Wait, Warm: 5,
					Workload: op(5, u.Waits), Deadline: times(1.5, u.Waits), Patience: times(12, u.Waits),
				},
				Expected: word, Accept: a,
			})
		}
		return showing(func(r *scenario.Record) string {
			return fmt.Sprintf("the slowest takes %.1f times the average", overAverage(r.Served()))
		}, cases)
	},
	Together: []Property{
		{Name: "the slowest over the average", Of: []int{0}, Times: true, Wrong: func(u Unit, of []*scenario.Record) []string {
			const n = 5.
			ratio, want := overAverage(of[0].Served()), 2*n/(n+1)
			return wrongIf(math.Abs(ratio-want) > u.Tolerance*want, "the slowest of serial calls takes %.2f times the average, expected %.2f", ratio, want)
		}},
		detector("max < 2 × average", slowerThanAverage(2), false),
		detector("max < 5 × average", slowerThanAverage(5), false),
		detector("ours, all on one worker at a time", oneAtATime, true),
	},
}

// detector is one that is to alarm at calls one after another, or not, and never at
// parallel ones.
func detector(name string, alarms func(*scenario.Record) bool, atSerial bool) Property {
	return Property{Name: Assertion("the detector " + name), Of: []int{0, 1}, Wrong: func(_ Unit, of []*scenario.Record) []string {
		serial, parallel := alarms(of[0]), alarms(of[1])
		return wrongIf(serial != atSerial || parallel, "the detector %q alarms at serial calls: %v, expected %v; at parallel ones: %v, expected false", name, serial, atSerial, parallel)
	}}
}

// slowerThanAverage is the old detector: it alarms if the slowest takes that many
// times the average.
func slowerThanAverage(factor float64) func(*scenario.Record) bool {
	return func(r *scenario.Record) bool { return overAverage(r.Served()) >= factor }
}

// overAverage is how many times the average the slowest takes; 0 if there is none.
func overAverage(took []time.Duration) float64 {
	var sum, most time.Duration
	for _, t := range took {
		sum, most = sum+t, max(most, t)
	}
	if sum == 0 {
		return 0
	}
	return most.Seconds() * float64(len(took)) / sum.Seconds()
}

// oneAtATime is what tells serial calls from parallel ones: no two were ever under
// way on workers at once.
func oneAtATime(r *scenario.Record) bool {
	under := map[string]bool{}
	for _, e := range r.Events {
		switch {
		case e.Probe:
		case e.Kind == scenario.Probing:
			return true
		case e.Kind == scenario.Send && e.Call != "":
			under[e.Call] = true
		case e.Kind == scenario.Recv && e.Call != "", e.Kind == scenario.Return:
			delete(under, e.Call)
		}
		if len(under) > 1 {
			return false
		}
	}
	return true
}
