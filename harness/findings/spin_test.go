package findings

import (
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// spun are starts that take so many boots, half of them at once with another, in
// which their pool itself has had the CPU for so many.
func spun(start, had float64) []scenario.Event {
	e := func(at float64, k scenario.Kind, worker string) scenario.Event {
		return scenario.Event{At: boots(at), Kind: k, Worker: worker}
	}
	burnt := e(9, scenario.Burnt, "")
	burnt.OnCPU, burnt.Delay = boots(had/2), boots(had/2)
	refused := e(0, scenario.Launched, "w0")
	refused.Err = "no"
	return []scenario.Event{
		refused, e(1, scenario.Launched, "w1"), e(1+start/4, scenario.Launched, "w2"), e(1+start/4, scenario.Ready, "w1"), e(1+start/2, scenario.Exit, "w2"), e(7, scenario.Exit, "w1"),
		e(9-start/2, scenario.Launched, "w3"), burnt, e(20, scenario.Ready, "w3"),
	}
}

// handed are calls that come in the order of their names, and are given to a worker
// in this one.
func handed(ids ...string) (events []scenario.Event) {
	for i, id := range []string{"c1", "c2", "c3", "c4"} {
		events = append(events, scenario.Event{At: boots(float64(i)), Kind: scenario.Arrive, Call: id})
	}
	for i, id := range ids {
		events = append(events, scenario.Event{At: boots(float64(10 + i)), Kind: scenario.Send, Worker: "w1", Call: id})
	}
	return events
}

// outlived are workers that have wanted so many cores since their pool closed, had half of
// it, and wrote 1.5 MB a second.
func outlived(cores ...float64) []scenario.Event {
	events := []scenario.Event{{At: time.Second, Kind: scenario.Closed}}
	for _, c := range cores {
		events = append(events, scenario.Event{At: 3 * time.Second, Kind: scenario.Outlived, Worker: "w1", OnCPU: time.Duration(c * float64(time.Second)), Delay: time.Duration(c * float64(time.Second)), N: 3e6})
	}
	return events
}

func TestWhatAPoolTakesItselfIsHeldAgainstTheTimeOfItsStarts(t *testing.T) {
	none, half := 0.0, .5
	for _, c := range []struct {
		own        *float64
		start, had float64
		want       string
	}{
		{nil, 2, 2, ""},
		{&half, 2, 1, ""},
		{&half, 4, 2, ""},
		{&half, 2, 1.2, ""},
		{&half, 2, 1.4, "the pool itself wanted 0.70 cores while workers started, expected 0.50"},
		{&half, 2, 0.6, "the pool itself wanted 0.30 cores while workers started, expected 0.50"},
		{&none, 2, 0.2, ""},
		{&none, 2, 2, "the pool itself wanted 1.00 cores while workers started, expected 0.00"},
	} {
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		compare(t, "its own", Accept{Unit: unit, Own: c.own}.When(&scenario.Record{Events: spun(c.start, c.had)}, Tolerance).Texts(), want)
	}
	idle := &scenario.Record{Events: []scenario.Event{{Kind: scenario.Burnt}}}
	compare(t, "without a start", Accept{Unit: unit, Own: &half}.When(idle, Tolerance).Texts(), []string{"the pool itself wanted 0.00 cores while workers started, expected 0.50"})
}

func TestAnOrderIsThatInWhichWorkersAreGivenCalls(t *testing.T) {
	for _, c := range []struct {
		order Order
		ids   []string
		want  []string
	}{
		{Kept, []string{"c1", "c2", "c4"}, nil},
		{Lost, []string{"c1", "c3", "c2"}, nil},
		{"", []string{"c1", "c3", "c2"}, nil},
		{Kept, []string{"c1", "c3", "c2"}, []string{"the order was lost: c1 c3 c2, expected it to be kept"}},
		{Lost, []string{"c1", "c2"}, []string{"the order was kept: c1 c2, expected it to be lost"}},
	} {
		compare(t, string(c.order), Accept{Unit: unit, Order: c.order}.Who(&scenario.Record{Events: handed(c.ids...)}).Texts(), c.want)
	}
}

func TestOrphansAreAsManyAsExpectedAndEachDoesAsMuch(t *testing.T) {
	const mb = 1e6
	for name, c := range map[string]struct {
		orphans *Orphans
		cores   []float64
		want    []string
	}{
		"not checked": {nil, []float64{1}, nil},
		"none":        {&Orphans{}, nil, nil},
		"two":         {&Orphans{2, 1, 1.5 * mb}, []float64{1.1, .9}, nil},
		"louder":      {&Orphans{1, 1, mb}, []float64{1}, nil},
		"too many":    {&Orphans{1, 1, 1.5 * mb}, []float64{1, 1}, []string{"2 workers outlived the pool, expected 1"}},
		"any":         {&Orphans{}, []float64{1}, []string{"1 workers outlived the pool, expected 0"}},
		"idle":        {&Orphans{2, 1, 1.5 * mb}, []float64{1, .5}, []string{"w1 outlived the pool and wanted 0.50 cores, expected 1.00"}},
		"silent":      {&Orphans{1, 1, 4 * mb}, []float64{1}, []string{"w1 outlived the pool with 1.5 MB of log a second, expected 4.0 at least"}},
	} {
		r, a := &scenario.Record{Events: outlived(c.cores...)}, Accept{Unit: unit, Orphans: c.orphans}
		who, when := a.Who(r).Texts(), a.When(r, Tolerance).Texts()
		compare(t, name, append(who, when...), c.want)
		if many := strings.Contains(name, "any"); many != (len(who) > 0) {
			t.Errorf("%s: apart from times %q", name, who)
		}
	}
}

func TestAPoolIsHotThatBeginsStartsAnewWithoutARest(t *testing.T) {
	const ms = time.Millisecond
	// Starts that take 10 ms, half of it on CPU, with rests between them.
	of := func(told bool, rests ...time.Duration) *scenario.Record {
		r, now := record(), time.Second
		add := func(e scenario.Event) { e.At = now; r.Events = append(r.Events, e) }
		for _, rest := range rests {
			add(scenario.Event{Kind: scenario.Launch})
			now += 10 * ms
			add(scenario.Event{Kind: scenario.Exit, OnCPU: 3 * ms, Delay: 2 * ms})
			now += rest
		}
		if told {
			add(scenario.Event{Kind: scenario.Return, Err: "exit status 70"})
		}
		add(scenario.Event{Kind: scenario.Probing})
		add(scenario.Event{Kind: scenario.Launch})
		return r
	}
	refused := &scenario.Record{Events: []scenario.Event{{Kind: scenario.Launch}, {Kind: scenario.Launched, Err: "no"}, {At: ms, Kind: scenario.Launch}, {Kind: scenario.Launched, Err: "no", At: ms}, {At: 2 * ms, Kind: scenario.Launch}, {At: 4 * ms, Kind: scenario.Probing}}}
	for name, c := range map[string]struct {
		record *scenario.Record
		hot    bool
		said   string
	}{
		"at once":              {of(false, 0, ms, 0, ms), true, "began 4 starts until the caller gave up, on 0.48 cores, and told the caller why: false"},
		"a pause or two":       {of(false, 0, 30*ms, 0, 0, 30*ms), true, "began 5 starts until the caller gave up, on 0.23 cores, and told the caller why: false"},
		"refused, one goes on": {refused, true, "began 3 starts until the caller gave up, on 0.00 cores, and told the caller why: false"},
		"longer and longer":    {of(true, 0, 0, 0, 50*ms, 100*ms), false, "began 5 starts until the caller gave up, on 0.12 cores, and told the caller why: true"},
		"always a little":      {of(false, 20*ms, 20*ms, 20*ms), false, "began 3 starts until the caller gave up, on 0.17 cores, and told the caller why: false"},
		"once":                 {of(true, 0), false, "began 1 starts until the caller gave up, on 0.50 cores, and told the caller why: true"},
		"never":                {of(false), false, "began 0 starts until the caller gave up, on 0.00 cores, and told the caller why: false"},
		"not to the end":       {record(), false, "began 0 starts until the caller gave up, on 0.00 cores, and told the caller why: false"},
	} {
		if s := frenzyOf(c.record); s.hot() != c.hot || s.String() != c.said {
			t.Errorf("%s: hot: %v; %s; want %v; %s; rests of %v, of %v at most", name, s.hot(), s, c.hot, c.said, s.rest, s.most)
		}
	}
	hot, told := of(false, 0, 0, 0), of(true, 0, 100*ms)
	if p := wrongTogether(hotRestart, hot, told, told); p != nil {
		t.Errorf("as claimed: %q", p)
	}
	for i, r := range []*scenario.Record{told, hot, of(false, 0, 100*ms)} {
		rs := []*scenario.Record{hot, told, told}
		if rs[i] = r; wrongTogether(hotRestart, rs...) == nil {
			t.Errorf("case %d is otherwise, and nothing is said", i)
		}
	}
}
