//go:build linux

package container

import (
	"math"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

func TestWhatNobodyUsesWhileTheEngineIsAtWorkIsItsOwn(t *testing.T) {
	const tick = 200 * time.Millisecond
	e := scenario.Environment{Cores: 2, Rivals: []scenario.Rival{{}}}
	unseen := []float64{.3, .5, -.1, .4, .3, .3, .3, .3} // of 200 ms each
	for i, u := range unseen {
		e.Load = append(e.Load, scenario.Bucket{At: time.Duration(i) * tick, Span: tick, Unseen: u, Load: []scenario.Load{{Threads: 1, Runnable: 1, CPU: 1}}})
	}
	got := withEngine(e, []span{{2*tick + 1, 3*tick - 1}}) // of which the looks before and after may have a part
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	if n := len(got.Rivals); n != 2 || got.Rivals[1].Path[0].Name != engineGroup {
		t.Fatalf("rivals %+v", got.Rivals)
	}
	its, left := 0., 0.
	for _, b := range got.Load {
		left += b.Unseen
		for _, l := range b.Load[1:] {
			its += l.CPU
		}
	}
	if math.Abs(its-.8) > 1e-9 || math.Abs(left-1.5) > 1e-9 {
		t.Errorf("the engine's are %v, nobody's %v; want 0.8 and 1.5", its, left)
	}
	if len(e.Rivals) != 1 || len(e.Load[1].Load) != 1 || e.Load[1].Unseen != .5 {
		t.Errorf("what it was given is another: %+v", e)
	}
	for name, spans := range map[string][]span{"never at work": nil, "at work when less than nothing is missing": {{9 * tick, 10 * tick}}} {
		if other := withEngine(e, spans); len(other.Rivals) != 1 || other.Load[1].Unseen != .5 {
			t.Errorf("%s: %+v", name, other)
		}
	}
}
