package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

func TestCallsThatCameAtOneMomentAreAlike(t *testing.T) {
	run := timeline(t, "deadline 300", `
		0 arrive c1
		0 arrive c2
		20 arrive c3
		100 return c2
		120 return c3
		400 return c1`)
	tr := newTrial(Case{Run: run, Unknown: errNone})
	for missed, differs := range map[string]string{
		"c1":       "",
		"c2":       "",
		"":         "of the 2 that came with c1 it missed 1, and 0 in the last of them",
		"c1 c2":    "of the 2 that came with c1 it missed 1, and 2",
		"c3":       "of the 2 that came with c1 it missed 1, and 0",
		"c1 c3":    "of the 1 that came with c3 it missed 0, and 1",
		"c2 other": "",
	} {
		ids := map[string]bool{}
		for _, id := range strings.Fields(missed) {
			ids[id] = true
		}
		if got := tr.unlike(ids); got != differs && (differs == "" || !strings.HasPrefix(got, differs)) {
			t.Errorf("%q: %q, want %q", missed, got, differs)
		}
	}
}

func TestThePoolIsReplayedUntilItMissesTheSameCalls(t *testing.T) {
	w := world{func(seed uint64, _ bool) (d time.Duration) {
		if seed == 63 {
			return 900 * ms
		}
		return 100 * ms
	}, always(290 * ms), always(150 * ms), always(90 * ms)}
	c := w.on(t)
	others(&c)
	c.Play = w.play
	c.Run = record(900*ms, c.Met)
	c.Run.Environment = c.Met.Replay
	if doubts := newTrial(c).likeness(); doubts != nil {
		t.Errorf("it misses the same in the last: %q", doubts)
	}
}

func TestNoDoubtOfOthersMakesADeadlineFeasible(t *testing.T) {
	for name, x := range map[string]struct {
		world
		word scenario.Word
	}{
		"also if nobody else is there": {world{always(900 * ms), always(800 * ms), always(600 * ms), always(500 * ms)}, scenario.Infeasible},
		"not without others":           {world{always(900 * ms), always(800 * ms), always(600 * ms), always(90 * ms)}, scenario.Inconclusive},
	} {
		c := x.on(t)
		some := agreed // half a thread of others is inside the contract
		c.Met.Contract = &some
		c.Met.Replay.Gaps = []scenario.Gap{{Kind: scenario.GapNamespace, Text: "somebody else's"}}
		if v := Judge(c); v.Word != x.word {
			t.Errorf("%s: %s: %s", name, v.Word, v.Reason)
		}
	}
}
