package scenario

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

func anEnvironment() *Environment {
	return &Environment{
		Cores: 2, Quota: Quota{Cores: 0.5, Period: 100 * ms},
		Starts: []Span{
			{Worker: 0, Begin: 1 * ms, End: 50 * ms, Demand: Demand{CPU: 30 * ms, Wait: 10 * ms}},
			{Worker: 1, Begin: 2 * ms, End: 2 * ms, Mute: true, Refused: "no such interpreter"},
		},
		Calls:   map[string][]Span{"c1": {{Worker: 0, Begin: 60 * ms, End: 70 * ms, Demand: Demand{CPU: 1 * ms, Wait: 9 * ms}, Cut: true, Died: true}}},
		Deaths:  []Death{{Worker: 0, At: 70 * ms, Age: 69 * ms, CPU: 31 * ms, Call: "c1", Exit: "exit status 1"}},
		Victims: []string{"c1"},
		Further: []Span{{Worker: 1, Demand: Demand{CPU: 40 * ms}}, {Worker: 2, Died: true}},
		Workers: []Place{{Path: []Group{{Name: "/autogroup-7", Weight: 1}}, Processes: 1, Threads: 3}},
		Rivals: []Rival{{Place: Place{Path: []Group{{Name: "docker", Weight: 1}, {Name: "a", Weight: 0.5, Quota: Quota{Cores: 1, Period: 100 * ms}}}, Nice: 5, Policy: Idle, CPUs: []int{0}}},
			{Place: Place{Path: []Group{{Name: "/autogroup-6", Weight: 1}}}, Harness: true}},
		Load: []Bucket{{At: 0, Span: 200 * ms, Load: []Load{{Rival: 1, Threads: 2, Runnable: 1.5, CPU: 1, Busy: 1, BusyCPU: 0.75}}, Own: 0.5, Stolen: 0.1, Unseen: -0.05},
			{At: 200 * ms, Span: 200 * ms}},
		Late: 3 * ms, Cost: 2 * ms, Share: 0.005, Slice: ms / 10, Gaps: []Gap{{Kind: GapLate, Text: "a bucket of 1s"}},
	}
}

func TestAnEnvironmentIsTheSameAfterItWasWrittenDown(t *testing.T) {
	text, err := json.Marshal(anEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	var got Environment
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(&got, anEnvironment()) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, anEnvironment())
	}
}

func TestAnEnvironmentThatCannotBeIsNamed(t *testing.T) {
	if err := anEnvironment().Check(); err != nil {
		t.Fatal(err)
	}
	for says, spoil := range map[string]func(e *Environment){
		"0 cores":                        func(e *Environment) { e.Cores = 0 },
		"NaN cores":                      func(e *Environment) { e.Cores = math.NaN() },
		"start 1 is of worker 7":         func(e *Environment) { e.Starts[1].Worker = 7 },
		"start 0 is from 1ms to 0s":      func(e *Environment) { e.Starts[0].End = 0 },
		"asks for -1ns of CPU":           func(e *Environment) { e.Starts[0].CPU = -1 },
		"-1ns of waiting":                func(e *Environment) { e.Calls["c1"][0].Wait = -1 },
		"further start 1 is of worker 3": func(e *Environment) { e.Further[1].Worker = 3 },
		"further start 0 is of worker 3": func(e *Environment) { e.Further[0].Worker, e.Further[1].Worker = 3, 4 },
		"further start 0 is of worker 1 and asks for -1ns": func(e *Environment) { e.Further[0].CPU = -1 },
		"call c1 is on worker 2 of 2":                      func(e *Environment) { e.Calls["c1"][0].Worker = 2 },
		"a death is on worker -1":                          func(e *Environment) { e.Deaths[0].Worker = -1 },
		"bucket 1 is at 100ms":                             func(e *Environment) { e.Load[1].At = 100 * ms },
		"bucket 0 is at 0s for 0s":                         func(e *Environment) { e.Load[0].Span = 0 },
		"load of rival 2 of 2":                             func(e *Environment) { e.Load[0].Load[0].Rival = 2 },
		"0.5 want a CPU and 1 have":                        func(e *Environment) { e.Load[0].Load[0].Runnable = 0.5 },
		"NaN want a CPU":                                   func(e *Environment) { e.Load[0].Load[0].Runnable = math.NaN() },
		"weight NaN":                                       func(e *Environment) { e.Workers[0].Path[0].Weight = math.NaN() },
		"weight -1":                                        func(e *Environment) { e.Rivals[1].Path[0].Weight = -1 },
		"quota 1 in a period of 1ns":                       func(e *Environment) { e.Rivals[0].Path[1].Quota.Period = 1 },
		"a first period of -1ns":                           func(e *Environment) { e.Rivals[0].Path[1].Quota.First = -1 },
		`"workers": a first period of -1ns`:                func(e *Environment) { e.Quota = Quota{Cores: 1, First: -1} },
		"quota NaN":                                        func(e *Environment) { e.Quota.Cores = math.NaN() },
		"nice 20":                                          func(e *Environment) { e.Rivals[1].Nice = 20 },
		"+Inf of":                                          func(e *Environment) { e.Load[0].Load[0].Runnable = math.Inf(1) },
		"3 are busy and have 0":                            func(e *Environment) { e.Load[0].Load[0].Busy = 3 },
		"-1 are busy":                                      func(e *Environment) { e.Load[0].Load[0].Busy = -1 },
		"1 are busy and have 1.1":                          func(e *Environment) { e.Load[0].Load[0].Busy, e.Load[0].Load[0].BusyCPU = 1, 1.1 },
		"are busy and have NaN":                            func(e *Environment) { e.Load[0].Load[0].BusyCPU = math.NaN() },
		"has 0 threads":                                    func(e *Environment) { e.Load[0].Load[0].Threads = 0 },
	} {
		e := anEnvironment()
		spoil(e)
		if err := e.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want it to say %q", err, says)
		}
	}
}

func TestAnEnvironmentKnowsWhatOthersWantedOnAverage(t *testing.T) {
	e := anEnvironment() // 1.5 threads in the first of two buckets, and less than none unseen
	e.Load[1].Unseen = 0.55
	if wanted, stolen := e.Wanted(); math.Abs(wanted-1) > 1e-9 || math.Abs(stolen-0.05) > 1e-9 {
		t.Errorf("%v threads wanted a CPU, %v cores were stolen", wanted, stolen)
	}
}
