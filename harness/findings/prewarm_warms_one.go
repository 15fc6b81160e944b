package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var prewarmWarmsOne = Finding{
	ID:     "prewarm-warms-one",
	Claim:  "sequential pre-warming implemented",
	Source: conclusion + ", implementation status",
	Truth:  "refuted: an idle worker is always preferred to a lazy start, so one is warmed",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Quick:  true,
	Cases: func(u Unit) (cases []Case) {
		one := func(s subject.Subject, word scenario.Word, a Accept) {
			a.Unit, a.UnitName = u.Waits, "ops"
			cases = append(cases, Case{
				Scenario: scenario.Scenario{
					Subject:  s,
					Config:   subject.Config{Size: 4, Lazy: true},
					Start:    u.Wait,
					Warm:     4,
					Workload: op(4, u.Waits),
					Deadline: times(1.5, u.Waits),
					Patience: times(8, u.Waits),
				},
				Expected: word,
				Accept:   a,
			})
		}
		one(dspex.V1(), "", Accept{Served: 4, Times: []float64{1, 2, 3, 4}, Workers: 1})
		// The first caller has the one warm worker; while the second's is
		// started, the others' requests are lost.
		one(dspex.V2Seed(), scenario.Architectural, Accept{Served: 2, Times: []float64{1, 2}, Workers: 2})
		one(subject.Ours(), scenario.Sound, Accept{Served: 4, Times: repeat(1, 4), Workers: 4})
		return cases
	},
	Together: each("workers pre-warmed", func(r *scenario.Record, want int) []string {
		n := startedBefore(r, scenario.Go)
		return wrongIf(n != want, "after the pre-warming %s has started %d of 4 workers, expected %d", r.Subject, n, want)
	}, 1, 1, 4),
}

// startedBefore is how many workers were launched before the first event of a kind.
func startedBefore(r *scenario.Record, k scenario.Kind) (n int) {
	for _, e := range r.Events {
		switch e.Kind {
		case k:
			return n
		case scenario.Launch:
			n++
		}
	}
	return n
}
