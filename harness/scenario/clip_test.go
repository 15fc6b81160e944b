package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// met is a scenario that met an environment inside of aContract.
func met(change func(e *Environment)) Scenario {
	s := good()
	s.World, s.Cores, s.Start = "virtual", 2, Demand{CPU: 100 * ms}
	s.Workload = Workload{Clients: 2, Command: "echo"}
	e := &Environment{
		Cores: 2,
		Starts: []Span{
			{Worker: 0, End: 400 * ms, Demand: Demand{CPU: 300 * ms, Wait: 100 * ms}},
			{Worker: 1, End: 500 * ms, Demand: Demand{CPU: 300 * ms}, Cut: true, Mute: true},
		},
		Calls:  map[string][]Span{"c1": {{Worker: 0, Begin: 400 * ms, End: 600 * ms, Demand: Demand{CPU: 200 * ms}}}},
		Rivals: []Rival{{}, {}},
		Load: []Bucket{
			{At: 0, Span: 200 * ms, Load: []Load{{Rival: 0, Threads: 1, Runnable: 0.5, CPU: 0.25}}},
			{At: 200 * ms, Span: 200 * ms},
		},
	}
	if change != nil {
		change(e)
	}
	s.Replay = e
	return s
}

func TestWhatIsInsideTheContractStaysAsItWas(t *testing.T) {
	c := aContract()
	for name, s := range map[string]Scenario{
		"all of it": met(nil),
		"at its edge, as far as can be measured": met(func(e *Environment) {
			e.Starts[0].Demand = Demand{CPU: 500 * ms, Wait: 2 * time.Second}
			e.Deaths = []Death{{Worker: 0, At: 600 * ms}}
			e.Cores, e.Load[1].Stolen = 3, 1
			e.Workers = []Place{{Path: []Group{{Name: "/autogroup-1", Weight: 1, Quota: Quota{Cores: 1.5}}}}} // more than one thread uses
		}),
	} {
		before := *s.Replay
		clipped, excess := c.Clip(s)
		if len(excess) > 0 || clipped.Start != s.Start || clipped.Cores != s.Cores || !reflect.DeepEqual(clipped.Replay, s.Replay) {
			t.Errorf("%s: %q\ngot  %+v\nwant %+v", name, excess, clipped.Replay, s.Replay)
		}
		if !reflect.DeepEqual(before, *s.Replay) {
			t.Errorf("%s: what was clipped has changed itself", name)
		}
	}
}

func TestEachExcessIsTakenAwayAndSaid(t *testing.T) {
	for says, x := range map[string]struct {
		change func(e *Environment)
		want   func(e *Environment) // in place of what change did
	}{
		"there were 1 cores, the contract has 2": {func(e *Environment) { e.Cores = 1 }, func(*Environment) {}},
		"0.50 of the contract's 2 cores were stolen": {
			func(e *Environment) { e.Load[0].Stolen, e.Load[1].Stolen = 0.5, 0.5 }, func(*Environment) {}},
		"under a quota of 0.3 cores": {func(e *Environment) { e.Quota = Quota{0.3, 100 * ms, 50 * ms} }, func(e *Environment) { e.Quota = Quota{2, 100 * ms, 50 * ms} }},
		"the workers were under a quota of 0.3 cores": {
			func(e *Environment) { e.Quota.Cores, e.Workers = 0.3, []Place{{}} },
			func(e *Environment) { e.Quota.Cores, e.Workers = 2, []Place{{}} }},
		"under a quota of 0.2 cores": {
			func(e *Environment) {
				e.Workers = []Place{{Path: []Group{{Name: "/autogroup-1", Weight: 1, Quota: Quota{Cores: 0.2}}}}}
			},
			func(e *Environment) {
				e.Workers = []Place{{Path: []Group{{Name: "/autogroup-1", Weight: 1, Quota: Quota{Cores: 1}}}}}
			}},
		"others wanted up to 4.0 cores at once, 1.8 more on average than the contract's 0.5": {
			func(e *Environment) {
				e.Load[0].Load = []Load{{Rival: 0, Threads: 3, Runnable: 3, CPU: 1.5, Busy: 3, BusyCPU: 1.5}, {Rival: 1, Threads: 1, Runnable: 1, CPU: 0.5, Busy: 1, BusyCPU: 0.5}}
			},
			func(e *Environment) {
				e.Load[0].Load = []Load{{Rival: 0, Threads: 3, Runnable: 0.375, CPU: 0.375}, {Rival: 1, Threads: 1, Runnable: 0.125, CPU: 0.125}}
			}},
		"others wanted up to 1.0 cores at once, 0.5 more on average": {
			func(e *Environment) { e.Load = []Bucket{{Span: 200 * ms, Unseen: 1}} },
			func(e *Environment) { e.Load = []Bucket{{Span: 200 * ms, Unseen: 0.5, Load: []Load{}}} }},
		"2 workers died, the contract has 1 die": {
			func(e *Environment) {
				e.Starts[1] = Span{Worker: 1, Refused: "no more processes", Begin: time.Second, End: time.Second}
				e.Deaths = []Death{{Worker: 0, At: 600 * ms, Call: "c1"}}
				e.Calls["c1"][0].Died = true
				e.Victims = []string{"c1"}
			},
			func(e *Environment) {
				e.Starts[1] = Span{Worker: 1, Begin: time.Second, End: time.Second, Cut: true}
				e.Deaths = []Death{{Worker: 0, At: 600 * ms, Call: "c1"}}
				e.Calls["c1"][0].Died = true
				e.Victims = []string{"c1"}
			}},
		"3 workers died, the contract has 1 die": {
			func(e *Environment) {
				e.Starts[1].Cut, e.Starts[1].Died = false, true
				e.Deaths = []Death{{Worker: 1, At: 900 * ms}, {Worker: 0, At: 600 * ms}, {Worker: 0, At: 700 * ms, Call: "c1"}}
				e.Calls["c1"][0].Died = true
				e.Victims = []string{"c1", "c2"}
			},
			func(e *Environment) {
				e.Deaths = []Death{{Worker: 0, At: 600 * ms}}
				e.Starts[1].Spared = true
				e.Calls["c1"][0].Cut, e.Calls["c1"][0].Spared = true, true
				e.Victims = []string{"c2"}
			}},
		"starts asked for up to 0.90 s of CPU, the contract has 0.50 s": {
			func(e *Environment) { e.Starts[0].CPU, e.Starts[1].CPU = 900*ms, 100*ms },
			func(e *Environment) { e.Starts[0].CPU, e.Starts[1].CPU = 500*ms, 100*ms }},
		"starts asked for up to 3.00 s of waiting, the contract has 2.00 s": {
			func(e *Environment) { e.Starts[0].Wait = 3 * time.Second },
			func(e *Environment) { e.Starts[0].Wait = 2 * time.Second }},
		"calls asked for up to 1.50 s of CPU, the contract has 1.00 s": {
			func(e *Environment) { e.Calls["c1"][0].CPU = 1500 * ms },
			func(e *Environment) { e.Calls["c1"][0].CPU = time.Second }},
		"calls asked for up to 3600.00 s of waiting, the contract has 60.00 s": {
			func(e *Environment) { e.Calls["c1"][0].Wait = time.Hour },
			func(e *Environment) { e.Calls["c1"][0].Wait = time.Minute }},
		"3 starts said no hello in the time that the contract gives them, it has 2 of these": {
			func(e *Environment) {
				for n := 2; n <= 4; n++ {
					e.Starts = append(e.Starts, Span{Worker: n, Cut: true, Mute: true, Demand: Demand{CPU: 100 * ms, Wait: 5 * time.Second}})
				}
			},
			func(e *Environment) {
				for n := 2; n <= 3; n++ {
					e.Starts = append(e.Starts, Span{Worker: n, Cut: true, Mute: true, Demand: Demand{CPU: 100 * ms, Wait: 5 * time.Second}})
				}
				e.Starts = append(e.Starts, Span{Worker: 4, Demand: Demand{CPU: 100 * ms, Wait: 2 * time.Second}})
			}},
	} {
		c := aContract()
		clipped, excess := c.Clip(met(x.change))
		want := met(x.want)
		if clipped.Replay.Workers == nil {
			clipped.Replay.Workers = want.Replay.Workers
		}
		if !reflect.DeepEqual(clipped.Replay, want.Replay) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", says, clipped.Replay, want.Replay)
		}
		found := false
		for _, text := range excess {
			found = found || strings.Contains(text, says)
		}
		if !found {
			t.Errorf("%s: said is %q", says, excess)
		}
		if err := clipped.Replay.Check(); err != nil {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestWhatNobodyHasSeenIsClippedToo(t *testing.T) {
	c := aContract()
	s := met(nil)
	s.Start, s.Cores = Demand{CPU: time.Second, Wait: time.Hour}, 1
	s.Workload.Command, s.Workload.Args = "burn", map[string]any{"cpu_s": 3.0}
	clipped, excess := c.Clip(s)
	if clipped.Start != c.Start || clipped.Cores != 2 {
		t.Errorf("further starts ask for %v of %v cores", clipped.Start, clipped.Cores)
	}
	if got := clipped.Replay.Calls["c2"]; len(got) != 1 || got[0].Demand != (Demand{CPU: time.Second}) || got[0].Command != "burn" {
		t.Errorf("a call that was never made asks for %+v", got)
	}
	if got := clipped.Replay.Calls["c1"]; len(got) != 1 || got[0].CPU != 200*ms {
		t.Errorf("a call that was made asks for %+v", got)
	}
	if len(excess) != 3 {
		t.Errorf("said is %q", excess)
	}
	// A start that was cut short after more than anybody knows of would never end.
	s = met(func(e *Environment) { e.Starts[1].Demand = Demand{CPU: 300 * ms, Wait: time.Second} })
	if clipped, excess = c.Clip(s); clipped.Replay.Starts[1].Cut || clipped.Replay.Starts[1].Demand != (Demand{CPU: 300 * ms, Wait: 2 * time.Second}) || len(excess) > 0 {
		t.Errorf("it asks for %+v: %q", clipped.Replay.Starts[1], excess)
	}
}

func TestAWorkloadKnowsItsCalls(t *testing.T) {
	for _, c := range []struct {
		calls int
		then  []Step
		want  string
	}{
		{0, nil, "c2 sleep"},
		{1, nil, "c2 sleep"},
		{2, nil, "c2.1 sleep, c2.2 sleep"},
		{0, []Step{{Command: "put"}, {Command: "get"}}, "c2.1 sleep, c2.2 put, c2.3 get"},
		{5, []Step{{Command: "put"}, {Command: "get"}}, "c2.1 sleep, c2.2 put, c2.3 get, c2.4 get, c2.5 get"},
		{2, []Step{{Command: "put"}, {Command: "get"}}, "c2.1 sleep, c2.2 put"},
	} {
		w := Workload{Clients: 2, Calls: c.calls, Command: "sleep", Then: c.then}
		var got []string
		for nth := 1; nth <= w.Each(); nth++ {
			got = append(got, w.Call(2, nth)+" "+w.Step(nth).Command)
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestWhatIsRightIsAResultOrTheErrorThatIsToCome(t *testing.T) {
	for _, c := range []struct {
		fails, err string
		right      bool
	}{{"", "", true}, {"", "no", false}, {"no", "", false}, {"no", "say no more", true}, {"no", "yes", false}} {
		if got := (Step{Command: "call", Fails: c.fails}).Right(c.err); got != c.right {
			t.Errorf("it is to fail with %q, and the error is %q: right: %v", c.fails, c.err, got)
		}
	}
}

func TestClientsHaveSessionsInTurn(t *testing.T) {
	for _, c := range []struct {
		clients, sessions int
		want              string
	}{{2, 0, ", "}, {3, 3, "s1 of 1, s2 of 1, s3 of 1"}, {3, 1, "s1 of 3, s1 of 3, s1 of 3"}, {5, 2, "s1 of 3, s2 of 2, s1 of 3, s2 of 2, s1 of 3"}} {
		w := Workload{Clients: c.clients, Sessions: c.sessions}
		var got []string
		for nth := 1; nth <= c.clients; nth++ {
			s := w.Session(nth)
			if s != "" {
				s = fmt.Sprintf("%s of %d", s, w.Sharers(nth))
			}
			got = append(got, s)
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestCallsThatWereNeverMadeAreClippedByWhatTheyAskFor(t *testing.T) {
	c := aContract()
	c.Call.Wait = 300 * ms
	s := met(func(*Environment) {})
	s.Workload = Workload{Clients: 2, Command: "echo", Then: []Step{{Command: "sleep", Args: map[string]any{"s": 9}}}}
	clipped, _ := c.Clip(s)
	for id, want := range map[string][]Span{"c2.1": nil, "c2.2": {{Command: "sleep", Demand: asks(0, 300)}}} {
		if got := clipped.Replay.Calls[id]; !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", id, got, want)
		}
	}
}

func TestWhatIsKnownOfAStartThatWasCutShortIsClipped(t *testing.T) {
	c := aContract()
	s := met(func(e *Environment) { e.Starts[1].Asks = &Demand{CPU: 300 * ms, Wait: time.Hour} })
	if got := s.Demands().Start(1); got.BootCPU != 300*ms || got.BootWait != time.Hour {
		t.Errorf("it asks for %+v", got)
	}
	clipped, excess := c.Clip(s)
	if got := clipped.Demands().Start(1); got.BootCPU != 300*ms || got.BootWait != 2*time.Second || len(excess) != 1 {
		t.Errorf("inside the contract it asks for %+v: %q", got, excess)
	}
	if *s.Replay.Starts[1].Asks != (Demand{CPU: 300 * ms, Wait: time.Hour}) {
		t.Errorf("what was clipped has changed itself: %+v", s.Replay.Starts[1].Asks)
	}
}

func TestStartsThatNobodyMetAreClippedAndAreNoExcess(t *testing.T) {
	c := aContract()
	s := met(func(e *Environment) {
		n := len(e.Starts)
		e.Further = []Span{{Worker: n, Demand: Demand{CPU: time.Hour, Wait: time.Hour}}, {Worker: n + 1, Died: true}, {Worker: n + 2, Refused: "no"}}
	})
	clipped, excess := c.Clip(s)
	n := len(s.Replay.Starts)
	if got := clipped.Demands().Start(n); got.BootCPU != c.Start.CPU || got.BootWait != c.Start.Wait {
		t.Errorf("inside the contract it asks for %+v", got)
	}
	for _, n := range []int{n + 1, n + 2} {
		if got := clipped.Demands().Start(n); got.DieBooted != nil || got.Refuse != nil {
			t.Errorf("inside the contract start %d is %+v", n, got)
		}
	}
	if len(excess) > 0 || !s.Replay.Further[1].Died {
		t.Errorf("excess %q; what was clipped is %+v now", excess, s.Replay.Further)
	}
}
