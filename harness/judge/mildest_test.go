package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// What nobody saw is no excuse: each of these runs would be environmental if what was
// not seen were as bad as it may have been.
func TestAnExcuseThatHangsOnWhatNobodySawIsNone(t *testing.T) {
	slow := scenario.Demand{Wait: 10 * time.Second}
	for name, x := range map[string]struct {
		met  func(e *scenario.Environment)
		mild func(sc scenario.Scenario) bool
		word scenario.Word
	}{
		"nothing is unseen": {func(*scenario.Environment) {}, func(scenario.Scenario) bool { return false }, scenario.Environmental},
		"a start was cut short": {
			func(e *scenario.Environment) { e.Starts = []scenario.Span{{Demand: slow, Cut: true, Mute: true}} },
			func(sc scenario.Scenario) bool { return sc.Replay.Starts[0].Whole() }, scenario.Inconclusive},
		"one was, and what it asks for is known": {
			func(e *scenario.Environment) { e.Starts = []scenario.Span{{Demand: slow, Cut: true, Asks: &slow}} },
			func(sc scenario.Scenario) bool { return sc.Replay.Starts[0].Whole() }, scenario.Environmental},
		"starts were not begun": {
			func(e *scenario.Environment) { e.Starts = []scenario.Span{{Demand: slow, End: 10 * time.Second}} },
			func(sc scenario.Scenario) bool { return sc.Demands().Start(1).BootWait < time.Second }, scenario.Inconclusive},
		"they were not, and a plan knows them": {
			func(e *scenario.Environment) {
				e.Starts, e.Further = []scenario.Span{{Demand: slow, End: 10 * time.Second}}, []scenario.Span{{Worker: 1, Demand: slow}}
			},
			func(sc scenario.Scenario) bool { return sc.Demands().Start(1).BootWait < time.Second }, scenario.Environmental},
		"it was this program itself": {
			func(e *scenario.Environment) { e.Rivals[0].Harness = true },
			func(scenario.Scenario) bool { return false }, scenario.Inconclusive},
		"this program was the least of it": {
			func(e *scenario.Environment) {
				e.Rivals = []scenario.Rival{{}, {Harness: true}}
				e.Load[0].Load = append(slices.Clone(e.Load[0].Load), scenario.Load{Rival: 1, Threads: 1, Runnable: .1, CPU: .1})
			},
			func(scenario.Scenario) bool { return false }, scenario.Environmental},
		"others may have stopped": {func(*scenario.Environment) {},
			func(sc scenario.Scenario) bool {
				last := sc.Replay.Load[len(sc.Replay.Load)-1]
				return len(last.Load) == 0 && last.At >= time.Second
			}, scenario.Inconclusive},
	} {
		w := world{always(900 * ms), always(800 * ms), always(100 * ms), always(90 * ms)}
		c := w.on(t)
		x.met(c.Met.Replay)
		ideal := c.Ideal
		c.Ideal = func(sc scenario.Scenario) (Ideal, error) {
			if x.mild(sc) && len(sc.Replay.Load[0].Load) > 0 {
				return Ideal{Calls: record(90*ms, sc).Calls()}, nil
			}
			return ideal(sc)
		}
		if v := Judge(c); v.Word != x.word || (v.Word == scenario.Inconclusive) != strings.Contains(v.Reason, "what was not seen") {
			t.Errorf("%s: %s: %s, want %s", name, v.Word, v.Reason, x.word)
		}
	}
}

// A pool that is so slow to be warm that others have gone by then is no better for it.
func TestNobodyWaitsForOthersToStopWhileItWarms(t *testing.T) {
	w := world{always(900 * ms), always(800 * ms), always(100 * ms), always(90 * ms)}
	c := w.on(t)
	c.Run.Events = append(c.Run.Events, scenario.Event{At: 4 * time.Second, Kind: scenario.Go})
	came := map[time.Duration]bool{}
	ideal := c.Ideal
	c.Ideal = func(sc scenario.Scenario) (Ideal, error) {
		if last := sc.Replay.Load[len(sc.Replay.Load)-1]; len(last.Load) == 0 && len(sc.Replay.Load) > 1 {
			came[sc.Came] = true
		}
		return ideal(sc)
	}
	Judge(c)
	if !came[4*time.Second] || len(came) != 1 {
		t.Errorf("in the mildest case the clients come at the latest at %v, want 4 s", came)
	}
}

func TestAMomentBeyondTheContractIsNeitherInsideItNorAnExcuse(t *testing.T) {
	w := world{always(900 * ms), always(800 * ms), always(100 * ms), always(90 * ms)}
	c := w.on(t)
	c.Met.Replay.Load[0].Span = 10 * time.Millisecond
	c.Met.Replay.Load = append(c.Met.Replay.Load, scenario.Bucket{At: 10 * time.Millisecond, Span: 10 * time.Minute})
	if v := Judge(c); v.Word != scenario.Inconclusive || !strings.Contains(v.Reason, "too little to be told") {
		t.Errorf("%s: %s", v.Word, v.Reason)
	}
}
