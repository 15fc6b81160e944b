package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var sharedNames = Finding{
	ID:     "shared-names",
	Claim:  "sessions belong to their pool",
	Source: snakepit,
	Truth:  "they stand in a table of the pool's name: of two pools of one name the second is given the first one's",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) (cases []Case) {
		// The first pool's client is through before the second's comes, both with the
		// session s1.
		one := func(when float64) scenario.Workload {
			w := at(u.Waits, []float64{when}, "put", look)
			w.Sessions, w.Then = 1, []scenario.Step{{Command: "get", Args: look}}
			return w
		}
		cfg := subject.Config{Size: 1, Name: "workers"}
		for _, t := range []trial{
			{"", subject.Snakepit(), with(subject.OneTable), scenario.Architectural, Accept{}},
			{"each has a table of its own", subject.Snakepit(), nil, scenario.Sound, Accept{Served: 2}},
			{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		} {
			of := cfg
			of.Options = t.options
			cases = append(cases, try(scenario.Scenario{
				Config:   cfg,
				Start:    u.Wait,
				Warm:     1,
				Workload: one(2),
				Deadline: times(3, u.Waits), // the two calls take no time: it is not about time
				Others:   []scenario.Other{{Subject: t.of, Config: of, Warm: 1, Workload: one(0)}},
			}, u.Waits, "boots", t)...)
		}
		return cases
	},
}
