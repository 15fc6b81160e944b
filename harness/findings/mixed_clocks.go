package findings

import (
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// The clocks of models are wrong by 100 days, one this way and the next that way.
var mixedClocks = Finding{
	ID:     "mixed-clocks",
	Claim:  "workers that were idle for too long are ended",
	Source: snakepit,
	Truth:  "since when one is idle is told by its own clock: if that is wrong it has been so for months, or for less than no time",
	Kind:   "verdict",
	Worlds: []string{"virtual"},
	Unreal: "a process has the clock of its machine, which is the pool's",
	Cases: func(u Unit) []Case {
		// One worker: the first one's clock is behind, and that of the next before.
		sc := warmed(u, 1, at(u.Waits, []float64{0, 1, 3, 4}, "echo", hello))
		sc.Deadline = u.Waits / 2 // less than a start
		cases := try(sc, u.Waits, "boots",
			trial{"", subject.Snakepit(), with(subject.MixedClock), scenario.Architectural, Accept{Served: 2, Told: "idle for -"}},
			trial{"by the pool's clock", subject.Snakepit(), nil, scenario.Sound, Accept{Served: 4}},
		)
		lasting := map[string]any{"ping_every": u.Waits.String(), "max_age": time.Hour.String()}
		return append(cases, try(sc, u.Waits, "boots",
			trial{"", subject.Ours(), lasting, scenario.Sound, Accept{Served: 4, Workers: 1}},
		)...)
	},
}
