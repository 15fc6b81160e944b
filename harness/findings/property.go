package findings

import (
	"fmt"
	"slices"

	"github.com/butfor/butfor/harness/scenario"
)

// A Property is something that a finding claims of its runs which no field of Accept
// says: of one of them, or between several.
type Property struct {
	Name  Assertion // is no other's that is about the same cases
	Of    []int     // the places in Cases of those that it is about: it is looked at where all of them were run
	Times bool      // it hangs on how long something takes, so that a busy machine may be why it does not hold
	// Wrong says what is wrong, given the records of those cases, in that order.
	Wrong func(u Unit, of []*scenario.Record) []string
}

// each claims something of each of a finding's first cases: what is wanted of it.
func each[T any](name Assertion, wrong func(r *scenario.Record, want T) []string, wants ...T) (all []Property) {
	for i, want := range wants {
		all = append(all, Property{Name: name, Of: []int{i}, Wrong: func(_ Unit, of []*scenario.Record) []string {
			return wrong(of[0], want)
		}})
	}
	return all
}

// timed has properties hang on how long something takes.
func timed(all []Property) []Property {
	for i := range all {
		all[i].Times = true
	}
	return all
}

// wrongIf is a single text, if something is wrong.
func wrongIf(wrong bool, format string, args ...any) []string {
	if !wrong {
		return nil
	}
	return []string{fmt.Sprintf(format, args...)}
}

// between says whether it is about several cases.
func (p Property) between() bool { return len(p.Of) > 1 }

// About says whether it is about the nth case.
func (p Property) About(n int) bool { return slices.Contains(p.Of, n) }

// Problems say what is wrong, given the records of a finding's cases by their places,
// nil for those that were not run. There are none where one of those is missing that it
// is about.
func (p Property) Problems(u Unit, records []*scenario.Record) (problems Problems) {
	var of []*scenario.Record
	for _, n := range p.Of {
		if records[n] == nil {
			return nil
		}
		of = append(of, records[n])
	}
	for _, text := range p.Wrong(u, of) {
		problems = append(problems, Problem{p.Name, text})
	}
	return problems
}

// Alone is what is claimed of the nth case by itself.
func (f Finding) Alone(n int) []Property {
	return slices.DeleteFunc(slices.Clone(f.Together), func(p Property) bool { return p.between() || !p.About(n) })
}

// Otherwise says what of the nth case came out otherwise than claimed, apart from its
// verdict: who was served and the like, which holds on a machine of any speed, and when.
func (f Finding) Otherwise(n int, c Case, u Unit, r *scenario.Record) (who, when Problems) {
	who, when = c.Accept.Who(r), c.Accept.When(r, u.Tolerance)
	for _, p := range f.Alone(n) {
		to := &who
		if p.Times {
			to = &when
		}
		for _, text := range p.Wrong(u, []*scenario.Record{r}) {
			*to = append(*to, Problem{p.Name, text})
		}
	}
	return who, when
}

// Assertions are those that are made of the nth case.
func (f Finding) Assertions(n int, c Case) []Assertion {
	made := c.Assertions()
	for _, p := range f.Alone(n) {
		made = append(made, p.Name)
	}
	return made
}

// Between is what is claimed of several cases together.
func (f Finding) Between() []Property {
	return slices.DeleteFunc(slices.Clone(f.Together), func(p Property) bool { return !p.between() })
}
