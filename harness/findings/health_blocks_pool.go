package findings

import (
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var healthBlocksPool = Finding{
	ID:     "health-blocks-pool",
	Claim:  "health checks are part of a resilient pool",
	Source: "V2-P3",
	Truth:  "the check is made at a check-in, inside the manager, and its answer goes to the client: everybody waits for five seconds",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Unreal: "the pool makes its checks every 30 s, so that a run takes more than a minute, and nothing of it hangs on the workers",
	Cases: func(u Unit) []Case {
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 2},
			Start:    u.Wait,
			Warm:     2,
			Workload: scenario.Workload{Clients: 4, At: []time.Duration{31 * time.Second, 31*time.Second + 500*time.Millisecond, 67 * time.Second, 67*time.Second + 500*time.Millisecond}, Command: "sleep", Args: map[string]any{"s": .1}},
			Deadline: time.Second,
			Patience: 10 * time.Second,
		}, time.Second, "s",
			trial{"", dspex.V2P3(), without(dspex.InlineBreaker), scenario.Architectural, Accept{Served: 4, Times: []float64{.1, .1, 4.7, 4.7}}},
			trial{"without the check", dspex.V2P3(), without(dspex.InlineBreaker, dspex.HealthBlocksPool), scenario.Sound, Accept{Served: 4, Times: repeat(.1, 4)}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 4, Times: repeat(.1, 4)}},
		)
	},
}
