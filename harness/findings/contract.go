package findings

import (
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// held has cases without a contract of their own held to one that is told in the
// unit's times, as their deadlines are: what a start asks for, alone on this machine
// or a little more, is inside it, however long that is.
func held(cases []Case, u Unit) []Case {
	for i := range cases {
		sc := &cases[i].Scenario
		if sc.Contract == nil {
			c := agreed(u)
			sc.Contract = &c
		}
		sc.Contract.Recovery = time.Second + 3*(sc.Start.CPU+sc.Start.Wait+u.own())
	}
	return cases
}

// own is what a start takes here that asks for nothing, as a container engine does.
func (u Unit) own() time.Duration {
	return max(0, u.Waits-u.Wait.CPU-u.Wait.Wait, u.Computes-u.Compute.CPU-u.Compute.Wait)
}

// agreed is the project's contract in the unit's times.
func agreed(u Unit) scenario.Contract {
	const more = 1.5 // than one takes alone: identical starts differ by 8 to 16 %
	return scenario.Contract{
		Cores: float64(max(1, u.Cores)), Outside: 0.5, Crashes: 1,
		Start: scenario.Demand{CPU: times(more, u.Computes), Wait: times(more, u.Waits)},
		Call:  scenario.Demand{CPU: times(more, u.Computes)},
	}
}

// quiet is one without any load from outside.
func quiet(u Unit) scenario.Contract {
	c := agreed(u)
	c.Outside = 0
	return c
}

// mute is one in which a start may be mute.
func mute(u Unit) *scenario.Contract {
	c := agreed(u)
	c.Mute = 1
	return &c
}
