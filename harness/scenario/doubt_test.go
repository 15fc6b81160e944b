package scenario

import (
	"strings"
	"testing"
	"time"
)

func TestWhatARecordingLeavesInDoubtIsSaid(t *testing.T) {
	group := func(name string) Place { return Place{Path: []Group{{Name: name}}} }
	load := func(rival int, runnable float64) []Bucket {
		return []Bucket{{Span: time.Second, Load: []Load{{Rival: rival, Threads: 9, Runnable: runnable, CPU: 0}}}, {At: time.Second, Span: time.Second}}
	}
	two := group("ours")
	two.Threads = 2
	rivals := []Rival{{Place: group("ours")}, {Place: group("theirs")}}
	for _, c := range []struct {
		name string
		env  Environment
		says string
	}{
		{"nothing", Environment{Workers: []Place{group("ours")}, Rivals: rivals, Load: load(1, 9)}, ""},
		{"two of ours in a group that competes", Environment{Workers: []Place{group("other"), two}, Rivals: rivals, Load: load(1, 0.3)}, "2 threads of the run's own shared the group ours"},
		{"two of ours with hardly anybody beside them", Environment{Workers: []Place{two}, Rivals: rivals, Load: load(1, 0.1)}, ""},
		{"two of ours with others inside their group", Environment{Workers: []Place{two}, Rivals: rivals, Load: load(0, 9)}, ""},
		{"unseen", Environment{Load: []Bucket{{Span: time.Second, Unseen: 0.3}, {At: time.Second, Span: time.Second}}}, "0.15 cores were used by nobody"},
		{"unseen that evens out", Environment{Load: []Bucket{{Span: time.Second, Unseen: 0.3}, {At: time.Second, Span: time.Second, Unseen: -0.2}}}, ""},
		{"stolen", Environment{Load: []Bucket{{Span: time.Second, Stolen: 0.1}}}, "0.10 cores were stolen"},
		{"a gap", Environment{Gaps: []Gap{{Kind: GapNamespace, Text: "a foreign one"}}}, "gap: a foreign one"},
		{"a look that was late", Environment{Gaps: []Gap{{Kind: GapLate, Text: "a long one"}}}, ""},
	} {
		if got := strings.Join(c.env.Doubts(), "; "); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.says)
		}
	}
}

func TestWhoElseWantedTheMachineIsSaid(t *testing.T) {
	load := func(b Bucket) Environment {
		b.Span = time.Second
		return Environment{Rivals: []Rival{{}, {Harness: true}}, Load: []Bucket{b, {At: time.Second, Span: time.Second}}}
	}
	for _, c := range []struct {
		name string
		env  Environment
		says string
	}{
		{"nothing is known", Environment{}, ""},
		{"hogs", load(Bucket{Load: []Load{{Rival: 0, Runnable: 4}}}), "2.00 threads of others"},
		{"hardly anybody", load(Bucket{Load: []Load{{Rival: 0, Runnable: 0.1}}}), ""},
		{"this program itself", load(Bucket{Load: []Load{{Rival: 1, Runnable: 4}}}), ""},
		{"unseen", load(Bucket{Unseen: 0.3}), "0.15 cores were used by nobody"},
		{"stolen", load(Bucket{Stolen: 0.2}), "0.10 cores were stolen"},
	} {
		if got := strings.Join(c.env.Outside(), "; "); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.says)
		}
	}
}

func TestTheModelMustComeToNineSpansOfTen(t *testing.T) {
	c := Comparison{}
	for range 9 {
		c.Spans = append(c.Spans, SpanPair{What: "near", Pair: Pair{1000 * ms, 1140 * ms}})
	}
	c.Spans = append(c.Spans, SpanPair{What: "far", Pair: Pair{1000 * ms, 2000 * ms}})
	if got := c.Doubts(); got != nil {
		t.Errorf("9 of 10: %q", got)
	}
	c.Spans[0] = SpanPair{What: "early", Pair: Pair{1000 * ms, 800 * ms}}
	if got := strings.Join(c.Doubts(), "; "); !strings.Contains(got, "8 of 10 spans") || !strings.Contains(got, "far took 1.000 s, by the model 2.000") {
		t.Errorf("8 of 10: %q", got)
	}
}

func TestCallsMayDifferByWhatNobodyCouldTell(t *testing.T) {
	pair := func(recorded, replayed time.Duration) Pair { return Pair{recorded * ms, replayed * ms} }
	served, failed := [2]bool{true, true}, [2]bool{false, false}
	span := func(what string, begin, recorded, replayed time.Duration) SpanPair {
		return SpanPair{what, begin * ms, pair(recorded, replayed)}
	}
	way := []SpanPair{span("start 0", 990, 100, 80), span("c1", 1090, 100, 120)}
	for _, c := range []struct {
		name  string
		calls []CallPair
		spans []SpanPair
		says  []string // differences, in order
	}{
		{"the same", []CallPair{{"c1", [2]bool{}, served, pair(300, 310), 0}, {"c2", [2]bool{true, true}, failed, pair(1000, 1000), 0}}, nil, nil},
		{"50 ms", []CallPair{{"c1", [2]bool{}, served, pair(100, 150), 0}}, nil, nil},
		{"more than 50 ms", []CallPair{{"c1", [2]bool{}, served, pair(100, 151), 0}}, nil, []string{"call number 1 took 0.100 s, 0.151 s"}},
		{"15 %", []CallPair{{"c1", [2]bool{}, served, pair(800, 680), 0}}, nil, nil},
		{"more than 15 %", []CallPair{{"c1", [2]bool{}, served, pair(800, 679), 0}}, nil, []string{"call number 1"}},
		{"what the spans of its path were off", []CallPair{{"c1", [2]bool{}, served, pair(200, 290), 1000 * ms}}, way, nil},
		{"and more than that", []CallPair{{"c1", [2]bool{}, served, pair(200, 291), 1000 * ms}}, way, []string{"call number 1"}},
		{"what spans of another's path were off", []CallPair{{"c1", [2]bool{}, served, pair(200, 291), 1000 * ms}}, append(way,
			span("c2", 1090, 110, 500), span("start 1", 950, 150, 500), span("start 2", 950, 50, 500), span("c1/2", 1100, 150, 500)), []string{"call number 1"}},
		{"the path of whoever took as long", []CallPair{{"c1", [2]bool{}, served, pair(200, 290), 1000 * ms}, {"c2", [2]bool{}, served, pair(250, 200), 950 * ms}}, way, nil},
		{"who had which time is no matter", []CallPair{{"c1", [2]bool{}, served, pair(100, 500), 0}, {"c2", [2]bool{}, served, pair(500, 100), 0}}, nil, nil},
		{"a miss", []CallPair{{"c1", [2]bool{false, true}, [2]bool{true, false}, pair(300, 1000), 0}}, nil, []string{"c1 missed its deadline of 1.000 s in the replay alone", "1 calls were served, 0 in the replay"}},
		{"a miss in the recording", []CallPair{{"c1", [2]bool{true, false}, served, pair(2000, 300), 0}}, nil, []string{"in the recording alone", "call number 1"}},
		{"a near tie", []CallPair{{"c1", [2]bool{false, true}, [2]bool{true, false}, pair(950, 1000), 0}}, nil, nil},
	} {
		cmp := Comparison{Deadline: 1000 * ms, Calls: c.calls, Spans: c.spans}
		got := append(cmp.Who(), cmp.When()...)
		for i, says := range c.says {
			if len(got) != len(c.says) || !strings.Contains(got[i], says) {
				t.Errorf("%s: got %q, want %q", c.name, got, c.says)
				break
			}
		}
		if len(c.says) == 0 && len(got) > 0 {
			t.Errorf("%s: got %q, want none", c.name, got)
		}
	}
}
