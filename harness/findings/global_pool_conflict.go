package findings

import (
	"fmt"
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
		one("", subject.Herd(), "", "", "", Accept{})
		one("alone", subject.Herd(), "", none, "", Accept{})
		one("each with a name of its own", dspex.V2Seed(), "test", "global", "", Accept{Served: size, Serial: true})
		return cases
	},
	Together: func(u Unit, records []*scenario.Record) (problems []string) {
		bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
		herd, alone, beside := records[2], readies(records[3]), readies(records[2])
		if len(alone) == 0 || len(alone) != len(beside) {
			bad("of the herd %d workers were ready alone, and %d beside another", len(alone), len(beside))
			return problems
		}
		if ratio := beside[len(beside)-1].Seconds() / alone[len(alone)-1].Seconds(); ratio < 2*(1-2*u.Tolerance) || ratio > 2*(1+2*u.Tolerance) {
			bad("beside another herd all workers were ready after %.1f times as long as alone, expected 2", ratio)
		}
		if e := herd.Environment; e != nil {
			if own, other := cpuOf(e.Starts, len(beside)), cpuOf(e.Others, len(beside)); (own - other).Abs().Seconds() > 2*u.Tolerance*own.Seconds() {
				bad("the starts of the herd asked for %.1f boots of CPU, and of the other for %.1f, expected as much", own.Seconds()/u.Computes.Seconds(), other.Seconds()/u.Computes.Seconds())
			}
		}
		for _, r := range records[:2] {
			if first := r.Others[0]; len(first.Served()) != len(first.Calls()) {
				bad("the first of %s served %d of %d", r.Subject, len(first.Served()), len(first.Calls()))
			}
		}
		return problems
	},
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
