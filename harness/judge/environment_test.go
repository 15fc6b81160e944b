package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// recorded is a case of which two starts of 100 ms CPU were recorded, alone on two
// cores, and a call that waits 200 ms; change spoils what was.
func recorded(t *testing.T, change func(e *scenario.Environment)) Case {
	c := world{always(900 * ms), always(290 * ms), always(150 * ms), always(290 * ms)}.on(t)
	e := &scenario.Environment{Cores: 2,
		Starts: []scenario.Span{{Worker: 0, End: 100 * ms, Demand: scenario.Demand{CPU: 100 * ms}}, {Worker: 1, End: 100 * ms, Demand: scenario.Demand{CPU: 100 * ms}}},
		Calls:  map[string][]scenario.Span{"c1": {{Worker: 0, Begin: 700 * ms, End: 900 * ms, Demand: scenario.Demand{Wait: 200 * ms}}}},
	}
	if change != nil {
		change(e)
	}
	c.Run = timeline(t, "deadline 300\n0 open\n0 opened\n0 arrive c1\n700 send w1 c1\n900 recv w1 c1\n900 return c1")
	c.Run.Environment, c.Met.Replay = e, e
	c.Met.Deadline = 300 * ms
	return c
}

func TestTheModelMustComeToWhatWasRecorded(t *testing.T) {
	for name, x := range map[string]struct {
		change func(e *scenario.Environment)
		doubt  string // "": none
		band   float64
	}{
		"it does": {nil, "", 0.1},
		"nearly":  {func(e *scenario.Environment) { e.Starts[0].End, e.Starts[1].End = 130*ms, 130*ms }, "", 0.1},
		"a band as wide as what it is off": {func(e *scenario.Environment) {
			e.Calls["c1"][0].Wait = 245 * ms // 45 ms more than it took: 15 % of the deadline
		}, "", 0.15},
		"a start":                  {func(e *scenario.Environment) { e.Starts[1].End = 300 * ms }, "the model of cores comes to 2 of 3 spans alone; start 1 took 0.300 s, by the model 0.100", 0},
		"the last worker's hello":  {func(e *scenario.Environment) { e.Starts[1].End = 148 * ms }, "the last worker's hello would be after 100 ms, it was after 148 ms", 0},
		"the first worker's hello": {func(e *scenario.Environment) { e.Starts[0].End, e.Starts[1].End = 149*ms, 149*ms }, "the first worker's hello would be after 100 ms", 0},
		"the judged call":          {func(e *scenario.Environment) { e.Calls["c1"][0].Wait = 300 * ms }, "c1", 0},
	} {
		c := recorded(t, x.change)
		tr := newTrial(c)
		doubts := strings.Join(tr.environment(), "; ")
		if x.doubt == "" && doubts != "" || !strings.Contains(doubts, x.doubt) {
			t.Errorf("%s: %q, want %q", name, doubts, x.doubt)
		}
		if d := tr.band - x.band; x.band > 0 && (d > 0.001 || d < -0.001) {
			t.Errorf("%s: the band is %v, want %v", name, tr.band, x.band)
		}
		if v := Judge(c); x.doubt != "" && v.Word != scenario.Inconclusive {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
	}
}

func TestTheBandIsNeverWiderThanHalfTheDeadline(t *testing.T) {
	tr := newTrial(recorded(t, nil))
	tr.widen([]scenario.SpanPair{{Pair: scenario.Pair{Recorded: time.Hour}}})
	if tr.band != 0.5 {
		t.Errorf("it is %v", tr.band)
	}
	tr.widen(nil)
	if tr.band != 0.5 {
		t.Errorf("without a span it became %v", tr.band)
	}
}

func TestWhatWasNotOverWithTheWorkloadIsNoMatterOfFidelity(t *testing.T) {
	c := recorded(t, func(e *scenario.Environment) {
		e.Starts = append(e.Starts, scenario.Span{Worker: 2, Begin: 899 * ms, End: 5 * time.Second, Demand: scenario.Demand{CPU: ms}})
	})
	if doubts := newTrial(c).environment(); len(doubts) == 0 {
		t.Error("a start that is off is no doubt")
	}
	c.Run.Events = append(c.Run.Events, scenario.Event{At: 950 * ms, Kind: scenario.Probing})
	if doubts := newTrial(c).environment(); len(doubts) > 0 {
		t.Errorf("a start that was not over then is a doubt: %q", doubts)
	}
}

// The clients are through at 950 ms. What was stolen then is not replayed, and a demand
// that was met meanwhile may be longer for it.
func TestWhatWasStolenOnceAllClientsWereThroughIsADoubt(t *testing.T) {
	for name, x := range map[string]struct {
		met   func(e *scenario.Environment)
		doubt string
	}{
		"of a start":              {func(e *scenario.Environment) { e.Starts[1].End = 1050 * ms }, "start 1 was under way when all clients were through, and 50 ms of CPU were stolen from the machine until its end"},
		"of a call":               {func(e *scenario.Environment) { e.Calls["c1"][0].End = 1050 * ms }, "call c1 was under way when all clients were through, and 50 ms"},
		"less than a near tie":    {func(e *scenario.Environment) { e.Starts[1].End = 1000 * ms }, ""},
		"of one that began later": {func(e *scenario.Environment) { e.Starts[1].Begin, e.Starts[1].End = 950*ms, 1050*ms }, ""},
		"of one that was cut":     {func(e *scenario.Environment) { e.Starts[1].End, e.Starts[1].Cut = 1050*ms, true }, ""},
		"nobody was under way":    {func(*scenario.Environment) {}, ""},
	} {
		c := recorded(t, nil)
		c.Run.Events = append(c.Run.Events, scenario.Event{At: 950 * ms, Kind: scenario.Probing})
		met := *c.Run.Environment
		met.Load = []scenario.Bucket{{Span: 950 * ms}, {At: 950 * ms, Span: time.Second, Stolen: 0.5}}
		x.met(&met)
		c.Run.Environment = &met
		c.Met.Replay = c.Run.MetByClients()
		if got := strings.Join(newTrial(c).stolenSince(), "; "); (got == "") != (x.doubt == "") || !strings.Contains(got, x.doubt) {
			t.Errorf("%s: %q, want %q", name, got, x.doubt)
		}
		if v := Judge(c); x.doubt != "" && (v.Word != scenario.Inconclusive || !strings.Contains(v.Reason, x.doubt)) {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
	}
}
