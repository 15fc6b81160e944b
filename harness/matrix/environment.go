package matrix

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
)

// An environment is what is injected into a run. How much of it is drawn by the
// seed.
type environment struct {
	name, kind string
	draw       func(lots *rand.Rand) faults.Plan
}

func (e environment) is() string { return e.name }

// deadly says whether workers die of calls in it.
func (e environment) deadly() bool {
	return slices.ContainsFunc(e.draw(draw(0, e.name)), func(e faults.Entry) bool {
		_, dies := e.Fault.(faults.ExitMidCall)
		return dies
	})
}

// The kinds of environments. What is inside the contract excuses nothing.
const (
	inside    = "contract"
	slow      = "slow start"
	tailed    = "heavy-tailed start"
	hogs      = "outside hogs"
	quota     = "quota"
	crashes   = "crashes"
	combined  = "combinations"
	ms        = time.Millisecond
	sec       = time.Second
	hogsLeast = 16
	hogsMost  = 60
)

var environments = []environment{
	{"calm", inside, func(*rand.Rand) faults.Plan { return nil }},
	{"starts a little slower", inside, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.SlowStart{CPU: between(lots, 20*ms, 120*ms), Wait: between(lots, 50*ms, 250*ms)}}}
	}},
	{"one worker crashes", inside, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.ExitMidCall{After: between(lots, ms, 200*ms)}, Times: 1}}
	}},
	{"a worker crashes at its second call", inside, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.ExitMidCall{After: between(lots, ms, 200*ms), Nth: 2}, Times: 1}}
	}},
	{"one start fails", inside, func(*rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.DiesBeforeHello{}, Target: faults.Target{First: 1}}}
	}},
	{"one idle worker is killed", inside, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.KillIdle{After: between(lots, 10*ms, 300*ms)}, Times: 1}}
	}},
	{"workers short of memory", inside, func(lots *rand.Rand) faults.Plan { // of what it costs a call the contract bounds but the CPU
		return faults.Plan{{Fault: shortOfMemory(lots)}}
	}},
	{"starts compute", slow, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.SlowStart{CPU: between(lots, 3*sec, 8*sec)}}}
	}},
	{"starts wait", slow, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.SlowStart{Wait: between(lots, 5*sec, 15*sec)}}}
	}},
	{"first starts wait", slow, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.SlowStart{Wait: between(lots, 5*sec, 15*sec)}, Target: faults.Target{First: 1 + lots.IntN(3)}}}
	}},
	{"starts import from a slow disk", slow, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: slowDisk(lots, 4*sec, 12*sec)}, {Fault: faults.SlowImport{Module: "asyncio", CPU: between(lots, 500*ms, 2*sec)}}}
	}},
	{"pareto starts", tailed, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.SlowStart{CPU: between(lots, 100*ms, 400*ms), Wait: between(lots, 300*ms, 1500*ms), Tail: faults.Pareto, Shape: 1.1}}}
	}},
	{"lognormal starts", tailed, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.SlowStart{CPU: between(lots, 200*ms, 600*ms), Wait: between(lots, 500*ms, 2*sec), Tail: faults.LogNormal, Shape: 1.3}}}
	}},
	{"hogs", hogs, func(lots *rand.Rand) faults.Plan { return faults.Plan{hogged(lots)} }},
	{"hogs from the clients' start", hogs, func(lots *rand.Rand) faults.Plan {
		e := hogged(lots)
		e.At, e.From, e.Until = faults.Clock, between(lots, 0, 300*ms), between(lots, 8*sec, 20*sec)
		return faults.Plan{e}
	}},
	{"a few hogs", hogs, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.CPUHogs{Threads: 3 + lots.IntN(6)}}}
	}},
	{"a tight quota", quota, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.CPUQuota{Cores: float64(3+lots.IntN(4)) / 100}}}
	}},
	{"a quota", quota, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.CPUQuota{Cores: float64(10+lots.IntN(15)) / 100}}}
	}},
	{"starts fail", crashes, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.DiesBeforeHello{}, Target: faults.Target{First: 2 + lots.IntN(4)}}}
	}},
	{"starts are refused", crashes, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.StartRefused{}, Target: faults.Target{First: 2 + lots.IntN(3)}}}
	}},
	{"calls crash workers", crashes, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.ExitMidCall{After: between(lots, ms, 300*ms)}, Target: faults.Target{Share: .3}}}
	}},
	{"idle workers are killed", crashes, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.KillIdle{After: between(lots, 10*ms, 300*ms)}, Times: 2 + lots.IntN(3)}}
	}},
	{"first starts are mute", crashes, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.NeverSaysHello{}, Target: faults.Target{First: 2 + lots.IntN(2)}}}
	}},
	{"hogs and starts that compute", combined, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.CPUHogs{Threads: 4 + lots.IntN(9)}}, {Fault: faults.SlowStart{CPU: between(lots, 500*ms, 2*sec)}}}
	}},
	{"hogs, memory and a slow disk", combined, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{hogged(lots), {Fault: shortOfMemory(lots)}, {Fault: slowDisk(lots, 500*ms, 2*sec), Target: faults.Target{First: 1 + lots.IntN(3)}}}
	}},
	{"a quota and crashes", combined, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{{Fault: faults.CPUQuota{Cores: float64(5+lots.IntN(10)) / 100}}, {Fault: faults.ExitMidCall{After: between(lots, ms, 300*ms)}, Target: faults.Target{Share: .2}}}
	}},
	{"hogs and failing starts", combined, func(lots *rand.Rand) faults.Plan {
		return faults.Plan{hogged(lots), {Fault: faults.DiesBeforeHello{}, Target: faults.Target{First: 1 + lots.IntN(2)}}}
	}},
}

func hogged(lots *rand.Rand) faults.Entry {
	return faults.Entry{Fault: faults.CPUHogs{Threads: hogsLeast + lots.IntN(hogsMost-hogsLeast+1)}}
}

// shortOfMemory costs a call what it was measured to: 1 to 10 ms of CPU, and as much
// waiting.
func shortOfMemory(lots *rand.Rand) faults.MemoryPressure {
	return faults.MemoryPressure{MB: 64, Left: 1, Pages: 20 + lots.IntN(181)}
}

// slowDisk is one from which a start reads for so long.
func slowDisk(lots *rand.Rand, from, to time.Duration) faults.SlowDisk {
	const rate = 100 // KiB a second
	return faults.SlowDisk{Module: "asyncio", Rate: rate, KB: int(between(lots, from, to).Seconds() * rate)}
}

// left are those of the faults that a replay has (faults.Recorded) which are in no
// environment and in no load, and why. Where others have been the judge abstains, as it
// has to.
var left = map[string]string{
	"dies-by-signal":   diesAsOthers,
	"exit-at-call":     diesAsOthers,
	"held-open":        diesAsOthers,
	"memory-limit":     diesAsOthers,
	"spoilt-request":   "no pool can have such a call answered, in the contract neither",
	"call-after-close": isALoad,
	"die-holding":      isALoad,
	"flood":            isALoad,
}

const (
	diesAsOthers = "a worker dies of a call, as by exit-mid-call"
	isALoad      = "who calls, and when, is a matter of the load: the contract bounds none of it"
)

// between draws a duration to the millisecond.
func between(lots *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(lots.Int64N(int64((to-from)/ms)+1))*ms
}
