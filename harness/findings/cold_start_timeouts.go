package findings

import (
	"fmt"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var coldStartTimeouts = Finding{
	ID:     "cold-start-timeouts",
	Claim:  "the remaining timeouts are environmental",
	Source: conclusion + ", conclusion; " + report + ", finding 2",
	Truth:  "refuted: while a worker starts, the manager discards whoever asks",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process", "container"},
	Quick:  true,
	Cases: func(u Unit) (cases []Case) {
		for _, boots := range []float64{5, 30} {
			cases = append(cases, coldCases(u, boots, boots == 5)...)
		}
		// The fix of the reports, longer timeouts, helps nobody. It is what the other fixes are
		// held against: on a busy machine too there is room for four starts, one after another.
		long := &cases[len(cases)-2]
		seed := *long
		long.Variant = "their fix alone: " + seed.Variant
		fixed := func(name string, options map[string]any, word scenario.Word, lost int) {
			c := seed
			c.Variant, c.Expected, c.Scenario.Config.Options = name+": "+seed.Variant, word, options
			c.Accept = Accept{Unit: seed.Accept.Unit, UnitName: seed.Accept.UnitName, Served: 4, Times: []float64{1.1, 2.1, 3.1, 4.1}, Lost: lost}
			cases = append(cases, c)
		}
		// The receive of their last version posts requests again, and drops whatever else
		// there is: these two switches are one fix, and were never apart. No caller is lost
		// any more, but each worker that is checked in while another one starts: how many do
		// hangs on the times of calls, hence in virtual time.
		fixed("their last fix alone", with(dspex.RequeueSpin, dspex.PrewarmLeaks), scenario.Architectural, 3)
		cases[len(cases)-1].Virtual = true
		fixed("the real fix alone", without(dspex.DeafStart), scenario.Sound, 0)
		// No pool can serve anybody before a start is through. V2 has its callers give
		// up during it, which is a finding of its own.
		hopeless := coldCases(u, .2, false)
		ours := hopeless[len(hopeless)-1]
		ours.Expected, ours.Accept = scenario.Infeasible, Accept{}
		return append(cases, ours)
	},
}

// coldCases are 4 callers at once on 4 cold workers, with a deadline in boots.
func coldCases(u Unit, deadline float64, v1 bool) (cases []Case) {
	one := func(s subject.Subject, word scenario.Word, a Accept) {
		a.Unit, a.UnitName = u.Waits, "boots"
		cases = append(cases, Case{
			Variant: fmt.Sprintf("deadline %g boots", deadline),
			Scenario: scenario.Scenario{
				Subject:  s,
				Config:   subject.Config{Size: 4, Lazy: true, CheckoutTimeout: times(deadline, u.Waits)},
				Start:    u.Wait,
				Workload: op(4, times(.1, u.Waits)),
				Deadline: times(deadline, u.Waits),
			},
			Expected: word,
			Accept:   a,
		})
	}
	if v1 { // it starts one worker and serves all with that: slow, but none is lost
		one(dspex.V1(), "", Accept{Served: 4, Times: []float64{1.1, 1.2, 1.3, 1.4}})
	}
	one(dspex.V2Seed(), scenario.Architectural, Accept{Served: 1, Times: []float64{1.1}, Failed: repeat(deadline, 3), Workers: 1})
	one(subject.Ours(), scenario.Sound, Accept{Served: 4, LastBy: 1.3})
	return cases
}
