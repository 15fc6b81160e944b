package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

// run is a run of two calls that end when they are told to.
func run(first, second string) []string {
	return []string{opened, `
		100 arrive c1
		100 arrive c2
		101 send w1 c1
		102 send w2 c2
		110 recv w1 c1
		110 recv w2 c2`, first, second, `
		9000 probed n=2
		9001 closed`}
}

// The deadline is 300 ms after the arrival at 100 ms.
var (
	kept2   = run("150 return c1", "160 return c2")
	missed1 = run("150 return c1", "700 return c2")
	failed1 = run("150 return c1", "400 return c2 err=no_worker")
	missed2 = run("800 return c1", "700 return c2")
	excused = run("150 return c1", "700 return c2 excused err=client_died")
)

func TestWhatOtherPoolsAskedForIsToldApart(t *testing.T) {
	asked := func(at, cpu time.Duration) scenario.Span {
		return scenario.Span{Begin: at * time.Millisecond, Demand: scenario.Demand{CPU: cpu * time.Millisecond}}
	}
	for _, c := range []struct {
		run  []string
		told bool // in the reason
	}{{missed1, true}, {kept2, false}} {
		of := timeline(t, append(slices.Clone(c.run), "8000 probing")...)
		slices.SortStableFunc(of.Events, func(a, b scenario.Event) int { return int(a.At - b.At) })
		of.Environment = &scenario.Environment{Cores: 2, Starts: []scenario.Span{asked(0, 300)}, Calls: map[string][]scenario.Span{"c1": {asked(101, 30)}, "probe": {asked(8001, 5000)}}, Others: []scenario.Span{asked(50, 200), asked(60, 500), asked(8001, 9000)}}
		v := Judge(Case{Run: of, Unknown: errNone})
		n := len(v.Evidence)
		if n < 2 || v.Evidence[n-2].Value != .33 || v.Evidence[n-1].Value != .7 {
			t.Errorf("%s: %+v", v.Word, v.Evidence)
		}
		if told := strings.HasSuffix(v.Reason, "; its own workers asked for 330 ms of CPU, those of other pools for 700 ms"); told != c.told {
			t.Errorf("%s: %s", v.Word, v.Reason)
		}
		of.Environment.Others = nil
		if v := Judge(Case{Run: of, Unknown: errNone}); len(v.Evidence) != n-2 || strings.Contains(v.Reason, "other pools") {
			t.Errorf("without any: %s %+v", v.Reason, v.Evidence)
		}
	}
}

func TestTheVerdictOnLateness(t *testing.T) {
	for name, c := range map[string]struct {
		run, reference []string
		word           scenario.Word
		tells          []string
	}{
		"no miss":                               {kept2, nil, scenario.Sound, []string{"all 2 calls were answered within 300 ms, the last after 60 ms"}},
		"no miss, and the reference misses":     {kept2, missed2, scenario.Sound, []string{"all 2 calls were answered"}},
		"a miss, and the reference keeps":       {missed1, kept2, scenario.Architectural, []string{"1 of 2 calls missed the deadline of 300 ms", "inside the contract, where the best of 7 ideal pools (ideal-all) serves all by 60 ms"}},
		"an error, and the reference keeps":     {failed1, kept2, scenario.Architectural, []string{"1 of 2 calls missed", "(1 got no answer: no_worker)", "serves all by 60 ms"}},
		"two misses, and the reference keeps":   {missed2, kept2, scenario.Architectural, []string{"2 of 2 calls missed"}},
		"a miss, and so does the reference":     {missed1, missed1, scenario.Infeasible, []string{"1 of 2 calls missed", "no pool could keep that even inside the contract", "needs 600 ms"}},
		"two misses, and the reference one":     {missed2, missed1, scenario.Infeasible, []string{"2 of 2 calls missed", "no pool could keep that even inside the contract"}},
		"a miss without a reference":            {missed1, nil, scenario.Inconclusive, []string{"1 of 2 calls missed", "it can't be run again: there is none"}},
		"an excused call is no miss":            {excused, nil, scenario.Sound, []string{"all 1 calls were answered within 300 ms, the last after 50 ms"}},
		"an excused call keeps nothing":         {missed1, excused, scenario.Architectural, []string{"serves all by 50 ms"}},
		"all calls excused":                     {run("700 return c1 excused", "700 return c2 excused"), nil, scenario.Sound, []string{"the scenario itself ended all calls"}},
		"the reference has only excused calls":  {missed1, run("700 return c1 excused", "700 return c2 excused"), scenario.Inconclusive, []string{"1 of 2 calls missed"}},
		"the reference's own breaches are none": {missed1, append(run("150 return c1", "160 return c2"), "9100 left text=x"), scenario.Architectural, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var reference *scenario.Record
			if c.reference != nil {
				reference = timeline(t, append(c.reference, "subject ideal-all")...)
			}
			v := tried(timeline(t, c.run...), reference)
			if v.Word != c.word {
				t.Errorf("%s: %s, want %s", v.Word, v.Reason, c.word)
			}
			for _, s := range c.tells {
				if !strings.Contains(v.Reason, s) {
					t.Errorf("the reason lacks %q: %s", s, v.Reason)
				}
			}
			if v.Word == scenario.Sound && v.Mechanism != "" {
				t.Errorf("a sound run has the mechanism %q", v.Mechanism)
			}
			if len(v.Safety) > 0 {
				t.Errorf("broken: %q", v.Safety)
			}
		})
	}
}

func TestWithoutWhatAVerdictNeedsItIsInconclusive(t *testing.T) {
	for name, c := range map[string]struct {
		run, reference []string
		tells          string
	}{
		"no events":             {[]string{""}, nil, "the recording of mine is incomplete: it has no events"},
		"nobody called":         {[]string{opened, ended}, nil, "the recording of mine is incomplete: nobody called"},
		"probes alone":          {[]string{opened, "900 arrive probe1", "901 return probe1", ended}, nil, "nobody called"},
		"a call without an end": {[]string{opened, "100 arrive c1", called, "300 arrive c2", "301 send w1 c2", ended}, nil, "the recording of mine is incomplete: call c2 has no end"},
		// c2 of missed1 is 300 ms late, c1 of it 250 ms early; c2 of kept2 240 ms early.
		"late timers, in a run that keeps":   {append(kept2, "late 61"), nil, "the harness itself was starved: its timers were up to 61 ms late, and mine kept or missed the deadline by 240 ms"},
		"late timers, in a run that misses":  {append(missed1, "late 63"), kept2, "up to 63 ms late, and mine kept or missed the deadline by 250 ms"},
		"late timers, in a run that is late": {append(run("390 return c1", "450 return c2"), "late 3"), kept2, "up to 3 ms late, and mine kept or missed the deadline by 10 ms"},
	} {
		t.Run(name, func(t *testing.T) {
			var reference *scenario.Record
			if c.reference != nil {
				reference = timeline(t, append(c.reference, "subject ideal-all")...)
			}
			v := tried(timeline(t, c.run...), reference)
			if v.Word != scenario.Inconclusive || !strings.Contains(v.Reason, c.tells) {
				t.Errorf("%s: %s\nwant inconclusive: %s", v.Word, v.Reason, c.tells)
			}
		})
	}
}

func TestARunWhoseFaultsDidNotFireIsInconclusiveAndTheyAreNamed(t *testing.T) {
	fired := faults.Report{Place: 1, Fault: "cpu-hogs", Fired: 4}
	not := faults.Report{Place: 2, Fault: "kill-idle", First: -1, Why: "its moment, call 40, never came"}
	may := not
	may.Maybe = true
	for name, c := range map[string]struct {
		run, reference []faults.Report
		word           scenario.Word
	}{
		"all fired":                     {[]faults.Report{fired, fired}, nil, scenario.Sound},
		"one that may did not":          {[]faults.Report{fired, may}, nil, scenario.Sound},
		"one did not":                   {[]faults.Report{fired, not}, nil, scenario.Inconclusive},
		"one did not, in the reference": {[]faults.Report{fired}, []faults.Report{not}, scenario.Sound}, // the ideal pool need not give it an occasion
	} {
		run, reference := timeline(t, kept2...), timeline(t, append(kept2, "subject ideal-all")...)
		run.Faults, reference.Faults = c.run, c.reference
		v := tried(run, reference)
		if said := strings.Contains(v.Reason, "fault 2, kill-idle, never fired: its moment, call 40, never came"); v.Word != c.word || said != (c.word == scenario.Inconclusive) || strings.Contains(v.Reason, "cpu-hogs") {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
		if !slices.Contains(v.Evidence, scenario.Figure{Name: "fault 1, cpu-hogs fired", Value: 4, Unit: "times"}) {
			t.Errorf("%s: the evidence lacks how often it fired: %v", name, v.Evidence)
		}
	}
	run := timeline(t, append(slices.Clone(missed1), "9100 left text=x")...)
	run.Faults = []faults.Report{not}
	if v := tried(run, timeline(t, kept2...)); v.Word != scenario.Architectural {
		t.Errorf("no fault that is missing excuses a breach: %s: %s", v.Word, v.Reason)
	}
}

func TestTimersMayBeLateByAQuarterOfTheMargin(t *testing.T) {
	for name, v := range map[string]scenario.Verdict{
		"sound":         tried(timeline(t, append(kept2, "late 60")...), nil),
		"architectural": tried(timeline(t, append(missed1, "late 62")...), timeline(t, append(kept2, "late 60")...)),
	} {
		if string(v.Word) != name {
			t.Errorf("%s: %s, want %s", v.Word, v.Reason, name)
		}
	}
	// Calls that got no answer have no margin, their end is their caller's: the
	// deadline itself stands for it.
	for late, want := range map[string]scenario.Word{"late 50": scenario.Architectural, "late 9000": scenario.Inconclusive} {
		for _, story := range [][]string{run("150 return c1", "401 return c2 err=deadline"), run("401 return c1 err=deadline", "401 return c2 err=deadline")} {
			v := tried(timeline(t, append(story, late)...), timeline(t, kept2...))
			if v.Word != want {
				t.Errorf("%s: %s: %s, want %s", late, v.Word, v.Reason, want)
			}
		}
	}
}

func TestAnEnvironmentExcusesNoBreach(t *testing.T) {
	for name, c := range breaches {
		// What rests on a bound of the harness's own is no breach if it was
		// starved itself: it may have come too late to see the end.
		kind, _, _ := strings.Cut(c.tells, ":")
		want := scenario.Architectural
		if slices.Contains([]string{"a lost call", "a call kept waiting by a closed pool", "capacity lost for good", "a stop that took too long", "left behind after Close", "a pool that could not be warmed"}, kind) {
			want = scenario.Inconclusive
		}
		v := tried(timeline(t, append(c.story, "late 10000")...), nil)
		if v.Word != want || !strings.Contains(v.Reason, c.tells) {
			t.Errorf("%s, and starved: %s: %s", name, v.Word, v.Reason)
		}
	}
	for late, want := range map[string]scenario.Word{"late 250": scenario.Architectural, "late 251": scenario.Inconclusive} {
		if v := tried(timeline(t, append(kept2, "9100 left text=a_process", late)...), nil); v.Word != want || !strings.Contains(v.Reason, "a_process") {
			t.Errorf("%s: %s: %s, want %s", late, v.Word, v.Reason, want)
		}
	}
	v := tried(timeline(t, append(missed2, "9100 left text=goroutines", "9101 arrive c3")...), timeline(t, missed2...))
	if v.Word != scenario.Architectural || !strings.Contains(v.Reason, "goroutines") || !strings.Contains(v.Reason, "2 of 3 calls missed") {
		t.Errorf("incomplete, late as the reference, and unsafe: %s: %s", v.Word, v.Reason)
	}
}

func TestEveryFigureThatIsUsedIsInTheEvidence(t *testing.T) {
	v := tried(timeline(t, append(missed1, "late 5")...), timeline(t, append(kept2, "subject ideal-all")...))
	got := map[string]scenario.Figure{}
	for _, f := range v.Evidence {
		got[f.Name] = f
	}
	for _, want := range []scenario.Figure{
		{Name: "deadline", Value: 0.3, Unit: "s"},
		{Name: "missed", Value: 1, Unit: "calls"},
		{Name: "served", Value: 2, Unit: "calls"},
		{Name: "harness timers late by at most", Value: 0.005, Unit: "s"},
		{Name: "cores", Value: 2, Unit: "cores"},
		{Name: "w1 start", Value: 0.05, Unit: "s"},
		{Name: "w1 start on CPU", Value: 0, Unit: "s"},
		{Name: "w1 start waiting for a CPU", Value: 0, Unit: "s"},
		{Name: "w2 start", Value: 0.06, Unit: "s"},
		{Name: "this pool, as it was: missed", Value: 1, Unit: "calls"},
		{Name: "ideal pools, inside the contract: all served", Value: 0.06, Unit: "s"},
	} {
		if got[want.Name] != want {
			t.Errorf("got %+v, want %+v", got[want.Name], want)
		}
	}
}

func TestALongErrorIsClippedAndStaysText(t *testing.T) {
	long := "x" + strings.Repeat("é", 200) // two bytes each, cut in the midst of one
	v := tried(timeline(t, run("150 return c1", "400 return c2 err="+long)...), timeline(t, kept2...))
	if !strings.Contains(v.Reason, "é…") || strings.Contains(v.Reason, long) || strings.Contains(v.Reason, "\uFFFD") || strings.ToValidUTF8(v.Reason, "?") != v.Reason {
		t.Errorf("%s", v.Reason)
	}
}
