package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var readyBeforeHello = Finding{
	ID:     "ready-before-hello",
	Claim:  "a worker that was started is ready",
	Source: snakepit,
	Truth:  "it counts as ready once its process is there: calls go to workers that have not said hello",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{.25, .25}, "echo", hello),
			Deadline: times(30, u.Waits), // when they are answered is not what it is about
		}, u.Waits, "boots",
			trial{"", subject.Snakepit(), with(subject.ReadyEarly), scenario.Architectural, Accept{Served: 2}},
			trial{"ready is who has said hello", subject.Snakepit(), nil, scenario.Sound, Accept{Served: 2}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 2}},
		)
	},
}
