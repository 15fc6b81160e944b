package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var shipIt = Finding{
	ID:     "ship-it",
	Claim:  "some flakiness in tests is acceptable: ship it",
	Source: conclusion + ", recommendation 4; " + report + ", final verdict",
	Truth:  "refuted: with time and order under control the same test gives the same answer, 1,000 times of 1,000",
	Kind:   "test",
	Worlds: []string{"virtual"},
	Unreal: "it is shown by one order of things after another, of which no real machine can be told one",
	Cases: func(u Unit) (cases []Case) {
		// The concurrent test of the report: four at once, on workers that are yet
		// to be started. Whatever the seed, and so the order, says.
		const seeds = 1000
		one := func(s subject.Subject, word scenario.Word, served int) {
			cases = append(cases, Case{
				Scenario: scenario.Scenario{
					Subject:  s,
					Config:   subject.Config{Size: 4, Lazy: true, CheckoutTimeout: times(5, u.Waits)},
					Start:    u.Wait,
					Workload: op(4, times(.5, u.Waits)),
					Deadline: times(5, u.Waits),
				},
				Alike:  &Alike{seeds, word},
				Accept: Accept{Unit: u.Waits, UnitName: "boots", Served: served},
			})
		}
		one(dspex.V2Seed(), scenario.Architectural, 1)
		one(subject.Ours(), scenario.Sound, 4)
		return cases
	},
}
