package scenario

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/cpu"
)

func session(n int) []Group { return []Group{{Name: fmt.Sprint(SessionPrefix, n), Weight: 1}} }

// during is an environment of 2 cores whose rivals have, bucket by bucket of
// 200 ms, so many runnable threads; 0 is not named.
func during(rivals []Rival, runnable ...[]float64) *Environment {
	e := &Environment{Cores: 2, Rivals: rivals}
	for i := range runnable[0] {
		b := Bucket{At: time.Duration(i) * 200 * ms, Span: 200 * ms}
		for r := range runnable {
			if n := runnable[r][i]; n > 0 {
				b.Load = append(b.Load, Load{Rival: r, Threads: int(math.Ceil(n)), Runnable: n, CPU: n / 2})
			}
		}
		e.Load = append(e.Load, b)
	}
	return e
}

func one(p Place) []Rival { return []Rival{{Place: p}} }

// told is a model's load of one path as text, bucket by bucket.
func told(c cpu.Config) (s []string) {
	for _, b := range c.Outside {
		text := ""
		for _, l := range b.Loads {
			text += fmt.Sprintf("%s %.3g of %.3g on %.3g; ", l.Path, l.Runnable, l.Threads, l.OnCPU)
		}
		s = append(s, text)
	}
	return s
}

func TestFrozenLoadIsAsItWasRecordedAndThenAsItWasLately(t *testing.T) {
	e := during(one(Place{Path: session(6)}), []float64{2, 0, 1, 1, 1, 1, 0})
	got := told(e.Config(true))
	on := ":autogroup-6 1 of 1 on 0.5; "
	if want := []string{":autogroup-6 2 of 2 on 1; ", "", on, on, on, on, "", ":autogroup-6 0.8 of 1 on 0.4; "}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !e.Config(true).Frozen || e.Config(false).Frozen {
		t.Error("frozen is not what was asked for")
	}
}

func TestAPreparedLoadIsTheSameToTheMachine(t *testing.T) {
	rivals := append(one(Place{Path: session(6)}), one(Place{Path: session(7)})...)
	turns := []float64{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}
	e := during(rivals, []float64{2, 2, 2, 2, 1, 1, 1, 3, 3, 3, 3}, turns)
	for i := range e.Load {
		e.Load[i].Load[0].CPU += float64(i) / 100 // what a hog has is no matter
	}
	plain := *e
	e.Prepare()
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	ends := func(e *Environment, frozen bool) (at []time.Duration) {
		m := cpu.New(e.Config(frozen))
		for range 4 {
			e.Group(m).Start(700*ms, func() { at = append(at, m.Now()) })
		}
		for next, ok := m.Next(); ok; next, ok = m.Next() {
			m.Advance(next)
		}
		return at
	}
	for _, frozen := range []bool{false, true} {
		if got, want := ends(e, frozen), ends(&plain, frozen); !slices.Equal(got, want) || len(want) != 4 {
			t.Errorf("frozen %v: got %v, want %v", frozen, got, want)
		}
	}
	copied := *e
	copied.Load = slices.Clone(e.Load[:5])
	if got, want := told(copied.Config(true)), told((&Environment{Cores: 2, Rivals: rivals, Load: copied.Load}).Config(true)); !slices.Equal(got, want) {
		t.Errorf("with another load: got %q, want %q", got, want)
	}
	copied = *e
	copied.Cores = 3
	if got := copied.Config(true).Cores; got != 3 {
		t.Errorf("with 3 cores: got %v", got)
	}
	hogs := during(one(Place{Path: session(6)}), []float64{2, 2, 2, 2, 2, 2})
	hogs.Prepare()
	if got := len(hogs.Config(false).Outside); got != 1 {
		t.Errorf("hogs that go on for ever: got %d buckets", got)
	}
}

func TestALoadThatReactsIsKnownForItsTurns(t *testing.T) {
	turns := []float64{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}
	e := during(one(Place{Path: session(6)}), turns)
	got := e.Config(false).Outside
	for i, b := range got {
		if len(b.Loads) != 1 || b.Loads[0].Threads != 1 || math.Abs(b.Loads[0].Runnable-0.5) > 0.101 || math.Abs(b.Loads[0].OnCPU-0.25) > 0.051 {
			t.Errorf("bucket %d: %+v, want half a thread of one", i, b.Loads)
		}
	}
}

func TestThreadsThatSleptGetNoMoreThanTheyHadInFrozenLoad(t *testing.T) {
	e := during(one(Place{Path: session(6)}), []float64{1})
	e.Load[0].Load = []Load{{Threads: 12, Runnable: 3, CPU: 0.7, Busy: 2, BusyCPU: 0.6}}
	e.Load = append(e.Load, Bucket{At: 200 * ms, Span: 200 * ms, Load: []Load{{Threads: 12, Runnable: 2.95, CPU: 0.6, Busy: 2, BusyCPU: 0.6}}},
		Bucket{At: 400 * ms, Span: 200 * ms, Load: []Load{{Threads: 3, Runnable: 2.8, CPU: 0.7, Busy: 2, BusyCPU: 0.6}}})
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2 of 2 on 0.6 of 0; 1 of 10 on 0.1 of 0.1; ",
		"2 of 2 on 0.6 of 0; ", // they only waited
		"2 of 2 on 0.6 of 0; 0.8 of 1 on 0.1 of 0.1; ",
	}
	for i, b := range e.Config(true).Outside[:3] {
		got := ""
		for _, l := range b.Loads {
			got += fmt.Sprintf("%.3g of %.3g on %.3g of %.3g; ", l.Runnable, l.Threads, l.OnCPU, l.Cores)
		}
		if got != want[i] {
			t.Errorf("bucket %d: got %s want %s", i, got, want[i])
		}
	}
	e.Load = e.Load[2:]
	e.Load[0].Load[0].Runnable = 2.95 // nearly always
	if got := e.Config(true).Outside[0].Loads[1].Cores; got != 0 {
		t.Errorf("it gets at most %v cores", got)
	}
}

func TestAHogAmongThreadsThatTickReactsAsAHog(t *testing.T) {
	e := during(one(Place{Path: session(6)}), []float64{1, 1, 1, 1})
	for i := range e.Load { // a hog always, another half of the time, and nine that tick
		l := &e.Load[i].Load[0]
		*l = Load{Threads: 11, Runnable: 1.1 + float64(i%2), CPU: 0.6 + 0.2*float64(i%2), Busy: 1 + i%2, BusyCPU: 0.5 + 0.3*float64(i%2)}
	}
	for i, b := range e.Config(false).Outside {
		if got := fmt.Sprintf("%.4g", []float64{b.Loads[0].Runnable, b.Loads[0].Threads, b.Loads[0].OnCPU, b.Loads[1].Runnable, b.Loads[1].Threads, b.Loads[1].OnCPU, b.Loads[1].Cores}); got != "[1 1 0.45 0.6 10 0.25 0]" {
			t.Errorf("bucket %d: %s", i, got)
		}
	}
}

func TestALoadThatBeginsOrEndsIsNotSmearedOverTheTimeBefore(t *testing.T) {
	none, all := slices.Repeat([]float64{0}, 7), slices.Repeat([]float64{1}, 7)
	e := during(one(Place{Path: session(6)}), slices.Concat(none, all, none, all, none))
	got := told(e.Config(false))
	on := ":autogroup-6 1 of 1 on 0.5; "
	if want := slices.Concat(slices.Repeat([]string{""}, 7), slices.Repeat([]string{on}, 7), slices.Repeat([]string{""}, 7), slices.Repeat([]string{on}, 7), slices.Repeat([]string{""}, 8)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAHogComesAndGoesWhenItDidAndNotWithTheLook(t *testing.T) {
	e := during(one(Place{Path: session(6)}), []float64{0, 0.25, 1, 1, 0.75, 0})
	for i := range e.Load {
		for n := range e.Load[i].Load {
			l := &e.Load[i].Load[n]
			if l.Busy = int(l.Runnable); l.Busy > 0 {
				l.BusyCPU = l.CPU
			}
		}
	}
	for _, frozen := range []bool{false, true} {
		var from, to time.Duration
		for _, b := range e.Config(frozen).Outside[:7] { // then comes what goes on
			switch on := len(b.Loads) > 0; {
			case on && (len(b.Loads) != 1 || b.Loads[0].Runnable != 1 || b.Loads[0].Sleeps()):
				t.Errorf("at %v: %+v", b.At, b.Loads)
			case on && from == 0:
				from = b.At
			case !on && from > 0 && to == 0:
				to = b.At
			case on && to > 0:
				t.Errorf("it is back at %v", b.At)
			}
		}
		if from != 350*ms || to != 950*ms {
			t.Errorf("it was there from %v to %v", from, to)
		}
	}
	// Nor has one beside whom more come.
	e = during(one(Place{Path: session(6)}), []float64{1, 2, 2, 1})
	for i := range e.Load {
		l := &e.Load[i].Load[0]
		l.Busy, l.BusyCPU = int(l.Runnable), l.CPU
	}
	if got := e.Config(true).Outside; len(got) != 5 || len(got[0].Loads) != 1 || got[1].At != 200*ms {
		t.Errorf("beside one who was there throughout: %+v", got)
	}
	// Who sleeps in between has no such edges.
	e = during(one(Place{Path: session(6)}), []float64{0, 0.25, 0.5, 0.5, 0.75, 0})
	for i, b := range e.Config(false).Outside[:6] {
		if b.At != time.Duration(i)*200*ms {
			t.Errorf("bucket %d is from %v on", i, b.At)
		}
	}
}

func TestWhatGoesBeforeAllOthersTakesItsCoresAway(t *testing.T) {
	e := during([]Rival{{Place: Place{Policy: Realtime}}, {Place: Place{Path: session(6)}}}, []float64{1, 1, 1}, []float64{1, 1, 1})
	for i := range e.Load {
		e.Load[i].Stolen = 0.25
		e.Load[i].Unseen = []float64{0.3, -0.1, 0.1}[i]
	}
	for _, frozen := range []bool{true, false} {
		for i, b := range e.Config(frozen).Outside {
			if math.Abs(b.Stolen-(0.5+0.25+0.1)) > 1e-9 || len(b.Loads) != 1 {
				t.Errorf("bucket %d: %+v", i, b)
			}
		}
	}
	for i := range e.Load {
		e.Load[i].Unseen = -0.1
	}
	if got := e.Config(true).Outside[0].Stolen; got != 0.75 {
		t.Errorf("with less than nothing unseen %v are stolen", got)
	}
}

func TestACoreThatRivalsAreBoundToIsSharedOut(t *testing.T) {
	bound := func(n int, cpus ...int) Rival { return Rival{Place: Place{Path: session(n), CPUs: cpus}} }
	e := during([]Rival{bound(1, 0), bound(2, 0), bound(3, 0), bound(4, 0, 1), {Place: Place{Path: session(5)}}},
		[]float64{1}, []float64{0.2}, []float64{2}, []float64{2}, []float64{1})
	got := map[string]float64{}
	for _, l := range e.Config(true).Outside[0].Loads {
		got[l.Path] = l.Cores
	}
	e.Load[0].Load[2].Busy, e.Load[0].Load[2].BusyCPU = 1, 0.5 // its threads share its part
	for _, l := range e.Config(true).Outside[0].Loads {
		if l.Path == ":autogroup-3" && l.Cores != 0.2 {
			t.Errorf("one of two threads may use %v cores", l.Cores)
		}
	}
	for n, want := range map[int]float64{1: 0.4, 2: 0.1, 3: 0.4, 4: 2, 5: 0} {
		if at := got[fmt.Sprint(":autogroup-", n)]; math.Abs(at-want) > 1e-9 {
			t.Errorf("rival %d may use %v cores, want %v", n, at, want)
		}
	}
}

// ends starts a worker's thread of 100 ms in each of n groups of the
// environment's, and has their ends.
func ends(e *Environment, n int) (at []time.Duration) {
	m := cpu.New(e.Config(true))
	for range n {
		e.Group(m).Start(100*ms, func() { at = append(at, m.Now()) })
	}
	for next, ok := m.Next(); ok; next, ok = m.Next() {
		m.Advance(next)
	}
	return at
}

func TestWorkersCompeteWhereTheyWereRecorded(t *testing.T) {
	hogs := func(p Place, n float64) *Environment { return during(one(p), []float64{n}) }
	with := func(e *Environment, set func(e *Environment)) *Environment {
		set(e)
		return e
	}
	places := func(p ...Place) func(e *Environment) { return func(e *Environment) { e.Workers = p } }
	container := func(name string, weight float64, q Quota) []Group {
		return []Group{{Name: "docker", Weight: 1}, {Name: name, Weight: weight, Quota: q}}
	}
	half := Quota{Cores: 0.5, Period: 100 * ms}
	late := Quota{Cores: 0.5, Period: 100 * ms, First: 50 * ms}
	sessions := []Place{{Path: session(7)}, {Path: session(8)}}
	for _, c := range []struct {
		name string
		e    *Environment
		n    int
		each time.Duration
	}{
		{"nobody else, and nobody recorded", &Environment{Cores: 2}, 4, 200 * ms},
		{"in sessions, beside four hogs in one", with(hogs(Place{Path: session(6)}, 4), places(sessions...)), 2, 150 * ms},
		{"in one that was recorded, and others like it", with(hogs(Place{Path: session(6)}, 4), places(sessions[:1]...)), 2, 150 * ms},
		{"in a session with the program", with(hogs(Place{Path: session(6)}, 2), func(e *Environment) {
			e.Rivals[0].Harness = true
			e.Workers = []Place{{Path: session(6)}}
		}), 2, 200 * ms},
		{"in the root, beside a hog there", with(hogs(Place{}, 2), places(Place{})), 2, 200 * ms},
		{"beside idle threads", with(hogs(Place{Policy: Idle}, 4), places(Place{})), 2, time.Duration(math.Ceil(100e6 * (1 + 6./1024)))},
		{"beside nice ones", with(hogs(Place{Nice: 10}, 2), places(Place{})), 2, time.Duration(math.Ceil(100e6 * (1 + cpu.NiceWeight(10))))},
		{"in one container together, beside another", with(hogs(Place{Path: container("b", 1, Quota{})}, 2), func(e *Environment) {
			e.Workers = []Place{{Path: container("a", 3, Quota{}), Processes: 4}}
		}), 4, 800*ms/3 + 1}, // 3/4 of 2 cores are 1.5
		{"in containers of their own", with(hogs(Place{Path: container("c", 1, Quota{})}, 2), places(Place{Path: container("a", 1, Quota{})}, Place{Path: container("b", 1, Quota{})})), 2, 150 * ms},
		{"under a quota of the recorded container", with(&Environment{Cores: 2}, places(Place{Path: container("a", 1, half)}, Place{Path: container("b", 1, half)})), 2, 150 * ms},
		{"under a quota that has no place", &Environment{Cores: 2, Quota: half}, 1, 150 * ms},
		{"under one whose first period is half over", with(&Environment{Cores: 2}, places(Place{Path: container("a", 1, late)}, Place{Path: container("b", 1, late)})), 2, 100 * ms},
		{"under such a one that has no place", &Environment{Cores: 2, Quota: late}, 1, 100 * ms},
		{"beside a rival under a quota", with(hogs(Place{Path: container("b", 1, Quota{Cores: 0.2, Period: 100 * ms})}, 1), places(Place{Path: session(7)}, Place{Path: session(8)})), 2, 115 * ms},
		{"bound to a core", with(&Environment{Cores: 2}, places(Place{Path: session(7), CPUs: []int{1}}, Place{Path: session(8), CPUs: []int{1}})), 2, 200 * ms},
		{"bound to a core, beside two sessions", with(during([]Rival{{Place: Place{Path: session(5)}}, {Place: Place{Path: session(6)}}}, []float64{2}, []float64{2}),
			places(Place{Path: session(7), CPUs: []int{1}}, Place{Path: session(8), CPUs: []int{1}})), 2, 200 * ms},
	} {
		if err := c.e.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := ends(c.e, c.n); !slices.Equal(got, slices.Repeat([]time.Duration{c.each}, c.n)) {
			t.Errorf("%s: ended at %v, want %v", c.name, got, c.each)
		}
	}
}

func TestTheModelTakesWhateverAnEnvironmentMayBe(t *testing.T) {
	e := anEnvironment()
	for _, frozen := range []bool{true, false} {
		if err := e.Config(frozen).Check(); err != nil {
			t.Errorf("frozen %v: %v", frozen, err)
		}
	}
	if got := ends(e, 3); len(got) != 3 {
		t.Errorf("ended at %v", got)
	}
}
