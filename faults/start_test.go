//go:build linux

package faults_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// unborn are ways for a start to come to nothing, and what a pool says of it.
var unborn = []struct {
	what  string
	fault faults.Fault
	told  string
}{
	{"dies", faults.DiesBeforeHello{}, "exit status 70"},
	{"half a hello", faults.OddHello{Bytes: 9}, "no hello within"},
	{"wrong id", faults.OddHello{ID: 7}, "7"},
	{"another status", faults.OddHello{Status: "loading"}, "loading"},
	{"noise", faults.OddHello{Noise: 20}, "over the limit"},
	{"refused", faults.StartRefused{Reason: "no such image"}, "no such image"},
}

func TestAStartComesToNothing(t *testing.T) {
	for _, u := range unborn {
		t.Run(u.what, func(t *testing.T) {
			r := tried(t, cold, faults.Entry{Fault: u.fault, Target: faults.Target{First: 2}})
			if f := r.Record.Faults[0]; f.Fired != 2 || f.Laid != 2 {
				t.Errorf("%+v", plain(f))
			}
			sound(t, r, 12)
		})
	}
}

func TestAModelIsRefusedForWhatAnEngineWould(t *testing.T) {
	for by, told := range map[faults.Refusal]string{faults.NoImage: "no such image", faults.NameTaken: "in use", faults.NoThreads: ""} {
		r := tried(t, cold, faults.Entry{Fault: faults.StartRefused{By: by}, Target: faults.Target{First: 1}})
		if e := r.Record.Environment.Starts[0]; r.Record.Faults[0].Fired != 1 || !strings.Contains(e.Refused, told) || e.Died != (told == "") {
			t.Errorf("%s: %+v, %+v", by, plain(r.Record.Faults[0]), e)
		}
		sound(t, r, 12)
	}
}

func TestAStartOfARealWorkerComesToNothing(t *testing.T) {
	t.Parallel()
	for _, u := range unborn {
		t.Run(u.what, func(t *testing.T) {
			if strings.Contains(u.told, "within") { // it would take a timeout, which others might miss
				u.told = ""
			}
			r := played(t, func(sc *harness.Scenario) {
				if u.told == "" {
					sc.Config.StartTimeout = 20 * time.Second
				}
			}, faults.Entry{Fault: u.fault, Target: faults.Target{First: 1}})
			firedReally(t, r, 1, 1)
		})
	}
}

// slowly are ways for a start to be slow that was asked for its hello.
var slowly = []faults.Fault{faults.SlowHello{After: 80 * ms}, faults.SlowImport{Module: "asyncio", CPU: 80 * ms}}

func TestAHelloIsSlow(t *testing.T) {
	for _, f := range slowly {
		r := tried(t, cold, faults.Entry{Fault: f, Target: faults.Target{Starts: []int{2}}})
		if f := r.Record.Faults[0]; f.Fired != 1 {
			t.Errorf("%+v", plain(f))
		}
		sound(t, r, 12)
		for n, w := range r.Record.Workers()[:3] {
			want := 100 * ms
			if n == 1 {
				want = 180 * ms
			}
			if took := (w.Ready - w.Launched).Round(ms); took != want {
				t.Errorf("%s: start %d took %v, want %v", f.Name(), n+1, took, want)
			}
		}
	}
}

// What is read of a slow disk takes as long as it must at its rate.
func TestAStartFromASlowDiskWaitsForIt(t *testing.T) {
	disk := faults.SlowDisk{Module: "asyncio", Rate: 500, KB: 40}
	asyncio := disk
	asyncio.KB = 0
	for want, f := range map[time.Duration]faults.Fault{80 * ms: disk, 1240 * ms: asyncio} {
		r := tried(t, cold, faults.Entry{Fault: f, Target: faults.Target{Starts: []int{2}}}, faults.Entry{Fault: f}) // of two the first is had
		if w := r.Record.Workers()[1]; (w.Ready - w.Launched).Round(ms) != 100*ms+want {
			t.Errorf("the start took %v, want %v more than 100ms", w.Ready-w.Launched, want)
		}
		if f := r.Record.Faults; f[0].Fired != 1 || f[1].Fired != 2 {
			t.Errorf("%+v, %+v", plain(f[0]), plain(f[1]))
		}
		sound(t, r, 12)
	}
}

func TestAProcessHasNoDiskOfItsOwnToBeSlow(t *testing.T) {
	sc := harness.Scenario{World: "process", Subject: subject.Ours(), Faults: faults.Plan{{Fault: faults.SlowDisk{Module: "asyncio", Rate: 500}}}}
	sc.Config.Size, sc.Workload, sc.Deadline = 1, scenario.Workload{Clients: 1, Command: "echo"}, forever
	if _, err := harness.Run(t.Context(), sc); !errors.Is(err, faults.ErrUnavailable) || !strings.Contains(err.Error(), "a container may have") {
		t.Errorf("got %v", err)
	}
}

func TestAHelloOfARealWorkerIsSlow(t *testing.T) {
	for _, f := range slowly {
		r := played(t, nil, faults.Entry{Fault: f, Target: faults.Target{First: 2}})
		firedReally(t, r, 2, 2)
	}
}

// Each start fails: whoever calls is told why, and soon.
func TestACrashLoopIsToldToWhoeverCalls(t *testing.T) {
	for _, u := range unborn {
		t.Run(u.what, func(t *testing.T) {
			r := tried(t, cold, faults.Entry{Fault: u.fault})
			if len(r.Safety) > 0 || r.Word == scenario.Sound || r.Word == scenario.Architectural {
				t.Errorf("%s: %s", r.Word, r.Reason)
			}
			for _, c := range r.Record.Calls() {
				if !strings.Contains(c.Err, u.told) || c.Took > long {
					t.Errorf("%s was told %q after %v, want it to say %q", c.ID, c.Err, c.Took, u.told)
				}
			}
		})
	}
}

func TestACrashLoopOfRealWorkersIsToldToWhoeverCalls(t *testing.T) {
	r := unjudged(t, func(sc *harness.Scenario) { sc.Warm = 0 }, faults.Entry{Fault: faults.DiesBeforeHello{Status: 71}})
	if len(r.Safety) > 0 {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	for _, c := range r.Record.Calls() {
		if !strings.Contains(c.Err, "exit status 71") {
			t.Errorf("%s was told %q", c.ID, c.Err)
		}
	}
}

func TestAWorkerIgnoresItsEnd(t *testing.T) {
	r := tried(t, idleOverflow, faults.Entry{Fault: faults.IgnoresEnd{}})
	if f := r.Record.Faults[0]; f.Fired < 1 {
		t.Errorf("%+v", plain(f))
	}
	sound(t, r, 12)
	killed(t, r, 2)
}

// idleOverflow has workers beyond Size, which are closed at the end without a call in
// their hands: whose probe is cut short is killed.
func idleOverflow(sc *harness.Scenario) {
	sc.Config.Size, sc.Config.Overflow, sc.Warm = 1, 2, 1
	sc.Workload.Arrive, sc.Workload.Clients = scenario.Burst, 6
}

// killed checks that so many workers at least were killed.
func killed(t *testing.T, r harness.Result, least int) {
	t.Helper()
	n := 0
	for _, text := range exits(r.Record) {
		if text == "killed by SIGKILL" {
			n++
		}
	}
	if n < least {
		t.Errorf("%d were killed: %v", n, exits(r.Record))
	}
}

func TestARealWorkerIgnoresItsEnd(t *testing.T) {
	r := played(t, func(sc *harness.Scenario) {
		idleOverflow(sc)
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": 0.3} // so that others are wanted
	}, faults.Entry{Fault: faults.IgnoresEnd{}})
	firedReally(t, r, 1, 3)
	killed(t, r, 2)
}

func TestOurPoolLivesWithBadStarts(t *testing.T) {
	for _, name := range []string{"odd-hello", "start-refused", "slow-hello", "slow-import", "slow-disk"} {
		t.Run(name, func(t *testing.T) { survives(t, name, 3) })
	}
	t.Run("ignores-end", func(t *testing.T) { survives(t, "ignores-end", 0, idleOverflow) })
}

// Each fault of a start is proved by what it alone has the worker state.
func TestAFaultOfAStartIsNotProvedByAnother(t *testing.T) {
	for what, c := range map[string]struct {
		plan  faults.Plan
		fired []int
	}{
		"it died before its hello": {faults.Plan{{Fault: faults.SlowImport{Module: "asyncio"}}, {Fault: faults.SlowHello{After: ms}}, {Fault: faults.DiesBeforeHello{}}}, []int{1, 0, 1}},
		"the first hello is said":  {faults.Plan{{Fault: faults.SlowHello{After: ms}}, {Fault: faults.OddHello{ID: 7}}}, []int{1, 0}},
		"it was refused once":      {faults.Plan{{Fault: faults.StartRefused{Reason: "no image"}}, {Fault: faults.StartRefused{Reason: "no image"}}, {Fault: faults.StartRefused{Reason: "no room"}}}, []int{1, 0, 0}},
		"it never got so far":      {faults.Plan{{Fault: faults.SlowImport{Module: "asyncio"}}, {Fault: faults.IgnoresEnd{}}, {Fault: faults.DiesBeforeHello{}}}, []int{1, 0, 1}},
	} {
		for i := range c.plan {
			c.plan[i].Target.First = 1
		}
		for world, play := range map[string]func(*testing.T, func(*harness.Scenario), ...faults.Entry) harness.Result{"models": tried, "processes": unjudged} {
			r := play(t, nil, c.plan...)
			var fired []int
			for _, f := range r.Record.Faults {
				fired = append(fired, f.Fired)
			}
			if !slices.Equal(fired, c.fired) {
				t.Errorf("%s: in a world of %s they fired %d times, want %d", what, world, fired, c.fired)
			}
		}
	}
}
