package judge

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

const ms = time.Millisecond

// timeline reads a record written by hand. A line that begins with a number is
// an event, at so many milliseconds: its kind, then what it is about, such as
//
//	110 send w1 c1 cpu=30 delay=5
//	200 return c1 err=no_worker lost
//
// Calls that are called probe… are probes. Any other line is a setting:
//
//	size 2
//	deadline 300
func timeline(t testing.TB, texts ...string) *scenario.Record {
	t.Helper()
	r := &scenario.Record{Subject: "mine", Size: 1, Cores: 2, Deadline: 300 * ms}
	for line := range strings.Lines(strings.Join(texts, "\n")) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if at, err := strconv.Atoi(words[0]); err == nil && len(words) > 1 {
			r.Events = append(r.Events, event(t, at, words[1:]))
			continue
		}
		n, err := strconv.Atoi(words[1])
		switch words[0] {
		case "size":
			r.Size = n
		case "overflow":
			r.Overflow = n
		case "deadline":
			r.Deadline = time.Duration(n) * ms
		case "late":
			r.Late = time.Duration(n) * ms
		case "subject":
			r.Subject, err = words[1], nil
		default:
			err = fmt.Errorf("no setting is called %q", words[0])
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return r
}

func event(t testing.TB, at int, words []string) scenario.Event {
	t.Helper()
	e := scenario.Event{At: time.Duration(at) * ms, Kind: scenario.Kind(words[0])}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		n, _ := strconv.Atoi(value)
		switch {
		case key == "err":
			e.Err = value
		case key == "text":
			e.Text = value
		case key == "in":
			e.Session = value
		case key == "do":
			e.Command = value
		case key == "id":
			e.ID = int64(n)
		case key == "cpu":
			e.OnCPU = time.Duration(n) * ms
		case key == "delay":
			e.Delay = time.Duration(n) * ms
		case key == "n":
			e.N = n
		case w == "lost":
			e.Lost = true
		case w == "wrong":
			e.Wrong = true
		case w == "excused":
			e.Excused = true
		case w[0] == 'w':
			e.Worker = w
		case w[0] == 'c', w[0] == 'p':
			e.Call, e.Probe = w, w[0] == 'p'
		default:
			t.Fatalf("what is %q?", w)
		}
	}
	return e
}

func TestATimelineIsReadAsItIsMeant(t *testing.T) {
	r := timeline(t, "subject ideal-all", `
		size 2
		late 7
		110 send w1 probe1 cpu=30 delay=5
		200 return c1 err=no lost wrong excused`, "210 probed n=3")
	if r.Subject != "ideal-all" || r.Size != 2 || r.Late != 7*ms || len(r.Events) != 3 {
		t.Fatalf("%+v", r)
	}
	for i, want := range []scenario.Event{
		{At: 110 * ms, Kind: scenario.Send, Worker: "w1", Call: "probe1", Probe: true, OnCPU: 30 * ms, Delay: 5 * ms},
		{At: 200 * ms, Kind: scenario.Return, Call: "c1", Err: "no", Lost: true, Wrong: true, Excused: true},
		{At: 210 * ms, Kind: scenario.Probed, N: 3},
	} {
		if r.Events[i] != want {
			t.Errorf("got %+v, want %+v", r.Events[i], want)
		}
	}
}
