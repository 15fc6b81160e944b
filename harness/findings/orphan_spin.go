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
	Truth:  "it takes no notice of the end of its port, and outlives the pool: on a full core, with 13.6 MB of log in 3 s",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Unreal: "it has not been tried on real workers yet",
	Cases: func(u Unit) []Case {
		return showing(outliving, try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{3, 3}, "echo", hello),
			Deadline: u.Waits,
		}, u.Waits, "boots",
			// As of the original, measured on a core to itself.
			trial{"", dspex.V2Last(), with(dspex.OrphanSpin), scenario.Architectural, Accept{Served: 2, Orphans: &Orphans{N: 2, Cores: 1, Log: 13.6e6 / 3}}},
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

// wrong is what of a run is not as these are, by more than tolerance as a share.
func (o Orphans) wrong(r *scenario.Record, tolerance float64) (problems []string) {
	events, since := orphaned(r)
	if len(events) != o.N {
		problems = append(problems, fmt.Sprintf("%d workers outlived the pool, expected %d", len(events), o.N))
	}
	for i, e := range events {
		s := since[i].Seconds()
		if cores, log := e.OnCPU.Seconds()/s, float64(e.N)/s; math.Abs(cores-o.Cores) > tolerance*o.Cores || math.Abs(log-o.Log) > tolerance*o.Log {
			problems = append(problems, fmt.Sprintf("%s outlived the pool on %.2f cores with %.1f MB of log a second, expected %.2f cores and %.1f MB", e.Worker, cores, log/1e6, o.Cores, o.Log/1e6))
		}
	}
	return problems
}

// outliving is what they did, in words.
func outliving(r *scenario.Record) string {
	events, since := orphaned(r)
	if len(events) == 0 {
		return "nobody outlives the pool"
	}
	var cores, log float64
	for i, e := range events {
		cores += e.OnCPU.Seconds() / since[i].Seconds()
		log += float64(e.N)
	}
	n := float64(len(events))
	return fmt.Sprintf("%d outlive the pool: %.2f cores each, %.1f MB of log each in %.1f s", len(events), cores/n, log/n/1e6, since[0].Seconds())
}
