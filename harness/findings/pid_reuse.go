package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var pidReuse = Finding{
	ID:         "pid-reuse",
	Claim:      "a worker that has ended is made sure to be gone",
	Source:     snakepit,
	Truth:      "by the number of its process: the next worker has that now, and is killed in its place",
	Kind:       "figure",
	Worlds:     []string{"process"},
	Unmodelled: "a model has no number that the kernel could give to another",
	Needs:      subject.CanReusePIDs,
	Cases: func(u Unit) []Case {
		// The first call ends its worker. The next one has the same number, and is ready
		// when the others come.
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: oneAfterAnother(u, scenario.Step{Command: "shutdown"}, echo, echo),
			Deadline: u.Waits,
		}, u.Waits, "boots",
			trial{"", subject.ReusingPIDs(subject.Snakepit()), with(subject.KillsByPID), "", Accept{Served: 1, Told: "killed by SIGKILL"}},
			trial{"by nothing but its port", subject.ReusingPIDs(subject.Snakepit()), nil, scenario.Sound, Accept{Served: 3}},
			trial{"", subject.ReusingPIDs(subject.Ours()), nil, scenario.Sound, Accept{Served: 3}},
		)
	},
}
