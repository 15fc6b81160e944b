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
		{At: 400 * time.Millisecond, Kind: scenario.Ready, Worker: "w1", Delay: 100 * time.Millisecond},
		{At: 500 * time.Millisecond, Kind: scenario.Arrive, Call: "c1", Client: "a"}, {At: 500 * time.Millisecond, Kind: scenario.Launch, Worker: "w4"},
		{At: 500 * time.Millisecond, Kind: scenario.Arrive, Call: "c2", Client: "b"}, {At: 500 * time.Millisecond, Kind: scenario.Return, Call: "c2", Err: "open: its name is taken"},
		{At: 600 * time.Millisecond, Kind: scenario.Send, Call: "c1", Worker: "w1"}, {At: 600 * time.Millisecond, Kind: scenario.Send, Call: "c2", Worker: "w2"},
		{At: 999500 * time.Microsecond, Kind: scenario.ClientDied, Client: "a"}, {At: 999500 * time.Microsecond, Kind: scenario.ClientDied, Client: "b"},
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

// spoken is a sentence with the cases for and against it.
func spoken(report, quote, happens string, pro, con []findings.Shown) findings.Sentence {
	return findings.Sentence{Report: report, Section: "s", Quote: quote, Answer: findings.Answer{Happens: happens, For: pro, Against: con}}
}

func TestAClaimIsToldWithItsFiguresOnceItIsMeasured(t *testing.T) {
	rs := reproductions()
	for i := range rs {
		rs[i].Showed = rs[i].Seeds
	}
	cold, warm, elsewhere := findings.Shown{Finding: "late", Subject: "V2", Variant: "cold"}, findings.Shown{Finding: "late", Subject: "V2", Variant: "warm"}, findings.Shown{Finding: "speed", Subject: "V2"}
	page := Claims([]findings.Sentence{
		spoken("R", "it is environmental", "it is not", nil, []findings.Shown{cold}),
		spoken("R", "it is | slow when cold", "it is", []findings.Shown{cold}, []findings.Shown{warm}),
		spoken("R", "it waits", "it does", []findings.Shown{warm}, nil),
		spoken("R", "it is fast", "it is", []findings.Shown{cold, elsewhere}, nil),
		spoken("Q", "helpers were made", "", nil, nil),
	}, rs, "abc")
	has(t, page, "Of 5 sentences 1 are refuted, 1 hold in part, 1 hold, 0 came out otherwise than claimed, 1 are not measured yet; 1 speak of nothing",
		"## R\n", "## Q\n",
		"| s | “it is environmental” | refuted | it is not (`late`) | against it: V2 (cold) 1 of 2: 1.0 boots: architectural<br>beside: ours (cold) 1 of 2: 1.0 boots: sound |",
		"| s | “it is \\| slow when cold” | holds in part | it is (`late`) | for it: V2 (cold) 1 of 2: 1.0 boots: architectural<br>against it: V2 (warm) 1 of 2: 1.0 boots: sound<br>beside: ours (cold) 1 of 2: 1.0 boots: sound |",
		"| s | “it waits” | holds | it does (`late`) | for it: V2 (warm) 1 of 2: 1.0 boots: sound |",
		"| s | “it is fast” | not measured yet | `late`, `speed` | for it: `late` V2 (cold) 1 of 2:",
		"| s | “helpers were made” | nothing to measure |  |  |")
}

func TestAClaimIsToldWithWhatIsSetOfItsFigures(t *testing.T) {
	rs := reproductions()[:1]
	rs[0].Set = "that it is cold"
	page := Claims([]findings.Sentence{spoken("R", "it waits", "it does", []findings.Shown{{Finding: "late", Subject: "V2", Variant: "cold"}}, nil)}, rs, "abc")
	has(t, page, "| it does (`late`, where it is set, not measured, that it is cold) |")
}

// Whatever speaks for a sentence or against it, it does so no longer once a case of its
// finding comes out otherwise, be it another pool's and under one seed of ten.
func TestAClaimIsNotToldAsOneWhereItsFindingCameOutOtherwise(t *testing.T) {
	rs := reproductions()
	for i := range rs {
		rs[i].Showed = rs[i].Seeds
	}
	rs[1].Showed = 9
	cold := []findings.Shown{{Finding: "late", Subject: "V2", Variant: "cold"}}
	page := Claims([]findings.Sentence{spoken("R", "it is environmental", "it is not", nil, cold)}, rs, "abc")
	has(t, page, "Of 1 sentences 0 are refuted, 0 hold in part, 0 hold, 1 came out otherwise than claimed",
		"| s | “it is environmental” | not as claimed | `late`, ours, cold: as claimed under 9 of 10 seeds | against it: V2 (cold)")
}

func TestSettingsAreATableByPools(t *testing.T) {
	has(t, Settings(reproductions()), "| setting | V2 | ours |", "| cold | 1 of 2: 1.0 boots: architectural | 1 of 2: 1.0 boots: sound |", "| a figure | 1 of 2: 1.0 boots: sound |")
}

// w1 lives for a second and w2 for two; w4 begins as they start, and w3 is begun by a
// probe.
func TestTheLivesOfWorkersAreThoseOfTheWorkload(t *testing.T) {
	has(t, Lives(reproductions()), "| cold | V2 | 1 of 2 | 3 | 1 | 2 | 0.8 boots | 0.2 boots | 1 | 1 | 4.3 boots | 1 | architectural |")
}
