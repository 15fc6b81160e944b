package findings

import (
	"slices"
	"strings"
	"testing"
)

func TestWhetherASentenceHoldsFollowsFromItsCases(t *testing.T) {
	some := []Shown{{Finding: "f"}}
	for _, c := range []struct {
		of   Answer
		want Holding
	}{
		{Answer{}, Unmeasured},
		{Answer{For: some}, Holds},
		{Answer{Against: some}, Refuted},
		{Answer{For: some, Against: some}, HoldsInPart},
	} {
		if got := c.of.Holds(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.of, got, c.want)
		}
	}
}

// claimsOf are what the catalogue claims of a case that a sentence rests on, or of it and
// others; and how many cases are meant.
func claimsOf(fs []Finding, s Shown) (claims []Assertion, cases int) {
	u := units
	u.Cores = 2
	for _, f := range fs {
		if f.ID != s.Finding {
			continue
		}
		for n, c := range f.Cases(u) {
			if c.Scenario.Subject.Name != s.Subject || c.Variant != s.Variant {
				continue
			}
			cases++
			claims = append(claims, c.Assertions()...)
			for _, p := range f.Together {
				if p.About(n) {
					claims = append(claims, p.Name)
				}
			}
		}
	}
	return claims, cases
}

// A case of which nothing is claimed comes out as claimed whatever it does.
func TestEachSentenceRestsOnCasesThatClaimSomething(t *testing.T) {
	fs := All()
	for _, s := range Sentences() {
		for _, c := range s.Cases() {
			claims, cases := claimsOf(fs, c)
			if cases != 1 {
				t.Errorf("%q: %+v are %d cases, want one", s.Quote, c, cases)
			} else if len(claims) == 0 {
				t.Errorf("%q: nothing is claimed of %+v", s.Quote, c)
			}
		}
	}
}

func TestWhatHappensIsSaidOfEachSentenceThatIsMeasured(t *testing.T) {
	for _, s := range Sentences() {
		if (s.Happens == "") != (s.Holds() == Unmeasured) {
			t.Errorf("%q: %s, and what happens is %q", s.Quote, s.Holds(), s.Happens)
		}
		for _, verdict := range []string{"holds", "refuted"} { // it stands beside, and may be another
			if strings.HasPrefix(s.Happens, verdict) {
				t.Errorf("%q: what happens is %q", s.Quote, s.Happens)
			}
		}
	}
}

func TestASentenceIsCitedForEachFindingOfTheReports(t *testing.T) {
	for _, f := range All() {
		if !strings.Contains(f.Source, conclusion) && !strings.Contains(f.Source, report) {
			continue
		}
		if !slices.ContainsFunc(Sentences(), func(s Sentence) bool {
			return slices.ContainsFunc(s.Cases(), func(c Shown) bool { return c.Finding == f.ID })
		}) {
			t.Errorf("%s was read from %s, and no sentence rests on it", f.ID, f.Source)
		}
	}
}
