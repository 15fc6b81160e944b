package findings

import (
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var starvedByQuota = Finding{
	ID:     "starved-by-quota",
	Claim:  "calls time out in containers, so the containers' quota is too small",
	Source: ourOwn,
	Truth:  "holds of a quota that no pool could live with; in the same containers without it V2 does it alone, whose starts go one after another",
	Kind:   "verdict",
	Worlds: []string{"virtual", "container"},
	Unreal: "a quota takes cgroups, which root may make, or whoever one was delegated to",
	Cases: func(u Unit) []Case {
		// A call takes 1.2 boots where a worker has a core, and six under the quota, which alone
		// is longer than the deadline. There are no more callers than there are cores, of six
		// workers, that V2 starts one after another: the best serve all after 2.2 boots, V2 after
		// 7.2, so that it is seldom open where a hypervisor took some of a core. Linux sees that
		// a quota is used up at a tick, so that who wakes has some 4 ms before that, which the
		// model of cores does not know: under less than a fifth of a core, or longer periods, it
		// would be off by more than it may.
		const n, call, quota = 6, 1.2, .2
		callers := min(2, max(1, u.Cores))
		sc := scenario.Scenario{
			Config:   subject.Config{Size: n},
			Start:    u.Wait,
			Workload: at(u.Waits, make([]float64, callers), "burn", map[string]any{"cpu_s": call * u.Waits.Seconds()}),
			Deadline: times(4, u.Waits),
			Patience: times(8*n, u.Waits),
		}
		starved := sc
		starved.Faults = faults.Plan{{Fault: faults.CPUQuota{Cores: quota, Period: 10 * time.Millisecond}}}
		all := Accept{Served: callers}
		return append(try(sc, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: callers, Serial: true}},
			trial{"", subject.Ours(), nil, scenario.Sound, all},
		), try(starved, u.Waits, "boots",
			trial{"under the quota", dspex.V2Seed(), nil, scenario.Overdetermined, all},
			trial{"under the quota", subject.Ours(), nil, scenario.Environmental, all},
		)...)
	},
}
