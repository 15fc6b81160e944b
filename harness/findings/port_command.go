package findings

import (
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

var portCommand = Finding{
	ID:     "port-command",
	Claim:  "fixed port communication: Port.command/2 instead of send/2",
	Source: conclusion + ", achievement 2; " + report + ", code quality 1",
	Truth:  "refuted: both frame alike for the owner of a port; what broke the framing was stderr, merged into stdout",
	Kind:   "verdict",
	Worlds: []string{"virtual", "process"},
	Cases: func(u Unit) []Case {
		apart := without(dspex.StdoutNoise)
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Warm:     1,
			Workload: at(u.Waits, []float64{0}, "call", map[string]any{"function": "builtins:print"}),
			Deadline: times(1.5, u.Waits),
			Patience: times(5, u.Waits),
		}, u.Waits, "boots",
			trial{"command, merged", dspex.V2Seed(), nil, scenario.Architectural, Accept{}},
			trial{"send, merged", dspex.V2Seed(), with(dspex.PortSend), scenario.Architectural, Accept{}},
			trial{"command, apart", dspex.V2Seed(), apart, scenario.Sound, Accept{Served: 1}},
			trial{"send, apart", dspex.V2Seed(), and(apart, with(dspex.PortSend)), scenario.Sound, Accept{Served: 1}},
			trial{"send by another than the owner", dspex.V2Seed(), and(apart, with(dspex.NonOwnerSend)), scenario.Architectural, Accept{}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
		)
	},
}
