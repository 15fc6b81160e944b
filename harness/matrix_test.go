//go:build linux

package harness

import (
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/matrix"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

func TestACaseIsTriedAndItsTruthIsHowItWasMade(t *testing.T) {
	if testing.Short() {
		t.Skip("plays six cases, each with many seeds")
	}
	t.Parallel()
	d := newDock(t)
	for _, c := range []struct {
		bug, environment, load string
		truth                  matrix.Truth
	}{
		{"none", "calm", "a cold burst", matrix.Quiet},
		{"none", "starts wait", "a cold burst", matrix.Environment},
		{"none", "hogs", "a cold burst", matrix.Environment},
		{"none", "starts compute", "a cold burst", matrix.Environment}, // not those that probes cause, when it is over
		{"deaf-start", "calm", "one historical worker, cold", matrix.Code},
		{"long-lived-workers", "calm", "one historical worker, clients of one call", matrix.Code},
	} {
		o, err := d.try(matrix.Case{Bug: c.bug, Environment: c.environment, Load: c.load})
		if err != nil {
			t.Fatal(err)
		}
		if o.Truth != c.truth {
			t.Errorf("%v: %s by %+v, want %s", o.Case, o.Truth, o.Runs, c.truth)
		}
		if o.Truth == matrix.Quiet && o.Verdict != scenario.Sound {
			t.Errorf("%v: %s: %s", o.Case, o.Verdict, o.Reason)
		}
		if o.Truth == matrix.Code && (matrix.Called(o.Verdict) == matrix.CalledEnv || o.Evidence.Reruns != matrix.Reruns) {
			t.Errorf("%v: %s, %+v", o.Case, o.Verdict, o.Evidence)
		}
		if o.Truth == matrix.Environment && (matrix.Called(o.Verdict) == matrix.CalledCode || o.Evidence.Reruns != 0) {
			t.Errorf("%v: %s: %s; on a calm machine %d runs fail", o.Case, o.Verdict, o.Reason, o.Evidence.Reruns)
		}
	}
	if _, err := d.try(matrix.Case{Bug: "lost-wake-up", Environment: "calm", Load: "a cold burst"}); err == nil {
		t.Error("a mutant was tried that this program does not have")
	}
}

// What is asked of the judge hangs on no tie: the pool without a bug keeps a shorter
// deadline as well, or misses a longer one.
func TestACaseIsDrawnUntilItIsClear(t *testing.T) {
	d := newDock(t)
	draws := map[string]int{}
	for _, c := range matrix.Cases(nil, subject.Ours().Name, 1000, 2) {
		if c.Environment != "starts compute" && c.Environment != "calm" {
			continue
		}
		drawn, marginal, err := d.draw(c)
		if err != nil {
			t.Fatal(err)
		}
		again, _, _ := d.draw(c)
		is, err := d.clear(drawn)
		switch {
		case err != nil:
			t.Fatal(err)
		case again != drawn:
			t.Errorf("%v: draw %d, and then %d", c, drawn.Draw, again.Draw)
		case c.Inside() && drawn != c:
			t.Errorf("%v, which is inside the contract, was drawn again", c)
		case marginal:
			draws["marginal"]++
		case !c.Inside() && !is:
			t.Errorf("%v, draw %d, is not clear", c, drawn.Draw)
		case drawn.Draw > 0:
			draws["again"]++
		default:
			draws["first"]++
		}
	}
	if draws["again"] == 0 || draws["first"] < draws["again"] || draws["first"] < draws["marginal"] {
		t.Errorf("got %v", draws)
	}
}

// A load that a good pool fails inside the contract asks too much, and a pool that
// fails one is not good without its bug: nothing could be told from either.
func TestWithoutItsBugEachPoolKeepsEveryLoadInsideTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("plays some hundred cases")
	}
	t.Parallel()
	d := newDock(t)
	for _, pool := range matrix.Pools() {
		tried := map[direct]bool{}
		for _, c := range matrix.Cases(nil, pool, 100, 4) {
			key := direct{pool, c.Environment, c.Load, c.Seed}
			if !c.Inside() || tried[key] {
				continue
			}
			tried[key] = true
			failed, err := d.fails(c, false, true, nil)
			if err != nil {
				t.Fatal(err)
			}
			asksTooMuch := c.Environment == "one start fails" && c.Load == "one historical worker, a caller who gives up" // two starts take longer
			if failed != matrix.Kept && !asksTooMuch {
				t.Errorf("%s: %v: %d", pool, c, failed)
			}
		}
		if pool == subject.Ours().Name && len(tried) < 200 || len(tried) < 50 {
			t.Errorf("only %d were tried of %s", len(tried), pool)
		}
	}
}

// A row of which no case fails by the bug says nothing of a judge.
func TestEachHistoricalBugIsTriggeredByACase(t *testing.T) {
	if testing.Short() {
		t.Skip("plays some hundred cases")
	}
	t.Parallel()
	d := newDock(t)
	for _, pool := range matrix.Pools() {
		if pool == subject.Ours().Name {
			continue // of its mutants the table has the survivors: they want a program of their own
		}
		cases := matrix.Cases(nil, pool, 100, 4)
		slices.SortStableFunc(cases, func(a, b matrix.Case) int { // the cheap ones first
			switch {
			case a.Inside() == b.Inside():
				return 0
			case a.Inside():
				return -1
			}
			return 1
		})
		for _, bug := range matrix.Bugs(nil, pool) {
			tried, triggered := 0, false
			for _, c := range cases {
				if c.Bug != bug || triggered {
					continue
				}
				tried++
				o, err := d.sift(c)
				if err != nil {
					t.Fatalf("%v: %v", c, err)
				}
				triggered = o.Truth == matrix.Code
			}
			if !triggered {
				t.Errorf("%s: none of %d cases fails by %s alone", pool, tried, bug)
			}
		}
	}
}

func TestAFleetPlaysCasesInOrder(t *testing.T) {
	t.Parallel()
	cases := matrix.Cases(nil, "V1", 0, 1)[:12]
	var got []matrix.Case
	if err := sail(t).Matrix(t.Context(), cases, func(o matrix.Outcome) { got = append(got, o.Case) }); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if i >= len(got) || got[i] != c {
			t.Fatalf("case %d: got %v", i, got)
		}
	}
	cases[3].Load = "nobody's"
	if err := sail(t).Matrix(t.Context(), cases, func(matrix.Outcome) {}); err == nil {
		t.Error("a load that there is not was played")
	}
}

func TestSiftingACaseFindsTheTruthAndJudgesNobody(t *testing.T) {
	f := sail(t)
	cases := matrix.Cases(nil, "V1", 0, 1)[:12]
	var truths []matrix.Truth
	if err := f.Matrix(t.Context(), cases, func(o matrix.Outcome) { truths = append(truths, o.Truth) }); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := f.Sift(t.Context(), cases, func(o matrix.Outcome) {
		if o.Case != cases[n] || o.Truth != truths[n] || o.Verdict != "" {
			t.Errorf("%v: it is %s, said to be %s, and was judged %q", o.Case, truths[n], o.Truth, o.Verdict)
		}
		n++
	}); err != nil {
		t.Fatal(err)
	}
	if n != len(cases) || !slices.Contains(truths, matrix.Code) {
		t.Errorf("of %d: %v", n, truths)
	}
}

// What kills a pool at its first success does so on any machine.
func TestACaseIsPlayedOnRealWorkers(t *testing.T) {
	f := sail(t)
	f.Threads = 2
	c := matrix.Case{Bug: "dies-on-first-success", Environment: "calm", Load: "one historical worker, cold", Real: matrix.Real{Scale: .05, Own: time.Second}}
	if err := f.Matrix(t.Context(), []matrix.Case{c}, func(o matrix.Outcome) {
		if o.Runs.Both == matrix.Kept || o.Runs.Bug == matrix.Kept || o.Verdict == "" || o.Evidence.Reruns > 0 || o.Evidence.Patient {
			t.Errorf("%+v", o)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// The contract has one crash: what fails with that alone has no excuse in several.
func TestABugThatFailsInsideTheContractSufficesAlone(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	for _, x := range []struct {
		c    matrix.Case
		want matrix.Failure
	}{
		{matrix.Case{Bug: "long-lived-workers", Environment: "hogs", Load: "one historical worker, clients of one call"}, matrix.Late}, // in the calm
		{matrix.Case{Bug: matrix.None, Environment: "calls crash workers", Load: "a warm stream"}, matrix.Kept},
		{matrix.Case{Bug: "ready-signal", Environment: "hogs", Load: "one historical worker, cold"}, matrix.Kept},
		{matrix.Case{Bug: "ready-signal", Environment: "calls crash workers", Load: "one historical worker, cold", Seed: 1000}, matrix.Late}, // which is why no case has it there
	} {
		if got, err := d.alone(x.c, 1); err != nil || got != x.want {
			t.Errorf("%v: %d, %v, want %d", x.c, got, err, x.want)
		}
	}
}

// What the pool without the bug does at another deadline has been seen already here.
func TestARealEnvironmentIsClearWhereAnotherDeadlineMakesNoDifference(t *testing.T) {
	t.Parallel()
	onReal := matrix.Real{Scale: 1}
	for name, x := range map[string]struct {
		environment string
		real        matrix.Real
		at, then    failing
		clear       bool
	}{
		"it keeps both":                {"hogs", onReal, failing{}, failing{}, true},
		"not the shorter one":          {"hogs", onReal, failing{}, failing{matrix.Late, 1}, false},
		"it misses both":               {"hogs", onReal, failing{matrix.Late, 4}, failing{matrix.Late, 4}, true},
		"the longer one by fewer":      {"hogs", onReal, failing{matrix.Late, 4}, failing{matrix.Late, 2}, false},
		"it keeps the longer one":      {"hogs", onReal, failing{matrix.Late, 4}, failing{}, false},
		"it breaks a rule":             {"hogs", onReal, failing{matrix.Broken, 4}, failing{}, true},
		"it does at another":           {"hogs", onReal, failing{}, failing{matrix.Broken, 1}, true},
		"it has to, by the contract":   {"one worker crashes", onReal, failing{}, failing{matrix.Late, 1}, true},
		"it was drawn in virtual time": {"hogs", matrix.Real{}, failing{}, failing{matrix.Late, 1}, true},
	} {
		d := newDock(t)
		c := matrix.Case{Bug: matrix.None, Environment: x.environment, Load: "a cold burst", Real: x.real}
		other := ", at 0.80 of the deadline"
		if x.at.misses > 0 {
			other = ", at 1.25 of the deadline"
		}
		d.failed[direct{"ours", x.environment + other, c.Load, c.Seed}] = x.then
		if stays, err := d.stays(c, "ours", x.at); err != nil || stays != x.clear || len(d.failed) > 1 {
			t.Errorf("%s: %v, %v, want %v; seen: %v", name, stays, err, x.clear, d.failed)
		}
	}
}

// All other runs have been made already here.
func TestOfARealCaseThatTheCodeFailsALongerDeadlineIsAsked(t *testing.T) {
	t.Parallel()
	late := failing{matrix.Late, 4}
	for name, x := range map[string]struct {
		environment failing // without the bug
		longer      failing // with it
		calm        failing // with it, out of the environment, at a shorter one
		want        matrix.Truth
	}{
		"the code fails there as well":         {failing{}, late, late, matrix.Code},
		"the code keeps it":                    {failing{}, failing{}, failing{}, matrix.Marginal},
		"the environment's failure, which was": {late, failing{}, failing{}, matrix.Environment},
		"nor does the bug alone, but all but":  {late, failing{}, late, matrix.Marginal},
	} {
		d := newDock(t)
		o := matrix.Outcome{Case: matrix.Case{Bug: "lost-wake-up", Environment: "hogs", Load: "a cold burst", Real: matrix.Real{Scale: 1}}}
		both, err := d.run(matrix.Case{Bug: matrix.None, Environment: "starts wait", Load: "one worker", Seed: 1001}, true, true, nil) // any that is late
		if err != nil {
			t.Fatal(err)
		}
		other := ", at 0.80 of the deadline"
		if x.environment.misses > 0 {
			other = ", at 1.25 of the deadline"
		}
		for run, how := range map[[2]string]failing{
			{"ours", "hogs"}: x.environment, {"ours", ""}: {}, {"lost-wake-up", ""}: {},
			{"ours", "hogs" + other}: x.environment, {"lost-wake-up", "hogs, at 1.25 of the deadline"}: x.longer,
			{"lost-wake-up", ", at 0.80 of the deadline"}: x.calm,
		} {
			d.failed[direct{run[0], run[1], o.Load, o.Seed}] = how
		}
		if err := d.truth(&o, both); err != nil || o.Truth != x.want || len(d.failed) != 6 {
			t.Errorf("%s: %s by %+v, %v, want %s", name, o.Truth, o.Runs, err, x.want)
		}
	}
}

func TestARunThatWouldKeepALongerDeadlineIsMarginal(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	for environment, want := range map[string]matrix.Truth{"starts compute": matrix.Marginal, "starts wait": matrix.Environment} {
		o := matrix.Outcome{Case: matrix.Case{Bug: matrix.None, Environment: environment, Load: "one worker", Seed: 1001}}
		both, err := d.run(o.Case, true, true, nil)
		if err == nil {
			err = d.truth(&o, both)
		}
		if err != nil || o.Truth != want {
			t.Errorf("%v, as it is drawn first: %s by %+v, %v, want %s", o.Case, o.Truth, o.Runs, err, want)
		}
	}
}
