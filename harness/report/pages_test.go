package report

import (
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
)

func reproductions() []Reproduction {
	record := &scenario.Record{Events: []scenario.Event{
		{Kind: scenario.Launch, Worker: "w1"}, {Kind: scenario.Launch, Worker: "w2"},
		{At: time.Second, Kind: scenario.Exit, Worker: "w1"}, {At: 2 * time.Second, Kind: scenario.Exit, Worker: "w2", Asked: true},
		{At: 4 * time.Second, Kind: scenario.Probing}, {At: 5 * time.Second, Kind: scenario.Launch, Worker: "w3"},
	}}
	line := func(subject, variant string, verdict, expected scenario.Word) Line {
		return Line{Finding: "late", Truth: "a | b", Subject: subject, Variant: variant, Verdict: verdict, Expected: expected, Figure: "1 of 2: 1.0 boots", Calls: 2, Served: []float64{1}, UnitS: 0.5}
	}
	shown := line("V2", "a figure", scenario.Demonstrated, scenario.Demonstrated)
	shown.Judged = scenario.Sound
	return []Reproduction{
		{Line: line("V2", "cold", scenario.Architectural, scenario.Architectural), Worlds: []string{"virtual", "process"}, Seeds: 10, Showed: 10, Record: record},
		{Line: line("ours", "cold", scenario.Sound, scenario.Sound), Worlds: []string{"virtual"}, Seeds: 10, Showed: 9, Record: record},
		{Line: line("V2", "warm", scenario.Sound, scenario.Architectural), Worlds: []string{"virtual"}, Seeds: 10, Record: record},
		{Line: shown, Worlds: []string{"virtual"}, Seeds: 10, Showed: 10, Record: record},
	}
}

func has(t *testing.T, page []byte, says ...string) {
	t.Helper()
	for _, s := range says {
		if !strings.Contains(string(page), s) {
			t.Errorf("%q is not in:\n%s", s, page)
		}
	}
}

func TestTheTrackRecordSaysWhatCameOutAndHowOften(t *testing.T) {
	has(t, TrackRecord(reproductions(), "abc"), "At commit abc",
		"| `late` | a \\| b | V2, cold | virtual, process | architectural | 10 of 10 | 0.01 |",
		"|  |  | ours, cold | virtual | sound | 9 of 10 |",
		"| V2, warm | virtual | **sound**, expected architectural | 0 of 10 |",
		"| V2, a figure | virtual | demonstrated: 1 of 2: 1.0 boots | 10 of 10 |")
}

func TestAClaimIsToldWithItsFiguresOnceItIsMeasured(t *testing.T) {
	page := Claims([]findings.Sentence{
		{Report: "R", Section: "s", Quote: "it is environmental", Finding: "late", Holds: findings.Refuted},
		{Report: "R", Section: "s", Quote: "it is slow when cold", Finding: "late", Variants: []string{"warm", "a figure"}, Holds: findings.Refuted},
		{Report: "R", Section: "s", Quote: "it is fast", Finding: "speed", Holds: findings.Holds},
		{Report: "Q", Section: "s", Quote: "helpers were made", Holds: findings.Unmeasured},
	}, reproductions(), "abc")
	has(t, page, "Of 4 sentences 2 are refuted, 0 hold in part, 0 hold, 1 are not measured yet; 1 speak of nothing",
		"## R\n", "## Q\n",
		"| s | “it is environmental” | refuted | a \\| b (`late`) | V2 1 of 2: 1.0 boots: architectural; ours 1 of 2: 1.0 boots: sound |",
		"(`late`) | V2 (warm) 1 of 2: 1.0 boots: sound; V2 (a figure) 1 of 2: 1.0 boots: sound |",
		"| s | “it is fast” | not measured yet | `speed` |  |",
		"| s | “helpers were made” | nothing to measure |  |  |")
}

func TestSettingsAreATableByPools(t *testing.T) {
	has(t, Settings(reproductions()), "| setting | V2 | ours |", "| cold | 1 of 2: 1.0 boots: architectural | 1 of 2: 1.0 boots: sound |", "| a figure | 1 of 2: 1.0 boots: sound |")
}

// w1 lives for a second and dies unasked, w2 for two and is asked to end; w3 is begun
// by a probe.
func TestTheLivesOfWorkersAreThoseOfTheWorkload(t *testing.T) {
	has(t, Lives(reproductions()), "| cold | V2 | 1 of 2 | 2 | 1 | 3.0 boots | architectural |")
}
