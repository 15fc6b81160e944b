package findings

import (
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

// outlived are workers that have had so many cores since their pool closed, and wrote
// 1.5 MB a second.
func outlived(cores ...float64) []scenario.Event {
	events := []scenario.Event{{At: time.Second, Kind: scenario.Closed}}
	for _, c := range cores {
		events = append(events, scenario.Event{At: 3 * time.Second, Kind: scenario.Outlived, Worker: "w1", OnCPU: time.Duration(2 * c * float64(time.Second)), N: 3e6})
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
		"too many":    {&Orphans{1, 1, 1.5 * mb}, []float64{1, 1}, []string{"2 workers outlived the pool, expected 1"}},
		"idle":        {&Orphans{2, 1, 1.5 * mb}, []float64{1, .5}, []string{"w1 outlived the pool on 0.50 cores with 1.5 MB of log a second, expected 1.00 cores and 1.5 MB"}},
		"silent":      {&Orphans{1, 1, 4 * mb}, []float64{1}, []string{"w1 outlived the pool on 1.00 cores with 1.5 MB of log a second, expected 1.00 cores and 4.0 MB"}},
	} {
		compare(t, name, Accept{Unit: unit, Orphans: c.orphans}.When(&scenario.Record{Events: outlived(c.cores...)}, Tolerance).Texts(), c.want)
	}
}
