package scenario

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// ran is a run in which two workers were ready at the given times and calls took
// what they took, in ms; below 0: they failed after that.
func ran(ready [2]time.Duration, took map[string]time.Duration) *Record {
	r := &Record{Deadline: 100 * ms, Events: []Event{
		{At: 10 * ms, Kind: Open}, {At: 10 * ms, Kind: Launch, Worker: "w1"}, {At: 10 * ms, Kind: Launch, Worker: "w2"},
		{At: (10 + ready[0]) * ms, Kind: Ready, Worker: "w1"}, {At: (10 + ready[1]) * ms, Kind: Ready, Worker: "w2"},
	}}
	for id, t := range took {
		e := Event{At: 500*ms + t.Abs()*ms, Kind: Return, Call: id}
		if t < 0 {
			e.Err = "no"
		}
		r.Events = append(r.Events, Event{At: 500 * ms, Kind: Arrive, Call: id}, e)
	}
	r.Events = append(r.Events, Event{At: 900 * ms, Kind: Probing}, Event{At: 900 * ms, Kind: Launch, Worker: "w3"}, Event{At: 950 * ms, Kind: Ready, Worker: "w3"})
	return r
}

func TestAReplayIsHeldAgainstTheRecordingCallByCall(t *testing.T) {
	recorded := ran([2]time.Duration{200, 100}, map[string]time.Duration{"in time": 40, "late": 150, "failed": -100, "near": 95, "only there": 10})
	replayed := ran([2]time.Duration{110, 240}, map[string]time.Duration{"in time": 50, "late": 90, "failed": -100, "near": 130, "only here": -100})
	c := Compare(recorded, replayed, false)
	pair := func(a, b time.Duration) Pair { return Pair{a * ms, b * ms} }
	want := Comparison{
		Deadline: 100 * ms, FirstReady: pair(100, 110), LastReady: pair(200, 240), Ready: [2]int{2, 2},
		Calls: []CallPair{
			{"failed", [2]bool{true, true}, [2]bool{false, false}, pair(100, 100), 500 * ms},
			{"in time", [2]bool{}, [2]bool{true, true}, pair(40, 50), 500 * ms},
			{"late", [2]bool{true, false}, [2]bool{true, true}, pair(150, 90), 500 * ms},
			{"near", [2]bool{false, true}, [2]bool{true, true}, pair(95, 130), 500 * ms},
			{"only here", [2]bool{false, true}, [2]bool{false, false}, pair(0, 100), 0},
			{"only there", [2]bool{}, [2]bool{true, false}, pair(10, 0), 500 * ms},
		},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if got := c.Others(); !reflect.DeepEqual(got, []string{"late", "near", "only here"}) {
		t.Errorf("missed in one alone: %q", got)
	}
	if got := c.Misses(); got != [2]int{2, 3} {
		t.Errorf("misses: %v", got)
	}
	for _, p := range c.Calls {
		for share, tie := range map[float64]bool{0.01: false, 0.06: p.ID == "near", 0.11: p.ID == "near" || p.ID == "late"} {
			if got := c.Tie(p, share); got != tie {
				t.Errorf("%s is a tie within %v: %v, want %v", p.ID, share, got, tie)
			}
		}
	}
	for _, says := range []string{"2 of 6 calls missed, 3 in the replay", "others: late near only here", "first ready after 0.100 s, +10.0 %", "last ready after 0.200 s, +20.0 %"} {
		if !strings.Contains(c.String(), says) {
			t.Errorf("%q does not say %q", c.String(), says)
		}
	}
}

func TestWithoutAReadyWorkerThereIsNoTimeOfOne(t *testing.T) {
	c := Compare(&Record{}, ran([2]time.Duration{100, 200}, nil), false)
	if c.FirstReady.Recorded != 0 || c.FirstReady.Replayed != 100*ms || c.Ready != [2]int{0, 2} {
		t.Errorf("got %+v", c)
	}
	if strings.Contains(c.String(), "ready") {
		t.Errorf("it says %q", c.String())
	}
}

func TestSpansAreComparedWhereTheEnvironmentIsKnown(t *testing.T) {
	recorded := ran([2]time.Duration{1, 1}, nil)
	recorded.Environment = &Environment{Cores: 2, Starts: []Span{{End: 100 * ms, Demand: Demand{CPU: 200 * ms}}, {Worker: 1, End: 1000 * ms, Demand: Demand{CPU: 1140 * ms}}}}
	c := Compare(recorded, recorded, false)
	if len(c.Spans) != 2 || c.Spans[0].Replayed != 200*ms {
		t.Fatalf("got %+v", c.Spans)
	}
	if off := c.Off(50*ms, 0.15); len(off) != 1 || off[0].What != "start 0" {
		t.Errorf("off: %+v", off)
	}
	if off := c.Off(100*ms, 0); len(off) != 1 || off[0].What != "start 1" {
		t.Errorf("off by more than 100 ms: %+v", off)
	}
	if !strings.Contains(c.String(), "1 of 2 spans") {
		t.Errorf("it says %q", c.String())
	}
}
