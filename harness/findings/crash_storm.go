package findings

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var crashStorm = Finding{
	ID:     "crash-storm",
	Claim:  "a worker that crashes is replaced",
	Source: snakepit,
	Truth:  "not all are: a storm of crashes shrinks the pool for good",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		// Four workers are lost at their second call, and two more calls come after that.
		// Who answers a call first is no bad start, for which a pool may rest.
		sc := scenario.Scenario{
			Config:   subject.Config{Size: 4},
			Start:    u.Wait,
			Warm:     4,
			Workload: at(u.Waits, []float64{0, 0, 0, 0, .5, .5, .5, .5, 3, 3}, "sleep", map[string]any{"s": u.Waits.Seconds() / 4}),
			Deadline: times(3, u.Waits), // a lost worker's place is taken after one start
			Faults:   faults.Plan{{Fault: faults.ExitAtCall{Nth: 2}, Times: 4}},
		}
		return try(sc, u.Waits, "boots",
			trial{"", subject.Snakepit(), with(subject.SlotLost), scenario.Architectural, Accept{Served: 4, Lost: 4}},
			trial{"the dead are replaced", subject.Snakepit(), nil, scenario.Sound, Accept{Served: 6}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 6}},
		)
	},
}
