//go:build linux

package harness

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

func TestClientsArriveAsTheirWorkloadSays(t *testing.T) {
	const every = 100 * time.Millisecond
	for arrive, want := range map[scenario.Arrival][]time.Duration{
		scenario.Burst: {0, 0, 0, 0},
		scenario.Rate:  {0, every, 2 * every, 3 * every},
	} {
		for seed := range uint64(3) {
			if got := arrivals(scenario.Workload{Clients: 4, Arrive: arrive, Every: every}, seed); !slices.Equal(got, want) {
				t.Errorf("%s, seed %d: %v, want %v", arrive, seed, got, want)
			}
		}
	}
}

func TestListedArrivalsGoBeforeAnyRule(t *testing.T) {
	w := scenario.Workload{Clients: 2, Arrive: scenario.Poisson, Every: time.Hour, At: []time.Duration{3, 1, 2}}
	if got, want := arrivals(w, 1), []time.Duration{3, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestRandomArrivalsComeFromTheSeed(t *testing.T) {
	const every = 100 * time.Millisecond
	w := scenario.Workload{Clients: 2000, Arrive: scenario.Poisson, Every: every}
	seen := map[time.Duration]uint64{}
	for seed := range uint64(20) {
		at := arrivals(w, seed)
		if again := arrivals(w, seed); !slices.Equal(at, again) {
			t.Fatalf("seed %d gives %v, and then %v", seed, at[:3], again[:3])
		}
		if at[0] != 0 || !slices.IsSorted(at) {
			t.Errorf("seed %d: %v is not in order from 0", seed, at[:5])
		}
		if other, ok := seen[at[1]]; ok {
			t.Errorf("seeds %d and %d begin alike", seed, other)
		}
		seen[at[1]] = seed
		// The mean of 2000 gaps is within 5 of its standard errors, for these seeds.
		if mean := at[len(at)-1] / time.Duration(len(at)-1); mean < 89*every/100 || mean > 111*every/100 {
			t.Errorf("seed %d: %v apart on average, want %v", seed, mean, every)
		}
		if few := arrivals(scenario.Workload{Clients: 3, Arrive: scenario.Poisson, Every: every}, seed); !slices.Equal(few, at[:3]) {
			t.Errorf("seed %d: the first 3 of 3 come at %v, of 2000 at %v", seed, few, at[:3])
		}
	}
}

func TestSleepSaysWhetherItWasLeftToSleep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if !sleep(ctx, 0) || !sleep(ctx, time.Microsecond) {
		t.Error("woken up, though nothing had happened")
	}
	cancel()
	if sleep(ctx, 0) || sleep(ctx, time.Hour) {
		t.Error("slept under an ended ctx")
	}
}
