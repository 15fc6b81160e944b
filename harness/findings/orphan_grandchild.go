package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var orphanGrandchild = Finding{
	ID:         "orphan-grandchild",
	Claim:      "workers end with their pool",
	Source:     snakepit,
	Truth:      "the process that the pool knows has ended, with status 0; what that had started is nobody's child, and stays",
	Kind:       "verdict",
	Worlds:     []string{"process"},
	Unmodelled: "a model starts nobody",
	Cases: func(u Unit) []Case {
		// The first start is a wrapper, which ends at once: it takes another.
		wrapper := scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Workload: op(1, 0),
			Deadline: times(6, u.Waits), // two starts, and the rest between them
		}
		// The worker forks, and is told to go: its child holds the port open meanwhile.
		child := wrapper
		child.Warm = 1
		child.Workload = oneAfterAnother(u, scenario.Step{Command: "call", Args: map[string]any{"function": "builtins:eval", "args": []any{forks}}}, scenario.Step{Command: "shutdown"}, echo)
		const wrapped, grandchild = "behind a wrapper", "a child of a worker"
		return append(try(wrapper, u.Waits, "boots",
			trial{wrapped, subject.FirstWrapped(subject.Snakepit()), with(subject.Scatters, subject.Deaf), scenario.Architectural, Accept{Served: 1}},
			trial{wrapped + ", workers that hear their port end", subject.FirstWrapped(subject.Snakepit()), with(subject.Scatters), scenario.Sound, Accept{Served: 1}},
			trial{wrapped, subject.FirstWrapped(subject.Ours()), nil, scenario.Sound, Accept{Served: 1}},
		), try(child, u.Waits, "boots",
			trial{grandchild, subject.Snakepit(), with(subject.Scatters), scenario.Architectural, Accept{Served: 3}},
			trial{grandchild + ", of the worker's group", subject.Snakepit(), nil, scenario.Sound, Accept{Served: 3}},
			trial{grandchild, subject.Ours(), nil, scenario.Sound, Accept{Served: 3}},
		)...)
	},
}

// forks leaves a child, which holds all that the worker has open.
const forks = `__import__("os").fork() or __import__("time").sleep(3600)`
