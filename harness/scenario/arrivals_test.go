package scenario

import (
	"slices"
	"testing"
	"time"
)

func TestClientsArriveAsTheirWorkloadSays(t *testing.T) {
	const every = 100 * time.Millisecond
	for arrive, want := range map[Arrival][]time.Duration{
		Burst: {0, 0, 0, 0},
		Rate:  {0, every, 2 * every, 3 * every},
	} {
		for seed := range uint64(3) {
			if got := (&Workload{Clients: 4, Arrive: arrive, Every: every}).Arrivals(seed); !slices.Equal(got, want) {
				t.Errorf("%s, seed %d: %v, want %v", arrive, seed, got, want)
			}
		}
	}
}

func TestListedArrivalsGoBeforeAnyRule(t *testing.T) {
	w := Workload{Clients: 2, Arrive: Poisson, Every: time.Hour, At: []time.Duration{3, 1, 2}}
	if got, want := w.Arrivals(1), []time.Duration{3, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestRandomArrivalsComeFromTheSeed(t *testing.T) {
	const every = 100 * time.Millisecond
	w := Workload{Clients: 2000, Arrive: Poisson, Every: every}
	seen := map[time.Duration]uint64{}
	for seed := range uint64(20) {
		at := w.Arrivals(seed)
		if again := w.Arrivals(seed); !slices.Equal(at, again) {
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
		if few := (&Workload{Clients: 3, Arrive: Poisson, Every: every}).Arrivals(seed); !slices.Equal(few, at[:3]) {
			t.Errorf("seed %d: the first 3 of 3 come at %v, of 2000 at %v", seed, few, at[:3])
		}
	}
}
