package findings

import "slices"

// An Assertion is one of the things that a finding may claim of what comes out.
type Assertion string

// What a case may claim, by the field that does. Those of a finding's properties are
// their names.
const (
	OfVerdict   Assertion = "verdict"
	OfMechanism Assertion = "mechanism"
	OfServed    Assertion = "served"
	OfTimes     Assertion = "times"
	OfLastBy    Assertion = "last by"
	OfFailed    Assertion = "failed"
	OfTold      Assertion = "told"
	OfLost      Assertion = "lost"
	OfWorkers   Assertion = "workers"
	OfUsed      Assertion = "used"
	OfMostUsed  Assertion = "most used"
	OfPerCall   Assertion = "per call"
	OfReady     Assertion = "ready"
	OfReadyBy   Assertion = "ready by"
	OfSerial    Assertion = "serial"
	OfTogether  Assertion = "together"
	OfHealth    Assertion = "health"
	OfOrder     Assertion = "order"
	OfOwn       Assertion = "own CPU"
	OfOrphans   Assertion = "orphans"
	OfSeeds     Assertion = "the same under all seeds" // no change of a pool is tried against it: it takes many runs

	// What they did; of none that is not claimed.
	OfOrphansCPU Assertion = "CPU of orphans"
	OfOrphansLog Assertion = "log of orphans"
	OfStop       Assertion = "stop"
)

// Assertions are those that a case makes. How many are served is none of its own where
// their times are told: there are as many.
func (c Case) Assertions() (made []Assertion) {
	a := c.Accept
	for _, m := range []struct {
		of   Assertion
		made bool
	}{
		{OfVerdict, c.Expected != ""},
		{OfMechanism, c.Mechanism != ""},
		{OfServed, !a.nothing() && a.Times == nil},
		{OfTimes, a.Times != nil},
		{OfLastBy, a.LastBy > 0},
		{OfFailed, a.Failed != nil},
		{OfTold, a.Told != ""},
		{OfLost, a.Lost > 0},
		{OfWorkers, a.Workers > 0},
		{OfUsed, a.Used > 0},
		{OfMostUsed, a.MostUsed > 0},
		{OfPerCall, a.PerCall > 0},
		{OfReady, a.Ready != nil},
		{OfReadyBy, a.ReadyBy > 0},
		{OfSerial, a.Serial},
		{OfTogether, a.Together > 0},
		{OfHealth, a.Health != ""},
		{OfOrder, a.Order != ""},
		{OfOwn, a.Own != nil},
		{OfOrphans, a.Orphans != nil},
		{OfOrphansCPU, a.Orphans != nil && a.Orphans.N > 0},
		{OfOrphansLog, a.Orphans != nil && a.Orphans.N > 0},
		{OfStop, a.Stop != ""},
	} {
		if m.made {
			made = append(made, m.of)
		}
	}
	return made
}

// A Problem is an assertion that came out otherwise than claimed.
type Problem struct {
	Of   Assertion
	Text string // for people
}

func (p Problem) String() string { return p.Text }

// Problems are those of a case.
type Problems []Problem

// Texts are what there is to read.
func (ps Problems) Texts() (texts []string) {
	for _, p := range ps {
		texts = append(texts, p.Text)
	}
	return texts
}

// Of says whether one of them is of that assertion.
func (ps Problems) Of(a Assertion) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Of == a })
}
