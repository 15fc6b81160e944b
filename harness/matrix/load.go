package matrix

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// A load is a pool's settings, who calls it, and by when. Its deadline can be kept
// by a good pool wherever the contract is, with some to spare; what its starts and
// calls ask for is inside it, and varies with the seed.
type load struct {
	name   string
	family family
	draw   func(lots *rand.Rand) scenario.Scenario
	kinds  []string // of environments that it is put to; nil: all
}

// in says whether it is put to an environment. A historical pool without its bugs
// still begins no start for those in line when a worker dies of a call: among such
// deaths it is not sound, in the contract neither, and nobody could say whose fault
// a miss is.
func (l load) in(e environment) bool {
	return (l.kinds == nil || slices.Contains(l.kinds, e.kind)) && !(l.family == historical && e.deadly())
}

func (l load) is() string { return l.name }

const (
	// startTimeout is far above what a start may take.
	startTimeout = 30 * time.Second
	// recovery is long enough for starts that are under way when the hurting stops:
	// it is for what is never had again.
	recovery = startTimeout + 10*time.Second
)

var loads = []load{
	{"a cold burst", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 4, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, Command: "sleep", Args: seconds(lots, 300*ms, 700*ms)}, Deadline: 4600 * ms,
		}
	}, nil},
	{"a cold crowd", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 8, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 8, Command: "sleep", Args: seconds(lots, 800*ms, 1200*ms)}, Deadline: 6500 * ms,
		}
	}, nil},
	{"starts that wait", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 8, Lazy: true}, Start: scenario.Demand{CPU: between(lots, 20*ms, 50*ms), Wait: between(lots, 1500*ms, 1750*ms)},
			Workload: scenario.Workload{Clients: 8, Command: "sleep", Args: seconds(lots, 800*ms, 1100*ms)}, Deadline: 6200 * ms,
		}
	}, nil},
	{"a warm stream", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 4, Lazy: true}, Start: start(lots), Warm: 4,
			Workload: scenario.Workload{Clients: 10, Arrive: scenario.Poisson, Every: between(lots, 120*ms, 200*ms), Calls: 2, Think: between(lots, 50*ms, 300*ms), Command: "sleep", Args: seconds(lots, 100*ms, 250*ms)}, Deadline: 1500 * ms,
		}
	}, nil},
	{"a burst on warm workers", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 4, Lazy: true}, Start: start(lots), Warm: 4,
			Workload: scenario.Workload{Clients: 4, Command: "sleep", Args: seconds(lots, 300*ms, 600*ms)}, Deadline: 1200 * ms,
		}
	}, nil},
	{"an eager pool, used later", ours, func(lots *rand.Rand) scenario.Scenario {
		at := between(lots, 6*sec, 7*sec)
		return scenario.Scenario{
			Config: subject.Config{Size: 4}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, At: []time.Duration{at, at, at, at}, Command: "sleep", Args: seconds(lots, 550*ms, 650*ms)}, Deadline: sec,
		}
	}, nil},
	{"overflow", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Overflow: 4, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 6, Command: "sleep", Args: seconds(lots, 1900*ms, 2100*ms)}, Deadline: 6800 * ms,
		}
	}, nil},
	{"calls that compute", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true}, Start: start(lots), Warm: 2,
			Workload: scenario.Workload{Clients: 8, Arrive: scenario.Rate, Every: between(lots, 300*ms, 400*ms), Command: "burn", Args: cpuSeconds(lots, 250*ms, 450*ms)}, Deadline: 1800 * ms,
		}
	}, nil},
	{"impatient callers of a cold pool", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 6, Arrive: scenario.Rate, Every: between(lots, 200*ms, 400*ms), Calls: 2, Think: between(lots, 100*ms, 400*ms), Command: "sleep", Args: seconds(lots, 200*ms, 400*ms)}, Deadline: 5500 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 300*ms, 900*ms)}, Target: faults.Target{Clients: []string{"c1", "c3"}}}},
		}
	}, nil},
	{"callers who give up in mid-call", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 3, Lazy: true}, Start: start(lots), Warm: 3,
			Workload: scenario.Workload{Clients: 8, Arrive: scenario.Poisson, Every: between(lots, 100*ms, 200*ms), Calls: 2, Think: between(lots, 50*ms, 200*ms), Command: "sleep", Args: seconds(lots, 200*ms, 300*ms)}, Deadline: 4500 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 50*ms, 150*ms)}, Target: faults.Target{Clients: []string{"c2", "c5"}}}},
		}
	}, quickStarts},
	{"callers who give up as it is their turn", ours, func(lots *rand.Rand) scenario.Scenario {
		takes := between(lots, 200*ms, 400*ms)
		soon := takes / 2
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true}, Start: start(lots), Warm: 2,
			Workload: scenario.Workload{Clients: 6, At: []time.Duration{0, 0, soon, soon, soon, 2 * takes}, Command: "sleep", Args: map[string]any{"s": takes.Seconds()}}, Deadline: 4500 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: takes - soon}, Target: faults.Target{Clients: []string{"c3", "c4"}}}},
		}
	}, quickStarts},
	{"quick cycles", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 3, Lazy: true}, Start: start(lots), Warm: 3,
			Workload: scenario.Workload{Clients: 3 + lots.IntN(2), Calls: 6, Think: 10 * ms, Command: "sleep", Args: seconds(lots, 10*ms, 10*ms)}, Deadline: 500 * ms,
		}
	}, nil},
	{"two in turns on one worker", ours, func(lots *rand.Rand) scenario.Scenario {
		turn := between(lots, 10*ms, 20*ms)
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{Clients: 2, Calls: 3, Think: turn, Command: "sleep", Args: map[string]any{"s": turn.Seconds()}}, Deadline: 4500 * ms,
		}
	}, nil},
	{"a backlog", ours, func(lots *rand.Rand) scenario.Scenario {
		every := between(lots, 135*ms, 145*ms)
		var at []time.Duration
		for i := range 34 { // ten at once, and then a few more than who came first may wait for
			at = append(at, time.Duration(max(0, i-9))*every)
		}
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true}, Start: start(lots), Warm: 2,
			Workload: scenario.Workload{Clients: len(at), At: at, Command: "sleep", Args: seconds(lots, 195*ms, 205*ms)}, Deadline: 2400 * ms,
		}
	}, nil},
	{"one worker", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, Arrive: scenario.Rate, Every: between(lots, 100*ms, 500*ms), Command: "echo"}, Deadline: 4500 * ms,
		}
	}, nil},
	{"quick calls on a cold pool", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 8, Lazy: true}, Start: scenario.Demand{CPU: between(lots, 400*ms, 490*ms)},
			Workload: scenario.Workload{Clients: 8, Command: "echo"}, Deadline: 1350 * ms,
		}
	}, []string{inside, hogs, crashes}}, // what may be slower inside the contract takes longer than the deadline
	{"starts with a timeout", ours, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true, StartTimeout: between(lots, 4*sec, 4500*ms)}, Start: start(lots),
			Workload: scenario.Workload{Clients: 20, Arrive: scenario.Rate, Every: between(lots, 350*ms, 450*ms), Command: "sleep", Args: seconds(lots, 100*ms, 200*ms)}, Deadline: 10 * sec,
		}
	}, []string{inside, crashes}}, // slower starts would be the timeout's fault

	// A pool of NimblePool's makes its starts one after another, whatever else is
	// wrong with it: with one worker that is no bug.
	{"one historical worker, cold", historical, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 3 + lots.IntN(3), Arrive: scenario.Poisson, Every: between(lots, 200*ms, 500*ms), Command: "echo"}, Deadline: 4500 * ms,
		}
	}, nil},
	{"one historical worker, clients of one call", historical, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{Clients: 8, Arrive: scenario.Rate, Every: between(lots, 200*ms, 500*ms), Mortal: true, Command: "sleep", Args: seconds(lots, 50*ms, 150*ms)}, Deadline: 4500 * ms,
		}
	}, nil},
	{"one historical worker, clients who die", historical, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, Arrive: scenario.Rate, Every: between(lots, 150*ms, 400*ms), Mortal: true, Command: "sleep", Args: seconds(lots, 50*ms, 150*ms)}, Deadline: 6 * sec,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 300*ms, 900*ms)}, Target: faults.Target{Clients: []string{"c1"}}}},
		}
	}, nil},
	{"one historical worker, a caller who gives up", historical, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 3, Arrive: scenario.Rate, Every: between(lots, 100*ms, 200*ms), Command: "echo"}, Deadline: 2400 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 300*ms, 800*ms)}, Target: faults.Target{Clients: []string{"c1"}}}},
		}
	}, []string{inside, hogs}},
	{"one historical worker, calls that compute", historical, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{Clients: 6, Arrive: scenario.Rate, Every: between(lots, 450*ms, 700*ms), Command: "burn", Args: cpuSeconds(lots, 200*ms, 400*ms)}, Deadline: 4500 * ms,
		}
	}, nil},
	{"one historical worker, a long trickle", historical, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true, StartTimeout: between(lots, 4*sec, 4500*ms)}, Start: start(lots),
			Workload: scenario.Workload{Clients: 25, Arrive: scenario.Rate, Every: between(lots, 300*ms, 500*ms), Command: "echo"}, Deadline: 9 * sec,
		}
	}, []string{inside, crashes}},
}

// quickStarts are the environments in which starts are as the contract has them. Our
// pool ends a worker whose caller gave up in mid-call, and starts another; one that
// lets it finish is better off where that takes long, and may give an old answer.
var quickStarts = []string{inside, crashes}

// start is what a start asks for: half CPU, half waiting of what the contract has.
func start(lots *rand.Rand) scenario.Demand {
	return scenario.Demand{CPU: between(lots, 250*ms, 350*ms), Wait: between(lots, sec, 1400*ms)}
}

func seconds(lots *rand.Rand, from, to time.Duration) map[string]any {
	return map[string]any{"s": between(lots, from, to).Seconds()}
}

func cpuSeconds(lots *rand.Rand, from, to time.Duration) map[string]any {
	return map[string]any{"cpu_s": between(lots, from, to).Seconds()}
}
