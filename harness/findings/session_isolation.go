package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var sessionIsolation = Finding{
	ID:     "session-isolation",
	Claim:  "session isolation works as designed",
	Source: report + ", finding 1",
	Truth:  "holds in part: each worker keeps sessions apart, but a session has whichever worker is next, and so a state on each",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config: subject.Config{Size: 3},
			Start:  u.Wait,
			Warm:   3,
			Workload: scenario.Workload{Clients: 1, Calls: 7, Think: times(.2, u.Waits), Sessions: 1, Command: "put", Args: look,
				Then: []scenario.Step{{Command: "get", Args: look}}},
			Deadline: times(3, u.Waits),
		}, u.Waits, "boots",
			trial{"", dspex.V2Seed(), nil, scenario.Architectural, Accept{Served: 3}},
			trial{"a worker for each session", dspex.V2Seed(), without(dspex.SessionIsolation), scenario.Sound, Accept{Served: 7, MostUsed: 1}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 7, MostUsed: 1}},
		)
	},
}
