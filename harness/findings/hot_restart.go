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

// A pool is hot if it begins so many starts a second that fail, or more.
const hot = 100

var hotRestart = Finding{
	ID:     "hot-restart",
	Claim:  "a pool recovers when a start fails",
	Source: "NimblePool",
	Truth:  "a start that fails is begun again at once, a core is burnt, and callers are told of a timeout alone",
	Kind:   "figure",
	Worlds: []string{"virtual"},
	Unreal: "it has not been tried on real workers yet",
	Cases: func(u Unit) []Case {
		return showing(begun, try(scenario.Scenario{
			Config:   subject.Config{Size: 1, Lazy: true},
			Workload: at(time.Second, []float64{0}, "echo", hello),
			Deadline: time.Second,
			Faults:   faults.Plan{{Fault: faults.DiesBeforeHello{}}},
		}, time.Second, "s",
			trial{"", dspex.V2Seed(), nil, "", Accept{}},
			trial{"starts that rest, and are told of", dspex.V2Seed(), without(dspex.HotRestart), "", Accept{}},
			trial{"", subject.Ours(), nil, "", Accept{}},
		))
	},
	Together: slices.Concat(
		each("starts that are hot", func(r *scenario.Record, want bool) []string {
			starts, _ := startsThatFail(r)
			return wrongIf((starts >= hot) != want, "%s began %d starts in a second", r.Subject, starts)
		}, true, false, false),
		each("callers told why", func(r *scenario.Record, want bool) []string {
			_, told := startsThatFail(r)
			return wrongIf(told != want, "the caller of %s was told why its starts failed: %v", r.Subject, told)
		}, false, true, true),
	),
}

// startsThatFail are how many starts were begun until the workload was over, and
// whether the caller was told why they failed.
func startsThatFail(r *scenario.Record) (starts int, told bool) {
	for _, e := range r.Events {
		switch e.Kind {
		case scenario.Probing:
			return starts, told
		case scenario.Launch:
			starts++
		case scenario.Return:
			told = told || strings.Contains(e.Err, "exit status")
		}
	}
	return starts, told
}

// begun is that in words.
func begun(r *scenario.Record) string {
	starts, told := startsThatFail(r)
	return fmt.Sprintf("starts within a second: %d, the caller is told why: %v", starts, told)
}
