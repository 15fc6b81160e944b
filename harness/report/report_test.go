package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
)

// lines are results as they come: four subjects, with variants, long texts and
// all that makes a cell wide.
func lines() (ls []Line) {
	for _, f := range []struct{ id, variant string }{
		{"concurrent-when-warm", ""}, {"cold-start-timeouts", "deadline 5 boots"}, {"cold-start-timeouts", "deadline 30 boots"}, {"self-made-contention", ""},
	} {
		for _, s := range []string{"ours", "herd", "V2-seed", "V1"} {
			l := Line{
				Finding: f.id, Kind: "verdict", Variant: f.variant, Subject: s, World: "process",
				Claim: "V2 eliminated V1's bottleneck: true concurrent execution", Truth: "refuted: a worker dies with the last client that used it, and the next check-out takes the pool down",
				Verdict: scenario.Architectural, Expected: scenario.Architectural,
				Reason: "3 of 4 calls missed the deadline of 1.50 s (3 got no answer: worker w1: no reply within 1.5s); an ideal pool, alone under the same demands, served all 4 by 340 ms; the latest call spent 1.16 s of its time on this: queued behind the start of a worker (w2 and 2 more)",
				Figure: "1 of 8: 1.0 2.0 3.0 4.0 5.0 6.0 7.0 8.0 boots; ready by 8.0",
			}
			switch s {
			case "ours":
				l.Verdict, l.Expected = scenario.Sound, scenario.Sound
			case "V1":
				l.Expected = ""
			case "herd":
				l.Verdict = scenario.Inconclusive
				l.Problems = []string{"the verdict is inconclusive, expected architectural", "served at 4×1.0, expected 1.0 2.0 3.0 4.0 boots"}
				l.Beside = "something else wanted the CPUs"
			}
			ls = append(ls, l)
		}
	}
	return ls
}

func only(ls []Line, subjects ...string) []Line {
	return slices.DeleteFunc(ls, func(l Line) bool { return !slices.Contains(subjects, l.Subject) })
}

// printed is what a terminal shows of the lines.
func printed(t Terminal, ls []Line) string {
	var b bytes.Buffer
	t.Table(&b, ls)
	t.Reasons(&b, ls)
	return b.String()
}

// plainly takes the colours out.
func plainly(s string) string {
	for {
		before, rest, found := strings.Cut(s, "\x1b[")
		if !found {
			return s
		}
		_, rest, _ = strings.Cut(rest, "m")
		s = before + rest
	}
}

func TestNoLineIsLongerThanTheTerminalIsWide(t *testing.T) {
	for _, width := range []int{60, 80, 100, 120, 200} {
		for _, colour := range []bool{false, true} {
			for _, subjects := range [][]string{{"ours"}, {"V2-seed", "ours"}, {"V1", "V2-seed", "ours"}, {"V1", "V2-seed", "herd", "ours"}} {
				out := plainly(printed(Terminal{Width: width, Color: colour}, only(lines(), subjects...)))
				for line := range strings.Lines(out) {
					if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
						t.Errorf("%d subjects in %d columns (colour %v): a line of %d:\n%s", len(subjects), width, colour, n, line)
						break
					}
				}
			}
		}
	}
}

func TestAnEntryIsNoWiderThanTheTerminal(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		var b bytes.Buffer
		Terminal{Width: width}.Entry(&b, "serial-start", "“"+strings.Repeat("slow ", 50)+"”", "a source", "refuted")
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(line) - 1; n > width {
				t.Errorf("a line of %d in %d columns: %s", n, width, line)
			}
		}
		if out := b.String(); strings.Count(out, "slow") != 50 || !strings.Contains(out, "\n  a source\n  refuted\n") || !strings.HasPrefix(out, "serial-start\n") {
			t.Errorf("printed\n%s", out)
		}
	}
}

func TestWhatSpeaksForLessOfAFindingIsSaid(t *testing.T) {
	const alone, isSet = "  in virtual time alone: two runs are compared\n", "  set in virtual time, not measured: the rate\n"
	for want, f := range map[string]findings.Finding{
		"":            {},
		alone:         {Unreal: "two runs are compared"},
		isSet:         {Set: "the rate"},
		alone + isSet: {Unreal: "two runs are compared", Set: "the rate"},
	} {
		f.ID, f.Claim, f.Source, f.Truth = "never-read", "it is", "them", "nobody reads it"
		var entry, story bytes.Buffer
		Terminal{Width: 80}.Finding(&entry, f)
		Terminal{Width: 80}.Story(&story, Line{Finding: f.ID, Claim: f.Claim, Truth: f.Truth, Unreal: f.Unreal, Set: f.Set, Verdict: scenario.Sound})
		for _, out := range []string{entry.String(), story.String()} {
			if !strings.Contains(out, "\n  nobody reads it\n"+want) || strings.Count(out, "virtual") != strings.Count(want, "virtual") {
				t.Errorf("printed\n%s, want in it %q", out, want)
			}
		}
	}
}

func TestRowsFitTheTerminalAndLeaveNothingOut(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		var b bytes.Buffer
		Terminal{Width: width}.Rows(&b, []string{"", "result", "what is otherwise"}, [][]string{
			{"worse", "cold-start-timeouts, deadline 5 boots, V2-seed", "architectural, was sound: " + strings.Repeat("slow ", 50)},
			{"gone", "warm", "nothing"},
		})
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(line) - 1; n > width {
				t.Errorf("a line of %d in %d columns: %s", n, width, line)
			}
		}
		if out := b.String(); strings.Count(out, "slow") != 50 || !strings.Contains(out, "│ gone  │ warm") || strings.Count(out, "├") != 2 {
			t.Errorf("printed\n%s", out)
		}
	}
}

func TestWhateverTheWidthNothingIsLeftOut(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		out := printed(Terminal{Width: width}, lines())
		words := strings.Join(strings.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune(" \n│─┼├┤┌┐└┘┬┴", r) }), " ")
		for _, want := range []string{
			"concurrent-when-warm", "cold-start-timeouts", "self-made-contention", "V1", "V2-seed", "herd", "ours", "architectural", "inconclusive", "sound",
		} {
			if !strings.Contains(words, want) {
				t.Errorf("%d columns: %q is not shown in\n%s", width, want, out)
			}
		}
		for _, want := range []string{"the latest call spent 1.16 s of its time", "✗ not as claimed: the verdict is inconclusive, expected architectural", "something else wanted the CPUs"} {
			if flat := strings.Join(strings.Fields(out), " "); !strings.Contains(flat, want) {
				t.Errorf("%d columns: %q is not said in\n%s", width, want, out)
			}
		}
	}
}

func TestATableHasARowAClaimAndAColumnASubject(t *testing.T) {
	ls := only(lines(), "V1", "ours")[:6]
	var b bytes.Buffer
	Terminal{Width: 100}.Table(&b, ls)
	var cells [][]string
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "├") || cells == nil {
			cells = append(cells, make([]string, 3))
		}
		for i, c := range strings.Split(strings.Trim(strings.TrimSpace(line), "│"), "│") {
			if last := cells[len(cells)-1]; i < 3 && !strings.ContainsAny(line, "┌├└") {
				last[i] = strings.TrimSpace(last[i] + " " + strings.TrimSpace(c))
			}
		}
	}
	if len(cells) != 4 {
		t.Fatalf("%d rows, want a header and 3 claims:\n%s", len(cells), b.String())
	}
	if !slices.Equal(cells[0], []string{"claim", "V1", "ours"}) {
		t.Errorf("the header is %q, want ours last", cells[0])
	}
	b.Reset()
	Terminal{Width: 100}.Table(&b, only(lines(), "herd"))
	if out := b.String(); strings.Count(out, "inconclusive ✗") != 4 || strings.Contains(out, "✓") {
		t.Errorf("what came out otherwise is not marked:\n%s", out)
	}
	for i, want := range [][]string{
		{"concurrent-when-warm “V2", "architectural", "sound ✓"},
		{"cold-start-timeouts deadline 5 boots “V2", "architectural", "sound ✓"},
		{"cold-start-timeouts deadline 30 boots “V2", "architectural", "sound ✓"},
	} {
		for j, w := range want {
			if !strings.Contains(cells[i+1][j], w) {
				t.Errorf("row %d, column %d is %q, want %q in it", i+1, j+1, cells[i+1][j], w)
			}
		}
		if v1 := cells[i+1][1]; strings.ContainsAny(v1, "✓✗") || !strings.Contains(v1, "1 of 8") {
			t.Errorf("of V1 nothing is expected, and its cell is %q", v1)
		}
	}
}

func TestAClaimOfWhichASubjectSaysNothingLeavesItsCellEmpty(t *testing.T) {
	ls := lines()
	ls = append(only(ls[:4:4], "V1"), ls[12]) // concurrent-when-warm of V1, self-made-contention of ours
	var b bytes.Buffer
	Terminal{Width: 100}.Table(&b, ls)
	if out := b.String(); strings.Count(out, "architectural") != 1 || strings.Count(out, "sound ✓") != 1 {
		t.Errorf("want one verdict in each column:\n%s", out)
	}
}

func TestThereAreEscapeCodesOnlyWhereColourIsWanted(t *testing.T) {
	text.EnableColors() // where the tests themselves run under NO_COLOR
	if out := printed(Terminal{Width: 100}, lines()); strings.ContainsRune(out, '\x1b') {
		t.Errorf("escape codes without colour: %q", out)
	}
	out := printed(Terminal{Width: 100, Color: true}, lines())
	for _, want := range []string{"\x1b[32msound", "\x1b[31marchitectural", "\x1b[33minconclusive"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the coloured output", want)
		}
	}
	if plainly(out) != printed(Terminal{Width: 100}, lines()) {
		t.Error("colour changes more than the colour")
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for columns, want := range map[string]int{"": 100, "132": 132, "20": 60, "-7": 100, "wide": 100} {
		t.Setenv("COLUMNS", columns)
		if got := TerminalOf(f); got != (Terminal{Width: want}) {
			t.Errorf("COLUMNS=%s: %+v, want no colour and %d columns", columns, got, want)
		}
	}
}

func TestReasonsAreGivenClaimByClaim(t *testing.T) {
	var b bytes.Buffer
	Terminal{Width: 100}.Reasons(&b, only(lines(), "herd", "ours"))
	out := b.String()
	for want, times := range map[string]int{
		"concurrent-when-warm: refuted": 1, "cold-start-timeouts: refuted": 1, "self-made-contention: refuted": 1,
		"  herd: inconclusive: 3 of 4": 2, "  herd, deadline 5 boots: inconclusive": 1, "  ours, deadline 30 boots: sound": 1,
		"✗ not as claimed: the verdict": 4, "✗ not as claimed: served at": 4,
	} {
		if n := strings.Count(out, want); n != times {
			t.Errorf("%q comes %d times, want %d:\n%s", want, n, times, out)
		}
	}
}

func TestWhatStandsBetweenCasesIsSaidOnceOfTheFinding(t *testing.T) {
	ls := only(lines(), "V1", "ours")
	for i := range ls {
		ls[i].Problems = nil
	}
	for i := range 2 {
		ls[i].Between = []string{"it is no later"} // the first finding's
	}
	var b, story bytes.Buffer
	Terminal{Width: 100}.Reasons(&b, ls)
	out := b.String()
	said, next := strings.Index(out, "  ✗ not as claimed, between its cases: it is no later\n"), strings.Index(out, "cold-start-timeouts: ")
	if strings.Count(out, "no later") != 1 || said < strings.Index(out, "  ours: sound") || said > next || strings.Count(out, "not as claimed") != 1 {
		t.Errorf("want it once, below the first finding:\n%s", out)
	}
	Terminal{Width: 100}.Story(&story, ls[1])
	if !strings.Contains(story.String(), "between its cases: it is no later") || ls[1].AsExpected() || !slices.Equal(ls[1].Otherwise(), ls[1].Between) {
		t.Errorf("of one: %v, %q\n%s", ls[1].AsExpected(), ls[1].Otherwise(), story.String())
	}
}

func TestPoolsStandInTheOrderOfTheirHistoryAndOursLast(t *testing.T) {
	pools := []string{"ours", "puddle", "mine", "V3", "V1", "herd", "V2-last", "V2-seed", "V2-P3"}
	slices.SortStableFunc(pools, func(a, b string) int { return rank(a) - rank(b) })
	if want := []string{"V1", "V2-seed", "V2-P3", "V2-last", "V3", "herd", "puddle", "mine", "ours"}; !slices.Equal(pools, want) {
		t.Errorf("got %q, want %q", pools, want)
	}
}

// What people rely on from outside.
func TestALineOfJSONHasAllFieldsThatAreRelied(t *testing.T) {
	for name, l := range map[string]Line{"full": lines()[0], "empty": {}} {
		var b bytes.Buffer
		if err := JSON(&b, l); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "}\n") {
			t.Errorf("%s is not one line: %q", name, text)
		}
		var fields map[string]any
		if err := json.Unmarshal(b.Bytes(), &fields); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"finding", "kind", "subject", "world", "seed", "verdict", "expected", "mechanism", "reason", "seconds", "hash", "order"} {
			if _, ok := fields[want]; !ok {
				t.Errorf("%s: the field %s is missing from %s", name, want, b.String())
			}
		}
	}
}

func TestALineOfJSONSaysWhatItHolds(t *testing.T) {
	l := Line{
		Finding: "f", Kind: "k", Subject: "s", World: "w", Seed: 1<<64 - 1, Verdict: "v", Expected: "e", Mechanism: "m", Reason: "a <b> & \"c\"\nü",
		Seconds: 1.5, Hash: "h", Order: "o", Served: []float64{0.25}, Problems: []string{"p"},
	}
	var b bytes.Buffer
	if err := JSON(&b, l); err != nil {
		t.Fatal(err)
	}
	var back Line
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", l) {
		t.Errorf("got  %+v, %v\nwant %+v", back, err, l)
	}
	for _, want := range []string{`"finding":"f"`, `"seed":18446744073709551615`, `"verdict":"v"`, `"expected":"e"`, `"seconds":1.5`, `"order":"o"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is not in %s", want, b.String())
		}
	}
}

func TestALineIsAsExpectedIfNothingIsWrongWithIt(t *testing.T) {
	for name, c := range map[string]struct {
		l    Line
		want bool
	}{
		"nothing wrong":    {Line{Problems: []string{}}, true},
		"nothing claimed":  {Line{Verdict: scenario.Architectural}, true},
		"something wrong":  {Line{Problems: []string{"served 1, expected 4"}}, false},
		"claimed and kept": {Line{Verdict: scenario.Sound, Expected: scenario.Sound}, true},
	} {
		if got := c.l.AsExpected(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
