package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func asks(cpu, wait time.Duration) Demand {
	return Demand{CPU: cpu * ms, Wait: wait * ms}
}

// recorded is a run of seven starts: whole until it died at rest, refused, died,
// cut short early, very late, whole, cut short late; and of calls that asked for
// 100 to 300 ms.
func recorded() *Scenario {
	return &Scenario{
		Start:    asks(7, 0),
		Workload: Workload{Command: "sleep", Args: map[string]any{"s": 0.1}},
		Replay: &Environment{
			Cores: 2,
			Starts: []Span{
				{Worker: 0, Demand: asks(30, 50)},
				{Worker: 1, Refused: "no such interpreter", Mute: true},
				{Worker: 2, Demand: asks(10, 5), Died: true, Mute: true},
				{Worker: 3, Demand: asks(20, 20), Cut: true, Mute: true},
				{Worker: 4, Demand: asks(20, 500), Cut: true, Mute: true},
				{Worker: 5, Demand: asks(40, 80)},
				{Worker: 6, Demand: asks(20, 70), Cut: true, Mute: true},
			},
			Calls: map[string][]Span{
				"c1":   {{Worker: 0, Command: "sleep", Demand: asks(0, 200), Cut: true}, {Worker: 0, Command: "sleep", Demand: asks(1, 300)}},
				"c2":   {{Worker: 0, Command: "sleep", Demand: asks(2, 100), Err: "ValueError: no"}, {Worker: 0, Command: "sleep", Demand: asks(2, 160)}},
				"c3":   {{Worker: 5, Command: "sleep", Demand: asks(3, 40), Died: true}},
				"c4":   {{Worker: 5, Command: "sleep", Died: true}}, // in line behind c3
				"c5":   {{Worker: 0, Command: "sleep", Demand: asks(0, 9000), Cut: true}},
				"else": {{Worker: 0, Command: "burn", Demand: asks(900, 0)}},
			},
			Deaths: []Death{
				{Worker: 2, Exit: "exit status 3"},
				{Worker: 5, Call: "c3", Exit: "killed by SIGSEGV"},
				{Worker: 0, Age: time.Second, Exit: "out of memory"},
			},
		},
	}
}

func TestAStartGoesAsThatOfItsOrdinalWent(t *testing.T) {
	r := recorded().Demands()
	exit := func(text string) *worker.Exit {
		e, err := worker.ParseExit(text)
		if err != nil {
			t.Fatal(err)
		}
		return &e
	}
	for n, want := range map[int]model.Profile{
		0: {BootCPU: 30 * ms, BootWait: 50 * ms, DieAged: exit("out of memory"), DieAge: time.Second},
		2: {BootCPU: 10 * ms, BootWait: 5 * ms, DieBooted: exit("exit status 3")},
		4: {BootCPU: 20 * ms, BootWait: model.Forever}, // nobody has seen one that takes so long come to its end
		5: {BootCPU: 40 * ms, BootWait: 80 * ms},
		6: {BootCPU: 40 * ms, BootWait: 80 * ms}, // the only one that took so long
	} {
		if got := r.Start(n); !reflect.DeepEqual(got, want) {
			t.Errorf("start %d: got %+v, want %+v", n, got, want)
		}
	}
	if got := r.Start(1); got.Refuse == nil || got.Refuse.Error() != "no such interpreter" {
		t.Errorf("start 1: %v", got.Refuse)
	}
	for _, n := range []int{3, 7, 8, 100} { // cut short early, and not recorded at all
		if got := r.Start(n).BootCPU; got != 30*ms && got != 40*ms {
			t.Errorf("start %d asks for %v of CPU, want what one of the whole ones did", n, got)
		}
	}
}

func TestWhatAnEngineTakesIsOfTheLaunch(t *testing.T) {
	start := func(wait time.Duration) model.Profile {
		sc := Scenario{Replay: &Environment{Starts: []Span{{Demand: asks(30, wait), Engine: 40 * ms}}}}
		return sc.Demands().Start(0)
	}
	if got, want := start(50), (model.Profile{Launch: 40 * ms, BootCPU: 30 * ms, BootWait: 10 * ms}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got, want := start(20), (model.Profile{Launch: 20 * ms, BootCPU: 30 * ms}); !reflect.DeepEqual(got, want) { // a contract has less
		t.Errorf("got %+v", got)
	}
}

func TestStartsThatNobodySawGoAsThePlanOfFaultsWouldHaveHadThem(t *testing.T) {
	s := &Scenario{Start: asks(7, 1), Faults: faults.Plan{
		{Fault: faults.SlowStart{CPU: 100 * ms}, Target: faults.Target{First: 3}},
		{Fault: faults.SlowStart{Wait: 50 * ms}, Times: 4},
		{Fault: faults.DiesBeforeHello{}, Target: faults.Target{Starts: []int{5}}},
		{Fault: faults.NeverSaysHello{}, Target: faults.Target{Starts: []int{6}}},
		{Fault: faults.SlowStart{CPU: time.Hour}, Until: time.Second}, // over by then, as like as not
		{Fault: faults.SlowStart{CPU: time.Hour}, At: faults.Clock},   // not begun, as like as not
	}}
	further := s.FurtherStarts(2)
	want := []Span{
		{Worker: 2, Demand: asks(107, 51)},
		{Worker: 3, Demand: asks(7, 51)},
		{Worker: 4, Demand: asks(7, 1), Died: true},
		{Worker: 5, Demand: Demand{CPU: 7 * ms, Wait: model.Forever}},
		{Worker: 6, Demand: asks(7, 1)},
	}
	if len(further) < len(want) || !reflect.DeepEqual(further[:len(want)], want) {
		t.Fatalf("got %+v\nwant %+v", further, want)
	}
	recorded := []Span{{Worker: 0, Demand: asks(107, 51)}, {Worker: 1, Demand: asks(107, 51)}, {Worker: 2, Demand: asks(7, 1)}} // the last once all was over
	s.Replay = &Environment{Cores: 2, Starts: recorded, Further: further, Deaths: []Death{{Worker: 2, Exit: "exit status 3"}}}
	if err := s.Replay.Check(); err != nil {
		t.Fatal(err)
	}
	d := s.Demands()
	for n, want := range map[int]model.Profile{
		1: {BootCPU: 107 * ms, BootWait: 51 * ms},
		2: {BootCPU: 107 * ms, BootWait: 51 * ms},
		3: {BootCPU: 7 * ms, BootWait: 51 * ms},
		4: {BootCPU: 7 * ms, BootWait: ms, DieBooted: &worker.Exit{Code: 1}},
		5: {BootCPU: 7 * ms, BootWait: model.Forever},
	} {
		if got := d.Start(n); !reflect.DeepEqual(got, want) {
			t.Errorf("start %d: got %+v, want %+v", n, got, want)
		}
	}
	for n := range 20 { // as one of those that were hurt, whatever the lot
		want := model.Profile{BootCPU: 107 * ms, BootWait: 51 * ms}
		if got := d.Start(2 + len(further) + n); !reflect.DeepEqual(got, want) {
			t.Errorf("start %d, of which nothing is known: got %+v, want %+v", 2+len(further)+n, got, want)
		}
	}
	if got := s.FurtherStarts(2); got != nil {
		t.Errorf("a replay has %+v", got)
	}
	s.Replay, s.Faults = nil, faults.Plan{{Fault: faults.CPUHogs{Threads: 3}}}
	if got := s.FurtherStarts(2); got != nil {
		t.Errorf("without a fault that hurts starts it has %+v", got)
	}
}

// It ended by a death that is not to be: how long that took is no waiting without an end.
func TestWhatIsSparedAsksForWhatWasSeenAndNotForEver(t *testing.T) {
	const most = 60 * ms
	for _, spared := range []bool{true, false} {
		cut := Span{Demand: asks(3, 40), Cut: true, Spared: spared}
		sc := Scenario{Start: asks(1, 1), Workload: Workload{Clients: 1, Command: "sleep", Args: map[string]any{"s": 0.005}}, Replay: &Environment{
			Starts: []Span{cut, {Worker: 1, Demand: asks(2, 2)}}, Calls: map[string][]Span{"c1": {{Command: "sleep", Demand: cut.Demand, Cut: true, Spared: spared}}},
		}}
		d := sc.Demands()
		start, call := d.Start(0), d.Call(model.Call{ID: "c1", Command: "sleep", Asked: model.Demand{Wait: 5 * ms}})
		if ends := start.BootCPU == 3*ms && start.BootWait == 40*ms; ends != spared || ends != (start.BootWait < most) {
			t.Errorf("spared %v: the start asks for %+v", spared, start)
		}
		if ends := call.CPU == 3*ms && call.Wait == 40*ms; ends != spared || ends != (call.Wait < most) {
			t.Errorf("spared %v: the call asks for %+v", spared, call)
		}
		contract := Contract{Cores: 2, Start: asks(100, 5), Call: Demand{CPU: time.Second}}
		if _, excess := contract.Clip(sc); spared == strings.Contains(strings.Join(excess, "; "), "1 starts said no hello") {
			t.Errorf("spared %v: in excess of the contract are %q", spared, excess)
		}
	}
}

func TestACallMeetsWhatItMetWhenItWasSentAsOften(t *testing.T) {
	r := recorded().Demands()
	call := func(id string) model.Fate {
		return r.Call(model.Call{ID: id, Command: "sleep", Asked: model.Demand{Wait: 100 * ms}})
	}
	segv, _ := worker.ParseExit("killed by SIGSEGV")
	for _, c := range []struct {
		id   string
		want model.Fate
	}{
		{"c1", model.Fate{Demand: model.Demand(asks(1, 300))}}, // cut short at more than c2 took
		{"c1", model.Fate{Demand: model.Demand(asks(1, 300))}},
		{"c2", model.Fate{Demand: model.Demand(asks(2, 100)), Err: "ValueError: no"}},
		{"c2", model.Fate{Demand: model.Demand(asks(2, 160))}},
		{"c3", model.Fate{Demand: model.Demand(asks(3, 40)), Dies: &segv}},
		{"c5", model.Fate{Demand: model.Demand{Wait: model.Forever}}},
	} {
		got := call(c.id)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.id, got, c.want)
		}
	}
	if got := call("c4"); got.Dies != nil || got.CPU != ms && got.CPU != 2*ms {
		t.Errorf("a call that its worker never came to is not what it dies of, and asks for what others did: %+v", got)
	}
	for _, c := range []model.Call{
		{Command: "ping"},
		{Command: "sleep", Asked: model.Demand{Wait: 100 * ms}},
		{ID: "c9", Command: "nap", Asked: model.Demand{Wait: 100 * ms}},
		{ID: "probe1", Command: "sleep", Asked: model.Demand{Wait: time.Hour}},
		{ID: "c9", Command: "burn", Asked: model.Demand{CPU: time.Hour}},
	} {
		if got := r.Call(c); got != (model.Fate{Demand: c.Asked}) {
			t.Errorf("%+v, of which nothing was recorded: got %+v, want what it asks for", c, got)
		}
	}
}

func TestACallOfWhichNothingIsKnownAsksForWhatOthersOfItsCommandDid(t *testing.T) {
	sc := recorded()
	sc.Workload.Then = []Step{{Command: "burn", Args: map[string]any{"cpu_s": 0.5}}}
	d := sc.Demands()
	burn := model.Call{ID: "c9.2", Command: "burn", Asked: model.Demand{CPU: 500 * ms}}
	if got := d.Call(burn); got.CPU != 900*ms {
		t.Errorf("one of the workload's: got %+v", got)
	}
	if burn.Asked.CPU = time.Hour; d.Call(burn).CPU != time.Hour {
		t.Error("one that asks for something else is taken for one of the workload's")
	}
}

func TestACallThatIsToFailDoesSoThoughNobodySawIt(t *testing.T) {
	sc := recorded()
	sc.Workload = Workload{Clients: 9, Command: "sleep", Args: map[string]any{"s": 0.1}, Then: []Step{{Command: "call", Fails: "ValueError"}}}
	sc.Replay.Calls = map[string][]Span{
		"c1.1": {{Command: "sleep", Demand: asks(0, 200), Err: "its own"}},
		"c2.2": {{Command: "call", Demand: asks(0, 300), Err: "ValueError: no"}},
		"c3.2": {{Command: "call", Demand: asks(0, 9000), Cut: true}},
		"c4.2": {{Command: "call", Demand: asks(0, 9000), Cut: true, Mute: true}},
	}
	d := sc.Demands()
	for _, c := range []struct {
		id, command string
		want        model.Fate
	}{
		{"c1.1", "sleep", model.Fate{Demand: model.Demand{Wait: 200 * ms}, Err: "its own"}},
		{"c2.1", "sleep", model.Fate{Demand: model.Demand{Wait: 200 * ms}}},
		{"c2.2", "call", model.Fate{Demand: model.Demand{Wait: 300 * ms}, Err: "ValueError: no"}},
		{"c1.2", "call", model.Fate{Demand: model.Demand{Wait: 300 * ms}, Err: "ValueError"}},
		{"c3.2", "call", model.Fate{Demand: model.Demand{Wait: model.Forever}, Err: "ValueError"}}, // nobody saw its end
		{"c4.2", "call", model.Fate{Demand: model.Demand{Wait: 300 * ms}, Err: "ValueError"}},      // nor could they have
	} {
		asked := model.Demand{}
		if c.command == "sleep" {
			asked.Wait = 100 * ms
		}
		if got := d.Call(model.Call{ID: c.id, Command: c.command, Asked: asked}); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.id, got, c.want)
		}
	}
}

func TestWhatACallIsCanBeToldByItsID(t *testing.T) {
	w := Workload{Clients: 2, Command: "one", Then: []Step{{Command: "two"}, {Command: "three"}}, Extra: []Extra{{Name: "flood1.2"}}}
	for id, want := range map[string]string{"c1.1": "one", "c2.2": "two", "c2.3": "three", "c1.9": "three", "c1": "", "c1.0": "", "probe1": "", "1.1": "", "c1.x": "", "c01.1": "", "flood1.2": "one", "flood1.1": ""} {
		if got, ok := w.stepOf(id); got.Command != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", id, got.Command, ok, want)
		}
	}
	w = Workload{Clients: 1, Command: "one"}
	if got, ok := w.stepOf("c1"); got.Command != "one" || !ok {
		t.Errorf("a single one: %q, %v", got.Command, ok)
	}
}

func TestWhatWasNotRecordedIsDrawnFromTheSeed(t *testing.T) {
	drawn := func(seed uint64) (starts, calls []time.Duration) {
		sc := recorded()
		sc.Seed = seed
		r := sc.Demands()
		for n := range 20 {
			starts = append(starts, r.Start(7+n).BootCPU)
			calls = append(calls, r.Call(model.Call{ID: fmt.Sprint("c", 10+n), Command: "sleep", Asked: model.Demand{Wait: 100 * ms}}).Wait)
		}
		return starts, calls
	}
	starts, calls := drawn(1)
	if s, c := drawn(1); !slices.Equal(s, starts) || !slices.Equal(c, calls) {
		t.Error("the same seed gives others")
	}
	if s, c := drawn(2); slices.Equal(s, starts) || slices.Equal(c, calls) {
		t.Error("another seed gives the same")
	}
	for what, c := range map[string]struct{ got, of []time.Duration }{
		"starts": {starts, []time.Duration{30 * ms, 40 * ms}},
		"calls":  {calls, []time.Duration{100 * ms, 160 * ms, 300 * ms}}, // of those of the same command
	} {
		slices.Sort(c.got)
		if got := slices.Compact(c.got); !slices.Equal(got, c.of) {
			t.Errorf("%s ask for %v, want each of %v", what, got, c.of)
		}
	}
}

// A worker that is killed as its call ends has not asked for ever.
func TestWhatWasCutShortAsItEndedAsksForNoMoreThanOthers(t *testing.T) {
	sc := recorded()
	cut := func(wait time.Duration) model.Fate {
		sc.Replay = &Environment{Cores: 2, Starts: []Span{{Demand: asks(2, 3)}}, Calls: map[string][]Span{
			"c1": {{Command: "sleep", Demand: asks(0, 100)}},
			"c2": {{Command: "sleep", Demand: asks(0, wait), Cut: true}},
		}}
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": .1}
		return sc.Demands().Call(model.Call{ID: "c2", Command: "sleep", Asked: model.Demand{Wait: 100 * ms}})
	}
	for wait, want := range map[time.Duration]time.Duration{40: 100 * ms, 101: 100 * ms, 104: 100 * ms, 110: model.Forever} {
		if got := cut(wait); got.Demand.Wait != want {
			t.Errorf("cut short after %d ms: got %+v, want %v", wait, got, want)
		}
	}
}

func TestWithoutAWholeOneTheScenarioSaysWhatIsAskedFor(t *testing.T) {
	sc := recorded()
	sc.Replay = &Environment{Cores: 2, Starts: []Span{{Demand: asks(2, 3), Cut: true}, {Worker: 1, Demand: asks(9, 3), Cut: true}}}
	r := sc.Demands()
	for n, want := range []model.Profile{{BootCPU: 7 * ms, BootWait: 3 * ms}, {BootCPU: 9 * ms, BootWait: model.Forever}, {BootCPU: 7 * ms}} {
		if got := r.Start(n); got != want {
			t.Errorf("start %d: got %+v, want %+v", n, got, want)
		}
	}
	sc.Start, sc.Replay.Starts = Demand{}, nil
	if got := sc.Demands().Start(0); got != (model.Profile{}) {
		t.Errorf("a start of which nothing is known: got %+v", got)
	}
	c := model.Call{ID: "c1", Command: "sleep", Asked: model.Demand{Wait: 100 * ms}}
	if got := r.Call(c); got != (model.Fate{Demand: c.Asked}) {
		t.Errorf("a call: got %+v", got)
	}
}
