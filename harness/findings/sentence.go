package findings

import (
	"slices"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// A Sentence is one of the two reports, with the cases that speak for what it says and
// against it. Whether it holds follows from them, once they came out as claimed.
type Sentence struct {
	Report, Section string
	Quote           string // to the letter; … is for what is left out
	Answer
}

// An Answer is what happens in place of what a sentence says. Its zero value is that of
// one which says nothing of what the pool does.
type Answer struct {
	Happens      string // in a few words
	For, Against []Shown
}

// A Shown is a case of a finding, of those of one pool and variant.
type Shown struct{ Finding, Subject, Variant string }

// A Holding is whether a sentence holds.
type Holding string

// What cases say of a sentence. Some sentences speak of the tests, or of what to do, not
// of what the pool does: nothing can be measured of them.
const (
	Holds       Holding = "holds"
	HoldsInPart Holding = "holds in part"
	Refuted     Holding = "refuted"
	Unmeasured  Holding = "nothing to measure"
)

// Cases are those that the answer rests on.
func (a Answer) Cases() []Shown { return slices.Concat(a.For, a.Against) }

// Holds is whether the sentence does if all its cases came out as claimed.
func (a Answer) Holds() Holding {
	switch {
	case len(a.For)+len(a.Against) == 0:
		return Unmeasured
	case len(a.Against) == 0:
		return Holds
	case len(a.For) == 0:
		return Refuted
	}
	return HoldsInPart
}

// What pools show in a finding: in these variants, or in the one without a name.
func v1Shows(finding string, variants ...string) []Shown {
	return shows(dspex.V1(), finding, variants)
}

func seedShows(finding string, variants ...string) []Shown {
	return shows(dspex.V2Seed(), finding, variants)
}

func lastShows(finding string, variants ...string) []Shown {
	return shows(dspex.V2Last(), finding, variants)
}

func herdShows(finding string, variants ...string) []Shown {
	return shows(subject.Herd(), finding, variants)
}

func shows(s subject.Subject, finding string, variants []string) (cases []Shown) {
	if len(variants) == 0 {
		variants = []string{""}
	}
	for _, v := range variants {
		cases = append(cases, Shown{finding, s.Name, v})
	}
	return cases
}
