package findings

import (
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var globalPoolConflict = Finding{
	ID:     "global-pool-conflict",
	Claim:  "the test pool conflicts with the global pool in full_integration mode",
	Source: report + ", finding 2",
	Truth:  "holds, and the pools do it: two of them start their workers on the same cores, and V2's share a name",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		// Two starts to a core and pool, 4 on 2 cores: a herd takes 2 boots alone, and 4
		// beside another.
		cores := max(2, u.Cores)
		size := 2 * cores
		one := func(variant string, s subject.Subject, name, other string, word scenario.Word, a Accept) {
			// Nobody here is to be late, on a machine that does something else besides: two
			// herds at once take 4 boots. So the deadline is none of the reference's.
			sc := scenario.Scenario{
				Config:   subject.Config{Size: size, Name: name},
				Start:    u.Compute,
				Workload: op(size, 0),
				Deadline: times(6, u.Computes),
				Patience: times(12, u.Computes),
			}
			if other != none {
				sc.Others = []scenario.Other{{Subject: s, Config: subject.Config{Size: size, Name: other}, Workload: sc.Workload}}
			}
			cases = append(cases, try(sc, u.Computes, "boots", trial{variant, s, nil, word, a})...)
		}
		one("", dspex.V2Seed(), "pool", "pool", scenario.Architectural, Accept{Told: "its name is taken"})
		one("", subject.Ours(), "pool", "pool", scenario.Sound, Accept{Served: size})
		one("", subject.Herd(), "", "", "", Accept{Served: size})
		one("alone", subject.Herd(), "", none, "", Accept{Served: size})
		one("each with a name of its own", dspex.V2Seed(), "test", "global", "", Accept{Served: size, Serial: true})
		return cases
	},
	Together: append(
		each("the first pool serves all", func(r *scenario.Record, want bool) []string {
			first := r.Others[0]
			return wrongIf((len(first.Served()) == len(first.Calls())) != want, "the first of %s served %d of %d", r.Subject, len(first.Served()), len(first.Calls()))
		}, true, true),
		Property{Name: "as many workers", Of: []int{2, 3}, Wrong: func(_ Unit, of []*scenario.Record) []string {
			beside, alone := len(readies(of[0])), len(readies(of[1]))
			return wrongIf(alone == 0 || alone != beside, "of the herd %d workers were ready alone, and %d beside another", alone, beside)
		}},
		Property{Name: "twice as long", Of: []int{2, 3}, Times: true, Wrong: func(u Unit, of []*scenario.Record) []string {
			beside, alone := readies(of[0]), readies(of[1])
			if len(alone) == 0 || len(beside) == 0 {
				return nil // said already
			}
			ratio := beside[len(beside)-1].Seconds() / alone[len(alone)-1].Seconds()
			return wrongIf(ratio < 2*(1-2*u.Tolerance) || ratio > 2*(1+2*u.Tolerance), "beside another herd all workers were ready after %.1f times as long as alone, expected 2", ratio)
		}},
		Property{Name: "both ask for as much CPU", Of: []int{2}, Times: true, Wrong: func(u Unit, of []*scenario.Record) []string {
			e, n := of[0].Environment, len(readies(of[0]))
			if e == nil {
				return nil
			}
			own, other := cpuOf(e.Starts, n), cpuOf(e.Others, n)
			return wrongIf((own-other).Abs().Seconds() > 2*u.Tolerance*own.Seconds(), "the starts of the herd asked for %.1f boots of CPU, and of the other for %.1f, expected as much", own.Seconds()/u.Computes.Seconds(), other.Seconds()/u.Computes.Seconds())
		}},
	),
}

// none is no other pool.
const none = "none"

// cpuOf is what so many spans asked for.
func cpuOf(spans []scenario.Span, n int) (sum time.Duration) {
	for _, s := range spans[:min(n, len(spans))] {
		sum += s.CPU
	}
	return sum
}
