package trace

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

const ms = time.Millisecond

// at makes an event; on and delay are what the worker has had by then.
func at(t int, k scenario.Kind, worker string, on, delay int, change ...func(*scenario.Event)) scenario.Event {
	e := scenario.Event{At: time.Duration(t) * ms, Kind: k, Worker: worker, OnCPU: time.Duration(on) * ms, Delay: time.Duration(delay) * ms}
	for _, c := range change {
		c(&e)
	}
	return e
}

func with(id string) func(*scenario.Event) {
	return func(e *scenario.Event) { e.Call = id }
}

func frame(id int64) func(*scenario.Event) {
	return func(e *scenario.Event) { e.ID = id }
}

func failed(why string) func(*scenario.Event) { return func(e *scenario.Event) { e.Err = why } }
func asked(e *scenario.Event)                 { e.Asked = true }
func killed(t int) func(*scenario.Event) {
	return func(e *scenario.Event) { e.Killed = time.Duration(t) * ms }
}
func probe(e *scenario.Event)             { e.Probe = true }
func text(s string) func(*scenario.Event) { return func(e *scenario.Event) { e.Text = s } }

// started is a worker that was launched at 0 and ready at 100 with 30 ms on CPU
// and 20 ms waiting for one.
func started(worker string) []scenario.Event {
	return []scenario.Event{
		at(0, scenario.Launch, worker, 0, 0), at(1, scenario.Launched, worker, 0, 0),
		at(1, scenario.Send, worker, 0, 0), at(100, scenario.Recv, worker, 30, 20), at(100, scenario.Ready, worker, 30, 20),
	}
}

var ready = scenario.Span{End: 100 * ms, Demand: scenario.Demand{CPU: 30 * ms, Wait: 50 * ms}}

func span(begin, end, cpu, wait int, change ...func(*scenario.Span)) scenario.Span {
	s := scenario.Span{Begin: time.Duration(begin) * ms, End: time.Duration(end) * ms, Demand: scenario.Demand{CPU: time.Duration(cpu) * ms, Wait: time.Duration(wait) * ms}}
	for _, c := range change {
		c(&s)
	}
	return s
}

func cut(s *scenario.Span)  { s.Cut = true }
func died(s *scenario.Span) { s.Died = true }
func mute(s *scenario.Span) { s.Mute = true }
func engine(took int) func(*scenario.Span) {
	return func(s *scenario.Span) { s.Engine = time.Duration(took) * ms }
}

func of(worker int) func(*scenario.Span) {
	return func(s *scenario.Span) { s.Worker = worker }
}

// Each case says how its events were made, so that what they ask for is known.
func TestWhatARunAskedForIsReadFromItsEvents(t *testing.T) {
	type calls = map[string][]scenario.Span
	for _, c := range []struct {
		name   string
		events [][]scenario.Event
		starts []scenario.Span
		calls  calls
		deaths []scenario.Death
	}{
		{"a start and a call: what they waited for a CPU is taken off", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 35, 25, with("c1"), frame(1)), // 5 and 5 since: at rest, on nobody's account
			at(300, scenario.Recv, "w1", 75, 45, with("c1"), frame(1)),
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 300, 40, 40)}}, nil},

		{"a container's engine is waited for, whatever it took in CPU", [][]scenario.Event{{
			at(0, scenario.Launch, "w1", 0, 0), at(40, scenario.Launched, "w1", 15, 9, func(e *scenario.Event) { e.Engine = 38 * ms }),
			at(40, scenario.Send, "w1", 15, 9), at(100, scenario.Recv, "w1", 45, 29), at(100, scenario.Ready, "w1", 45, 29),
		}}, []scenario.Span{span(0, 100, 30, 50, engine(38))}, calls{}, nil},

		{"so it is of a start that was cut short", [][]scenario.Event{{
			at(0, scenario.Launch, "w1", 0, 0), at(40, scenario.Launched, "w1", 15, 9, func(e *scenario.Event) { e.Engine = 38 * ms }),
			at(40, scenario.Send, "w1", 15, 9), at(90, scenario.Exit, "w1", 35, 9, asked),
		}}, []scenario.Span{span(0, 90, 20, 70, engine(38), cut, mute)}, calls{}, nil},

		{"more CPU than time: no waiting", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(210, scenario.Recv, "w1", 50, 15, with("c1"), frame(1)), // a thread that had waited has ended
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 210, 20, 0)}}, nil},

		{"the delay of a thread that has ended is forgotten: it took no time back", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(220, scenario.Recv, "w1", 32, 15, with("c1"), frame(1)),
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 220, 2, 18)}}, nil},

		{"a call sent to a start that died, in place of a hello", [][]scenario.Event{{
			at(0, scenario.Launch, "w1", 0, 0), at(10, scenario.Send, "w1", 5, 0, with("c1"), frame(1)), at(80, scenario.Exit, "w1", 30, 10),
		}}, []scenario.Span{span(0, 80, 30, 40, died, mute)}, calls{"c1": {span(80, 80, 0, 0, died)}}, []scenario.Death{{At: 80 * ms, Age: 80 * ms, CPU: 30 * ms}}},

		{"a start that its pool gave up", [][]scenario.Event{{
			at(0, scenario.Launch, "w1", 0, 0), at(1, scenario.Send, "w1", 0, 0), at(80, scenario.Exit, "w1", 30, 10, asked),
		}}, []scenario.Span{span(0, 80, 30, 40, cut, mute)}, calls{}, nil},

		{"a start that died", [][]scenario.Event{{
			at(10, scenario.Launch, "w1", 0, 0), at(11, scenario.Send, "w1", 0, 0), at(80, scenario.Exit, "w1", 30, 10, text("exit status 3")),
		}}, []scenario.Span{span(10, 80, 30, 30, died, mute)}, calls{},
			[]scenario.Death{{At: 80 * ms, Age: 70 * ms, CPU: 30 * ms, Exit: "exit status 3"}}},

		{"a start under way as the recording ends", [][]scenario.Event{{
			at(0, scenario.Launch, "w1", 0, 0), at(40, scenario.Send, "w1", 10, 5),
		}}, []scenario.Span{span(0, 40, 10, 25, cut, mute)}, calls{}, nil},

		{"launches that failed count, called off ones ask for nothing", [][]scenario.Event{{
			at(0, scenario.Launch, "w1", 0, 0), at(1, scenario.Launched, "w1", 0, 0, failed("no such interpreter")),
			at(2, scenario.Launch, "w2", 0, 0), at(3, scenario.Launched, "w2", 0, 0, failed("not launched: context canceled"), asked),
		}, started("w3")}, []scenario.Span{
			span(0, 1, 0, 0, mute, func(s *scenario.Span) { s.Refused = "no such interpreter" }),
			span(2, 3, 0, 0, mute, cut, of(1)),
			span(0, 100, 30, 50, of(2)),
		}, calls{}, nil},

		{"a death at rest", [][]scenario.Event{started("w1"), {at(500, scenario.Exit, "w1", 31, 20, text("killed by killed"))}},
			[]scenario.Span{ready}, calls{}, []scenario.Death{{At: 500 * ms, Age: 500 * ms, CPU: 31 * ms, Exit: "killed by killed"}}},

		{"a death in mid-call, with one in line", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(220, scenario.Send, "w1", 35, 20, with("c2"), frame(2)),
			at(300, scenario.Exit, "w1", 60, 30, text("exit status 1")),
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 300, 30, 60, died)}, "c2": {span(300, 300, 0, 0, died)}},
			[]scenario.Death{{At: 300 * ms, Age: 300 * ms, CPU: 60 * ms, Call: "c1", Exit: "exit status 1"}}},

		{"an answer that was written before the death and read after it", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(300, scenario.Exit, "w1", 60, 30, text("exit status 0")),
			at(350, scenario.Recv, "w1", 60, 30, with("c1"), frame(1)),
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 300, 30, 60)}},
			[]scenario.Death{{At: 300 * ms, Age: 300 * ms, CPU: 60 * ms, Exit: "exit status 0"}}},

		{"a call that the pool cut short with its worker, sent again to another", [][]scenario.Event{started("w1"), started("w2"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(300, scenario.Exit, "w1", 40, 20, asked),
			at(310, scenario.Send, "w2", 30, 20, with("c1"), frame(1)),
			at(330, scenario.Recv, "w2", 45, 20, with("c1"), frame(1)),
		}}, []scenario.Span{ready, span(0, 100, 30, 50, of(1))}, calls{"c1": {span(200, 300, 10, 90, cut), span(310, 330, 15, 5, of(1))}}, nil},

		{"a worker takes its time to die: that is nothing its call asked for", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(310, scenario.Send, "w1", 40, 20, with("c2"), frame(2)),
			at(390, scenario.Exit, "w1", 55, 60, asked, killed(350)),
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 350, 25, 85, cut)}, "c2": {span(350, 350, 0, 0, cut)}}, nil},

		{"nor its start", [][]scenario.Event{{
			at(0, scenario.Launch, "w1", 0, 0), at(1, scenario.Send, "w1", 0, 0), at(80, scenario.Exit, "w1", 30, 10, asked, killed(60)),
		}}, []scenario.Span{span(0, 60, 30, 20, cut, mute)}, calls{}, nil},

		{"it died, and was killed besides", [][]scenario.Event{{
			at(0, scenario.Launch, "w1", 0, 0), at(1, scenario.Send, "w1", 0, 0), at(80, scenario.Exit, "w1", 30, 10, text("exit status 3"), killed(60)),
		}}, []scenario.Span{span(0, 80, 30, 40, died, mute)}, calls{},
			[]scenario.Death{{At: 80 * ms, Age: 80 * ms, CPU: 30 * ms, Exit: "exit status 3"}}},

		{"two calls in line: each is in the worker's hands once the one before is done", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(210, scenario.Send, "w1", 32, 20, with("c2"), frame(2)),
			at(300, scenario.Recv, "w1", 80, 20, with("c1"), frame(1)),
			at(350, scenario.Recv, "w1", 90, 25, with("c2"), frame(2)),
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 300, 50, 50)}, "c2": {span(300, 350, 10, 35)}}, nil},

		{"a call sent before the hello is in line behind the start", [][]scenario.Event{started("w1")[:3], {
			at(50, scenario.Send, "w1", 10, 5, with("c1"), frame(1)),
			at(100, scenario.Recv, "w1", 30, 20), at(100, scenario.Ready, "w1", 30, 20),
			at(160, scenario.Recv, "w1", 40, 20, with("c1"), frame(1)),
		}}, []scenario.Span{ready}, calls{"c1": {span(100, 160, 10, 50)}}, nil},

		{"pings and probes are no calls, but what comes behind them waits", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, frame(1)),
			at(210, scenario.Send, "w1", 30, 20, with("c1"), frame(2)),
			at(230, scenario.Recv, "w1", 31, 20, frame(1)),
			at(260, scenario.Recv, "w1", 41, 20, with("c1"), frame(2)),
			at(300, scenario.Send, "w1", 41, 20, with("probe1"), frame(3), probe),
			at(400, scenario.Exit, "w1", 41, 20, text("exit status 1")),
		}}, []scenario.Span{ready}, calls{"c1": {span(230, 260, 10, 20)}},
			[]scenario.Death{{At: 400 * ms, Age: 400 * ms, CPU: 41 * ms, Exit: "exit status 1"}}},

		{"parts of an answer, noise, and an answer under a wrong id", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(210, scenario.Recv, "w1", 32, 20, frame(1)),
			at(220, scenario.Recv, "w1", 33, 20, failed("not JSON")),
			at(300, scenario.Recv, "w1", 50, 20, frame(7)),
			at(310, scenario.Recv, "w1", 50, 20, frame(8)), // to nothing
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 300, 20, 80)}}, nil},

		{"a handler's error is an answer", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)),
			at(300, scenario.Recv, "w1", 50, 20, with("c1"), frame(1), failed("ValueError: no")),
		}}, []scenario.Span{ready}, calls{"c1": {span(200, 300, 20, 80, func(s *scenario.Span) { s.Err = "ValueError: no" })}}, nil},

		{"a frame that did not go out after all", [][]scenario.Event{started("w1"), {
			at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1)), at(201, scenario.Send, "w1", 30, 20, with("c1"), frame(1), failed("gone")),
			at(210, scenario.Send, "w1", 30, 20, with("probe1"), frame(2), probe), at(211, scenario.Send, "w1", 30, 20, with("probe1"), frame(2), probe, failed("gone")),
			at(220, scenario.Send, "w1", 30, 20, with("c2"), frame(3)), at(230, scenario.Recv, "w1", 35, 20, with("c2"), frame(3)),
			at(240, scenario.Send, "w1", 35, 20, with("c2"), frame(4)), at(241, scenario.Send, "w1", 35, 20, with("c2"), frame(4), failed("gone")),
		}}, []scenario.Span{ready}, calls{"c2": {span(220, 230, 5, 5)}}, nil},

		{"a name used again is another worker", [][]scenario.Event{started("w1"), {at(150, scenario.Exit, "w1", 30, 20, asked)}, {
			at(200, scenario.Launch, "w1", 0, 0), at(260, scenario.Ready, "w1", 40, 0),
			at(300, scenario.Send, "w1", 40, 0, with("c1"), frame(1)), at(310, scenario.Recv, "w1", 50, 0, with("c1"), frame(1)),
		}}, []scenario.Span{ready, span(200, 260, 40, 20, of(1))}, calls{"c1": {span(300, 310, 10, 0, of(1))}}, nil},

		{"of a worker that nobody launched nothing is known", [][]scenario.Event{{
			at(200, scenario.Send, "stranger", 30, 20, with("c1"), frame(1)), at(300, scenario.Exit, "stranger", 30, 20),
		}}, []scenario.Span{}, calls{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &scenario.Record{Cores: 2}
			for _, events := range c.events {
				r.Events = append(r.Events, events...)
			}
			got := Environment(r, scenario.Environment{})
			if !reflect.DeepEqual(got.Starts, c.starts) {
				t.Errorf("starts: got\n%+v\nwant\n%+v", got.Starts, c.starts)
			}
			if !reflect.DeepEqual(got.Calls, c.calls) {
				t.Errorf("calls: got\n%+v\nwant\n%+v", got.Calls, c.calls)
			}
			if !reflect.DeepEqual(got.Deaths, c.deaths) {
				t.Errorf("deaths: got\n%+v\nwant\n%+v", got.Deaths, c.deaths)
			}
			if err := got.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCallsThatNoPoolCouldAnswerAreKnown(t *testing.T) {
	r := &scenario.Record{Cores: 2, Events: append(started("w1"), at(200, scenario.Victim, "w1", 0, 0, with("c2")), at(201, scenario.Victim, "w1", 0, 0, with("c1")), at(202, scenario.Victim, "w1", 0, 0, with("c2")))}
	if got := Environment(r, scenario.Environment{Victims: []string{"old"}}).Victims; !slices.Equal(got, []string{"c2", "c1"}) {
		t.Errorf("got %v", got)
	}
}

func TestOfACallThatMayHaveBeenThroughWithoutAWordThatIsSaid(t *testing.T) {
	silent := func(e *scenario.Event) { e.Mute = true }
	r := &scenario.Record{Cores: 2, Events: append(started("w1"),
		at(200, scenario.Send, "w1", 30, 20, with("c1"), frame(1), silent), at(210, scenario.Recv, "w1", 30, 20, with("c1"), frame(1), failed("no")),
		at(300, scenario.Send, "w1", 30, 20, with("c2"), frame(2), silent))}
	got := Environment(r, scenario.Environment{}).Calls
	if c1, c2 := got["c1"][0], got["c2"][0]; c1.Mute || c1.Err != "no" || !c2.Mute || !c2.Cut {
		t.Errorf("c1, which was answered: %+v; c2, which was not: %+v", c1, c2)
	}
}

func TestTheMachinesPartIsKept(t *testing.T) {
	outside := scenario.Environment{Cores: 4, Load: []scenario.Bucket{{Span: ms, Own: 1}}, Late: 3}
	got := Environment(&scenario.Record{Cores: 2, Events: started("w1")}, outside)
	if got.Cores != 4 || !reflect.DeepEqual(got.Load, outside.Load) || got.Late != 3 || len(got.Starts) != 1 {
		t.Errorf("got %+v", got)
	}
	if got := Environment(&scenario.Record{Cores: 2}, scenario.Environment{}); got.Cores != 2 {
		t.Errorf("without one: %v cores, want the run's", got.Cores)
	}
}

func TestASpanIsWholeIfItWasLetFinish(t *testing.T) {
	for says, s := range map[string]scenario.Span{"whole": {}, "cut": {Cut: true}, "died": {Died: true}, "refused": {Refused: "no"}} {
		if got := s.Whole(); got != strings.Contains(says, "whole") {
			t.Errorf("%s: %v", says, got)
		}
	}
}

func TestWhatAStartThatWasCutShortAsksForMayBeKnown(t *testing.T) {
	r := &scenario.Record{Events: []scenario.Event{
		{At: 1, Kind: scenario.Launch, Worker: "w1"}, {At: 2, Kind: scenario.Launched, Worker: "w1"}, {At: 3, Kind: scenario.Ready, Worker: "w1"},
		{At: 4, Kind: scenario.Launch, Worker: "w2"}, {At: 5, Kind: scenario.Launched, Worker: "w2", Err: "refused"},
		{At: 6, Kind: scenario.Launch, Worker: "w2"}, {At: 7, Kind: scenario.Launched, Worker: "w2", Err: "cancelled", Asked: true}, // before it came to one
		{At: 8, Kind: scenario.Launch, Worker: "w2"}, {At: 9, Kind: scenario.Launched, Worker: "w2"},
		{At: 10, Kind: scenario.Launch, Worker: "w3"}, {At: 11, Kind: scenario.Launched, Worker: "w3"},
	}}
	r.Environment = Environment(r, scenario.Environment{Cores: 2})
	Asked(r, map[string][]*scenario.Demand{"w1": {{CPU: 1}}, "w2": {nil, {CPU: 7, Wait: 8}}, "w3": {nil}})
	for i, s := range r.Environment.Starts {
		if known := s.Asks != nil; known != (i == 3) || known && *s.Asks != (scenario.Demand{CPU: 7, Wait: 8}) {
			t.Errorf("start %d: %+v", i, s)
		}
	}
	// Whole, but its hello may have lain unread: that is no waiting of its own.
	if got := r.Environment.Starts[0].Demand; got != (scenario.Demand{CPU: 1}) {
		t.Errorf("start 0 asks for %+v", got)
	}
}

func TestARealStartThatWasCutShortAsksForWhatItWasToldAndAsLittleCPUOfItsOwnAsAny(t *testing.T) {
	asks := func(cpu, wait time.Duration) scenario.Demand { return scenario.Demand{CPU: cpu * ms, Wait: wait * ms} }
	cut := func(cpu, wait time.Duration) scenario.Span { return scenario.Span{Cut: true, Demand: asks(cpu, wait)} }
	tells := func(cpu, wait time.Duration) *scenario.Demand { d := asks(cpu, wait); return &d }
	slow := tells(100, 500)
	own, besides := scenario.Span{Demand: asks(130, 904)}, scenario.Span{Demand: asks(140, 503)}
	for name, c := range map[string]struct {
		starts []scenario.Span
		told   []*scenario.Demand
		want   map[int]scenario.Demand
	}{
		"others show what is their own":     {[]scenario.Span{own, cut(20, 0), besides}, []*scenario.Demand{slow, slow, slow}, map[int]scenario.Demand{1: asks(130, 500)}},
		"no other shows it":                 {[]scenario.Span{cut(20, 0), cut(50, 200)}, []*scenario.Demand{slow, tells(7, 300)}, map[int]scenario.Demand{0: asks(100, 500), 1: asks(50, 300)}},
		"more was computed than told":       {[]scenario.Span{cut(110, 500), cut(110, 200)}, []*scenario.Demand{slow, slow}, map[int]scenario.Demand{1: asks(110, 500)}},
		"something else held it up":         {[]scenario.Span{cut(20, 551), cut(20, 550)}, []*scenario.Demand{slow, slow}, map[int]scenario.Demand{1: asks(100, 550)}},
		"an engine takes its time":          {[]scenario.Span{{Cut: true, Demand: asks(0, 300), Engine: 300 * ms}}, []*scenario.Demand{slow}, nil},
		"nobody knows":                      {[]scenario.Span{cut(20, 0), own, cut(20, 0)}, []*scenario.Demand{nil, slow}, nil},
		"its worker died, or was whole":     {[]scenario.Span{own, {Died: true, Demand: asks(3, 0)}}, []*scenario.Demand{slow, slow}, nil},
		"what is known of it already stays": {[]scenario.Span{{Cut: true, Asks: &scenario.Demand{CPU: 1}}}, []*scenario.Demand{slow}, map[int]scenario.Demand{0: {CPU: 1}}},
	} {
		r := &scenario.Record{Environment: &scenario.Environment{Starts: c.starts}}
		told := map[string][]*scenario.Demand{}
		for i := range c.starts { // by two names in turn
			w := []string{"a", "b"}[i%2]
			r.Events = append(r.Events, scenario.Event{Kind: scenario.Launch, Worker: w})
			if i < len(c.told) {
				told[w] = append(told[w], c.told[i])
			}
		}
		Told(r, told)
		for i, s := range r.Environment.Starts {
			if want, known := c.want[i]; known != (s.Asks != nil) || known && *s.Asks != want {
				t.Errorf("%s: start %d: %+v, asks for %v, want %+v", name, i, s, s.Asks, want)
			}
		}
	}
}

func TestWhatSeveralPoolsAskForIsOfWorkersThatAreNeverTakenForOneAnother(t *testing.T) {
	of := func(worker int, s scenario.Span) scenario.Span { s.Worker = worker; return s }
	pool := func(starts []scenario.Span, calls ...scenario.Span) *scenario.Record {
		return &scenario.Record{Environment: &scenario.Environment{Starts: starts, Calls: map[string][]scenario.Span{"c1": calls}}}
	}
	got := Asks([]*scenario.Record{
		pool([]scenario.Span{of(0, span(0, 100, 30, 50)), of(1, span(5, 100, 0, 50))}, of(1, span(300, 400, 7, 0))),
		pool([]scenario.Span{of(0, span(10, 90, 40, 0))}, of(0, span(200, 300, 8, 0))),
	})
	// One that asks for no CPU is in nobody's way.
	want := []scenario.Span{of(0, span(0, 100, 30, 50)), of(2, span(10, 90, 40, 0)), of(2, span(200, 300, 8, 0)), of(1, span(300, 400, 7, 0))}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("they ask for %+v, want %+v", got, want)
	}
}
