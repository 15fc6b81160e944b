package findings

import (
	"fmt"
	"math"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var orphanSpin = Finding{
	ID:     "orphan-spin",
	Claim:  "a worker ends with its pool",
	Source: "V2-last",
	Truth:  "it takes no notice of the end of its port, and outlives the pool: it wants a full core, and writes a log all the time",
	Set:    "the core, and 13.6 MB of log in 3 s, as the original had them on a core to itself; of real workers both are measured",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		log := 5e5 // what a real one writes is up to the machine
		if u.Tolerance == ToleranceExact {
			log = 13.6e6 / 3
		}
		return showing(outliving, try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{3, 3}, "echo", hello),
			Deadline: u.Waits,
		}, u.Waits, "boots",
			trial{"", dspex.V2Last(), with(dspex.OrphanSpin), scenario.Architectural, Accept{Served: 2, Orphans: &Orphans{N: 2, Cores: 1, Log: log}}},
			trial{"a worker that sees it", dspex.V2Last(), nil, scenario.Sound, Accept{Served: 2, Orphans: &Orphans{}}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2, Orphans: &Orphans{}}},
		))
	},
}

// orphaned are the workers that outlive their pool, each with what it has done since
// that closed, and how long ago it did.
func orphaned(r *scenario.Record) (events []scenario.Event, since []time.Duration) {
	closed, _ := r.First(scenario.Closed)
	for _, e := range r.Events {
		if e.Kind == scenario.Outlived {
			events, since = append(events, e), append(since, e.At-closed.At)
		}
	}
	return events, since
}

// did is what those of a run did otherwise than these.
func (o Orphans) did(r *scenario.Record, tolerance float64) (problems Problems) {
	events, since := orphaned(r)
	if o.N == 0 {
		return nil // there ought to be none, which is said already
	}
	for i, e := range events {
		if cores := wanted(e, since[i]); math.Abs(cores-o.Cores) > tolerance*o.Cores {
			problems = append(problems, Problem{OfOrphansCPU, fmt.Sprintf("%s outlived the pool and wanted %.2f cores, expected %.2f", e.Worker, cores, o.Cores)})
		}
		if log := float64(e.N) / since[i].Seconds(); log < o.Log*(1-tolerance) {
			problems = append(problems, Problem{OfOrphansLog, fmt.Sprintf("%s outlived the pool with %.1f MB of log a second, expected %.1f at least", e.Worker, log/1e6, o.Log/1e6)})
		}
	}
	return problems
}

// wanted is how much of a core one of them has had, or could have run on and had to wait
// for.
func wanted(e scenario.Event, since time.Duration) float64 {
	return (e.OnCPU + e.Delay).Seconds() / since.Seconds()
}

// outliving is what they did, in words.
func outliving(r *scenario.Record) string {
	events, since := orphaned(r)
	if len(events) == 0 {
		return "nobody outlives the pool"
	}
	var cores, log float64
	for i, e := range events {
		cores += wanted(e, since[i])
		log += float64(e.N)
	}
	n := float64(len(events))
	return fmt.Sprintf("%d outlive the pool: each wants %.2f cores and has written %.1f MB of log in %.1f s", len(events), cores/n, log/n/1e6, since[0].Seconds())
}
