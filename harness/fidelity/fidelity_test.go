//go:build linux

package fidelity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/internal/leftover"
	"github.com/butfor/butfor/worker"
)

func TestMain(m *testing.M) { leftover.Main(m) }

const ms = time.Millisecond

func TestTheNamedFindingsAreRunMoreOften(t *testing.T) {
	for _, c := range []struct{ findings, often, of, ofOthers int }{{0, 2, 2, 0}, {1, 10, 10, 1}, {3, 2, 3, 3}} {
		s := Settings{Findings: c.findings, Often: c.often, Named: []string{"v1-serial"}, World: virtual.Name, T: t}
		for _, f := range findings.In("process") {
			want := c.ofOthers
			if f.ID == "v1-serial" {
				want = c.of
			}
			if n := s.times(f); n != want {
				t.Errorf("%s %d times, want %d", f.ID, n, want)
			}
		}
	}
	s := Settings{Often: 2, Named: []string{"v1-serial"}, World: virtual.Name, T: t}
	m, err := Measure(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Findings) != len(findingsLoads()) || m.Findings[0].Runs != 6 {
		t.Errorf("%+v", m.Findings)
	}
	s.Named = []string{"v1-parallel"}
	if _, err := Measure(t.Context(), s); err == nil || !strings.Contains(err.Error(), `"v1-parallel"`) {
		t.Errorf("of one that there is not: %v", err)
	}
}

// In virtual time the model is what is recorded: whatever an experiment finds off
// is its own fault.
func TestInVirtualTimeNothingIsOff(t *testing.T) {
	s := Settings{Spans: 2, Starts: 2, Findings: 1, World: virtual.Name, T: t}
	spans, err := s.spans(t.Context(), Load{Name: "none"})
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * scatteredWorkers * (scatteredCalls + 1); spans.N() != want || spans.close != want || spans.near != want || spans.nearIfFrozen != want {
		t.Errorf("%+v: want all of %d spans", spans, want)
	}
	if off := median(spans.off); off > 100*time.Microsecond {
		t.Errorf("spans are off by %v", off)
	}
	starts, err := s.starts(t.Context(), Load{Name: "none"})
	if err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]readies{"replayed": starts.replayed[0], "frozen": starts.replayed[1], "foretold": starts.foretold[0], "foretold, frozen": starts.foretold[1]} {
		if len(r.first) != 2 || len(r.last) != 2 {
			t.Fatalf("%s: %+v", what, r)
		}
		for _, share := range append(r.first, r.last...) {
			if abs(share) > 0.001 {
				t.Errorf("%s: off by %v", what, share)
			}
		}
	}
	for _, f := range findings.In("process") {
		if f.Unmodelled != "" {
			continue
		}
		r, err := s.findings(t.Context(), Load{Name: "none"}, f)
		if err != nil {
			t.Fatal(err)
		}
		// Of pools that did not open, as their name was taken: in stop-race of four
		// versions. And of one that had the other's sessions.
		doubtful := map[string]int{"stop-race": 4, "global-pool-conflict": 1, "shared-names": 1}[f.ID]
		if r.Runs == 0 || r.Same+r.Ties+doubtful != r.Runs || r.Doubtful != doubtful || r.disagree > 0 {
			t.Errorf("%s: %s", r.Finding, r)
		}
	}
}

func TestScatteredCallsAskForMuchAndLittle(t *testing.T) {
	s := Settings{World: virtual.Name, T: t}
	r, err := s.run(t.Context(), Load{}, harness.Scenario{
		Subject: scattered(1), Config: scattering, Workload: scenario.Workload{Clients: 3, Calls: 40, Command: "burn", Args: anything}, Deadline: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	short, long, waits := 0, 0, 0
	for _, spans := range r.Record.Environment.Calls {
		switch s := spans[0]; {
		case s.Command == "sleep":
			waits++
		case s.CPU < 200*ms:
			short++
		case s.CPU > 250*ms && s.CPU <= time.Second:
			long++
		}
	}
	if short < 20 || long < 20 || waits < 15 {
		t.Errorf("of 120 calls %d are short, %d long, %d wait", short, long, waits)
	}
}

func TestALoadIsThereUntilItIsEnded(t *testing.T) {
	l := Load{programs: hogs(2, "import time\ntime.sleep(3600)")}
	end, err := l.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := end(); err != nil { // leftover looks whether any process is left
			t.Error(err)
		}
	}
	bad := Load{programs: []string{hog}}
	t.Setenv("PATH", t.TempDir())
	if _, err := bad.begin(t.Context()); err == nil {
		t.Error("a load without Python has begun")
	}
}

func TestARunBesideALoadThatDidNotLastIsNone(t *testing.T) {
	whose := filepath.Join(t.TempDir(), "pid")
	if err := unix.Mkfifo(whose, 0o600); err != nil {
		t.Fatal(err)
	}
	dies := Load{programs: []string{hog, fmt.Sprintf("import os\nopen(%q, 'w').write(str(os.getpid()))\nraise FileNotFoundError('no autogroup')", whose)}}
	after := subject.Herd() // once the load is dead
	open := after.Open
	after.Open = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		pid, err := os.ReadFile(whose)
		for dead := err != nil; !dead; runtime.Gosched() {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", pid))
			dead = err != nil || strings.Contains(string(stat), ") Z ")
		}
		return open(ctx, l, cfg)
	}
	s := Settings{World: virtual.Name, T: t}
	_, err := s.run(t.Context(), dies, harness.Scenario{Subject: after, Config: subject.Config{Size: 1}, Workload: scenario.Workload{Clients: 1, Command: "echo"}, Deadline: patience})
	if !errors.Is(err, errDied) || !strings.HasSuffix(err.Error(), "FileNotFoundError: no autogroup") {
		t.Errorf("got %v", err)
	}
}

func TestWhatThisMachineCannotHaveIsSkippedAloneAndSaid(t *testing.T) {
	var s Settings
	var m Measured
	for err, skipped := range map[error]bool{
		nil: false, errors.New("no python"): false,
		fmt.Errorf("spans, a quota: fault 1 %w: no cgroups", faults.ErrUnavailable): true,
		fmt.Errorf("spans, hogs: %w: exit status 1", errDied):                       true,
	} {
		if s.skips(&m, err) != skipped {
			t.Errorf("%v: skipped is %v", err, !skipped)
		}
	}
	page := string(m.Page())
	for _, says := range []string{"## Not measured here", "- spans, a quota: fault 1 can't be had here: no cgroups", "- spans, hogs: the load did not last: exit status 1"} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q:\n%s", says, page)
		}
	}
}

// What the other policy's own starts asked for is what is foretold of them, not
// what those of the recording did.
func TestAnotherPolicyIsForetoldWithItsOwnDemands(t *testing.T) {
	s := Settings{World: virtual.Name, T: t}
	run := func(p subject.Subject, cpu time.Duration) harness.Result {
		r, err := s.run(t.Context(), Load{}, harness.Scenario{
			Subject: p, Config: subject.Config{Size: 4, Lazy: true}, Warm: 4, Start: scenario.Demand{CPU: cpu},
			Workload: scenario.Workload{Clients: 1, Command: "echo"}, Deadline: patience,
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	few := subject.Ideal(subject.Cores)
	var row StartsRow
	if err := row.compare(t.Context(), t, run(subject.Herd(), 300*ms), run(few, 200*ms), few); err != nil {
		t.Fatal(err)
	}
	for _, f := range row.foretold {
		if share := f.last[0]; abs(share) > 0.001 {
			t.Errorf("the last ready is off by %v", share)
		}
	}
}

func TestSpansAreCountedByHowFarTheyAreOff(t *testing.T) {
	// 100 ms of CPU alone take 100 ms by the model.
	span := func(worker int, took time.Duration) scenario.Span {
		begin := time.Duration(worker) * time.Second
		return scenario.Span{Worker: worker, Begin: begin, End: begin + took, Demand: scenario.Demand{CPU: 100 * ms}}
	}
	var r SpansRow
	r.add(&scenario.Environment{Cores: 2, Starts: []scenario.Span{span(0, 100*ms), span(1, 120*ms), span(2, 121*ms), span(3, 150*ms), span(4, 151*ms)},
		Gaps: []scenario.Gap{{Kind: scenario.GapDelay, Text: "none"}}})
	if r.N() != 5 || r.close != 2 || r.near != 4 || r.nearIfFrozen != 4 || median(r.off) != 21*ms || len(r.doubts) != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestRunsAreCountedByWhatDiffers(t *testing.T) {
	other := harness.Agreement{}
	other.Reacting.Calls = []scenario.CallPair{{ID: "c1", Missed: [2]bool{true, false}}}
	tie, doubtful, late := other, other, harness.Agreement{When: []string{"late"}}
	other.Who, doubtful.Who, doubtful.Doubts = []string{"c1"}, []string{"c1"}, []string{"unseen"}
	var r FindingsRow
	for _, a := range []harness.Agreement{{}, {}, tie, doubtful, other, late} {
		r.add(&a)
	}
	if r != (FindingsRow{Runs: 6, Same: 3, Ties: 1, Doubtful: 1, Other: 1, disagree: 2}) {
		t.Errorf("got %+v", r)
	}
}

func TestThePageSaysWhereItWasMeasuredAndHowItIsMade(t *testing.T) {
	m := Measured{
		Machine: Machine{Cores: 2, Kernel: "Linux 6.18", Autogroup: true, Cgroups: "version 1"},
		Spans:   []SpansRow{{Load: "4 hogs", off: []time.Duration{10 * ms, 30 * ms, 20 * ms}, share: []float64{.1, .3, .2}, close: 1, near: 2, nearIfFrozen: 3, doubts: []string{"unseen"}}},
		Starts: []StartsRow{{Load: "none", replayed: [2]readies{{[]float64{.01, -.2}, []float64{.05, .02}}, {[]float64{.2}, []float64{.02}}},
			foretold: [2]readies{{[]float64{.1, .1}, []float64{.3, -.4}}, {[]float64{0}, []float64{0}}}}},
		Findings: []FindingsRow{{Load: "none", Finding: "v1-serial", Runs: 6, Same: 3, Ties: 1, Doubtful: 1, Other: 1}},
	}
	page := string(m.Page())
	for _, says := range []string{
		"Generated by `make fidelity`", "2 cores, Linux 6.18, sched_autogroup on, cgroups version 1",
		"| 4 hogs | 3 | 20 ms, 20.0 % | 33 % | 67 % | 100 % |", "In doubt, beside 4 hogs: unseen.",
		"| none | 1 of 2 (-20 %) | 2 of 2 (+5 %) | 0 of 1 (+20 %) · 1 of 1 (+2 %) | 2 of 2 (+10 %) | 0 of 2 (-40 %) | 1 of 1 (+0 %) · 1 of 1 (+0 %) |",
		"| none | `v1-serial` | 6 | 3 | 1 | 1 | 1 |",
	} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q:\n%s", says, page)
		}
	}
	if here := machine(); here.Cores < 1 || here.Kernel == "" {
		t.Errorf("this machine: %s", here)
	}
	if empty := string(Measured{}.Page()); strings.Contains(empty, "##") {
		t.Errorf("what was not measured has a heading:\n%s", empty)
	}
}
