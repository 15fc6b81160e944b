package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/butfor/butfor/harness/scenario"
)

func TestTheCellsOfAVerdictAreToldWithTheirShares(t *testing.T) {
	q := &scenario.Table{
		This: scenario.Cell{Misses: 7.5, Time: 1650 * time.Millisecond}, Ideal: scenario.Cell{Time: 600 * time.Millisecond},
		ThisInside: scenario.Cell{Misses: 1, Time: scenario.Never}, IdealInside: scenario.Cell{Time: 300 * time.Millisecond},
		NeedCode: 1, NeedEnvironment: 0.87, Seeds: 16, Band: 0.14, Winner: "ideal, 2 at once, filled at the first demand", Ideals: 8,
	}
	story := func(width int, l Line) string {
		var b bytes.Buffer
		Terminal{Width: width}.Story(&b, l)
		return b.String()
	}
	got := story(100, Line{Finding: "mine", Subject: "V2-seed", Table: q, Latent: []scenario.Latent{{Reason: "with starts that ask for the most 3 of 4 calls would miss"}}})
	for _, want := range []string{
		"7.5 missed", "all by 1.65 s", "all by 0.6 s", "1 missed", "never all", "filled at the first demand", "V2-seed",
		"of the misses 100 % would not have been but for the code, 87 % but for the environment", "16 seeds; the same word 14 % to either side",
		"latent: with starts that ask for the most",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	var b bytes.Buffer
	Terminal{Width: 100}.Reasons(&b, []Line{{Finding: "mine", Subject: "ours", Latent: []scenario.Latent{{Reason: "3 of 4 would miss"}}}})
	if !strings.Contains(b.String(), "\n  latent: 3 of 4 would miss\n") {
		t.Errorf("what is latent is not among the reasons:\n%s", b.String())
	}
	if strings.Contains(got, "together") {
		t.Errorf("effects are told of who is never served:\n%s", got)
	}
	q.Effects = &scenario.Effects{Code: 900 * time.Millisecond, Environment: 300 * time.Millisecond, Both: -150 * time.Millisecond}
	if got = story(100, Line{Table: q}); !strings.Contains(got, "the code takes +0.9 s, the environment +0.3 s, both together -0.15 s more") {
		t.Errorf("the effects are missing:\n%s", got)
	}
	q.Effects = &scenario.Effects{Code: 5370 * time.Nanosecond, Environment: -4 * time.Millisecond, Both: -time.Nanosecond}
	if got = story(100, Line{Table: q}); !strings.Contains(got, "the code takes +0 s, the environment -0.004 s, both together +0 s more") {
		t.Errorf("what is below a millisecond is told:\n%s", got)
	}
	for _, width := range []int{60, 80, 100} {
		for line := range strings.Lines(story(width, Line{Subject: "a pool with a long name", Table: q})) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("a line of %d in %d columns: %s", n, width, line)
			}
		}
	}
	if got = story(100, Line{Finding: "mine"}); strings.Contains(got, "missed") {
		t.Errorf("cells that there are not are told:\n%s", got)
	}
}
