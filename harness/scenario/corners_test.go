package scenario

import (
	"testing"
	"time"
)

func TestTheCornersOfAContractAreAsBadAsItAllows(t *testing.T) {
	for _, outside := range []float64{0, 0.5, 2, 3.5} {
		c := aContract()
		c.Outside = outside
		sc := met(nil)
		sc.Cores = 4
		corners := c.Corners(sc)
		if len(corners) != 3 {
			t.Fatalf("there are %d", len(corners))
		}
		for i, corner := range corners {
			wanted, stolen := corner.Replay.Wanted()
			start, load := c.Start, outside
			if i == 0 {
				load = 0
			}
			if i == 1 {
				start = sc.Start
			}
			if corner.Name == "" || corner.Start != start || wanted != load || stolen != 0 || corner.Replay.Cores != c.Cores || corner.Cores != c.Cores || len(corner.Replay.Starts)+len(corner.Replay.Calls) > 0 {
				t.Errorf("%s: starts ask for %v, others want %v: %+v", corner.Name, corner.Start, wanted, corner.Replay)
			}
			if err := corner.Check(); err != nil {
				t.Errorf("%s: %v", corner.Name, err)
			}
			if _, excess := c.Clip(corner.Scenario); len(excess) > 0 {
				t.Errorf("%s is beyond it: %q", corner.Name, excess)
			}
		}
	}
	c := aContract()
	c.Start.CPU = time.Second
	if got := c.Corners(met(nil))[2].Demands().Start(7); got.BootCPU != time.Second {
		t.Errorf("a start asks for %+v", got)
	}
}
