package report

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/butfor/butfor/harness/scenario"
)

const (
	ms = time.Millisecond
	us = time.Microsecond
)

func printedTimeline(r *scenario.Record, width int) string {
	var b bytes.Buffer
	Timeline(&b, r, width)
	return b.String()
}

// parts are the heading, the story and the chart.
func parts(t *testing.T, r *scenario.Record, width int) (heading, story, chart string) {
	t.Helper()
	p := strings.SplitN(printedTimeline(r, width), "\n\n", 3)
	if len(p) != 3 {
		t.Fatalf("%d parts, want heading, story and chart:\n%s", len(p), strings.Join(p, "\n\n"))
	}
	return p[0], p[1], p[2]
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	trim := func(s string) string { return strings.TrimRight(strings.TrimLeft(s, "\n"), "\n \t") }
	if got, want := trim(got), trim(want); got != want {
		t.Errorf("%s is\n%s\nwant\n%s", what, got, want)
	}
}

func TestATimelineTellsOfOtherPoolsToo(t *testing.T) {
	alone := printedTimeline(aRun(), 80)
	r := aRun()
	before, beside := aRun(), aRun()
	before.Subject, beside.Subject = "earlier", "neighbour"
	before.Events = append(before.Events[:6:6], scenario.Event{Kind: scenario.Closed})
	r.Others = []*scenario.Record{before, beside}
	text := printedTimeline(r, 80)
	if !strings.HasPrefix(text, "First: earlier: 2 workers") || !strings.HasSuffix(text, strings.SplitN(alone, "\n\n", 2)[1]) || strings.Count(text, "\n\nThen: mine: 2 workers")+strings.Count(text, "\n\nBeside it: neighbour: 2 workers") != 2 {
		t.Errorf("it is\n%s", text)
	}
}

// aRun is one in which two workers start, a call waits, one is late, one is
// cut short by the death of its worker, and one gives up.
func aRun() *scenario.Record {
	return &scenario.Record{Subject: "mine", Seed: 7, Size: 2, Overflow: 1, Cores: 2, Deadline: 500 * ms, Patience: 800 * ms, Events: []scenario.Event{
		{At: 0, Kind: scenario.Open},
		{At: 1 * us, Kind: scenario.Go},
		{At: 2 * us, Kind: scenario.Arrive, Call: "c2", Client: "c2", Command: "sleep"},
		{At: 2 * us, Kind: scenario.Launch, Worker: "w1"},
		{At: 3 * us, Kind: scenario.Arrive, Call: "c1", Client: "c1", Command: "sleep"},
		{At: 4 * us, Kind: scenario.Opened},
		{At: 4 * us, Kind: scenario.Launch, Worker: "w10"},
		{At: 4 * us, Kind: scenario.Launched, Worker: "w1"},
		{At: 4 * us, Kind: scenario.Launched, Worker: "w10"},
		{At: 5 * us, Kind: scenario.Begin, Call: "c2"},
		{At: 5 * us, Kind: scenario.Send, Worker: "w1", Command: "ping"},
		{At: 5 * us, Kind: scenario.Send, Worker: "w10", Command: "ping"},
		{At: 100 * ms, Kind: scenario.Arrive, Call: "c3", Client: "c3", Command: "echo"},
		{At: 200*ms + us, Kind: scenario.Recv, Worker: "w1"},
		{At: 200*ms + us, Kind: scenario.Ready, Worker: "w1", OnCPU: 50 * ms, Delay: 100 * ms},
		{At: 200*ms + 2*us, Kind: scenario.Send, Worker: "w1", Call: "c2", ID: 1, Command: "sleep"},
		{At: 200*ms + 5*us, Kind: scenario.Recv, Worker: "w10"},
		{At: 200*ms + 5*us, Kind: scenario.Ready, Worker: "w10", OnCPU: 50 * ms, Delay: 100 * ms},
		{At: 200*ms + 6*us, Kind: scenario.Send, Worker: "w10", Call: "c1", ID: 1, Command: "sleep"},
		{At: 440 * ms, Kind: scenario.Exit, Worker: "w10", Text: "exit status 1"},
		{At: 440*ms + us, Kind: scenario.Return, Call: "c1", Client: "c1", Err: "worker w10: gone after 250.001ms:\nexit status 1"},
		{At: 600 * ms, Kind: scenario.Recv, Worker: "w1", Call: "c2", ID: 1},
		{At: 600*ms + us, Kind: scenario.Return, Call: "c2", Client: "c2", Worker: "w1"},
		{At: 900 * ms, Kind: scenario.Return, Call: "c3", Client: "c3", Err: "no worker within 800ms"},
		{At: 900*ms + us, Kind: scenario.Probing},
		{At: 900*ms + us, Kind: scenario.Arrive, Call: "probe1", Probe: true},
		{At: 900*ms + us, Kind: scenario.Launch, Worker: "w11"},
		{At: 1100 * ms, Kind: scenario.Ready, Worker: "w11"},
		{At: 1200 * ms, Kind: scenario.Probed, N: 2},
		{At: 1200 * ms, Kind: scenario.Close},
		{At: 1250 * ms, Kind: scenario.Exit, Worker: "w1"},
		{At: 1300 * ms, Kind: scenario.Closed, Err: "Close: too slow"},
		{At: 1300 * ms, Kind: scenario.Left, Text: "worker w11"},
	}}
}

func TestATimelineTellsARunInTheOrderOfTime(t *testing.T) {
	heading, story, _ := parts(t, aRun(), 100)
	same(t, "the heading", heading, `
mine: 2 workers and 1 more when they are busy, 2 cores, seed 7; a call's deadline is 0.5 s after
  its arrival, its caller gives up after 0.8 s`)
	same(t, "the story", story, `
  0.000 s  the pool opens; c2 c1 call sleep; w1 w10 are launched
  0.100 s  c3 calls echo
  0.200 s  w1 w10 are ready, 0.2 s after their launch (0.05 s on a CPU, 0.1 s waiting for one)
           c2 → w1, c1 → w10
  0.440 s  w10 is gone (exit status 1), with c1 in its hands
           c1 fails after 0.44 s: worker w10: gone after 0.25 s:; exit status 1
  0.500 s  c2 has no answer by its deadline
  0.600 s  w1 answers c2: served after 0.6 s, 0.1 s late; c3 has no answer by its deadline
  0.900 s  c3 gives up after 0.8 s: no worker within 0.8 s
  0.900 s  all calls are over; probes hold 2 of 2 workers at once, 1 of them newly launched,
             within 0.3 s
  1.200 s  the pool closes, which takes 0.1 s, and fails: Close: too slow
  1.300 s  left behind: worker w11`)
}

func TestAChartShowsWorkersAndClientsCellByCell(t *testing.T) {
	_, _, chart := parts(t, aRun(), 80)
	rows, legend, _ := strings.Cut(chart, "One column")
	same(t, "the chart", rows, `
    |0 s      |0.2 s    |0.4 s    |0.6 s    |0.8 s
w1  ░░░░░░░░░░█c2█████████████████···············
w10 ░░░░░░░░░░█c1█████████✗
c1  ──────────█w10████████✗
c2  ──────────█w1████████████!████✓
c3       ─────────────────────────!──────────────✗`)
	if want := "One column is 0.02 s."; !strings.HasPrefix("One column"+legend, want) {
		t.Errorf("the legend begins with %q, want %q", legend, want)
	}
	_, _, chart = parts(t, aRun(), 45) // less room: longer cells, and none for names
	rows, legend, _ = strings.Cut(chart, "One column")
	same(t, "the narrow chart", rows, `
    |0 s      |0.5 s
w1  ░░░░█c2█████······
w10 ░░░░█c1██✗
c1  ────█w10█✗
c2  ────█w1███!█✓
c3    ──────────!─────✗`)
	if !strings.Contains(legend, " is 0.05 s.") {
		t.Errorf("the legend is %q", legend)
	}
}

func TestNoLineOfATimelineIsLongerThanItMayBe(t *testing.T) {
	for width := range 200 {
		for line := range strings.Lines(printedTimeline(aRun(), width)) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > max(width, narrowest) {
				t.Errorf("a line of %d in %d columns: %s", n, width, line)
			}
			if trimmed := strings.TrimRight(line, "\n"); trimmed != strings.TrimRight(trimmed, " ") {
				t.Errorf("blanks at the end of %q", trimmed)
			}
		}
	}
}

// told is a story of which only what is said, not when, is of interest.
func told(r *scenario.Record) string {
	var lines []string
	for _, m := range tell(r) {
		for _, s := range m.says {
			lines = append(lines, s.String())
		}
	}
	return strings.Join(lines, "\n")
}

func TestEachThingThatCanHappenIsSaidInWords(t *testing.T) {
	arrive := scenario.Event{Kind: scenario.Arrive, Call: "c1", Client: "ann", Command: "echo"}
	launch := scenario.Event{Kind: scenario.Launch, Worker: "w1"}
	send := scenario.Event{At: 10 * ms, Kind: scenario.Send, Worker: "w1", Call: "c1", ID: 1}
	at := func(d time.Duration, e scenario.Event) scenario.Event { e.At = d; return e }
	for want, events := range map[string][]scenario.Event{
		"the pool begins to open\nthe pool is open":                                                           {{Kind: scenario.Open}, {At: ms, Kind: scenario.Opened}},
		"the pool begins to open\nthe pool can't be opened: no room":                                          {{Kind: scenario.Open}, {Kind: scenario.Opened, Err: "no room"}},
		"1 worker is to be warmed\nthe warming is over":                                                       {{Kind: scenario.Warming, N: 1}, {Kind: scenario.Warmed}},
		"3 workers are to be warmed\nthe warming fails: no":                                                   {{Kind: scenario.Warming, N: 3}, {At: ms, Kind: scenario.Warmed, Err: "no"}},
		"w1 is launched\nw1 can't be launched: no python":                                                     {launch, {Kind: scenario.Launched, Worker: "w1", Err: "no python"}},
		"w1 is launched\nw1 is ready, 0.3 s after its launch":                                                 {launch, {At: 300 * ms, Kind: scenario.Ready, Worker: "w1"}},
		"w1 is launched\nw1 is gone (exit status 3)":                                                          {launch, {At: 300 * ms, Kind: scenario.Exit, Worker: "w1", Text: "exit status 3"}},
		"w1 is launched\nw1 says something that is no hello":                                                  {launch, at(ms, scenario.Event{Kind: scenario.Send, Worker: "w1"}), {At: 2 * ms, Kind: scenario.Recv, Worker: "w1"}},
		"w1 is launched\nw1 sends a frame that answers nothing":                                               {launch, {At: ms, Kind: scenario.Recv, Worker: "w1", ID: 4}},
		"w1 is launched\nping → 2 × w1":                                                                       {launch, at(ms, scenario.Event{Kind: scenario.Send, Worker: "w1", ID: 1, Command: "ping"}), at(ms, scenario.Event{Kind: scenario.Send, Worker: "w1", ID: 2, Command: "ping"})},
		"c1 calls echo\nc1 → w1\nc1 → w1 does not go out: pipe closed":                                        {arrive, send, {At: 11 * ms, Kind: scenario.Send, Worker: "w1", Call: "c1", ID: 1, Err: "pipe closed"}},
		"c1 calls echo\nc1 never comes back":                                                                  {arrive, {At: ms, Kind: scenario.Return, Call: "c1", Err: "the call never came back", Lost: true}},
		"c1 calls echo\nc1 ends after 0.04 s, with its client: dead\nann dies":                                {arrive, {At: 40 * ms, Kind: scenario.Return, Call: "c1", Err: "dead", Excused: true}, {At: 40 * ms, Kind: scenario.ClientDied, Client: "ann"}},
		"c1 calls echo\nc1 gets an answer that is not its own after 0.04 s":                                   {arrive, {At: 40 * ms, Kind: scenario.Return, Call: "c1", Wrong: true}},
		"c1 calls echo\nc1 fails at once: busy":                                                               {arrive, {Kind: scenario.Return, Call: "c1", Err: "busy"}},
		"c1 calls echo\nc1 has no answer by its deadline\nc1 gives up after 0.8 s: tired":                     {arrive, {At: 800 * ms, Kind: scenario.Return, Call: "c1", Err: "tired"}},
		"c1 calls echo\nc1 → w1\nw1 answers c1: served after 0.02 s":                                          {arrive, send, {At: 20 * ms, Kind: scenario.Recv, Worker: "w1", Call: "c1", ID: 1}, {At: 20 * ms, Kind: scenario.Return, Call: "c1"}},
		"c1 calls echo\nc1 → w1\nw1 answers c1\nc1 is served after 0.03 s":                                    {arrive, send, {At: 20 * ms, Kind: scenario.Recv, Worker: "w1", Call: "c1", ID: 1}, {At: 30 * ms, Kind: scenario.Return, Call: "c1", Worker: "w1"}},
		"c1 calls echo\nc1 → w1\nw1 answers c1 with an error\nc1 fails after 0.02 s: bad":                     {arrive, send, {At: 20 * ms, Kind: scenario.Recv, Worker: "w1", Call: "c1", ID: 1, Err: "bad"}, {At: 20 * ms, Kind: scenario.Return, Call: "c1", Err: "bad"}},
		"c1 calls echo\nc1 → w1\nc1 fails after 0.02 s: slow\nw1 answers c1, for which nobody waits any more": {arrive, send, {At: 20 * ms, Kind: scenario.Return, Call: "c1", Err: "slow"}, {At: 30 * ms, Kind: scenario.Recv, Worker: "w1", Call: "c1", ID: 1}},
		"the pool is told that client ann died: it did not return":                                            {{Kind: scenario.ClientDied, Client: "ann", Err: "it did not return"}},
		"w1 is launched\nslow-start hurts w1\nslow-start hurts w1 no longer":                                  {launch, {Kind: scenario.Fault, Fault: "slow-start", Worker: "w1"}, {At: ms, Kind: scenario.FaultOver, Fault: "slow-start", Worker: "w1"}},
		"c1 calls echo\nexit-at-call hurts c1\nc1 can't be answered any more":                                 {arrive, {At: ms, Kind: scenario.Fault, Fault: "exit-at-call", Worker: "w1", Call: "c1"}, {At: 2 * ms, Kind: scenario.Victim, Fault: "exit-at-call", Worker: "w1", Call: "c1"}},
		"cpu-hogs begins\ncpu-hogs is over":                                                                   {{Kind: scenario.Fault, Fault: "cpu-hogs"}, {At: ms, Kind: scenario.FaultOver, Fault: "cpu-hogs"}},
		"c1 calls echo\nc1 gives up after 0.04 s: tired":                                                      {arrive, {At: 40 * ms, Kind: scenario.Fault, Fault: "give-up", Call: "c1"}, {At: 40 * ms, Kind: scenario.Return, Call: "c1", Err: "tired", Excused: true}},
		"the pool closes":                                          {{Kind: scenario.Close}, {Kind: scenario.Closed}},
		"the pool itself has had 1.5 s of CPU":                     {{Kind: scenario.Burnt, OnCPU: 1500 * ms}},
		"w1, since its pool closed: 2 s of CPU, 9.07 MB to stderr": {{Kind: scenario.Outlived, Worker: "w1", OnCPU: 2000 * ms, N: 9_066_666}},
		"left behind: worker w1":                                   {{Kind: scenario.Close}, {Kind: scenario.Left, Text: "worker w1"}},
		"a-new-kind of which nothing is known!":                    {{Kind: "a-new-kind", Text: "of which nothing is known!"}},
	} {
		r := &scenario.Record{Deadline: 500 * ms, Patience: 800 * ms, Events: events}
		same(t, "the story", told(r), want)
	}
}

func TestAnErrorIsToldInFullButOnce(t *testing.T) {
	r := &scenario.Record{Deadline: time.Second}
	for i, call := range []string{"c1", "c2", "c3"} {
		at := time.Duration(max(0, i-1)) * 100 * ms
		r.Events = append(r.Events,
			scenario.Event{At: at, Kind: scenario.Arrive, Call: call, Client: call, Command: "echo"},
			scenario.Event{At: at, Kind: scenario.Return, Call: call, Client: call, Err: "the manager is dead"})
	}
	same(t, "the story", told(r), `
c1 c2 call echo
c1 c2 fail at once: the manager is dead
c3 calls echo
c3 fails at once, as c1 did`)
}

func TestWhatFitsIntoALineIsNotBroken(t *testing.T) {
	r := &scenario.Record{Events: []scenario.Event{{Kind: scenario.Open}, {Kind: scenario.Opened}, {Kind: scenario.Launch, Worker: "w1"}, {Kind: scenario.Launch, Worker: "w2"}}}
	const line = "  0.000 s  the pool opens; w1 w2 are launched"
	for width, want := range map[int]string{
		len(line):     line,
		len(line) - 1: "  0.000 s  the pool opens\n           w1 w2 are launched",
	} {
		_, story, _ := parts(t, r, width)
		same(t, "the story", story, want)
	}
}

func TestALargeRunsChartEndsSomewhere(t *testing.T) {
	r := &scenario.Record{Deadline: time.Second}
	for i := range 64 {
		name := string(rune('a'+i/26)) + string(rune('a'+i%26))
		r.Events = append(r.Events, scenario.Event{At: time.Duration(i) * ms, Kind: scenario.Arrive, Call: name, Client: name})
	}
	_, _, chart := parts(t, r, 100)
	if !strings.Contains(chart, "and 24 more, bo to cl\n") {
		t.Errorf("the chart is\n%s", chart)
	}
}

func TestARunThatIsOverAtOnceHasAChart(t *testing.T) {
	_, _, chart := parts(t, &scenario.Record{Events: []scenario.Event{
		{Kind: scenario.Launch, Worker: "w1"}, {Kind: scenario.Ready, Worker: "w1"}, {Kind: scenario.Arrive, Call: "c1", Client: "c1"},
		{Kind: scenario.Send, Worker: "w1", Call: "c1"}, {Kind: scenario.Recv, Worker: "w1", Call: "c1"}, {Kind: scenario.Return, Call: "c1"},
		{Kind: scenario.Probing}, {Kind: scenario.Launch, Worker: "w2"},
	}}, 100)
	rows, _, _ := strings.Cut(chart, "One column")
	same(t, "the chart", rows, `
   |0 s
w1 █
c1 ✓`)
}

func TestARecordOfNothingIsATimelineOfNothing(t *testing.T) {
	if out := printedTimeline(&scenario.Record{Subject: "mine"}, 100); !strings.Contains(out, "mine: 0 workers") {
		t.Errorf("printed %q", out)
	}
}

func TestRowsStandInTheOrderOfTheirNumbers(t *testing.T) {
	r := &scenario.Record{Deadline: time.Second}
	for _, name := range []string{"c10", "c2", "c1"} {
		r.Events = append(r.Events, scenario.Event{Kind: scenario.Arrive, Call: name, Client: name})
	}
	var names []string
	for _, row := range draw(r, 100).rows()[1:] {
		names = append(names, strings.Fields(row)[0])
	}
	same(t, "the order", strings.Join(names, " "), "c1 c2 c10")
}

func TestAWorkerWithTwoCallsInItsHandsIsDrawnTheSameEachTime(t *testing.T) {
	r := &scenario.Record{Events: []scenario.Event{
		{Kind: scenario.Launch, Worker: "w1"}, {Kind: scenario.Ready, Worker: "w1"},
		{Kind: scenario.Send, Worker: "w1", Call: "c1", ID: 1}, {Kind: scenario.Send, Worker: "w1", Call: "c2", ID: 2},
		{At: 10 * ms, Kind: scenario.Exit, Worker: "w1"},
	}}
	_, _, first := parts(t, r, 100)
	for range 100 {
		if _, _, chart := parts(t, r, 100); chart != first {
			t.Fatalf("drawn\n%s\nand\n%s", first, chart)
		}
	}
}

func TestANameStandsInAChartOnlyWithACellOnEitherSide(t *testing.T) {
	c := &chart{cell: ms, cells: 6}
	for cells, want := range map[int]string{3: "███   ", 4: "█c1█  ", 5: "█c1██ "} {
		l := &lane{cells: []rune("      ")}
		c.paint(l, 0, time.Duration(cells)*ms, busy, "c1")
		same(t, "the row", string(l.cells), want)
	}
}

func TestAnyRecordHasATimelineWithinItsWidth(t *testing.T) {
	kinds := []scenario.Kind{scenario.Open, scenario.Opened, scenario.Warming, scenario.Warmed, scenario.Go, scenario.Arrive, scenario.Begin, scenario.Return, scenario.ClientDied,
		scenario.Launch, scenario.Launched, scenario.Send, scenario.Recv, scenario.Ready, scenario.Exit, scenario.Probing, scenario.Probed, scenario.Close, scenario.Closed, scenario.Left, "else"}
	for seed := range uint64(1000) {
		draw := rand.New(rand.NewPCG(seed, 0))
		one := func(of ...string) string { return of[draw.IntN(len(of))] }
		r := &scenario.Record{Subject: "any", Deadline: time.Duration(draw.IntN(100)) * ms, Patience: time.Duration(draw.IntN(100)) * ms}
		at := time.Duration(0)
		for range draw.IntN(60) {
			at += time.Duration(draw.IntN(3)) * time.Duration(draw.IntN(20*int(ms)))
			r.Events = append(r.Events, scenario.Event{
				At: at, Kind: kinds[draw.IntN(len(kinds))], Call: one("", "c1", "c2", "a-call-with-a-long-name"), Client: one("c1", "c2"), Worker: one("w1", "w2", "w10", "a-worker-with-a-name-that-is-longer-than-the-terminal-is-wide"),
				Command: one("ping", "echo"), ID: int64(draw.IntN(3)), N: draw.IntN(5), Text: one("", "exit status 1"), Err: one("", "", "no worker within 1.0000001s"),
				Probe: draw.IntN(8) == 0, Excused: draw.IntN(8) == 0, Wrong: draw.IntN(8) == 0, Lost: draw.IntN(8) == 0, OnCPU: time.Duration(draw.IntN(2)) * ms,
			})
		}
		width := narrowest + draw.IntN(80)
		out := printedTimeline(r, width)
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Fatalf("seed %d: a line of %d in %d columns:\n%s", seed, n, width, out)
			}
		}
		if printedTimeline(r, width) != out {
			t.Fatalf("seed %d: printed another way the second time:\n%s", seed, out)
		}
	}
}
