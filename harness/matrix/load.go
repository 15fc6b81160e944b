package matrix

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// A load is a pool's settings, who calls it, and by when. Its deadline can be kept
// by a good pool wherever the contract is, with some to spare; what its starts and
// calls ask for is inside it, and varies with the seed.
type load struct {
	name string
	of   []family
	draw func(lots *rand.Rand) scenario.Scenario
	in   []string // kinds of environments that it is put to, or single ones; nil: all
}

// meets says whether it is put to an environment. A lazy pool of NimblePool's, without
// any bug, still begins no start for those in line when a worker dies of a call: among
// such deaths it is not sound, in the contract neither, and nobody could say whose fault
// a miss is.
func (l load) meets(e environment) bool {
	lazy := l.draw(draw(0, l.name)).Config.Lazy && !slices.Contains(l.of, ours)
	return (l.in == nil || slices.Contains(l.in, e.kind) || slices.Contains(l.in, e.name)) && !(lazy && e.deadly())
}

func (l load) is() string { return l.name }

const (
	// startTimeout is far above what a start may take.
	startTimeout = 30 * time.Second
	// recovery is long enough for starts that are under way when the hurting stops:
	// it is for what is never had again.
	recovery = startTimeout + 10*time.Second
)

// Loads that rows of bugs name.
const (
	whoKeepsIt = "one historical worker, whose client keeps it"
	isLoading  = "one historical worker, whose first start is loading"
	allCalls   = "one historical worker, all that calls come to"
	sessions   = "two historical workers, sessions"
	midCall    = "six historical workers, callers who give up in mid-call"
	configured = "one historical worker, as the configuration says"
	together   = "four historical workers, callers at once"
	nowAndThen = "two historical workers, now and then"
	outlasts   = "one worker of V3, a call that outlasts its limit"
	coldV3     = "two workers of V3, cold"
	quickV3    = "quick calls on a cold pool of V3"
)

// nimble are the pools of NimblePool's, of which nobody has asked for anything that one
// of them alone has.
var nimble = []family{first, seed, last}

var loads = []load{
	{"a cold burst", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 4, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, Command: "sleep", Args: seconds(lots, 300*ms, 700*ms)}, Deadline: 4600 * ms,
		}
	}, nil},
	{"a cold crowd", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 8, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 8, Command: "sleep", Args: seconds(lots, 800*ms, 1200*ms)}, Deadline: 6500 * ms,
		}
	}, nil},
	{"starts that wait", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 8, Lazy: true}, Start: scenario.Demand{CPU: between(lots, 20*ms, 50*ms), Wait: between(lots, 1500*ms, 1750*ms)},
			Workload: scenario.Workload{Clients: 8, Command: "sleep", Args: seconds(lots, 800*ms, 1100*ms)}, Deadline: 6200 * ms,
		}
	}, nil},
	{"a warm stream", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 4, Lazy: true}, Start: start(lots), Warm: 4,
			Workload: scenario.Workload{Clients: 10, Arrive: scenario.Poisson, Every: between(lots, 120*ms, 200*ms), Calls: 2, Think: between(lots, 50*ms, 300*ms), Command: "sleep", Args: seconds(lots, 100*ms, 250*ms)}, Deadline: 1500 * ms,
		}
	}, nil},
	{"a burst on warm workers", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 4, Lazy: true}, Start: start(lots), Warm: 4,
			Workload: scenario.Workload{Clients: 4, Command: "sleep", Args: seconds(lots, 300*ms, 600*ms)}, Deadline: 1200 * ms,
		}
	}, nil},
	{"an eager pool, used later", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		at := between(lots, 6*sec, 7*sec)
		return scenario.Scenario{
			Config: subject.Config{Size: 4}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, At: []time.Duration{at, at, at, at}, Command: "sleep", Args: seconds(lots, 550*ms, 650*ms)}, Deadline: sec,
		}
	}, nil},
	{"overflow", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Overflow: 4, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 6, Command: "sleep", Args: seconds(lots, 1900*ms, 2100*ms)}, Deadline: 6800 * ms,
		}
	}, nil},
	{"calls that compute", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true}, Start: start(lots), Warm: 2,
			Workload: scenario.Workload{Clients: 8, Arrive: scenario.Rate, Every: between(lots, 300*ms, 400*ms), Command: "burn", Args: cpuSeconds(lots, 250*ms, 450*ms)}, Deadline: 1800 * ms,
		}
	}, nil},
	{"impatient callers of a cold pool", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 6, Arrive: scenario.Rate, Every: between(lots, 200*ms, 400*ms), Calls: 2, Think: between(lots, 100*ms, 400*ms), Command: "sleep", Args: seconds(lots, 200*ms, 400*ms)}, Deadline: 5500 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 300*ms, 900*ms)}, Target: faults.Target{Clients: []string{"c1", "c3"}}}},
		}
	}, nil},
	{"callers who give up in mid-call", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 3, Lazy: true}, Start: start(lots), Warm: 3,
			Workload: scenario.Workload{Clients: 8, Arrive: scenario.Poisson, Every: between(lots, 100*ms, 200*ms), Calls: 2, Think: between(lots, 50*ms, 200*ms), Command: "sleep", Args: seconds(lots, 200*ms, 300*ms)}, Deadline: 4500 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 50*ms, 150*ms)}, Target: faults.Target{Clients: []string{"c2", "c5"}}}},
		}
	}, quickStarts},
	{"callers who give up as it is their turn", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		takes := between(lots, 200*ms, 400*ms)
		soon := takes / 2
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true}, Start: start(lots), Warm: 2,
			Workload: scenario.Workload{Clients: 6, At: []time.Duration{0, 0, soon, soon, soon, 2 * takes}, Command: "sleep", Args: map[string]any{"s": takes.Seconds()}}, Deadline: 4500 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: takes - soon}, Target: faults.Target{Clients: []string{"c3", "c4"}}}},
		}
	}, quickStarts},
	{"quick cycles", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 3, Lazy: true}, Start: start(lots), Warm: 3,
			Workload: scenario.Workload{Clients: 3 + lots.IntN(2), Calls: 6, Think: 10 * ms, Command: "sleep", Args: seconds(lots, 10*ms, 10*ms)}, Deadline: 500 * ms,
		}
	}, nil},
	{"two in turns on one worker", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		turn := between(lots, 10*ms, 20*ms)
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{Clients: 2, Calls: 3, Think: turn, Command: "sleep", Args: map[string]any{"s": turn.Seconds()}}, Deadline: 4500 * ms,
		}
	}, nil},
	{"a backlog", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
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
	{"one worker", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, Arrive: scenario.Rate, Every: between(lots, 100*ms, 500*ms), Command: "echo"}, Deadline: 4500 * ms,
		}
	}, nil},
	{"quick calls on a cold pool", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 8, Lazy: true}, Start: scenario.Demand{CPU: between(lots, 400*ms, 490*ms)},
			Workload: scenario.Workload{Clients: 8, Command: "echo"}, Deadline: 1350 * ms,
		}
	}, []string{inside, hogs, crashes}}, // what may be slower inside the contract takes longer than the deadline
	{"starts with a timeout", []family{ours}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Lazy: true, StartTimeout: between(lots, 4*sec, 4500*ms)}, Start: start(lots),
			Workload: scenario.Workload{Clients: 20, Arrive: scenario.Rate, Every: between(lots, 350*ms, 450*ms), Command: "sleep", Args: seconds(lots, 100*ms, 200*ms)}, Deadline: 10 * sec,
		}
	}, []string{inside, crashes}}, // slower starts would be the timeout's fault

	// A pool of NimblePool's makes its starts one after another, whatever else is
	// wrong with it: with one worker that is no bug.
	{"one historical worker, cold", nimble, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 3 + lots.IntN(3), Arrive: scenario.Poisson, Every: between(lots, 200*ms, 500*ms), Command: "echo"}, Deadline: 4500 * ms,
		}
	}, nil},
	{"one historical worker, clients of one call", nimble, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{Clients: 8, Arrive: scenario.Rate, Every: between(lots, 200*ms, 500*ms), Mortal: true, Command: "sleep", Args: seconds(lots, 50*ms, 150*ms)}, Deadline: 4500 * ms,
		}
	}, nil},
	{"one historical worker, clients who die", nimble, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, Arrive: scenario.Rate, Every: between(lots, 150*ms, 400*ms), Mortal: true, Command: "sleep", Args: seconds(lots, 50*ms, 150*ms)}, Deadline: 6 * sec,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 300*ms, 900*ms)}, Target: faults.Target{Clients: []string{"c1"}}}},
		}
	}, nil},
	{"one historical worker, a caller who gives up", nimble, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 3, Arrive: scenario.Rate, Every: between(lots, 100*ms, 200*ms), Command: "echo"}, Deadline: 2400 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 300*ms, 800*ms)}, Target: faults.Target{Clients: []string{"c1"}}}},
		}
	}, []string{inside, hogs}},
	{"one historical worker, calls that compute", nimble, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{Clients: 6, Arrive: scenario.Rate, Every: between(lots, 450*ms, 700*ms), Command: "burn", Args: cpuSeconds(lots, 200*ms, 400*ms)}, Deadline: 4500 * ms,
		}
	}, nil},
	{"one historical worker, a long trickle", nimble, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true, StartTimeout: between(lots, 4*sec, 4500*ms)}, Start: start(lots),
			Workload: scenario.Workload{Clients: 25, Arrive: scenario.Rate, Every: between(lots, 300*ms, 500*ms), Command: "echo"}, Deadline: 9 * sec,
		}
	}, []string{inside, crashes}},

	// Eager pools of NimblePool's start a worker anew when one is gone, and have nothing
	// to start else.
	{whoKeepsIt, []family{seed}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true, Options: on(dspex.LongLivedWorkers)}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{Clients: 3, Arrive: scenario.Rate, Every: between(lots, 300*ms, 600*ms), Calls: 3, Think: between(lots, 500*ms, sec), Command: "echo"}, Deadline: 4600 * ms,
		}
	}, []string{inside, crashes}},
	{isLoading, []family{seed}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots),
			Workload: scenario.Workload{Clients: 3, Arrive: scenario.Rate, Every: between(lots, 200*ms, 400*ms), Command: "echo"}, Deadline: 10 * sec,
			Faults: faults.Plan{{Fault: faults.OddHello{Status: "loading"}, Target: faults.Target{Starts: []int{1}}}},
		}
	}, []string{inside}}, // what such a start does beyond it can't be replayed
	{allCalls, []family{seed, phase3}, func(lots *rand.Rand) scenario.Scenario {
		function := func(name string, args ...any) map[string]any { return map[string]any{"function": name, "args": args} }
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{
				Clients: 6, Arrive: scenario.Rate, Every: between(lots, 400*ms, 700*ms), Think: between(lots, 100*ms, 300*ms),
				Command: "call", Args: function("operator:truediv", 1, 0), Fails: "ZeroDivisionError",
				Then: []scenario.Step{{Command: "call", Args: function("builtins:print")}, {Command: "call", Args: function("builtins:object"), Fails: "ResultError"}, {Command: "get_stats"}, {Command: "echo"}},
			}, Deadline: 4500 * ms,
		}
	}, nil},
	{sessions, []family{seed, last}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2}, Start: start(lots), Warm: 2,
			Workload: scenario.Workload{
				Clients: 4, Sessions: 4, EndSessions: true, Mortal: true, Arrive: scenario.Rate, Every: between(lots, 200*ms, 400*ms), Think: between(lots, 150*ms, 250*ms),
				Command: "put", Args: key(), Then: []scenario.Step{{Command: "get", Args: key()}, {Command: "list", Anonymous: true}, {Command: "get", Args: key()}, {Command: "get", Args: key()}},
			}, Deadline: 4500 * ms,
		}
	}, []string{"calm", "starts a little slower", "one start fails", "workers short of memory", hogs, quota}}, // with a worker goes what its sessions have left
	{midCall, []family{seed, last}, func(lots *rand.Rand) scenario.Scenario {
		at := make([]time.Duration, 5, 8) // they give up together; their removals, and the starts after them, are one after another
		for range 3 {
			at = append(at, between(lots, 300*ms, 400*ms))
		}
		return scenario.Scenario{
			Config: subject.Config{Size: 6}, Start: scenario.Demand{CPU: between(lots, 30*ms, 60*ms), Wait: between(lots, 100*ms, 150*ms)}, Warm: 6,
			Workload: scenario.Workload{Clients: len(at), At: at, Command: "sleep", Args: seconds(lots, 500*ms, 600*ms)}, Deadline: 4 * sec,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: between(lots, 200*ms, 250*ms)}, Target: faults.Target{First: 5}}},
		}
	}, []string{inside}},
	{configured, []family{seed}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 1, Lazy: true, CheckoutTimeout: between(lots, 300*ms, 800*ms), Options: map[string]any{"checkout_timeout": 30000.}}, Start: start(lots),
			Workload: scenario.Workload{Clients: 4, Arrive: scenario.Rate, Every: between(lots, 100*ms, 300*ms), Command: "echo"}, Deadline: 4500 * ms,
		}
	}, nil},
	{together, []family{phase3}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 4}, Start: start(lots), Warm: 4,
			Workload: scenario.Workload{Clients: 4, Command: "sleep", Args: seconds(lots, 1900*ms, 2100*ms)}, Deadline: 5500 * ms,
		}
	}, []string{inside, hogs, quota}},
	{nowAndThen, []family{phase3}, func(lots *rand.Rand) scenario.Scenario {
		soon, again := 31*sec, between(lots, 66*sec, 68*sec)
		const next = 500 * ms
		return scenario.Scenario{
			Config: subject.Config{Size: 2, Options: on(dspex.LongLivedWorkers)}, Start: start(lots), Warm: 2,
			Workload: scenario.Workload{Clients: 4, At: []time.Duration{soon, soon + next, again, again + next}, Command: "sleep", Args: seconds(lots, 50*ms, 150*ms)}, Deadline: 3 * sec,
		}
	}, []string{inside, hogs, quota}},

	// V3 starts all workers as it opens.
	{outlasts, []family{third}, func(lots *rand.Rand) scenario.Scenario {
		limit := between(lots, 900*ms, 1100*ms)
		return scenario.Scenario{
			Config: subject.Config{Size: 1, CallTimeout: limit}, Start: start(lots), Warm: 1,
			Workload: scenario.Workload{Clients: 1, Command: "sleep", Args: map[string]any{"s": 2.5 * limit.Seconds()}, Think: limit / 2, Then: []scenario.Step{{Command: "echo"}, {Command: "echo"}}}, Deadline: 4500 * ms,
			Faults: faults.Plan{{Fault: faults.GiveUp{After: limit * 9 / 10}, Target: faults.Target{Calls: []string{"c1.1"}}}},
		}
	}, quickStarts},
	{coldV3, []family{third}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 2}, Start: start(lots),
			Workload: scenario.Workload{Clients: 8, Arrive: scenario.Rate, Every: between(lots, 400*ms, 700*ms), Command: "echo"}, Deadline: 4500 * ms,
		}
	}, []string{inside, hogs, crashes}},
	{quickV3, []family{third}, func(lots *rand.Rand) scenario.Scenario {
		return scenario.Scenario{
			Config: subject.Config{Size: 10, Options: on(dspex.StartedIsNotReady)}, Start: scenario.Demand{CPU: between(lots, 440*ms, 490*ms)},
			Workload: scenario.Workload{Clients: 10, Command: "echo"}, Deadline: 1700 * ms,
		}
	}, []string{"calm", "workers short of memory", "hogs", "hogs from the clients' start"}}, // beside a few hogs it is not sound: calls wait for workers that are not ready
}

// on has a pool with a bug besides, without which another is not seen.
func on(s dspex.Switch) map[string]any { return map[string]any{string(s): true} }

// key is what calls of a session are about.
func key() map[string]any { return map[string]any{"key": "k"} }

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
