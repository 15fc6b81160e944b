package matrix

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

func TestAllTimesOfACaseOnRealWorkersAreScaled(t *testing.T) {
	at := []time.Duration{0, sec}
	args := map[string]any{"s": 3.0, "text": "as it is"}
	then := []scenario.Step{{Command: "sleep", Args: map[string]any{"s": 2.}}, {Command: "list"}}
	plan := faults.Plan{{Fault: faults.SlowStart{CPU: 2 * sec, Wait: 4 * sec, Shape: 1.1}, From: sec, Until: 6 * sec, Times: 2}, {Fault: faults.CPUQuota{Cores: .2}}}
	before := scenario.Scenario{
		Config: subject.Config{Size: 3, StartTimeout: 8 * sec}, Start: scenario.Demand{CPU: sec, Wait: 2 * sec}, Deadline: 5 * sec, Patience: 10 * sec, Recovery: 40 * sec,
		Workload: scenario.Workload{Clients: 2, At: at, Every: 2 * sec, Think: 4 * sec, Command: "sleep", Args: args, Then: then}, Faults: plan,
	}
	sc := before
	Real{Scale: .5}.real(&sc)
	want := scenario.Scenario{
		World: "process", WarmPatience: 30 * sec,
		Config: subject.Config{Size: 3, StartTimeout: 4 * sec}, Start: scenario.Demand{CPU: sec / 2, Wait: sec}, Deadline: 2500 * ms, Patience: 5 * sec, Recovery: 20 * sec,
		Workload: scenario.Workload{Clients: 2, At: []time.Duration{0, sec / 2}, Every: sec, Think: 2 * sec, Command: "sleep", Args: map[string]any{"s": 1.5, "text": "as it is"}, Then: []scenario.Step{{Command: "sleep", Args: map[string]any{"s": 1.}}, {Command: "list"}}},
		Faults:   faults.Plan{{Fault: faults.SlowStart{CPU: sec, Wait: 2 * sec, Shape: 1.1}, From: sec / 2, Until: 3 * sec, Times: 2}, {Fault: faults.CPUQuota{Cores: .2}}},
	}
	if !reflect.DeepEqual(sc, want) {
		t.Errorf("got  %+v\nwant %+v", sc, want)
	}
	if at[1] != sec || args["s"] != 3.0 || then[0].Args["s"] != 2. || plan[0].Fault.(faults.SlowStart).CPU != 2*sec || plan[0].From != sec {
		t.Error("the virtual case was changed with it")
	}
	c := Real{Scale: .5, Own: 50 * ms}.Contract(scenario.Contract{Cores: 2, Start: scenario.Demand{CPU: 400 * ms, Wait: sec}, Outside: .5, Crashes: 1, Recovery: 5 * sec})
	if (c != scenario.Contract{Cores: 2, Start: scenario.Demand{CPU: 250 * ms, Wait: sec / 2}, Outside: .5, Crashes: 1, Recovery: 2500 * ms}) {
		t.Errorf("the contract is %+v", c)
	}
}

func TestNoProcessIsPutWhereOnlyContainersCanBe(t *testing.T) {
	for environment, want := range map[string]bool{
		"calm": true, "hogs": true, "a quota": true, "starts are refused": true,
		"workers short of memory": false, "starts import from a slow disk": false, "hogs, memory and a slow disk": false,
	} {
		if got := (Case{Bug: None, Environment: environment, Load: "one worker"}).OfProcesses(); got != want {
			t.Errorf("%s: %v", environment, got)
		}
	}
}

func TestSomeCasesAreDrawnByTheirNamesAndKeepTheirOrder(t *testing.T) {
	all := Cases([]string{"a", "b"}, "", 0, 2)
	some := Some(all, 50)
	if len(some) != 50 || !reflect.DeepEqual(some, Some(all, 50)) || len(Some(all, len(all)+9)) != len(all) || len(Some(nil, 4))+len(Some(all, 0)) != 0 {
		t.Fatalf("%d of %d", len(some), len(all))
	}
	last, seeds := -1, map[uint64]int{}
	for _, c := range some {
		i := slices.Index(all, c)
		if i <= last {
			t.Fatalf("%v is out of order", c)
		}
		last = i
		seeds[c.Seed]++
	}
	if seeds[0] < 10 || seeds[1] < 10 {
		t.Errorf("of the seeds there are %v", seeds)
	}
}

func TestATableOfRealWorkersHasTheRivalThatWantsNoFurtherRuns(t *testing.T) {
	var played []Outcome
	for _, o := range outcomes() {
		o.Real = Real{Scale: .5}
		played = append(played, o)
	}
	table := Tabulate(played, nil)
	if table.World != "process" || len(table.Rivals) != 1 || table.Rivals[0].Name != "cpu-pressure" {
		t.Errorf("in world %s the rivals are %+v", table.World, table.Rivals)
	}
	if missed := table.Missed(); len(missed) != 3 {
		t.Errorf("targets missed: %q", missed) // one dismissed, one that fell, too few
	}
}
