package harness

import (
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

// BenchmarkMixedScenarios plays what TestTheSameSeedGivesTheSameTrace does.
func BenchmarkMixedScenarios(b *testing.B) {
	calls := 0
	virtual := time.Duration(0)
	inTest(b, func(t *testing.T) {
		for seed := range uint64(b.N) {
			r := play1(t, subject.Ours(), mixed(seed))
			calls += len(r.Calls())
			virtual += r.Events[len(r.Events)-1].At
		}
	})
	b.ReportMetric(float64(calls)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(virtual.Seconds()/b.Elapsed().Seconds(), "virtual-s/s")
}

// inTest gives a benchmark the *testing.T that a bubble asks for.
func inTest(b *testing.B, f func(t *testing.T)) {
	b.ReportAllocs()
	b.ResetTimer()
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "bubble", F: f}})
	b.StopTimer()
}
