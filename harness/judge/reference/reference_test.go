package reference_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/judge/reference"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

const ms = time.Millisecond

// burst is so many clients at once for a pool that starts its workers on demand.
func burst(clients, size int, start scenario.Demand) scenario.Scenario {
	return scenario.Scenario{
		Config:   subject.Config{Size: size, Lazy: true},
		Cores:    2,
		Start:    start,
		Workload: scenario.Workload{Clients: clients, Command: "echo"},
		Deadline: time.Minute,
	}
}

func took(m reference.Member) (all []time.Duration) {
	for _, c := range m.Calls {
		all = append(all, c.Took)
	}
	return all
}

func of(t *testing.T, sc scenario.Scenario, p reference.Policy) reference.Member {
	t.Helper()
	m, err := reference.Play(sc, p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOtherPoolsHaveTheirPartOfTheCores(t *testing.T) {
	sc := burst(1, 1, scenario.Demand{CPU: 300 * ms})
	other := scenario.Span{Demand: scenario.Demand{CPU: 150 * ms}}
	second := other
	second.Worker, second.Begin = 1, 450*ms // on its own core by then
	sc.World, sc.Replay = "virtual", &scenario.Environment{Cores: 1, Others: []scenario.Span{other, second}}
	if got := took(of(t, sc, reference.Policy{Width: 1})); len(got) != 1 || got[0] != 450*ms {
		t.Errorf("it is answered after %v, want 450 ms: 150 ms of those are the other's", got)
	}
	sc.Replay.Others[1].Begin = 400 * ms // 50 ms before the end
	if got := took(of(t, sc, reference.Policy{Width: 1})); len(got) != 1 || got[0] != 500*ms {
		t.Errorf("beside a second one it is answered after %v, want 500 ms", got)
	}
	sc.Replay.Opens = 50 * ms
	for warm, want := range []time.Duration{450 * ms, 0} { // of the first 100 ms are left, and of the second 150 come before the end
		sc.Warm = warm
		if m := of(t, sc, reference.Policy{Width: 1}); m.Calls[0].Took != want || m.Calls[0].Arrived+want != 500*ms && warm == 0 {
			t.Errorf("%d warm: it opens at 50 ms, its caller comes at %v and is answered after %v, want %v", warm, m.Calls[0].Arrived, m.Calls[0].Took, want)
		}
	}
	sc.Replay.Opens = time.Hour // and its callers wait until it is warm all the same
	if got := took(of(t, sc, reference.Policy{Width: 1})); len(got) != 1 || got[0] != 0 {
		t.Errorf("of a warm pool that opens after an hour it is answered after %v", got)
	}
}

// Twenty callers before the only client's, on one worker for 100 ms each: to send them
// away is no miss.
func TestWhereMoreCallersComeSomePoolsSendThemAway(t *testing.T) {
	sc := burst(1, 1, scenario.Demand{})
	sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": 0.1}
	sc.Workload.At, sc.Warm = []time.Duration{time.Second}, 1
	sc.Deadline, sc.Patience = 150*ms, time.Minute
	plan := faults.Plan{{Fault: faults.Flood{Callers: 20}, At: faults.Clock}}
	crowd := func(sc *scenario.Scenario) {
		for i := range 20 {
			sc.Workload.Extra = append(sc.Workload.Extra, scenario.Extra{Name: fmt.Sprintf("flood1.%d", i+1)})
		}
	}
	for name, change := range map[string]func(*scenario.Scenario){
		"as planned":  func(sc *scenario.Scenario) { sc.Faults = plan },
		"as recorded": crowd,
	} {
		sc := sc
		change(&sc)
		for _, c := range []struct {
			limit   int
			timeout time.Duration
			refuse  bool
			want    time.Duration
		}{
			{2, 0, false, 1100 * ms},
			{2, 0, true, 100 * ms},
			{-1, 0, true, 100 * ms},
			{0, 250 * ms, true, 100 * ms},
			{12, 0, true, 400 * ms}, // thirteen of them are served
			{0, 0, true, 1100 * ms},
		} {
			sc.Config.QueueLimit, sc.Config.CheckoutTimeout = c.limit, c.timeout
			if got := took(of(t, sc, reference.Policy{Width: 1, Refuse: c.refuse})); len(got) != 1 || got[0] != c.want {
				t.Errorf("%s, %+v: got %v", name, c, got)
			}
		}
	}
	sc.Faults = plan
	for limit, refuses := range map[int]bool{0: false, 2: true} {
		sc.Config.QueueLimit = limit
		f, err := reference.Run(sc)
		if err != nil {
			t.Fatal(err)
		}
		if best := f.Best(); best.Refuse != refuses || (best.Misses() == 0) != refuses || refuses && !strings.HasSuffix(best.String(), ", refusing callers") {
			t.Errorf("limit %d: the best is %v, with %d misses", limit, best, best.Misses())
		}
	}
}

// A fault that waits for the clients' clock hurts the first start too, of a pool that
// opens as they come.
func TestTheClientsClockStartsBeforeTheFirstStart(t *testing.T) {
	sc := burst(1, 1, scenario.Demand{Wait: 100 * ms})
	sc.Config.Lazy = false
	sc.Faults = faults.Plan{{Fault: faults.SlowStart{Wait: 50 * ms}, At: faults.Clock}}
	for warm, want := range []time.Duration{150 * ms, 0} {
		sc.Warm = warm
		if got := took(of(t, sc, reference.Policy{Width: 1, Fill: reference.Size})); len(got) != 1 || got[0] != want {
			t.Errorf("%d warm: it is answered after %v, want %v", warm, got, want)
		}
	}
}

func TestAStartComputesOnceItsEngineIsThrough(t *testing.T) {
	sc := burst(2, 2, scenario.Demand{})
	sc.Cores, sc.Workload.Command, sc.Workload.Args = 1, "sleep", map[string]any{"s": 1}
	sc.Replay = &scenario.Environment{Cores: 1, Starts: []scenario.Span{
		{Demand: scenario.Demand{CPU: 60 * ms, Wait: 70 * ms}, Engine: 50 * ms}, {Worker: 1, Demand: scenario.Demand{CPU: 60 * ms}},
	}}
	// The second has the core for 50 ms, and then they share it until it is ready.
	got := took(of(t, sc, reference.Policy{Width: 2}))
	slices.Sort(got)
	if want := []time.Duration{1070 * ms, (50 + 10 + 60 + 20 + 1000) * ms}; !slices.Equal(got, want) {
		t.Errorf("they are served after %v, want %v", got, want)
	}
}

// Where nothing is in the way what comes out can be said in a line.
func TestTimesAreThoseOfTheClosedForm(t *testing.T) {
	sleep := func(sc scenario.Scenario, d time.Duration) scenario.Scenario {
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": d.Seconds()}
		return sc
	}
	thenSleep := func(sc scenario.Scenario, d time.Duration) scenario.Scenario {
		sc.Workload.Then = []scenario.Step{{Command: "ping"}, {Command: "sleep", Args: map[string]any{"s": d.Seconds()}}}
		return sc
	}
	hurt := func(sc scenario.Scenario, f faults.Fault) scenario.Scenario {
		sc.Faults = faults.Plan{{Fault: f, Target: faults.Target{First: 1}}}
		return sc
	}
	all := func(n int, d time.Duration) (times []time.Duration) {
		for range n {
			times = append(times, d)
		}
		return times
	}
	for _, c := range []struct {
		name string
		sc   scenario.Scenario
		p    reference.Policy
		want []time.Duration
	}{
		{"eight starts that compute, at once", burst(8, 8, scenario.Demand{CPU: 300 * ms}), reference.Policy{Width: 8}, all(8, 1200*ms)},
		{"two at once", burst(8, 8, scenario.Demand{CPU: 300 * ms}), reference.Policy{Width: 2}, all(8, 300*ms)}, // an echo takes nothing: the first two serve all
		{"two at once, and calls that take long", sleep(burst(8, 8, scenario.Demand{CPU: 300 * ms}), time.Hour), reference.Policy{Width: 2},
			[]time.Duration{time.Hour + 300*ms, time.Hour + 300*ms, time.Hour + 600*ms, time.Hour + 600*ms, time.Hour + 900*ms, time.Hour + 900*ms, time.Hour + 1200*ms, time.Hour + 1200*ms}},
		{"one at a time", sleep(burst(3, 3, scenario.Demand{Wait: 400 * ms}), time.Hour), reference.Policy{Width: 1}, []time.Duration{time.Hour + 400*ms, time.Hour + 800*ms, time.Hour + 1200*ms}},
		{"calls that differ", thenSleep(burst(1, 1, scenario.Demand{Wait: 400 * ms}), time.Minute), reference.Policy{Width: 1}, []time.Duration{400 * ms, 0, time.Minute}},
		{"a start that is refused, and begun again", hurt(burst(1, 1, scenario.Demand{Wait: 400 * ms}), faults.StartRefused{}), reference.Policy{Width: 1}, all(1, 410*ms)},
		{"one that dies, and is begun again", hurt(burst(1, 1, scenario.Demand{Wait: 400 * ms}), faults.DiesBeforeHello{}), reference.Policy{Width: 1}, all(1, 800*ms)},
		{"one that dies soon", hurt(burst(1, 1, scenario.Demand{Wait: 4 * ms}), faults.DiesBeforeHello{}), reference.Policy{Width: 1}, all(1, 14*ms)},
		{"another in its place", hurt(burst(2, 2, scenario.Demand{Wait: 400 * ms}), faults.StartRefused{}), reference.Policy{Width: 1}, all(2, 400*ms)},
		{"another in place of one that dies", hurt(burst(2, 2, scenario.Demand{Wait: 400 * ms}), faults.DiesBeforeHello{}), reference.Policy{Width: 1}, all(2, 800*ms)},
		{"a start beside three hogs", hurt(burst(1, 1, scenario.Demand{CPU: 300 * ms}), faults.CPUHogs{Threads: 3}), reference.Policy{Width: 1}, all(1, 600*ms)},
		{"a start beside three of one group", hurt(burst(1, 1, scenario.Demand{CPU: 300 * ms}), faults.CPUHogs{Threads: 3, Own: true}), reference.Policy{Width: 1}, all(1, 300*ms)},
		{"starts that wait, at once", burst(8, 8, scenario.Demand{Wait: 400 * ms}), reference.Policy{Width: 8}, all(8, 400*ms)},
	} {
		c.sc.Patience = 2 * time.Hour
		c.sc.Deadline = 2 * time.Hour
		got := took(of(t, c.sc, c.p))
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
				break
			}
		}
	}
}

func TestACallThatComesToItsWorkerAsNoRequestIsAnErrorAtOnceAndExcused(t *testing.T) {
	sc := burst(1, 1, scenario.Demand{Wait: 400 * ms})
	sc.Workload.Command, sc.Workload.Args, sc.Workload.Calls = "sleep", map[string]any{"s": 1}, 2
	sc.Faults = faults.Plan{{Fault: faults.SpoiltRequest{How: faults.NoID}, Times: 1}}
	calls := of(t, sc, reference.Policy{Width: 1}).Calls
	if c := calls[0]; !c.Excused || c.Err == "" || c.Took != 400*ms {
		t.Errorf("%+v", c)
	}
	if c := calls[1]; c.Err != "" || c.Took != time.Second {
		t.Errorf("the next one on that worker: %+v", c)
	}
}

func TestWhoIsShortOfMemoryTakesLongerForEachCall(t *testing.T) {
	sc := burst(1, 1, scenario.Demand{Wait: 400 * ms})
	sc.Workload.Command, sc.Workload.Args, sc.Workload.Calls, sc.Workload.Think = "sleep", map[string]any{"s": 1}, 2, 100*ms
	sc.Faults = faults.Plan{{Fault: faults.MemoryPressure{MB: 64, Left: 4, Pages: 200}, Until: time.Second}}
	calls := of(t, sc, reference.Policy{Width: 1}).Calls
	if a, b := calls[0].Took, calls[1].Took; a != 1420*ms || b != time.Second {
		t.Errorf("they took %v and %v, want 1.42s and 1s: 200 faults of 50 µs twice, and none", a, b)
	}
}

// Also those that no run is recorded with: anybody may have a pool play them.
func TestEveryModelledFaultCanBePlayed(t *testing.T) {
	for _, name := range faults.Modelled() {
		for seed := range uint64(5) {
			for _, until := range []time.Duration{0, 300 * ms} {
				sc := burst(2, 2, scenario.Demand{Wait: 100 * ms})
				sc.Workload.Command, sc.Workload.Args, sc.Workload.Calls = "sleep", map[string]any{"s": 0.1}, 4
				sc.Faults = faults.Plan{{Fault: faults.Draw(name, rand.New(rand.NewPCG(seed, 1))), Until: until}}
				m, err := reference.Play(sc, reference.Policy{Width: 2})
				if err != nil || len(m.Calls) < 2 {
					t.Errorf("%s until %v: %d calls, %v", name, until, len(m.Calls), err)
				}
			}
		}
	}
}

// Calls that take nothing are answered at the instant at which they are sent, all the
// same one after another.
func TestWhoWasServedFirstComesBackFirst(t *testing.T) {
	sc := burst(4, 1, scenario.Demand{Wait: 400 * ms})
	sc.Workload.Calls = 2
	calls := of(t, sc, reference.Policy{Width: 1}).Calls
	for i, c := range calls[:4] {
		if next := calls[4+i]; next.Client != c.Client {
			t.Errorf("number %d to be served was %s, to come back %s", i+1, c.Client, next.Client)
		}
	}
}

// Of a client whose calls wait for a start nothing comes sooner than elsewhere; what is
// not named comes when it comes.
func TestNoCallComesSoonerThanItCameElsewhere(t *testing.T) {
	sc := burst(1, 1, scenario.Demand{Wait: 400 * ms})
	sc.Workload.Calls, sc.Workload.Think, sc.Warm = 3, 100*ms, 1
	for _, c := range []struct {
		there map[string]time.Duration
		want  []time.Duration
	}{
		{nil, []time.Duration{400 * ms, 500 * ms, 600 * ms}},
		{map[string]time.Duration{"c1.1": 0, "c1.2": 50 * ms, "c1.3": 700 * ms}, []time.Duration{400 * ms, 500 * ms, 1100 * ms}},
		{map[string]time.Duration{"c1.2": 300 * ms}, []time.Duration{400 * ms, 700 * ms, 800 * ms}},
	} {
		f, err := reference.RunAsCame(sc, c.there)
		if err != nil {
			t.Fatal(err)
		}
		var came []time.Duration
		for _, call := range f.Best().Calls {
			came = append(came, call.Arrived)
		}
		if !slices.Equal(came, c.want) {
			t.Errorf("after %v elsewhere they come at %v, want %v", c.there, came, c.want)
		}
	}
}

func BenchmarkFamily(b *testing.B) {
	sc := burst(8, 8, scenario.Demand{CPU: 300 * ms, Wait: 100 * ms})
	for b.Loop() {
		if _, err := reference.Run(sc); err != nil {
			b.Fatal(err)
		}
	}
}

func TestClientsComeAtTheLatestWhenTheyAreToldTo(t *testing.T) {
	sc := burst(2, 2, scenario.Demand{Wait: 10 * time.Second})
	sc.Warm = 2
	for came, want := range map[time.Duration]time.Duration{0: 20 * time.Second, 4 * time.Second: 4 * time.Second, 30 * time.Second: 20 * time.Second} {
		sc.Came = came
		if m := of(t, sc, reference.Policy{Width: 1}); m.Calls[0].Arrived != want {
			t.Errorf("told to come by %v they come at %v, want %v", came, m.Calls[0].Arrived, want)
		}
	}
}

func TestAnErrorThatIsToComeIsRight(t *testing.T) {
	sc := burst(3, 1, scenario.Demand{})
	sc.World = "virtual"
	sc.Workload.Fails = "ValueError"
	sc.Replay = &scenario.Environment{Cores: 2, Starts: []scenario.Span{{}}, Calls: map[string][]scenario.Span{
		"c1": {{Command: "echo", Err: "ValueError: no"}},
		"c2": {{Command: "echo", Err: "TypeError: no"}},
	}}
	for _, c := range of(t, sc, reference.Policy{Width: 1}).Calls {
		if want := map[string]string{"c2": "TypeError: no"}[c.ID]; c.Err != want || c.Missed != (want != "") {
			t.Errorf("%s: %q, missed %v; want %q", c.ID, c.Err, c.Missed, want)
		}
	}
}
