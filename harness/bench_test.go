package harness

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/virtual"
)

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
	inTest(b, func(t *testing.T) {
		for seed := range uint64(b.N) {
			play1(t, subject.Ours(), threeOnOne(seed))
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

// BenchmarkMixedScenarios plays what TestTheSameSeedGivesTheSameTrace does. The
// probes of the capacity are calls too, but not counted.
func BenchmarkMixedScenarios(b *testing.B) {
	benchmarkCalls(b, mixed, true)
}

// BenchmarkCalls plays scenarios of the kind that the first sketch of this world
// was measured by, without probes, as it had none.
func BenchmarkCalls(b *testing.B) {
	benchmarkCalls(b, sketched, false)
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

func benchmarkCalls(b *testing.B, draw func(seed uint64) Scenario, probe bool) {
	calls, steps := 0, 0
	virtual := time.Duration(0)
	inTest(b, func(t *testing.T) {
		for seed := range uint64(b.N) {
			sc := draw(seed)
			fill(&sc)
			r, err := stage(context.Background(), t, sc, subject.Ours(), probe)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range r.Events {
				if e.Kind == scenario.Arrive && !e.Probe {
					calls++
				}
			}
			steps += len(r.Choices)
			virtual += r.Events[len(r.Events)-1].At
		}
	})
	b.ReportMetric(float64(calls)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(steps)/float64(b.N), "steps/op")
	b.ReportMetric(virtual.Seconds()/b.Elapsed().Seconds(), "virtual-s/s")
}

// inTest gives a benchmark the *testing.T that a bubble asks for, once, whatever
// -count and -cpu say: the benchmark itself goes by them already.
func inTest(b *testing.B, f func(t *testing.T)) {
	b.ReportAllocs()
	processors, ran := runtime.GOMAXPROCS(0), false
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "bubble", F: func(t *testing.T) {
		if ran || runtime.GOMAXPROCS(0) != processors {
			return
		}
		ran = true
		b.ResetTimer()
		f(t)
		b.StopTimer()
	}}})
}
