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
		merged, sent := with(dspex.StderrMerged), with(dspex.PortSend)
		return try(scenario.Scenario{
			Config:   subject.Config{Size: 1},
			Start:    u.Wait,
			Workload: at(u.Waits, []float64{2}, "call", map[string]any{"function": "warnings:warn", "args": []any{"hello"}}),
			Deadline: times(1.5, u.Waits),
			Patience: times(5, u.Waits),
		}, u.Waits, "boots",
			trial{"command, merged", dspex.V2Seed(), merged, scenario.Architectural, Accept{Failed: []float64{5}}},
			trial{"send, merged", dspex.V2Seed(), and(merged, sent), scenario.Architectural, Accept{Failed: []float64{5}}},
			trial{"command, apart", dspex.V2Seed(), nil, scenario.Sound, Accept{Served: 1}},
			trial{"send, apart", dspex.V2Seed(), sent, scenario.Sound, Accept{Served: 1}},
			trial{"send by another than the owner", dspex.V2Seed(), with(dspex.NonOwnerSend), scenario.Architectural, Accept{Told: "badsig"}},
			trial{"", subject.Ours(), nil, scenario.Sound, Accept{Served: 1}},
		)
	},
}
