package findings

import (
	"fmt"
	"strings"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// A pool is hot if it begins so many starts a second that fail, or more.
const hot = 100

var hotRestart = Finding{
	ID:     "hot-restart",
	Claim:  "a pool recovers when a start fails",
	Source: "NimblePool",
	Truth:  "a start that fails is begun again at once, a core is burnt, and callers are told of a timeout alone",
	Kind:   "figure",
	Worlds: []string{"virtual"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Workload: at(time.Second, []float64{0}, "echo", hello),
			Deadline: time.Second,
			Faults:   faults.Plan{{Fault: faults.DiesBeforeHello{}}},
		}, time.Second, "s",
			trial{"", dspex.V2Seed(), nil, "", Accept{}},
			trial{"starts that rest, and are told of", dspex.V2Seed(), without(dspex.HotRestart), "", Accept{}},
			trial{"", subject.Ours(), nil, "", Accept{}},
		)
	},
	Together: func(_ Unit, records []*scenario.Record) (problems []string) {
		for i, isHot := range []bool{true, false, false} {
			starts, told := 0, false
			for _, e := range records[i].Events {
				if e.Kind == scenario.Probing {
					break
				}
				if e.Kind == scenario.Launch {
					starts++
				}
				told = told || e.Kind == scenario.Return && strings.Contains(e.Err, "exit status")
			}
			if (starts >= hot) != isHot || told == isHot {
				problems = append(problems, fmt.Sprintf("%s began %d starts in a second and told the caller why they failed: %v", records[i].Subject, starts, told))
			}
		}
		return problems
	},
}
