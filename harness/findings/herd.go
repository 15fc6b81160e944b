package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var herd = Finding{
	ID:     "herd",
	Claim:  "V3 starts its workers at once, and so a thousand times faster",
	Source: "V3",
	Truth:  "starts that compute share the cores: all are late together",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		const deadline, besideHogs = 2.5, 14. / 3 // as self-made-contention has them
		size := 4 * max(2, u.Cores)
		sc := scenario.Scenario{
			Config:   subject.Config{Size: size},
			Start:    u.Compute,
			Workload: op(size, 0),
			Deadline: times(deadline, u.Computes),
			Patience: times(10, u.Computes),
		}
		cases := try(sc, u.Computes, "boots",
			trial{"", dspex.V3(), nil, scenario.Architectural, Accept{Served: size, Times: repeat(4, size)}},
			trial{"as many at once as there are cores", dspex.V3(), without(dspex.Herd), "", Accept{Served: size, LastBy: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: size}},
		)
		alone := quiet(u)
		sc.Deadline = times(besideHogs, u.Computes)
		sc.Faults = faults.Plan{{Fault: faults.CPUHogs{Threads: 3 * size / 8}}}
		sc.Contract = &alone
		beside := try(sc, u.Computes, "boots",
			trial{"beside 3 hogs", dspex.V3(), nil, scenario.Amplified, Accept{Served: size, Times: repeat(5.5, size)}},
			trial{"beside 3 hogs", subject.Ours(), nil, scenario.Sound, Accept{Served: size}},
		)
		for i := range beside {
			beside[i].Virtual = true // self-made-contention has them on real workers
		}
		return append(cases, beside...)
	},
}
