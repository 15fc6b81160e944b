package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
)

// mixed draws a scenario from a seed: round numbers on purpose, so that timers
// collide.
func mixed(seed uint64) Scenario {
	draw := rand.New(rand.NewPCG(seed, 42))
	ms := func(lo, hi, step int) time.Duration {
		return time.Duration(lo+step*draw.IntN((hi-lo)/step+1)) * time.Millisecond
	}
	size := 1 + draw.IntN(6)
	sc := Scenario{
		World: virtual.Name, Seed: seed, Cores: float64(1 + draw.IntN(4)),
		Config:   subject.Config{Size: size, Overflow: draw.IntN(2) * draw.IntN(3), Lazy: draw.IntN(2) == 0},
		Start:    scenario.Demand{CPU: ms(0, 600, 100), Wait: ms(0, 1000, 250)},
		Deadline: ms(500, 4000, 500),
		Workload: scenario.Workload{Clients: 1 + draw.IntN(2*size), Calls: 1 + draw.IntN(2), Think: ms(0, 250, 250), Every: ms(50, 250, 50)},
	}
	sc.Workload.Arrive = []scenario.Arrival{scenario.Burst, scenario.Burst, scenario.Rate, scenario.Poisson}[draw.IntN(4)]
	switch draw.IntN(3) {
	case 0:
		sc.Workload.Command = "echo"
	case 1:
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": ms(0, 2000, 250).Seconds()}
	default:
		sc.Workload.Command, sc.Workload.Args = "burn", map[string]any{"cpu_s": ms(50, 500, 50).Seconds()}
	}
	if draw.IntN(3) == 0 {
		sc.Workload.DieAfter = ms(250, 1000, 250)
	}
	if draw.IntN(3) == 0 {
		sc.Config.CheckoutTimeout, sc.Config.CallTimeout = ms(250, 2000, 250), ms(250, 2000, 250)
	}
	return sc
}

// controlled are the subjects whose order is ours.
func controlled() []subject.Subject {
	return []subject.Subject{subject.Ours(), subject.Herd(), subject.Ideal(subject.Cores), subject.Puddle(), dspex.V1(), dspex.V2Seed()}
}

// seeds is how many seeds are tried: BUTFOR_SEEDS, else few.
func seeds(t *testing.T, few uint64) uint64 {
	text := os.Getenv("BUTFOR_SEEDS")
	if text == "" {
		return few
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("BUTFOR_SEEDS: %v", err)
	}
	return n
}

func play1(t *testing.T, s subject.Subject, sc Scenario) *scenario.Record {
	t.Helper()
	fill(&sc)
	r, err := stage(context.Background(), t, sc, s, true)
	if err != nil {
		t.Fatalf("%s, seed %d: %v", s.Name, sc.Seed, err)
	}
	return r
}

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	for _, s := range controlled() {
		t.Run(s.Name, func(t *testing.T) {
			different := 0
			for seed := range seeds(t, 100) {
				one, two := play1(t, s, mixed(seed)), play1(t, s, mixed(seed))
				if trace.Hash(one) != trace.Hash(two) {
					if different++; different < 3 {
						t.Errorf("seed %d: %s", seed, firstDifference(one, two))
					}
				}
			}
			if different > 0 {
				t.Errorf("%d seeds gave two traces", different)
			}
		})
	}
}

func firstDifference(one, two *scenario.Record) string {
	for i := range min(len(one.Events), len(two.Events)) {
		if one.Events[i] != two.Events[i] {
			return fmt.Sprintf("event %d is\n%+v\nand\n%+v", i, one.Events[i], two.Events[i])
		}
	}
	return fmt.Sprintf("%d events and %d", len(one.Events), len(two.Events))
}
