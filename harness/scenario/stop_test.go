package scenario

import (
	"testing"
	"time"
)

func TestAStopThatProbesKeepIsToldFromOneThatFails(t *testing.T) {
	send := Event{Kind: Send, Worker: "w1", Call: "probe1"}
	launch := Event{Kind: Launch, Worker: "w2"}
	for what, c := range map[string]struct {
		events []Event
		kept   bool
	}{
		"nothing is at work":             {[]Event{{Kind: Probing}, {Kind: Close}}, false},
		"a probe is":                     {[]Event{{Kind: Probing}, send, {Kind: Close}}, true},
		"a probe was":                    {[]Event{{Kind: Probing}, send, {Kind: Close}, {Kind: Recv, Worker: "w1", Call: "probe1"}}, false},
		"its worker is no more":          {[]Event{{Kind: Probing}, send, {Kind: Close}, {Kind: Exit, Worker: "w1"}}, false},
		"it never went out":              {[]Event{{Kind: Probing}, send, {Kind: Send, Worker: "w1", Call: "probe1", Err: "no"}, {Kind: Close}}, false},
		"a worker has begun":             {[]Event{{Kind: Probing}, launch, {Kind: Close}}, true},
		"it begins in the stop":          {[]Event{{Kind: Probing}, {Kind: Close}, launch, {Kind: Ready, Worker: "w2"}}, true},
		"it was ready before":            {[]Event{{Kind: Probing}, launch, {Kind: Ready, Worker: "w2"}, {Kind: Close}}, false},
		"it began before":                {[]Event{launch, {Kind: Probing}, {Kind: Close}}, false},
		"nobody probed":                  {[]Event{{Kind: Close}, launch}, false},
		"it has yet to begin":            {[]Event{{Kind: Probing}, send, launch}, false},
		"a frame of its own goes unsaid": {[]Event{{Kind: Probing}, {Kind: Send, Worker: "w1"}, {Kind: Close}}, false},
	} {
		r := Record{Events: c.events}
		if got := r.Kept(); got != c.kept {
			t.Errorf("%s: kept is %v", what, got)
		}
		r.Events = append(r.Events, Event{Kind: Closed, Err: "no", At: 2 * time.Second})
		if why, _ := r.FailedStop(); what != "it has yet to begin" && (why != "") == c.kept {
			t.Errorf("%s: its stop failed: %q", what, why)
		}
	}
}

func TestOneThatNeverCameBackHasNoExcuse(t *testing.T) {
	r := Record{Events: []Event{{Kind: Probing}, {Kind: Launch, Worker: "w1"}, {Kind: Close}, {Kind: Closed, Err: "no", Lost: true, At: StopPatience}}}
	if why, late := r.FailedStop(); why != "no" || !late {
		t.Errorf("%q, %v", why, late)
	}
}
