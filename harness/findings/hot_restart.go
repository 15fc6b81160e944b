package findings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var hotRestart = Finding{
	ID:     "hot-restart",
	Claim:  "a pool recovers when a start fails",
	Source: "NimblePool",
	Truth:  "a start that fails is begun again at once, so that one is always under way, and callers are told of a timeout alone",
	Kind:   "figure",
	Worlds: []string{"virtual", "process"},
	Set:    "a start that fails takes 1 ms and no CPU, so that 1,000 a second are begun; of real workers both are measured",
	Cases: func(u Unit) []Case {
		return showing(begun, try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Workload: at(u.Waits, []float64{0}, "echo", hello),
			Deadline: times(10./3, u.Waits), // of boots of 0.3 s that is a second
			Faults:   faults.Plan{{Fault: faults.DiesBeforeHello{}}},
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, "", Accept{}},
			trial{"starts that rest, and are told of", dspex.V2Seed(), without(dspex.HotRestart), "", Accept{}},
			trial{"", subject.Ours(), nil, "", Accept{}},
		))
	},
	Together: slices.Concat(
		timed(each("starts that are hot", func(r *scenario.Record, want bool) []string {
			s := frenzyOf(r)
			return wrongIf(s.hot() != want, "%s %s, with rests of %v, of %v at most", r.Subject, s, s.rest, s.most)
		}, true, false, false)),
		each("callers told why", func(r *scenario.Record, want bool) []string {
			told := frenzyOf(r).told
			return wrongIf(told != want, "the caller of %s was told why its starts failed: %v", r.Subject, told)
		}, false, true, true),
	),
}

// A pool is hot if it begins starts that fail anew without a rest: half of its rests are
// shorter than this one, which is long for a machine that is busy, and none is longer than
// those that are meant as such.
const noRest, aRest = 20 * time.Millisecond, 50 * time.Millisecond

// A frenzy is what a pool does whose starts fail, until the workload is over.
type frenzy struct {
	starts     int
	rest, most time.Duration // between the end of a start and the begin of the next, or the end: the median, and the longest
	cores      float64       // that the starts have had, or could have run on and had to wait for
	told       bool          // the caller was, why they failed
}

func frenzyOf(r *scenario.Record) (s frenzy) {
	var rests []time.Duration
	var first, ended, cpu time.Duration
	under := 0
	over := func(at time.Duration) {
		if under--; under == 0 {
			ended = at
		}
	}
	rested := func(at time.Duration) {
		if s.starts > 0 && under == 0 {
			rests = append(rests, at-ended)
		}
	}
	for _, e := range r.Events {
		switch e.Kind {
		case scenario.Launch:
			if s.starts == 0 {
				first = e.At
			}
			rested(e.At)
			s.starts, under = s.starts+1, under+1
		case scenario.Launched:
			if e.Err != "" {
				over(e.At)
			}
		case scenario.Exit:
			over(e.At)
			cpu += e.OnCPU + e.Delay
		case scenario.Return:
			s.told = s.told || strings.Contains(e.Err, "exit status")
		case scenario.Probing:
			rested(e.At)
			if len(rests) > 0 {
				slices.Sort(rests)
				s.rest, s.most = rests[len(rests)/2], rests[len(rests)-1]
			}
			s.cores = cpu.Seconds() / max(e.At-first, 1).Seconds()
			return s
		}
	}
	return s
}

// hot is also one that has a start under way whenever one looks.
func (s frenzy) hot() bool { return s.starts > 2 && s.rest < noRest && s.most < aRest }

func (s frenzy) String() string {
	return fmt.Sprintf("began %d starts until the caller gave up, on %.2f cores, and told the caller why: %v", s.starts, s.cores, s.told)
}

// begun is that in words.
func begun(r *scenario.Record) string { return frenzyOf(r).String() }
