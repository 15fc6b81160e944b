package scenario

import (
	"reflect"
	"testing"
	"time"
)

func TestSpansTakeWhatTheModelOfCoresSays(t *testing.T) {
	start := func(worker int, begin, cpu, wait time.Duration) Span {
		return Span{Worker: worker, Begin: begin * ms, End: (begin + 100) * ms, Demand: Demand{CPU: cpu * ms, Wait: wait * ms}}
	}
	cut := func(s Span) Span { s.Cut = true; return s }
	by := func(engine time.Duration, s Span) Span { s.Engine = engine * ms; return s }
	hog := []Rival{{Place: Place{Path: []Group{{Name: "hog"}}}}}
	load := func(threads int, cpu float64) []Bucket {
		return []Bucket{{Span: time.Second, Load: []Load{{Threads: threads, Runnable: float64(threads), CPU: cpu}}}}
	}
	for _, c := range []struct {
		name string
		env  Environment
		want map[string]time.Duration // ms, by what
	}{
		{"alone: what it asks for", Environment{Cores: 1, Starts: []Span{start(0, 0, 60, 40)}}, map[string]time.Duration{"start 0": 100}},
		{"two on one core: half each, the waiting after it", Environment{Cores: 1, Starts: []Span{start(0, 0, 60, 40), start(1, 0, 60, 0)}},
			map[string]time.Duration{"start 0": 160, "start 1": 120}},
		{"the later one finds the earlier one at it", Environment{Cores: 1, Starts: []Span{start(0, 0, 60, 0), start(1, 40, 60, 0)}},
			map[string]time.Duration{"start 0": 80, "start 1": 80}},
		{"one that was cut short takes its part", Environment{Cores: 1, Starts: []Span{start(0, 0, 60, 0), cut(start(1, 0, 10, 0))}},
			map[string]time.Duration{"start 0": 70}},
		{"calls, each time they were sent", Environment{Cores: 1, Starts: []Span{start(0, 0, 0, 0)}, Calls: map[string][]Span{
			"c1": {start(0, 100, 30, 0), start(0, 200, 40, 5)}, "c2": {start(0, 300, 7, 0)},
		}}, map[string]time.Duration{"start 0": 0, "c1": 30, "c1/2": 45, "c2": 7}},
		{"a worker's own threads share its group's part", Environment{Cores: 1, Starts: []Span{start(0, 0, 60, 0), start(1, 0, 60, 0)}, Calls: map[string][]Span{
			"c1": {start(0, 0, 60, 0)},
		}}, map[string]time.Duration{"start 0": 180, "start 1": 120, "c1": 180}},
		{"another pool's worker", Environment{Cores: 1, Starts: []Span{start(0, 0, 60, 0)}, Others: []Span{start(0, 30, 10, 0), start(0, 60, 10, 0)}},
			map[string]time.Duration{"start 0": 80}},
		{"which shares no group with one of this pool", Environment{Cores: 1, Starts: []Span{start(0, 0, 60, 0), start(1, 0, 60, 0)}, Others: []Span{start(0, 0, 60, 0)}},
			map[string]time.Duration{"start 0": 180, "start 1": 180}},
		{"what its engine takes comes before it computes", Environment{Cores: 1, Starts: []Span{by(50, start(0, 0, 60, 70)), start(1, 0, 60, 0)}},
			map[string]time.Duration{"start 0": 50 + 10 + 60 + 20, "start 1": 70}},
		{"two hogs from outside", Environment{Cores: 2, Starts: []Span{start(0, 0, 60, 0), start(1, 0, 60, 0)}, Rivals: hog, Load: load(2, 2)},
			map[string]time.Duration{"start 0": 90, "start 1": 90}},
		{"no core at all", Environment{Cores: 1, Starts: []Span{start(0, 0, 60, 0)}, Load: []Bucket{{Span: time.Second, Stolen: 1}}},
			map[string]time.Duration{"start 0": never / ms}},
	} {
		got := map[string]time.Duration{}
		for _, s := range c.env.Modelled(false) {
			got[s.What] = s.Replayed / ms
			if s.Recorded != 100*ms {
				t.Errorf("%s: %s took %v in the recording", c.name, s.What, s.Recorded)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v ms", c.name, got, c.want)
		}
	}
}

func TestLoadThatSleptIsFrozenOnlyWhereThatIsAskedFor(t *testing.T) {
	// A thread that was runnable for 0.9 of the time got 0.3 of a core: it sleeps
	// a third of what it computes, so it takes 0.75 of a core at most.
	e := Environment{Cores: 1.7, Starts: []Span{{End: 100 * ms, Demand: Demand{CPU: 100 * ms}}}, Rivals: []Rival{{Place: Place{Path: []Group{{Name: "hog"}}}}},
		Load: []Bucket{{Span: time.Second, Load: []Load{{Threads: 1, Runnable: 0.9, CPU: 0.3}}}}}
	frozen, reacts := e.Modelled(true)[0], e.Modelled(false)[0]
	if want := 117_647_059 * time.Nanosecond; frozen.Replayed != want { // 0.85 cores
		t.Errorf("frozen: %v, want %v", frozen.Replayed, want)
	}
	if want := 105_263_158 * time.Nanosecond; reacts.Replayed != want { // 0.95
		t.Errorf("reacting: %v, want %v", reacts.Replayed, want)
	}
}
