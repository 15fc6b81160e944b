package findings

import (
	"fmt"
	"math"
	"slices"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var slowStartSelfMade = Finding{
	ID:     "slow-start-self-made",
	Claim:  "Python start-up takes 1.5 to 2 s a worker, and 0.5 to 1 s more to be ready",
	Source: conclusion + ", remaining test issues 1 and 2; " + report + ", finding 2",
	Truth:  "refuted in part: three quarters of a start are the pool's own, which starts Python three times before to see whether it starts",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Set:    "that each of the pool's three looks at Python takes as long as a start; of the original they took 3.9 s of 5.2 s",
	Cases: func(u Unit) []Case {
		return showing(spent, try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{0}, "echo", hello),
			Deadline: times(2.5, u.Waits),
			Patience: times(8, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), with(dspex.SlowStartSelfMade), scenario.Architectural, Accept{Served: 1, Times: []float64{4}}},
			trial{"without the check", dspex.V2Seed(), nil, scenario.Sound, Accept{Served: 1, Times: []float64{1}}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1, Times: []float64{1}}},
		))
	},
	Together: timed(each("the pool's own share", func(r *scenario.Record, want float64) []string {
		share := ownShare(r)
		return wrongIf(math.Abs(share-want) > Tolerance*want, "%.0f %% of the start are the pool's own, expected %.0f %%", 100*share, 100*want)
	}, .75, 0)),
}

// ownShare is how much of the time until the first worker is ready went by before that one
// was launched.
func ownShare(r *scenario.Record) float64 {
	workers := claimed(r)
	i := slices.IndexFunc(workers, func(w scenario.Worker) bool { return w.Calls > 0 })
	if i < 0 || workers[i].Ready < 0 {
		return 0
	}
	begun, w := workers[0].Launched, workers[i]
	return (w.Launched - begun).Seconds() / (w.Ready - begun).Seconds()
}

// spent is that in words.
func spent(r *scenario.Record) string {
	return fmt.Sprintf("%.0f %% of the start are the pool's own", 100*ownShare(r))
}
