package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var killedForMemory = Finding{
	ID:     "killed-for-memory",
	Claim:  "a worker was killed for want of memory, so calls failed for want of it",
	Source: ourOwn,
	Truth:  "one did, which that worker had in hand: the others fail where the pool has lost its place",
	Kind:   "verdict",
	Worlds: []string{"virtual", "container"},
	Unreal: "a process has no limit of memory of its own",
	Cases: func(u Unit) []Case {
		// Each call takes twice what the first worker may have; those that take its place may
		// have as much as they like.
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{0, 3, 4}, "alloc", map[string]any{"mb": 128}),
			Deadline: times(3, u.Waits), // a lost worker's place is taken after one start
			Faults:   faults.Plan{{Fault: faults.MemoryLimit{MB: 64}, Target: faults.Target{Starts: []int{1}}}},
		}, u.Waits, "boots",
			trial{"", subject.Snakepit(), with(subject.SlotLost), scenario.Architectural, Accept{Served: 0, Lost: 1}},
			trial{"the dead are replaced", subject.Snakepit(), nil, scenario.Sound, Accept{Served: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		)
	},
}
