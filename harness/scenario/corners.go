package scenario

import (
	"math"
	"time"
)

// A Corner is a scenario in an environment that is as bad as a contract allows.
type Corner struct {
	Name string // what is: "starts that …"
	Scenario
}

// Corners are the contract's, for a scenario: starts that ask for the most, the most
// load from outside, and both. Calls ask for what they do, and nobody dies.
func (c *Contract) Corners(sc Scenario) []Corner {
	corner := func(name string, start Demand, outside float64) Corner {
		in := sc
		in.Cores, in.Start = c.Cores, start
		e := &Environment{Cores: c.Cores, Starts: []Span{}}
		if outside > 0 {
			busy := math.Floor(outside)
			l := Load{Threads: int(math.Ceil(outside)), Runnable: outside, CPU: min(outside, c.Cores), Busy: int(busy), BusyCPU: min(busy, c.Cores)}
			e.Rivals = []Rival{{Place: Place{Path: []Group{{Name: "others", Weight: math.Ceil(outside)}}}}}
			e.Load = []Bucket{{Span: time.Second, Load: []Load{l}}}
		}
		in.Replay = e
		return Corner{name, in}
	}
	return []Corner{
		corner("starts that ask for the most", c.Start, 0),
		corner("the most load from outside", sc.Start, c.Outside),
		corner("both starts that ask for the most and the most load from outside", c.Start, c.Outside),
	}
}
