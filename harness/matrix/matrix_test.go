package matrix

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/internal/page"
)

func noMutant(string) (subject.Subject, error) { return subject.Ours(), nil }

func TestEveryCaseIsAScenarioAndThereIsAThirdOfEachPart(t *testing.T) {
	cases := Cases([]string{"m"}, "", 0, 2)
	out := 0
	for _, c := range cases {
		for _, on := range []bool{true, false} {
			sc, err := c.Scenario(on, on, noMutant)
			if err == nil {
				err = sc.Check()
			}
			if err != nil {
				t.Fatalf("%v: %v", c, err)
			}
		}
		if c.LeftOut() {
			out++
		}
	}
	names := map[string]bool{}
	left := 0
	for _, e := range environments {
		names[e.name] = true
		if LeftOut(e.name) {
			left++
		}
	}
	if len(names) != len(environments) || left < len(environments)/5 || left > len(environments)/2 {
		t.Errorf("of %d environments %d are left out, %d names", len(environments), left, len(names))
	}
	if share := float64(out) / float64(len(cases)); share < .3 || share > .75 {
		t.Errorf("%.2f of the cases are left out", share)
	}
	if _, err := (Case{Bug: "m", Environment: "calm", Load: "nobody's"}).Scenario(true, true, noMutant); err == nil {
		t.Error("a load that there is not was found")
	}
}

// A new switch can't be forgotten.
func TestEveryHistoricalSwitchIsInARowOrItIsSaidWhyNot(t *testing.T) {
	in := map[dspex.Switch]int{}
	for _, r := range rows {
		for _, s := range r.bugs {
			in[s]++
			if _, known := r.of.On(s, nil); !known {
				t.Errorf("%s is not known to %s", s, r.of)
			}
		}
	}
	for _, s := range dspex.Switches() {
		if in[s]+min(1, len(rowless[s])) != 1 {
			t.Errorf("%s is in %d rows; why it is in none: %q", s, in[s], rowless[s])
		}
	}
	for s := range rowless {
		if !slices.Contains(dspex.Switches(), s) {
			t.Errorf("there is no switch %s any more", s)
		}
	}
}

func TestEveryRowHasLoadsAndEveryLoadHasABug(t *testing.T) {
	for _, b := range bugs([]string{"m"}) {
		for _, name := range b.loads {
			if l, err := find(loads, name); err != nil || !b.meets(l) {
				t.Errorf("%s of %s is put to %q: %v, %v", b.name, b.family, name, l.of, err)
			}
		}
		if !slices.ContainsFunc(loads, b.meets) {
			t.Errorf("%s of %s is put to no load", b.name, b.family)
		}
	}
	for _, l := range loads {
		for _, f := range l.of {
			if !slices.ContainsFunc(bugs([]string{"m"}), func(b bug) bool { return b.family == f && !b.none() && b.meets(l) }) {
				t.Errorf("no bug of %s is put to %q", f, l.name)
			}
		}
		for _, in := range l.in {
			if !slices.ContainsFunc(environments, func(e environment) bool { return e.kind == in || e.name == in }) {
				t.Errorf("%q is put to %q, which there is not", l.name, in)
			}
		}
	}
	names := map[string]bool{}
	for _, b := range historicals() {
		if names[b.name] {
			t.Errorf("two bugs are called %s", b.name)
		}
		names[b.name] = true
	}
}

// A new fault can't be forgotten either.
func TestEveryFaultThatAReplayHasIsInjectedOrItIsSaidWhyNot(t *testing.T) {
	in := map[string]bool{}
	plan := func(p faults.Plan) {
		for _, e := range p {
			in[e.Fault.Name()] = true
		}
	}
	for _, e := range environments {
		plan(e.draw(draw(0, e.name)))
	}
	for _, l := range loads {
		plan(l.draw(draw(0, l.name)).Faults)
	}
	for _, name := range faults.Recorded() {
		if in[name] == (left[name] != "") {
			t.Errorf("%s is injected: %v; why it is not: %q", name, in[name], left[name])
		}
	}
	for name := range left {
		if !slices.Contains(faults.Recorded(), name) {
			t.Errorf("no replay has a fault %s", name)
		}
	}
}

func TestATenthIsOneOfTenOfEverything(t *testing.T) {
	var mutants []string
	for i := range 20 {
		mutants = append(mutants, fmt.Sprintf("m%d", i))
	}
	all := Cases(mutants, "", 0, 3)
	some := Tenth(all)
	if share := float64(len(some)) / float64(len(all)); share < .09 || share > .11 {
		t.Errorf("it is %.3f", share)
	}
	for what, of := range map[string]func(Case) string{
		"environments": func(c Case) string { return c.Environment }, "loads": func(c Case) string { return c.Load },
		"bugs": func(c Case) string { return c.Bug }, "seeds": func(c Case) string { return fmt.Sprint(c.Seed) },
	} {
		count := func(cases []Case) map[string]int {
			n := map[string]int{}
			for _, c := range cases {
				n[of(c)]++
			}
			return n
		}
		whole, part := count(all), count(some)
		for name, n := range whole {
			of := part[name]
			switch share := float64(of) / float64(n); {
			case what == "bugs" && (10*of < n-10 || 10*of > n+10):
				t.Errorf("of the bug %q %d of %d", name, of, n)
			case n >= 50 && of == 0, n >= 500 && (share < .05 || share > .15):
				t.Errorf("%s: of %q %d of %d", what, name, of, n)
			}
		}
	}
	if ours := Cases(mutants, "ours", 7, 1); slices.ContainsFunc(ours, func(c Case) bool { return c.Bug == "deaf-start" || c.Seed != 7 }) {
		t.Error("others than ours were asked for")
	}
}

func TestTheTruthOfFourRuns(t *testing.T) {
	for _, c := range []struct {
		both, bug, environment, neither Failure
		truth                           Truth
	}{
		{Kept, Kept, Kept, Kept, Quiet},
		{Kept, Late, Late, Kept, Quiet},
		{Late, Late, Kept, Kept, Code},
		{Late, Kept, Kept, Kept, Code}, // it needs both: but for the bug it would not have failed
		{Late, Kept, Late, Kept, Environment},
		{Late, Late, Late, Kept, Either},
		{Late, Late, Late, Late, Anyway},
		{Broken, Late, Late, Kept, Code}, // lateness does not explain it
		{Broken, Kept, Broken, Kept, Environment},
		{Late, Kept, Broken, Kept, Environment},
		{Broken, Broken, Broken, Late, Either},
		{Broken, Broken, Late, Late, Code},
	} {
		if got := (Runs{c.both, c.bug, c.environment, c.neither}).Truth(); got != c.truth {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestWhatIsClearIsSoAtOtherDeadlinesToo(t *testing.T) {
	for _, c := range []struct {
		shorter, at, longer int
		clear               bool
	}{
		{0, 0, 0, true}, {1, 0, 0, false}, {8, 8, 8, true}, {8, 8, 7, true}, {8, 8, 6, false}, {4, 1, 0, false}, {8, 8, 0, false},
	} {
		if got := Clear(c.shorter, c.at, c.longer); got != c.clear {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestAnEnvironmentIsDrawnAnew(t *testing.T) {
	c := Case{Bug: None, Environment: "starts wait", Load: "a cold burst", Seed: 1}
	plan := func() string {
		sc, err := c.Scenario(false, true, noMutant)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(sc.Faults, sc.Start, sc.Workload)
	}
	first := plan()
	c.Draw = 1
	if second := plan(); second == first {
		t.Errorf("the second draw is the first: %s", second)
	}
	c.Draw = 0
	if again := plan(); again != first {
		t.Errorf("the first draw is %s, and then %s", first, again)
	}
}

func TestHowARunFailed(t *testing.T) {
	call := func(e scenario.Event) *scenario.Record {
		e.At, e.Kind, e.Call = 2*sec, scenario.Return, "c1"
		return &scenario.Record{Size: 2, Deadline: sec * 3, Events: []scenario.Event{{Kind: scenario.Arrive, Call: "c1"}, e}}
	}
	with := func(r *scenario.Record, e scenario.Event) *scenario.Record { r.Events = append(r.Events, e); return r }
	late := call(scenario.Event{})
	late.Deadline = sec
	for what, c := range map[string]struct {
		r    *scenario.Record
		want Failure
	}{
		"in time":        {call(scenario.Event{}), Kept},
		"late":           {late, Late},
		"an error":       {call(scenario.Event{Err: "no"}), Late},
		"a wrong answer": {call(scenario.Event{Wrong: true}), Broken},
		"a lost call":    {call(scenario.Event{Lost: true}), Broken},
		"left behind":    {with(call(scenario.Event{}), scenario.Event{Kind: scenario.Left}), Broken},
		"capacity lost":  {with(call(scenario.Event{}), scenario.Event{Kind: scenario.Probed, N: 1}), Broken},
		"all capacity":   {with(call(scenario.Event{}), scenario.Event{Kind: scenario.Probed, N: 2}), Kept},
		"an ended session": {with(with(with(with(call(scenario.Event{}), scenario.Event{Kind: scenario.Ready, Worker: "w1"}),
			scenario.Event{Kind: scenario.Send, Worker: "w1", Command: "put", Session: "s1"}), scenario.Event{Kind: scenario.SessionEnded, Session: "s1"}), scenario.Event{Kind: scenario.Close}), Broken},
		"one that was cleaned up": {with(with(with(with(call(scenario.Event{}), scenario.Event{Kind: scenario.Send, Worker: "w1", Command: "put", Session: "s1"}),
			scenario.Event{Kind: scenario.Send, Worker: "w1", Command: "cleanup_session", Session: "s1"}), scenario.Event{Kind: scenario.SessionEnded, Session: "s1"}), scenario.Event{Kind: scenario.Close}), Kept},
		"one that goes on": {with(with(call(scenario.Event{}), scenario.Event{Kind: scenario.Send, Worker: "w1", Command: "put", Session: "s1"}), scenario.Event{Kind: scenario.Close}), Kept},
		"one whose worker is gone": {with(with(with(with(call(scenario.Event{}), scenario.Event{Kind: scenario.Send, Worker: "w1", Command: "put", Session: "s1"}),
			scenario.Event{Kind: scenario.SessionEnded, Session: "s1"}), scenario.Event{Kind: scenario.Exit, Worker: "w1"}), scenario.Event{Kind: scenario.Close}), Kept},
		"a worker used too early": {with(call(scenario.Event{}), scenario.Event{Kind: scenario.Send, Worker: "w1", Call: "c1"}), Broken},
		"a call made twice": {with(with(with(call(scenario.Event{}), scenario.Event{Kind: scenario.Ready, Worker: "w1"}),
			scenario.Event{Kind: scenario.Send, Worker: "w1", Call: "c1"}), scenario.Event{Kind: scenario.Send, Worker: "w1", Call: "c1"}), Broken},
		"one that went out once": {with(with(with(with(call(scenario.Event{}), scenario.Event{Kind: scenario.Ready, Worker: "w1"}),
			scenario.Event{Kind: scenario.Send, Worker: "w1", Call: "c1"}), scenario.Event{Kind: scenario.Send, Worker: "w1", Call: "c1", Err: "no"}), scenario.Event{Kind: scenario.Send, Worker: "w1", Call: "c1"}), Kept},
		"an error at close": {with(with(call(scenario.Event{}), scenario.Event{Kind: scenario.Close}), scenario.Event{Kind: scenario.Closed, Err: "hm"}), Broken},
	} {
		if got := Failed(c.r); got != c.want {
			t.Errorf("%s: got %d", what, got)
		}
	}
}

func TestScoresAndTheirIntervals(t *testing.T) {
	var s Score
	for range 90 {
		s.add(Code, CalledCode)
	}
	for range 10 {
		s.add(Code, Abstains)
	}
	for range 45 {
		s.add(Environment, CalledEnv)
	}
	for range 5 {
		s.add(Environment, CalledCode)
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > .0005 {
			t.Errorf("%s is %.4f, want %.4f", what, got, want)
		}
	}
	near("precision of code", s.Precision(true).Value(), 90./95)
	near("recall of code", s.Recall(true).Value(), .9)
	near("precision of environment", s.Precision(false).Value(), 1)
	near("macro-F1", s.MacroF1(), (2*(90./95)*.9/(90./95+.9)+2*.9/1.9)/2)
	low, high := s.MacroF1Interval()
	if !(low < s.MacroF1() && s.MacroF1() < high) {
		t.Errorf("macro-F1 %.3f is not in %.3f to %.3f", s.MacroF1(), low, high)
	}
	if s.N() != 150 || s.Dismissed() != 0 || s.Accused() != 5 || s.Abstained() != 10 {
		t.Errorf("got %+v", s)
	}
	low, high = Share{0, 1000}.Wilson() // as in the tables
	near("the lower end of none in 1,000", low, 0)
	near("the upper end of none in 1,000", high, .0038)
	low, high = Share{15, 20}.Wilson()
	near("the lower end of 15 in 20", low, .5313)
	near("the upper end of 15 in 20", high, .8881)
}

// outcomes of a judge that abstains from one, dismisses one and is right else.
func outcomes() (all []Outcome) {
	add := func(n int, o Outcome) {
		for range n {
			all = append(all, o)
		}
	}
	code := Outcome{Case: Case{Bug: "m", Environment: "calm", Load: "l"}, Truth: Code, Verdict: scenario.Architectural, Evidence: Evidence{Reruns: 3, Throttled: 3, Patient: true, Pressure: .1}}
	env := Outcome{Case: Case{Bug: "none", Environment: "hogs", Load: "l"}, Truth: Environment, Verdict: scenario.Environmental, Evidence: Evidence{Throttled: 3, Pressure: .9}}
	add(6, code)
	add(1, Outcome{Case: Case{Bug: "n", Environment: "calm", Load: "l"}, Truth: Fallen})
	add(5, env)
	add(2, Outcome{Case: env.Case, Truth: Either, Verdict: scenario.Overdetermined})
	code.Verdict = scenario.Environmental
	add(1, code)
	env.Verdict, env.Reason = scenario.Inconclusive, "near tie: 3.2 s"
	add(1, env)
	return all
}

func TestTheTable(t *testing.T) {
	all := outcomes()
	for i := range all {
		all[i].Judged = float64(len(all) - i)
	}
	for _, o := range []Outcome{
		{Truth: Code, Verdict: scenario.Environmental}, {Truth: Code, Verdict: scenario.Amplified}, {Truth: Environment, Verdict: scenario.Inconclusive},
	} {
		o.Bug = "n"
		o.Marginal()
		all = append(all, o)
	}
	all = append(all, Outcome{Case: Case{Bug: "n"}, Truth: Marginal}) // in each draw, and not judged
	table := Tabulate(all, []string{"m", "n", "o"})
	table.Seconds = 12
	if s := table.Judge.All; s.N() != 13 || s.Dismissed() != 1 || s.Abstained() != 1 {
		t.Errorf("the judge has %+v", s)
	}
	for _, r := range table.Rivals {
		if s := r.All; s.N() != 13 || s.Dismissed() != 0 || s.Accused() != 0 {
			t.Errorf("%s has %+v", r.Name, s)
		}
	}
	if want := (Score{Code: Row{Right: 1, Wrong: 1}, Env: Row{Abstained: 1}}); table.Near != want || table.Truths[Marginal] != 4 {
		t.Errorf("near ties that were judged are %+v, of %d", table.Near, table.Truths[Marginal])
	}
	if !slices.Equal(table.Undrawn, []string{"o"}) {
		t.Errorf("of %q no case was played", table.Undrawn)
	}
	if !slices.Equal(table.Survivors, []string{"n"}) || table.Worst.Bug != "m" || len(table.Errors) != 1 {
		t.Errorf("survivors %q, worst %+v, errors %+v", table.Survivors, table.Worst, table.Errors)
	}
	missed := strings.Join(table.Missed(), "; ")
	if !strings.Contains(missed, "dismissed") || !strings.Contains(missed, "better than rerun-and-see") {
		t.Errorf("targets missed: %s", missed)
	}
	if !strings.Contains(missed, "stands still") {
		t.Errorf("one that fell is told by nobody: %s", missed)
	}
	table.Truths[Fallen] = 0
	table.Tenth = true
	if missed := table.Missed(); len(missed) != 3 || !strings.Contains(missed[1], "at least 50") || !strings.Contains(missed[2], "macro-F1") {
		t.Errorf("of a tenth: %q", missed)
	}
	other := table
	other.Judge.All.Env.Wrong++
	other.Judge.All.Code.Abstained++
	if missed := other.Missed(); len(missed) != 5 || !strings.Contains(missed[2], "put down to the code") || !strings.Contains(missed[3], "10 % abst") {
		t.Errorf("of a tenth in which the code is accused, and more is left undecided: %q", missed)
	}
	table.Pool = "ours"
	if missed := table.Missed(); len(missed) != 1 {
		t.Errorf("of a tenth of one pool's, which may be few: %q", missed)
	}
	table.Truths[Fallen] = 1
	lines := table.Summaries()
	if last := lines[len(lines)-1]; len(lines) != 5 || last.Rival != "" || last.Architectural != 7 || last.Dismissed != 1 || lines[0].Rival == "" {
		t.Errorf("got %+v", lines)
	}
	text := string(table.Markdown())
	for _, says := range []string{
		"20 cases were played in 12 s", "7 fail only with the bug", "2 with either alone", "inconclusive 1", "near tie: n s", "Worst cell: m in calm", "triggers: n.", "was played: o.",
		"3 of them were judged all the same: of those that would be failures of the code 1 right, 1 dismissed, 0 abstained; of the environment's 0 right, 0 accused, 1 abstained.",
		"Of what fails with either alone the judge called 2 the code's, 0 the environment's, and 0 neither.",
		"with its judgement, 9 s in the middle, at most 15 s in 99 of 100, and 16 s at most.",
	} {
		if !strings.Contains(text, says) {
			t.Errorf("%q is not in:\n%s", says, text)
		}
	}
}

func TestTheWorstIsABugWhereNoCellHasEnoughCases(t *testing.T) {
	var all []Outcome
	for _, environment := range []string{"hogs", "quota", "calm", "crashes"} {
		for range 2 {
			all = append(all, Outcome{Case: Case{Bug: "m", Environment: environment, Load: "l"}, Truth: Code, Verdict: scenario.Architectural})
		}
	}
	all[3].Verdict = scenario.Infeasible
	table := Tabulate(all, []string{"m"})
	if w := table.Worst; w.Bug != "m" || w.Environment != "" || w.Score.Abstained() != 1 {
		t.Errorf("%+v", w)
	}
	if text := string(table.Markdown()); !strings.Contains(text, "Worst bug, as no cell with cases enough has an error: m: of 8 cases 0 dismissed, 0 accused, 1 abstained.") {
		t.Errorf("told as\n%s", text)
	}
}

func TestTheTableGoesIntoThePageOfVerdicts(t *testing.T) {
	for _, world := range []string{"virtual", "process"} {
		if err := CheckPage("../../docs/verdict.md", world); err != nil {
			t.Error(err)
		}
	}
	path := filepath.Join(t.TempDir(), "page.md")
	text, err := os.ReadFile("../../docs/verdict.md")
	if err == nil {
		err = os.WriteFile(path, text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Tabulate(outcomes(), nil).Into(path); err != nil {
		t.Fatal(err)
	}
	if text, err = page.Read(path, part("virtual")); err != nil || !strings.HasPrefix(string(text), "In the virtual world 16 cases") {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestWhatIsWithinTheContractIsNoMoreThanIt(t *testing.T) {
	c := scenario.Contract{Cores: 2, Start: scenario.Demand{CPU: 500 * ms, Wait: 2 * sec}, Crashes: 1}
	for name, want := range map[string]string{
		"hogs": "[]", "a tight quota": "[]", "first starts are mute": "[]",
		"starts wait":                    "[slow-start]",
		"starts are refused":             "[start-refused first 1]",
		"workers short of memory":        "[memory-pressure]",
		"starts import from a slow disk": "[slow-disk slow-import]",
		"starts fail":                    "[dies-before-hello first 1]",
		"calls crash workers":            "[exit-mid-call times 1]",
		"a quota and crashes":            "[exit-mid-call times 1]",
		"hogs and failing starts":        "[dies-before-hello first 1]",
	} {
		sc, err := (Case{Bug: None, Environment: name, Load: "callers who give up in mid-call"}).Scenario(false, true, noMutant)
		if err != nil {
			t.Fatal(err)
		}
		Within(&sc, c)
		if _, ok := sc.Faults[0].Fault.(faults.GiveUp); !ok {
			t.Errorf("%s: who gave up does not any more: %v", name, sc.Faults)
		}
		var got []string
		for _, e := range sc.Faults[1:] {
			text := e.Fault.Name()
			if e.Target.First > 0 {
				text += fmt.Sprintf(" first %d", e.Target.First)
			}
			if e.Times > 0 {
				text += fmt.Sprintf(" times %d", e.Times)
			}
			if f, ok := e.Fault.(faults.SlowStart); ok && (f.CPU+sc.Start.CPU > c.Start.CPU || f.Wait+sc.Start.Wait != c.Start.Wait) {
				text += fmt.Sprintf(" %+v beside %+v", f, sc.Start)
			}
			if f, ok := e.Fault.(faults.SlowImport); ok && f.CPU+sc.Start.CPU > c.Start.CPU {
				text += fmt.Sprintf(" %+v beside %+v", f, sc.Start)
			}
			if f, ok := e.Fault.(faults.SlowDisk); ok && (f.KB*int(sec)/f.Rate+int(sc.Start.Wait) > int(c.Start.Wait) || f.KB == 0) {
				text += fmt.Sprintf(" %+v beside %+v", f, sc.Start)
			}
			got = append(got, text)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
	}
}
