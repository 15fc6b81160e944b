//go:build linux

package harness

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/virtual"
	sketchpool "github.com/butfor/butfor/harness/world/virtual/testdata/sketch/subject"
	sketch "github.com/butfor/butfor/harness/world/virtual/testdata/sketch/world"
)

// Seconds are those of CPU time that the benchmark used, as it would take of real
// time on one core which it has to itself: others on the machine make no odds.

// threeOnOne is a race of three clients for one worker.
func threeOnOne(seed uint64) Scenario {
	return Scenario{
		World: virtual.Name, Seed: seed,
		Config:   subject.Config{Size: 1, Lazy: true},
		Start:    scenario.Demand{Wait: 100 * time.Millisecond},
		Workload: scenario.Workload{Clients: 3, Command: "echo"},
		Deadline: time.Second,
	}
}

// BenchmarkControlledRace plays that race, in an order of its own each time.
func BenchmarkControlledRace(b *testing.B) {
	used := inTest(b, func(t *testing.T) {
		for seed := range uint64(b.N) {
			play1(t, subject.Ours(), threeOnOne(seed))
		}
	})
	b.ReportMetric(float64(b.N)/used.Seconds(), "runs/s")
}

// BenchmarkMixedScenarios plays what TestTheSameSeedGivesTheSameTrace does. The
// probes of the capacity are calls too, but not counted.
func BenchmarkMixedScenarios(b *testing.B) {
	calls, steps, virtual := 0, 0, time.Duration(0)
	used := inTest(b, func(t *testing.T) {
		for seed := range uint64(b.N) {
			r := play1(t, subject.Ours(), mixed(seed))
			calls += came(r)
			steps += len(r.Choices)
			virtual += r.Events[len(r.Events)-1].At
		}
	})
	b.ReportMetric(float64(calls)/used.Seconds(), "calls/s")
	b.ReportMetric(float64(steps)/float64(b.N), "steps/op")
	b.ReportMetric(virtual.Seconds()/used.Seconds(), "virtual-s/s")
}

// BenchmarkSerialStart plays all cases of that finding. x-real is how many seconds
// go by in them in one second.
func BenchmarkSerialStart(b *testing.B) {
	unit := findings.Demands(DefaultBoot, virtual.Cores)
	unit.Waits, unit.Computes = DefaultBoot, DefaultBoot
	serial := slices.IndexFunc(findings.All(), func(f findings.Finding) bool { return f.ID == "serial-start" })
	cases, within := findings.All()[serial].Cases(unit), time.Duration(0)
	used := inTest(b, func(t *testing.T) {
		for i := range b.N {
			for _, c := range cases {
				c.Scenario.World, c.Scenario.Seed = virtual.Name, uint64(i)
				r := play1(t, c.Scenario.Subject, c.Scenario)
				within += r.Events[len(r.Events)-1].At
			}
		}
	})
	b.ReportMetric(within.Seconds()/used.Seconds(), "x-real")
}

// BenchmarkCalls plays scenarios of the kind that the first sketch of this world
// was measured by, without probes, as it had none; and plays them in the sketch,
// turn and turn about, so that both have the machine in one mood. x-sketch is how
// many calls of ours go by in the time of one of the sketch's. The sketch's pool has
// two starts under way at once. So has ours in one half; in the other it adapts, as
// it does unless it is told: it begins a fifth more workers then, and serves more.
func BenchmarkCalls(b *testing.B) {
	b.Run("two-starts", func(b *testing.B) { besideSketch(b, 2) })
	b.Run("adapts", func(b *testing.B) { besideSketch(b, 0) })
}

// besideSketch has so many starts at once in our pool; 0: it adapts.
func besideSketch(b *testing.B, starts int) {
	const turn = 500 // scenarios: many, so that each is soon at what it does for long
	var ours, theirs time.Duration
	var calls, sketchCalls, steps, sketchSteps int
	inTest(b, func(t *testing.T) {
		for from := 0; from < b.N; from += turn {
			scs := make([]Scenario, min(turn, b.N-from))
			for i := range scs {
				scs[i] = sketched(uint64(from + i))
			}
			runtime.GC() // what the runtime has learnt of the other's goroutines is forgotten
			begin := cpuTime()
			for _, sc := range scs {
				sc.Config.StartConcurrency = starts
				fill(&sc)
				r, err := stage(context.Background(), t, sc, subject.Ours(), false)
				if err != nil {
					t.Fatal(err)
				}
				calls += came(r)
				steps += len(r.Choices)
			}
			ours += cpuTime() - begin
			runtime.GC()
			begin = cpuTime()
			for _, sc := range scs {
				r := inSketch(t, sc)
				sketchCalls += len(r.Done)
				sketchSteps += r.Steps
			}
			theirs += cpuTime() - begin
		}
	})
	if calls != sketchCalls {
		b.Fatalf("%d calls, and %d in the sketch", calls, sketchCalls)
	}
	b.ReportMetric(float64(calls)/ours.Seconds(), "calls/s")
	b.ReportMetric(float64(sketchCalls)/theirs.Seconds(), "sketch-calls/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-sketch")
	b.ReportMetric(float64(steps)/float64(b.N), "steps/op")
	b.ReportMetric(float64(sketchSteps)/float64(b.N), "sketch-steps/op")
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // there is no other error than of its arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inSketch plays a scenario in the sketch, with its best pool.
func inSketch(t *testing.T, sc Scenario) sketch.Result {
	env := sketch.Env{Cores: sc.Cores}
	env.Worker.Boot.CPU, env.Worker.Boot.Wait = sc.Start.CPU, sc.Start.Wait
	c := sc.Config
	its := sketch.Scenario{Cfg: sketchpool.Config{Size: c.Size, Lazy: c.Lazy, StartTimeout: c.StartTimeout, CheckoutTimeout: c.CheckoutTimeout, CallTimeout: c.CallTimeout}}
	for _, at := range sc.Workload.At {
		its.Callers = append(its.Callers, sketch.Caller{At: at, Patience: sc.Deadline, Call: sketchpool.Call{Command: sc.Workload.Command, Args: sc.Workload.Args}})
	}
	return sketch.Run(t, sketchpool.Plain("good", sketchpool.Policy{Width: 2}), its, env, sketch.Options{Seed: sc.Seed, Step: time.Microsecond})
}

func sketched(seed uint64) Scenario {
	draw := rand.New(rand.NewPCG(seed%300, 42))
	ms := func(lo, hi, step int) time.Duration {
		return time.Duration(lo+step*draw.IntN((hi-lo)/step+1)) * time.Millisecond
	}
	size := 2 + draw.IntN(7)
	sc := Scenario{
		World: virtual.Name, Seed: seed, Cores: float64(1 + draw.IntN(4)),
		Config:   subject.Config{Size: size, Lazy: true, StartTimeout: 30 * time.Second},
		Start:    scenario.Demand{CPU: ms(0, 600, 100), Wait: ms(0, 1000, 250)},
		Deadline: ms(500, 4000, 500),
	}
	sc.Config.CheckoutTimeout, sc.Config.CallTimeout = sc.Deadline, sc.Deadline
	w := &sc.Workload
	w.Clients = 1 + draw.IntN(2*size)
	for range w.Clients {
		w.At = append(w.At, ms(0, 500, 250))
	}
	slices.Sort(w.At)
	switch draw.IntN(3) {
	case 0:
		w.Command = "echo"
	case 1:
		w.Command, w.Args = "sleep", map[string]any{"s": ms(0, 2000, 250).Seconds()}
	default:
		w.Command, w.Args = "burn", map[string]any{"cpu_s": ms(50, 500, 50).Seconds()}
	}
	return sc
}

// came is how many calls came in a run.
func came(r *scenario.Record) (n int) {
	for i := range r.Events {
		if e := &r.Events[i]; e.Kind == scenario.Arrive && !e.Probe {
			n++
		}
	}
	return n
}

// inTest gives a benchmark the *testing.T that a bubble asks for, once, whatever
// -count and -cpu say: the benchmark itself goes by them already. It gives the CPU
// time that f used.
func inTest(b *testing.B, f func(t *testing.T)) (used time.Duration) {
	b.ReportAllocs()
	processors, ran := runtime.GOMAXPROCS(0), false
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "bubble", F: func(t *testing.T) {
		if ran || runtime.GOMAXPROCS(0) != processors {
			return
		}
		ran = true
		b.ResetTimer()
		begin := cpuTime()
		f(t)
		used = cpuTime() - begin
		b.StopTimer()
	}}})
	return used
}
