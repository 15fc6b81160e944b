//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/worker"
)

// aFinding has ours, of which is claimed what comes out, and a pool that does
// not open, of which is claimed that it is sound.
func aFinding(together *int) findings.Finding {
	return findings.Finding{
		ID: "a-finding", Worlds: []string{"process"},
		Cases: func(u findings.Unit) (cases []findings.Case) {
			for _, s := range []subject.Subject{subject.Ours(), {Name: "shut", Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
				return nil, errors.New("no licence")
			}}} {
				sc := on(s)
				cases = append(cases, findings.Case{Scenario: sc, Expected: scenario.Sound, Accept: findings.Accept{Unit: u.Waits, UnitName: "boots", Served: 1, LastBy: 1e6}})
			}
			return cases
		},
		Together: []findings.Property{{Name: "in all", Of: []int{0, 1}, Wrong: func(_ findings.Unit, of []*scenario.Record) []string {
			*together++
			return []string{fmt.Sprintf("%d in all", len(of))}
		}}},
	}
}

// What stands between the cases of a figure is said of each, once all are had.
func TestAFigureIsDemonstratedByAllItsCasesOrNot(t *testing.T) {
	unit := findings.Unit{Waits: time.Second, Computes: time.Second}
	const judged = scenario.Sound
	for name, c := range map[string]struct {
		kind, subject    string
		problems         []string
		expected         scenario.Word // of each run
		came, wasClaimed scenario.Word
	}{
		"a figure":               {"figure", "", nil, "", scenario.Demonstrated, scenario.Demonstrated},
		"a test":                 {"test", "", nil, "", scenario.Demonstrated, scenario.Demonstrated},
		"its runs are sound too": {"figure", "", nil, judged, scenario.Demonstrated, scenario.Demonstrated},
		"a run of it is not":     {"figure", "", nil, scenario.Architectural, scenario.NotDemonstrated, scenario.Demonstrated},
		"a figure that is not":   {"figure", "", []string{"no"}, "", scenario.NotDemonstrated, scenario.Demonstrated},
		"one pool of a figure":   {"figure", "ours", []string{"no"}, "", judged, ""},
		"the run is on trial":    {"verdict", "", nil, "", judged, ""},
		"a kind of a newcomer's": {"", "", nil, "", judged, ""},
	} {
		f := findings.Finding{
			ID: "a-finding", Kind: c.kind, Worlds: []string{"virtual"},
			Cases: func(findings.Unit) (cases []findings.Case) {
				for _, s := range []subject.Subject{subject.Ours(), subject.Herd()} {
					cases = append(cases, findings.Case{Scenario: on(s), Expected: c.expected})
				}
				return cases
			},
			Together: []findings.Property{{Name: "no", Of: []int{0, 1}, Wrong: func(findings.Unit, []*scenario.Record) []string { return c.problems }}},
		}
		var told []scenario.Word
		l := Lab{World: virtual.Name, T: t, Unit: &unit, Subject: c.subject, Done: func(o Outcome) {
			word, expected := o.Words()
			if told = append(told, word); expected != c.wasClaimed {
				t.Errorf("%s: %q was expected, want %q", name, expected, c.wasClaimed)
			}
		}}
		out, err := l.Reproduce(t.Context(), []findings.Finding{f})
		if err != nil || len(told) != len(out) || slices.ContainsFunc(told, func(w scenario.Word) bool { return w != c.came }) {
			t.Errorf("%s: told %q, want %q: %v", name, told, c.came, err)
		}
	}
}

func TestAFigureIsNotForNotDemonstratedByWhatABusyMachineMayBeWhy(t *testing.T) {
	verdict, served, when := findings.Problems{{Of: findings.OfVerdict}}, findings.Problems{{Of: findings.OfServed}}, findings.Problems{{Of: findings.OfTimes}}
	const busy = "something else wanted the CPUs"
	for name, c := range map[string]struct {
		o    Outcome
		want scenario.Word
	}{
		"as claimed":                     {Outcome{Beside: busy}, scenario.Demonstrated},
		"times":                          {Outcome{When: when}, scenario.NotDemonstrated},
		"times, beside others":           {Outcome{When: when, Beside: busy}, scenario.Inconclusive},
		"between, beside others":         {Outcome{Between: when, Beside: busy}, scenario.Inconclusive},
		"between":                        {Outcome{Between: when}, scenario.NotDemonstrated},
		"who is served, beside others":   {Outcome{Who: served, When: when, Beside: busy}, scenario.NotDemonstrated},
		"no verdict":                     {Outcome{Who: verdict, Result: Result{Verdict: scenario.Verdict{Word: scenario.Inconclusive}}}, scenario.Inconclusive},
		"no verdict, and times":          {Outcome{Who: verdict, When: when, Result: Result{Verdict: scenario.Verdict{Word: scenario.Inconclusive}}}, scenario.NotDemonstrated},
		"another verdict, beside others": {Outcome{Who: verdict, Beside: busy, Result: Result{Verdict: scenario.Verdict{Word: scenario.Sound}}}, scenario.NotDemonstrated},
	} {
		c.o.Whole, c.o.Finding.Kind = true, "figure"
		if came, expected := c.o.Words(); came != c.want || expected != scenario.Demonstrated {
			t.Errorf("%s: %q, expected %q; want %q", name, came, expected, c.want)
		}
	}
}

func TestALabRunsEachCaseAndSaysWhatCameOutOtherwise(t *testing.T) {
	unit := findings.Unit{Waits: 100 * time.Millisecond, Computes: 100 * time.Millisecond, Tolerance: findings.Tolerance}
	together := 0
	var told []string
	l := Lab{
		Seed: 9, Unit: &unit,
		Progress: func(f findings.Finding, c findings.Case, nth, of int) {
			told = append(told, fmt.Sprintf("%d of %d: %s, %s", nth, of, f.ID, c.Scenario.Subject.Name))
		},
		Done: func(o Outcome) { told = append(told, "done: "+o.Result.Record.Subject) },
	}
	out, err := l.Reproduce(t.Context(), []findings.Finding{aFinding(&together)})
	if err != nil || len(out) != 2 {
		t.Fatalf("%d outcomes, %v", len(out), err)
	}
	if want := []string{"1 of 2: a-finding, ours", "2 of 2: a-finding, shut", "done: ours", "done: shut"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	ours, shut := out[0], out[1]
	if len(ours.Who)+len(ours.When) > 0 || ours.AsExpected() || ours.Result.Word != scenario.Sound || ours.Unit != unit || !strings.HasSuffix(ours.Figure, " boots") {
		t.Errorf("%+v", ours)
	}
	if want := []string{"served 0, expected 1", "the verdict is architectural, expected sound"}; !slices.Equal(shut.Who.Texts(), want) || shut.AsExpected() {
		t.Errorf("got %q, want %q", shut.Who, want)
	}
	for _, o := range out {
		if want := []string{"2 in all"}; !slices.Equal(o.Between.Texts(), want) || !slices.Contains(o.Problems().Texts(), want[0]) || together != 1 {
			t.Errorf("together %d times: %q, want %q of each", together, o.Between, want)
		}
	}
	for _, o := range out {
		if r := o.Result; r.Scenario.Name != "a-finding" || r.Scenario.World != "process" || r.Record.Seed != 9 {
			t.Errorf("%s was run as %q in %q with seed %d", o.Case.Scenario.Subject.Name, r.Scenario.Name, r.Scenario.World, r.Record.Seed)
		}
	}

	told, together = nil, 0
	l.Subject = "shut"
	if out, err := l.Reproduce(t.Context(), []findings.Finding{aFinding(&together)}); err != nil || len(out) != 1 || together != 0 {
		t.Errorf("one subject: %d outcomes, %v; together %d times", len(out), err, together)
	}
	if want := []string{"1 of 1: a-finding, shut", "done: shut"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	nothingRuns(t)
}

func TestTheUnitIsTakenAgainAroundWhatComputesAndAfterWhatCameOutOtherwise(t *testing.T) {
	const boot = 50 * time.Millisecond
	unit := findings.Demands(boot, 2)
	unit.Waits, unit.Computes, unit.Waited = boot, time.Millisecond, time.Hour // as if it had been taken at a bad time
	finding := func(computes bool, expected ...scenario.Word) findings.Finding {
		return findings.Finding{
			ID: "a-finding", Worlds: []string{"process"},
			Cases: func(u findings.Unit) (cases []findings.Case) {
				for _, word := range expected {
					sc := on(subject.Ours())
					if sc.Start = u.Wait; computes {
						sc.Start = u.Compute
					}
					cases = append(cases, findings.Case{Scenario: sc, Expected: word, Accept: findings.Accept{Unit: u.Computes, Served: 1}})
				}
				return cases
			},
		}
	}
	out, err := Lab{Unit: &unit}.Reproduce(t.Context(), []findings.Finding{finding(false, scenario.Sound, scenario.Infeasible), finding(true, scenario.Sound)})
	if err != nil || len(out) != 3 {
		t.Fatalf("%d outcomes, %v", len(out), err)
	}
	if o := out[0]; o.Beside != "" || o.Unit != unit {
		t.Errorf("as expected, and it waits: %+v, beside %q", o.Unit, o.Beside)
	}
	if o := out[1]; !strings.Contains(o.Beside, "something else wanted the CPUs: a start that asks for 0.05 s, alone, took 0.00 s, 3600.00 s of it waiting for a CPU, before this and ") || len(o.Who) != 1 {
		t.Errorf("otherwise: %q, beside %q", o.Who, o.Beside)
	}
	if o := out[2]; o.Unit.Computes < boot || o.Unit.Waited > time.Minute || o.Case.Accept.Unit != o.Unit.Computes {
		t.Errorf("it computes: %+v, told in %v", o.Unit, o.Case.Accept.Unit)
	}
	nothingRuns(t)
}

func TestAQuietMachineIsNotBlamed(t *testing.T) {
	u := findings.Demands(300*time.Millisecond, 2)
	quiet, busy := u, u
	quiet.Waited, busy.Waited = 40*time.Millisecond, 50*time.Millisecond
	for want, around := range map[bool][]findings.Unit{false: {quiet, quiet}, true: {quiet, busy}} {
		if got := beside(around[0], around[1]); (got != "") != want {
			t.Errorf("%v: %q", want, got)
		}
		if got := beside(around[1], around[0]); (got != "") != want {
			t.Errorf("%v: %q", want, got)
		}
	}
}

func TestALabLooksForWhatIsLatentIfItIsAsked(t *testing.T) {
	fs, err := findings.Find("concurrent-when-warm", "dies-on-first-success")
	if err != nil {
		t.Fatal(err)
	}
	f := sail(t)
	for name, c := range map[string]struct {
		lab  Lab
		want []string // of each run, the corners at which it would miss; "-": nobody has looked
	}{
		"unasked":     {Lab{T: t}, []string{"-", "-", "-", "-", "-", "-"}},
		"in this":     {Lab{T: t, Latent: true}, []string{"-", "0", "0", "-", "2", "2"}},
		"in children": {Lab{Fleet: &f.Fleet, Latent: true}, []string{"-", "0", "0", "-", "2", "2"}}, // as it comes through JSON
	} {
		c.lab.World = virtual.Name
		outcomes, err := c.lab.Reproduce(t.Context(), fs)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range outcomes {
			corners := "-"
			if l := o.Result.Latent; l != nil {
				corners = strconv.Itoa(len(l))
			}
			got = append(got, corners)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestALabGivesWhatItHasWhenItIsStopped(t *testing.T) {
	unit := findings.Unit{Waits: 100 * time.Millisecond, Computes: 100 * time.Millisecond, Tolerance: findings.Tolerance}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	f := aFinding(new(int))
	f.Together = nil
	out, err := Lab{Unit: &unit, Done: func(Outcome) { stop() }}.Reproduce(ctx, []findings.Finding{f})
	if !errors.Is(err, context.Canceled) || len(out) != 1 || !strings.Contains(err.Error(), "a-finding, shut") {
		t.Errorf("%d outcomes, %v", len(out), err)
	}
	nothingRuns(t)
}

func TestALabSaysWhatItCannotDoBeforeItDoesAnything(t *testing.T) {
	f := aFinding(new(int))
	for want, l := range map[string]Lab{
		`a-finding does not run in world "virtual", but in ["process"]`:                         {World: "virtual"},
		`none of these findings has a subject called "theirs"; they have ours, shut`:            {Subject: "theirs"},
		`none of these findings has a subject called "theirs, of course"; they have ours, shut`: {World: "process", Subject: "theirs, of course"},
	} {
		l.Progress = func(findings.Finding, findings.Case, int, int) { t.Errorf("a case was begun, though %s", want) }
		if _, err := l.Reproduce(t.Context(), []findings.Finding{f}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if err := (Lab{World: "process", Subject: "shut"}).Check([]findings.Finding{f}); err != nil {
		t.Error(err)
	}
}

func TestTheUnitIsWhatAStartTakesHere(t *testing.T) {
	const boot = 50 * time.Millisecond
	u, err := Lab{Boot: boot}.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if u.Waits < boot || u.Computes < boot {
		t.Errorf("%+v: shorter than what a start asks for", u)
	}
	if u.Wait != (scenario.Demand{Wait: boot}) || u.Compute != (scenario.Demand{CPU: boot}) {
		t.Errorf("%+v", u)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Lab{Boot: boot}).Measure(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("under an ended ctx: %v", err)
	}
	nothingRuns(t)
}

// With time and order under control the same test gives the same answer: whichever
// order the seed says. The command line plays all of them.
func TestTheSameTestGivesTheSameAnswerUnderEverySeed(t *testing.T) {
	f, err := findings.Find("ship-it")
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := Lab{World: virtual.Name, T: t, Seeds: 50}.Reproduce(t.Context(), f)
	if err != nil || len(outcomes) != 2 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	for i, want := range []string{"; under 50 of 50 seeds architectural with 1 served", "; under 50 of 50 seeds sound with 4 served"} {
		o := outcomes[i]
		if word, _ := o.Words(); word != scenario.Demonstrated || !strings.HasSuffix(o.Figure, want) {
			t.Errorf("%s: %s, want %s: %q", o.Figure, word, want, o.Problems())
		}
	}
}

func TestWhatIsNotTheSameUnderEverySeedIsTold(t *testing.T) {
	served := func(n int) Result {
		r := Result{Record: &scenario.Record{}}
		for i := range n {
			id := fmt.Sprint("c", i)
			r.Record.Events = append(r.Record.Events, scenario.Event{Kind: scenario.Arrive, Call: id}, scenario.Event{Kind: scenario.Return, Call: id})
		}
		r.Word = scenario.Sound
		return r
	}
	lost := errors.New("lost")
	for name, c := range map[string]struct {
		world       string
		most        int
		word        scenario.Word
		odd         uint64 // the seeds from here on serve one more; above all of them: none does
		err         error
		figure, bad string
	}{
		"the same":            {virtual.Name, 0, scenario.Sound, 99, nil, "; under 5 of 5 seeds sound with 1 served", ""},
		"two are not":         {virtual.Name, 0, scenario.Sound, 10, nil, "; under 3 of 5 seeds sound with 1 served", "under seed 10 it is sound with 2 served, under seed 7 sound with 1 served"},
		"not looked at":       {virtual.Name, 3, scenario.Sound, 10, nil, "; under 3 of 3 seeds sound with 1 served", ""},
		"one alone":           {virtual.Name, 1, scenario.Sound, 8, nil, "", ""},
		"another word":        {virtual.Name, 1, scenario.Architectural, 99, nil, "", "the run is sound, expected architectural under all seeds"},
		"not in real time":    {"process", 0, scenario.Architectural, 8, nil, "", ""},
		"one can't be played": {virtual.Name, 0, scenario.Sound, 99, lost, "", ""},
	} {
		o := Outcome{Result: served(1)}
		cs := findings.Case{Scenario: Scenario{Seed: 7}, Alike: &findings.Alike{Seeds: 5, Word: c.word}}
		err := Lab{World: c.world, Seeds: c.most}.alike(t.Context(), cs, &o, func(_ context.Context, sc Scenario) (Result, error) {
			if sc.Seed >= c.odd {
				return served(2), nil
			}
			return served(1), c.err
		})
		if bad := strings.Join(o.Who.Texts(), "; "); o.Figure != c.figure || !strings.HasPrefix(bad, c.bad) || (bad == "") != (c.bad == "") || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %q, %v", name, o.Figure, bad, err)
		}
	}
}

func TestWhatHangsOnARaceIsShownInVirtualTimeAlone(t *testing.T) {
	f := findings.Finding{ID: "a-race", Worlds: []string{"virtual", "process", "container"}, Cases: func(findings.Unit) []findings.Case {
		return []findings.Case{{}, {Virtual: true}, {Alone: true}}
	}}
	for world, want := range map[string]int{"process": 2, virtual.Name: 3, "container": 1} {
		if got := (Lab{World: world, Unit: &findings.Unit{}}).cases(f); len(got) != want {
			t.Errorf("in world %s the cases %v are played, want %d", world, got, want)
		}
	}
}

func TestAStartAsksForMoreWhereAnEngineTakesPartOfIt(t *testing.T) {
	for world, want := range map[string]time.Duration{"": DefaultBoot, "process": DefaultBoot, "virtual": DefaultBoot, "container": time.Second} {
		if got := (Lab{World: world}).filled().Boot; got != want {
			t.Errorf("world %q: %v, want %v", world, got, want)
		}
		if got := (Lab{World: world, Boot: time.Minute}).filled().Boot; got != time.Minute {
			t.Errorf("world %q: %v, asked for a minute", world, got)
		}
	}
}
