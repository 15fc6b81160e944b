package scenario

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestCallsAreListedAsTheyArrivedWithWhatBecameOfThem(t *testing.T) {
	r := &Record{Deadline: 100 * ms, Events: []Event{
		{At: 0, Kind: Open},
		{At: 10 * ms, Kind: Arrive, Call: "c2", Client: "bob"},
		{At: 20 * ms, Kind: Arrive, Call: "c1", Client: "ann"},
		{At: 25 * ms, Kind: Arrive, Call: "probe1", Probe: true},
		{At: 30 * ms, Kind: Begin, Call: "c1"},
		{At: 40 * ms, Kind: Send, Call: "c1", Worker: "w1"},
		{At: 45 * ms, Kind: Send, Worker: "w2"},
		{At: 50 * ms, Kind: Send, Call: "c1", Worker: "w2"},
		{At: 60 * ms, Kind: Recv, Call: "c1", Worker: "w1"},
		{At: 70 * ms, Kind: Return, Call: "c1"},
		{At: 80 * ms, Kind: Return, Call: "c2", Err: "refused"},
		{At: 90 * ms, Kind: Return, Call: "probe1", Probe: true},
	}}
	want := []Call{
		{ID: "c2", Client: "bob", Arrived: 10 * ms, Ended: 80 * ms, Took: 70 * ms, Err: "refused", Missed: true},
		{ID: "c1", Client: "ann", Arrived: 20 * ms, Sent: 40 * ms, Worker: "w1", Ended: 70 * ms, Took: 50 * ms},
	}
	if got := r.Calls(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAMissIsACallWithoutARightAnswerByItsDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		arrived, ended time.Duration
		e              Event
		missed, served bool
	}{
		"in time":                   {0, 99 * ms, Event{}, false, true},
		"at the deadline":           {0, 100 * ms, Event{}, false, true},
		"after it":                  {0, 101 * ms, Event{}, true, true},
		"counted from its arrival":  {50 * ms, 149 * ms, Event{}, false, true},
		"late from its arrival":     {50 * ms, 151 * ms, Event{}, true, true},
		"an error that is right":    {0, 1 * ms, Event{Err: "no", Right: true}, false, true},
		"that comes late":           {0, 101 * ms, Event{Err: "no", Right: true}, true, true},
		"an error":                  {0, 1 * ms, Event{Err: "no"}, true, false},
		"a wrong answer":            {0, 1 * ms, Event{Wrong: true}, true, false},
		"lost":                      {0, 1 * ms, Event{Lost: true}, true, false},
		"excused, with an error":    {0, 1 * ms, Event{Excused: true, Err: "client died"}, false, false},
		"excused, and late":         {0, 200 * ms, Event{Excused: true}, false, false},
		"excused, and answered":     {0, 1 * ms, Event{Excused: true}, false, false},
		"excused, and wrong":        {0, 1 * ms, Event{Excused: true, Wrong: true}, false, false},
		"excused, and did not come": {0, 1 * ms, Event{Excused: true, Lost: true}, false, false},
	} {
		e := c.e
		e.At, e.Kind, e.Call = c.ended, Return, "c1"
		r := &Record{Deadline: 100 * ms, Events: []Event{{At: c.arrived, Kind: Arrive, Call: "c1"}, e}}
		if got := r.Misses() == 1; got != c.missed {
			t.Errorf("%s: missed %v, want %v", name, got, c.missed)
		}
		if got := len(r.Served()) == 1; got != c.served {
			t.Errorf("%s: served %v, want %v", name, got, c.served)
		}
	}
}

func TestACallThatAFaultKeptFromAnAnswerIsExcusedIfItsCallerWasToldInTime(t *testing.T) {
	for name, c := range map[string]struct {
		back, victim time.Duration
		e            Event
		excused      bool
	}{
		"told in time":                     {50 * ms, 40 * ms, Event{Err: "worker died"}, true},
		"told before the fault was proved": {50 * ms, 60 * ms, Event{Err: "worker died"}, true},
		"told at the deadline":             {100 * ms, 40 * ms, Event{Err: "worker died"}, true},
		"told too late":                    {101 * ms, 40 * ms, Event{Err: "worker died"}, false},
		"answered all the same":            {50 * ms, 40 * ms, Event{}, false},
		"told what is the right answer":    {50 * ms, 40 * ms, Event{Err: "RequestError", Right: true}, false},
		"lost":                             {50 * ms, 40 * ms, Event{Err: "lost", Lost: true}, false},
	} {
		e := c.e
		e.At, e.Kind, e.Call = c.back, Return, "c1"
		r := &Record{Deadline: 100 * ms, Events: []Event{{Kind: Arrive, Call: "c1"}, {Kind: Arrive, Call: "c2"},
			e, {At: c.victim, Kind: Victim, Fault: "exit-at-call", Call: "c1"}, {At: c.victim, Kind: Fault, Fault: "exit-at-call", Call: "c1"},
			{At: 50 * ms, Kind: Return, Call: "c2", Err: "worker died"}}}
		calls := r.Calls()
		if len(calls) != 2 || calls[0].Excused != c.excused || calls[0].Missed != (!c.excused && e.Err != "" && !e.Right) || calls[1].Excused || !calls[1].Missed {
			t.Errorf("%s: %+v", name, calls)
		}
	}
}

func TestAFrameThatDidNotGoOutCountsForNothing(t *testing.T) {
	r := &Record{Deadline: 100 * ms, Events: []Event{
		{At: 0, Kind: Launch, Worker: "w1"}, {At: 0, Kind: Launch, Worker: "w2"},
		{At: 10 * ms, Kind: Arrive, Call: "c1"},
		{At: 20 * ms, Kind: Send, Call: "c1", Worker: "w1"},
		{At: 21 * ms, Kind: Send, Call: "c1", Worker: "w1", Err: "gone"},
		{At: 30 * ms, Kind: Send, Call: "c1", Worker: "w2"},
		{At: 31 * ms, Kind: Send, Call: "c1", Worker: "w1"},
		{At: 32 * ms, Kind: Send, Call: "c1", Worker: "w1", Err: "gone"},
	}}
	if c := r.Calls()[0]; c.Worker != "w2" || c.Sent != 30*ms || c.Ended >= 0 {
		t.Errorf("got %+v, want it sent to w2 at 30 ms and never ended", c)
	}
	if w := r.Workers(); w[0].Calls != 0 || w[1].Calls != 1 {
		t.Errorf("got %+v, want a call to w2 alone", w)
	}
}

func TestServedAreTheTimesOfRightAnswersShortestFirst(t *testing.T) {
	r := &Record{Deadline: 100 * ms, Events: []Event{
		{At: 0, Kind: Arrive, Call: "c1"}, {At: 0, Kind: Arrive, Call: "c2"}, {At: 0, Kind: Arrive, Call: "c3"}, {At: 0, Kind: Arrive, Call: "probe1", Probe: true},
		{At: 1 * ms, Kind: Return, Call: "probe1", Probe: true},
		{At: 300 * ms, Kind: Return, Call: "c1"},
		{At: 350 * ms, Kind: Return, Call: "c2", Err: "no"},
		{At: 350 * ms, Kind: Arrive, Call: "c4"},
		{At: 360 * ms, Kind: Return, Call: "c4"},
	}}
	if got, want := r.Served(), []time.Duration{10 * ms, 300 * ms}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWorkersAreListedAsTheyWereLaunchedWithWhatBecameOfThem(t *testing.T) {
	r := &Record{Events: []Event{
		{At: 1 * ms, Kind: Launch, Worker: "ready"},
		{At: 2 * ms, Kind: Launch, Worker: "died"},
		{At: 3 * ms, Kind: Launch, Worker: "refused"},
		{At: 4 * ms, Kind: Launched, Worker: "ready"},
		{At: 5 * ms, Kind: Launched, Worker: "died"},
		{At: 6 * ms, Kind: Launched, Worker: "refused", Err: "no"},
		{At: 7 * ms, Kind: Send, Worker: "ready", OnCPU: 1 * ms},
		{At: 8 * ms, Kind: Ready, Worker: "ready", OnCPU: 30 * ms, Delay: 10 * ms},
		{At: 9 * ms, Kind: Send, Worker: "ready", Call: "c1", OnCPU: 31 * ms},
		{At: 10 * ms, Kind: Send, Worker: "ready", Call: "c2"},
		{At: 11 * ms, Kind: Send, Worker: "ready", Call: "probe1", Probe: true},
		{At: 12 * ms, Kind: Send, Worker: "stranger", Call: "c3"},
		{At: 13 * ms, Kind: Exit, Worker: "died", OnCPU: 20 * ms, Delay: 5 * ms},
		{At: 14 * ms, Kind: Exit, Worker: "ready", OnCPU: 90 * ms, Delay: 90 * ms},
	}}
	want := []Worker{
		{ID: "ready", Launched: 1 * ms, Ready: 8 * ms, Exited: 14 * ms, OnCPU: 30 * ms, Delay: 10 * ms, Calls: 2},
		{ID: "died", Launched: 2 * ms, Ready: -1, Exited: 13 * ms, OnCPU: 20 * ms, Delay: 5 * ms},
		{ID: "refused", Launched: 3 * ms, Ready: -1, Exited: 6 * ms},
	}
	if got := r.Workers(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestANameUsedAgainIsAnotherWorker(t *testing.T) {
	r := &Record{Events: []Event{
		{At: 1 * ms, Kind: Launch, Worker: "w1"}, {At: 2 * ms, Kind: Exit, Worker: "w1"},
		{At: 3 * ms, Kind: Launch, Worker: "w1"}, {At: 4 * ms, Kind: Ready, Worker: "w1"},
	}}
	want := []Worker{{ID: "w1", Launched: 1 * ms, Ready: -1, Exited: 2 * ms}, {ID: "w1", Launched: 3 * ms, Ready: 4 * ms, Exited: -1}}
	if got := r.Workers(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestFirstIsTheFirstOfItsKind(t *testing.T) {
	r := &Record{Events: []Event{{At: 1, Kind: Open}, {At: 2, Kind: Go}, {At: 3, Kind: Go}}}
	if e, ok := r.First(Go); !ok || e.At != 2 {
		t.Errorf("got %+v, %v", e, ok)
	}
	if e, ok := r.First(Left); ok {
		t.Errorf("found %+v where there is none", e)
	}
}

func TestWhatAnEngineHadInAWorkersProcessIsNotTheStarts(t *testing.T) {
	r := Record{Events: []Event{
		{Kind: Launch, Worker: "w1"},
		{At: 40 * ms, Kind: Launched, Worker: "w1", Engine: 40 * ms, OnCPU: 15 * ms, Delay: 9 * ms},
		{At: 100 * ms, Kind: Ready, Worker: "w1", OnCPU: 45 * ms, Delay: 29 * ms},
		{At: 100 * ms, Kind: Launch, Worker: "w2"},
		{At: 110 * ms, Kind: Launched, Worker: "w2", Engine: 10 * ms, OnCPU: 15 * ms, Delay: 9 * ms},
		{At: 120 * ms, Kind: Exit, Worker: "w2", OnCPU: 20 * ms, Delay: 9 * ms},
	}}
	for i, want := range [][2]time.Duration{{30 * ms, 20 * ms}, {5 * ms, 0}} {
		if w := r.Workers()[i]; w.OnCPU != want[0] || w.Delay != want[1] {
			t.Errorf("%s had %v and waited %v for a CPU, want %v", w.ID, w.OnCPU, w.Delay, want)
		}
	}
}
