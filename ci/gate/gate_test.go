package gate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
)

// result is one of a pool that served its two calls after a boot and two.
func result(world string) report.Line {
	return report.Line{
		Finding: "cold", Variant: "all at once", Subject: "ours", World: world, Verdict: scenario.Sound, Reason: "all 2 calls were answered",
		Unit: "boots", UnitS: 0.5, Calls: 2, Served: []float64{0.5, 1}, Deadline: 2.5,
	}
}

func everything(Result) bool { return true }

// baseline is of these results.
func baseline(t *testing.T, lines ...report.Line) Baseline {
	t.Helper()
	b, err := Baseline{}.Updated(lines, everything)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type edit func(*report.Line)

func verdict(w scenario.Word) edit { return func(l *report.Line) { l.Verdict = w } }
func shown(judged scenario.Word) edit {
	return func(l *report.Line) { l.Verdict, l.Judged = scenario.Demonstrated, judged }
}
func by(what string) edit {
	return func(l *report.Line) { l.Verdict, l.Mechanism = scenario.Architectural, what }
}
func unsafely(what string) edit {
	return func(l *report.Line) {
		l.Verdict, l.Safety = scenario.Architectural, []string{what + ": of this instance"}
	}
}
func served(s ...float64) edit { return func(l *report.Line) { l.Served = s } }
func expected(w scenario.Word) edit {
	return func(l *report.Line) { l.Verdict, l.Expected = w, w }
}
func latent(missed int) edit {
	return func(l *report.Line) {
		l.Latent = []scenario.Latent{}
		if missed > 0 {
			l.Latent = append(l.Latent, scenario.Latent{Corner: "slow starts", Missed: missed, Calls: 2, Reason: fmt.Sprintf("with slow starts %d of 2 calls would miss", missed)})
		}
	}
}
func beside(now edit) edit {
	return func(l *report.Line) { now(l); l.Beside = "something else wanted the CPUs" }
}

func TestAResultIsHeldAgainstWhatItWas(t *testing.T) {
	const virtual, process = "virtual", "process"
	as := func(*report.Line) {}
	sound, architectural, environmental, amplified, overdetermined, infeasible, inconclusive := verdict(scenario.Sound), verdict(scenario.Architectural),
		verdict(scenario.Environmental), verdict(scenario.Amplified), verdict(scenario.Overdetermined), verdict(scenario.Infeasible), verdict(scenario.Inconclusive)
	for _, c := range []struct {
		world    string
		was, now edit
		kind     Kind
		what     string
	}{
		{virtual, as, as, Same, ""},
		{process, as, as, Same, ""},
		// The verdict.
		{virtual, sound, architectural, Worse, "architectural, was sound"},
		{virtual, sound, shown(scenario.Sound), Same, ""},
		{virtual, sound, shown(scenario.Architectural), Worse, "architectural, was sound"},
		{process, sound, architectural, Worse, "architectural, was sound"},
		{process, sound, amplified, Worse, "amplified, was sound"},
		{process, sound, overdetermined, Worse, "overdetermined, was sound"},
		{process, sound, infeasible, Worse, "infeasible, was sound"},
		{process, environmental, architectural, Worse, "architectural, was environmental"},
		{process, inconclusive, architectural, Worse, "architectural, was inconclusive"},
		{process, amplified, architectural, Worse, "architectural, was amplified"},
		{process, amplified, overdetermined, Worse, "overdetermined, was amplified"},
		{process, architectural, infeasible, Worse, "infeasible, was architectural"},
		{process, infeasible, architectural, Worse, "architectural, was infeasible"},
		{virtual, architectural, amplified, Worse, "amplified, was architectural"},
		{virtual, overdetermined, architectural, Worse, "architectural, was overdetermined"},
		{virtual, sound, verdict("baffling"), Worse, "baffling, was sound"},
		{virtual, architectural, sound, Better, "sound, was architectural"},
		{process, environmental, sound, Better, "sound, was environmental"},
		{process, inconclusive, sound, Better, "sound, was inconclusive"},
		{process, inconclusive, served(0.5), Better, "sound, was inconclusive"},
		// That of a real machine's doing is no matter of the code, and always told.
		{process, sound, environmental, Neutral, "environmental, was sound: this machine's doing"},
		{process, architectural, environmental, Neutral, "environmental, was architectural: this machine's doing"},
		{process, environmental, environmental, Neutral, "environmental, was environmental: this machine's doing"},
		{process, expected(scenario.Environmental), expected(scenario.Environmental), Same, ""},
		{process, sound, expected(scenario.Environmental), Neutral, "environmental, was sound"},
		{process, architectural, amplified, Neutral, "amplified, was architectural: the code as before, and this machine"},
		{process, architectural, overdetermined, Neutral, "overdetermined, was architectural"},
		{process, overdetermined, architectural, Neutral, "architectural, was overdetermined"},
		{process, sound, func(l *report.Line) { environmental(l); l.Served = nil }, Neutral, "environmental, was sound"},
		// In virtual time there is no machine.
		{virtual, sound, environmental, Worse, "environmental, was sound"},
		{virtual, architectural, environmental, Worse, "environmental, was architectural"},
		{virtual, environmental, environmental, Same, ""},
		// What can't be told.
		{process, sound, inconclusive, Unclear, "inconclusive, was sound"},
		{virtual, architectural, inconclusive, Unclear, "inconclusive, was architectural"},
		{process, sound, func(l *report.Line) { inconclusive(l); l.Served = nil }, Unclear, "inconclusive, was sound"},
		{process, inconclusive, inconclusive, Neutral, "inconclusive, was inconclusive"},
		{virtual, inconclusive, func(l *report.Line) { inconclusive(l); l.Mechanism, l.Served = "another", nil }, Same, ""},
		// The mechanism.
		{virtual, by("a"), by("b"), Worse, `still architectural, but the mechanism is "b", was "a"`},
		{virtual, by("a"), by(""), Worse, `still architectural, but the mechanism is "", was "a"`},
		{process, by("a"), by("b"), Neutral, `still architectural, but the mechanism is "b", was "a"`},
		{virtual, by("a"), by("a"), Same, ""},
		// What must never happen.
		{virtual, sound, unsafely("a lost answer"), Worse, "architectural, was sound and new: a lost answer"},
		{virtual, architectural, unsafely("a lost answer"), Worse, "new: a lost answer"},
		{process, unsafely("a lost answer"), unsafely("a wrong answer"), Worse, "new: a wrong answer and no more: a lost answer"},
		{process, unsafely("a lost answer"), architectural, Better, "no more: a lost answer"},
		{process, unsafely("a lost answer"), unsafely("a lost answer"), Same, ""},
		// Who was served, and when: a hundredth of a time is allowed in virtual time, 15 %
		// in real time, or as much of a boot if that is more.
		{virtual, as, served(0.5), Worse, "1 of 2 calls served, were 2"},
		{virtual, as, served(), Worse, "0 of 2 calls served, were 2"},
		{virtual, served(0.5), as, Better, "2 of 2 calls served, were 1"},
		{virtual, as, served(0.504, 1.009), Same, ""},
		{virtual, as, served(0.496, 0.991), Same, ""},
		{virtual, as, served(0.506, 1), Worse, "1 served by 1.012 boots, were by 1 boots"},
		{virtual, as, served(0.5, 1.02), Worse, "2 served by 2.04 boots, were by 2 boots"},
		{virtual, as, served(0.4, 1.02), Worse, "2 served by 2.04 boots, were by 2 boots"},
		{virtual, as, served(0.5, 0.98), Better, "2 served by 1.96 boots, were by 2 boots"},
		{virtual, served(0.001, 1), served(0.004, 1), Same, ""},
		{virtual, served(0.001, 1), served(0.007, 1), Worse, "1 served by 0.014 boots"},
		{process, as, served(0.5, 1.14), Same, ""},
		{process, as, served(0.5, 1.16), Worse, "2 served by 2.32 boots"},
		{process, served(0.01, 1), served(0.08, 1), Same, ""},
		{process, as, beside(served(0.5, 1.16)), Unclear, "2 served by 2.32 boots, were by 2 boots; something else wanted the CPUs"},
		{process, as, beside(served(0.5)), Unclear, "1 of 2 calls served, were 2; something else wanted the CPUs"},
		{process, as, beside(architectural), Worse, "architectural, was sound"},
		// To wait longer is no remedy.
		{virtual, architectural, func(l *report.Line) { l.Deadline = 5 }, Unclear, "it is not like before: its deadline is 10 boots, was 5 boots and sound, was architectural"},
		{virtual, as, func(l *report.Line) { l.Deadline = 2 }, Same, ""},
		{virtual, as, func(l *report.Line) { l.Calls = 3 }, Unclear, "it is not like before: it has 3 calls, had 2"},
		{virtual, as, func(l *report.Line) { l.Unit, l.UnitS = "", 0 }, Unclear, "it is not like before: its times are told in s, were in boots"},
		// What is latent.
		{virtual, latent(0), latent(1), Worse, "latent: with slow starts 1 of 2 calls would miss; there it missed 0"},
		{process, latent(1), latent(2), Worse, "latent: with slow starts 2 of 2 calls would miss; there it missed 1"},
		{virtual, latent(1), latent(1), Same, ""},
		{virtual, latent(2), latent(1), Better, "latent: with slow starts it would miss 1, missed 2"},
		{virtual, latent(1), latent(0), Better, "latent: with slow starts it would miss 0, missed 1"},
		{virtual, latent(0), as, Unclear, "nobody has looked for what is latent"},
		{virtual, as, latent(0), Same, ""},
		{virtual, as, latent(1), New, "latent: with slow starts 1 of 2"},
		{virtual, latent(0), architectural, Worse, "architectural, was sound"},
		{process, latent(0), func(l *report.Line) { latent(1)(l); environmental(l) }, Worse, "latent: with slow starts 1 of 2 calls would miss; there it missed 0 and environmental, was sound: this machine's doing"},
		{virtual, architectural, latent(0), Better, "sound, was architectural"},
		// Another of the run's pools.
		{virtual, another(scenario.Sound), another(scenario.Sound), Same, ""},
	} {
		was, now := result(c.world), result(c.world)
		c.was(&was)
		c.now(&now)
		changes, err := Compare(baseline(t, was), []report.Line{now}, everything, true)
		if err != nil {
			t.Fatal(err)
		}
		got := changes[0]
		if what := strings.Join(got.What, " and "); got.Kind != c.kind || what != c.what && !(len(got.What) == 1 && c.what != "" && strings.HasPrefix(what, c.what)) {
			t.Errorf("%s, %+v after %+v: %s, %q; want %s, %q", c.world, now, was, got.Kind, what, c.kind, c.what)
		}
	}
}

func another(w scenario.Word) edit {
	return func(l *report.Line) {
		l.Others = []report.Other{{Subject: "ours", Verdict: scenario.Sound}, {Subject: "ours", Verdict: w, Reason: "of the other"}}
	}
}

func TestEachOfARunsPoolsIsHeldAgainstWhatItWas(t *testing.T) {
	was, now := result("virtual"), result("virtual")
	another(scenario.Sound)(&was)
	another(scenario.Architectural)(&now)
	changes, err := Compare(baseline(t, was), []report.Line{now}, everything, true)
	if err != nil || len(changes) != 3 {
		t.Fatalf("%+v, %v", changes, err)
	}
	if c := changes[2]; changes[0].Kind != Same || changes[1].Kind != Same || c.Kind != Worse || c.Subject != "ours, beside it 2: ours" || c.Reason != "of the other" || c.Line.Finding != "cold" {
		t.Errorf("%+v", changes)
	}
	// What is claimed of the one is not claimed of the other.
	was, now = result("process"), result("process")
	for _, l := range []*report.Line{&was, &now} {
		expected(scenario.Environmental)(l)
		another(scenario.Environmental)(l)
	}
	if changes, err = Compare(baseline(t, was), []report.Line{now}, everything, true); err != nil || changes[0].Kind != Same || changes[2].Kind != Neutral {
		t.Errorf("%+v, %v", changes, err)
	}
}

func TestWhatIsNewAndWhatIsGoneIsSaid(t *testing.T) {
	one, two, three := result("virtual"), result("virtual"), result("virtual")
	two.Finding, three.Seed = "warm", 7
	kinds := func(asked func(Result) bool) string {
		changes, err := Compare(baseline(t, one, two), []report.Line{three, one}, asked, false)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range changes {
			all = append(all, fmt.Sprintf("%s %d %s %s→%s", c.Finding, c.Seed, c.Kind, c.Was, c.Verdict))
		}
		return strings.Join(all, ", ")
	}
	if got := kinds(everything); got != "cold 7 new →sound, cold 0 same sound→sound, warm 0 gone sound→" {
		t.Errorf("got %s", got)
	}
	if got := kinds(func(r Result) bool { return r.Finding == "cold" }); got != "cold 7 new →sound, cold 0 same sound→sound" {
		t.Errorf("of what was asked for: %s", got)
	}
	if _, err := Compare(Baseline{}, []report.Line{one, two, one}, everything, false); err == nil || !strings.Contains(err.Error(), "two results of cold, ours, all at once") {
		t.Errorf("two of one: %v", err)
	}
}

func TestLatentIsGatedApart(t *testing.T) {
	was, now := result("virtual"), result("virtual")
	latent(0)(&was)
	latent(1)(&now)
	if changes, err := Compare(baseline(t, was), []report.Line{now}, everything, false); err != nil || changes[0].Kind != Same {
		t.Errorf("%+v, %v", changes, err)
	}
}

func TestABundlesVariantHasDashes(t *testing.T) {
	was, now := result("virtual"), result("virtual")
	now.Variant = "all-at-once"
	if changes, err := Compare(baseline(t, was), []report.Line{now}, everything, false); err != nil || len(changes) != 1 || changes[0].Kind != Same {
		t.Errorf("%+v, %v", changes, err)
	}
}

func TestABaselineIsUpdatedByWhatWasAskedFor(t *testing.T) {
	cold, warm, hot, fresh := result("virtual"), result("virtual"), result("process"), result("virtual")
	warm.Finding, hot.Finding, fresh.Finding = "warm", "hot", "fresh"
	before := baseline(t, cold, warm, hot)
	before.Results[0].Tolerance = 0.3
	cold.Verdict = scenario.Architectural
	after, err := before.Updated([]report.Line{fresh, cold}, func(r Result) bool { return r.World == "virtual" })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range after.Results {
		got = append(got, fmt.Sprint(r.Finding, " ", r.Verdict, " ", r.Tolerance))
	}
	if want := []string{"cold architectural 0.3", "hot sound 0.15", "fresh sound 0.01"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	warm.Verdict = "baffling"
	if _, err := before.Updated([]report.Line{warm}, everything); err == nil {
		t.Error("what can't be read again is kept")
	}
}

func TestLinesSayWhereTheyAreNoResults(t *testing.T) {
	const good = `{"finding":"f","subject":"ours","world":"virtual","verdict":"sound","of":"the future"}`
	if lines, err := Lines(strings.NewReader("\n" + good + "\n\n" + good)); err != nil || len(lines) != 2 || lines[1].Subject != "ours" {
		t.Errorf("%+v, %v", lines, err)
	}
	for text, want := range map[string]string{
		good + "\n" + good[:40]:                         "line 2: it is no result: unexpected end of JSON input",
		good + "\n\n[1]":                                "line 3: it is no result: ",
		`{"summary": true, "cases": 3}`:                 "line 1: it is no result: finding is missing",
		strings.Replace(good, "world", "word", 1):       "line 1: it is no result: world is missing",
		strings.Replace(good, "verdict", "verdict_", 1): "line 1: it is no result: verdict is missing",
		strings.Replace(good, "subject", "object", 1):   "line 1: it is no result: subject is missing",
	} {
		if _, err := Lines(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
