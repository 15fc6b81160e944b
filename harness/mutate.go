package harness

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// A Tried is an assertion of the catalogue with what it fails for: a test that
// nothing makes fail tests nothing.
type Tried struct {
	Finding, Variant, Subject string // the latter two are "" where it is about several cases
	Of                        []int  // the places of the cases
	Assertion                 findings.Assertion
	Bugless                   bool   // none could be put in: no bug is of its pools
	Fails                     string // for what bug, or switch that is turned, it fails first; "" for none
	Other                     string // for what other pool of the finding in its place, if for no bug; "" for none
	Untouched                 string // why it came out otherwise though the pool was as it is; "" if it did not
	Why                       string // it need not fail, by the catalogue; "" if that says nothing of it
}

// Name names it.
func (a Tried) Name() string {
	return findings.Name(a.Finding, a.Subject, a.Variant) + ": " + string(a.Assertion)
}

// Wrong is what is wrong with the assertion; "" if nothing is.
func (a Tried) Wrong() string {
	enough := a.Fails
	if a.Bugless {
		enough = a.Other
	}
	switch {
	case a.Untouched != "":
		return "it fails as things are: " + a.Untouched
	case enough != "" && a.Why != "":
		return fmt.Sprintf("it fails for %s: no reason need be given why it does not", enough)
	case enough != "" || a.Why != "":
		return ""
	case a.Other != "":
		return fmt.Sprintf("it fails for no bug, only for another pool, %s, and no reason is given why", a.Other)
	}
	return "it fails for no bug, and for no other pool of the finding"
}

// A change is one way to make a pool another.
type change struct {
	name string
	// to gives what a scenario becomes, and the mutant that it wants in place of our
	// pool; changes are of some pools alone.
	to func(Scenario) (changed Scenario, mutant string, is bool)
}

// bugs are the mutants of our pool, the switches of the historical ones, and the bugs of
// Snakepit.
func bugs(mutants []string) (all []change) {
	for _, m := range mutants {
		all = append(all, change{m, func(sc Scenario) (Scenario, string, bool) {
			return sc, m, sc.Subject.Name == subject.Ours().Name
		}})
	}
	turned := func(name string, turn func(subject.Subject, *subject.Config) bool) {
		all = append(all, change{name + " turned", func(sc Scenario) (Scenario, string, bool) {
			known := turn(sc.Subject, &sc.Config)
			sc.Others = slices.Clone(sc.Others)
			for i := range sc.Others {
				other := &sc.Others[i]
				known = turn(other.Subject, &other.Config) || known
			}
			return sc, "", known
		}})
	}
	for _, s := range dspex.Switches() {
		turned(string(s), func(of subject.Subject, cfg *subject.Config) bool {
			on, known := dspex.Version(of.Name).On(s, cfg.Options)
			if known {
				cfg.Options = with(cfg.Options, string(s), !on)
			}
			return known
		})
	}
	for _, b := range subject.Bugs() {
		turned(string(b), func(of subject.Subject, cfg *subject.Config) bool {
			known := of.Name == subject.Snakepit().Name
			if known {
				cfg.Options = with(cfg.Options, string(b), cfg.Options[string(b)] != true)
			}
			return known
		})
	}
	return all
}

// with are options with another value of one of them.
func with(options map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(options)
	if changed == nil {
		changed = map[string]any{}
	}
	changed[name] = value
	return changed
}

// others put each of these cases' pools in the places of the rest, wherever that stands
// in their scenarios.
func others(cases []findings.Case) (all []change) {
	for i, c := range cases {
		is := c.Scenario
		same := func(sc Scenario) bool {
			return sc.Subject.Name == is.Subject.Name && reflect.DeepEqual(sc.Config.Options, is.Config.Options)
		}
		if slices.ContainsFunc(cases[:i], func(before findings.Case) bool { return same(before.Scenario) }) {
			continue
		}
		name := is.Subject.Name
		if len(is.Config.Options) > 0 {
			name = findings.Name(name, c.Variant)
		}
		all = append(all, change{name, func(sc Scenario) (Scenario, string, bool) {
			if same(sc) {
				return sc, "", false
			}
			sc.Others = slices.Clone(sc.Others)
			for i := range sc.Others {
				if other := &sc.Others[i]; other.Subject.Name == sc.Subject.Name {
					other.Subject, other.Config.Options = is.Subject, is.Config.Options
				}
			}
			sc.Subject, sc.Config.Options = is.Subject, is.Config.Options
			return sc, "", true
		}})
	}
	return all
}

// Mutate plays findings in virtual time with a bug more or less in their pools, one at
// a time, until each assertion has failed, and for the rest with other pools in their
// places. It gives done the assertions of each finding, in order. The fleet's children must have the mutants built in. It stops at the first
// error of the lab itself, or when ctx ends.
func (l Lab) Mutate(ctx context.Context, fs []findings.Finding, mutants []string, done func([]Tried)) error {
	l = l.filled()
	unit, err := l.Measure(ctx)
	if err != nil {
		return err
	}
	l.Unit = &unit
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	tried := make([]chan []Tried, len(fs))
	var work sync.WaitGroup
	defer work.Wait()
	for i, f := range fs {
		tried[i] = make(chan []Tried, 1)
		work.Go(func() {
			t, err := l.mutate(ctx, f, bugs(mutants))
			if err != nil {
				stop(err)
				return
			}
			tried[i] <- t
		})
	}
	for _, t := range tried {
		select {
		case t := <-t:
			done(t)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// mutate plays one finding.
func (l Lab) mutate(ctx context.Context, f findings.Finding, bugs []change) (tried []Tried, err error) {
	cases := f.Cases(*l.Unit)
	place := make([]int, len(cases)+1) // where in tried each case's begin; the last is what is about all
	for n, c := range cases {
		place[n] = len(tried)
		for _, a := range f.Assertions(n, c) {
			tried = append(tried, Tried{Finding: f.ID, Variant: c.Variant, Subject: c.Scenario.Subject.Name, Of: []int{n}, Assertion: a})
		}
	}
	place[len(cases)] = len(tried)
	for _, p := range f.Between() {
		tried = append(tried, Tried{Finding: f.ID, Of: p.Of, Assertion: p.Name})
	}
	of := func(n int) []Tried { return tried[place[n]:place[n+1]] }
	all := tried[place[len(cases)]:]

	play := func(n int, sc Scenario, mutant string) (Outcome, error) {
		c := cases[n]
		c.Scenario = sc
		r, err := l.Fleet.run(ctx, l.placed(f, c), job{Mutant: mutant})
		if err != nil {
			return Outcome{}, fmt.Errorf("%s, %s: %w", f.ID, cases[n].Scenario.Subject.Name, err)
		}
		return outcomeOf(f, n, cases[n], *l.Unit, r), nil
	}
	between := func(records []*scenario.Record, of func(a *Tried, text string)) {
		for i, p := range f.Between() {
			mark(all[i:i+1], p.Problems(*l.Unit, records), of)
		}
	}
	records := make([]*scenario.Record, len(cases))
	for n, c := range cases {
		o, err := play(n, c.Scenario, "")
		if err != nil {
			return nil, err
		}
		records[n] = o.Result.Record
		mark(of(n), o.Problems(), func(a *Tried, text string) { a.Untouched = text })
	}
	between(records, func(a *Tried, text string) { a.Untouched = text })
	touched := make([]bool, len(cases)) // by bugs
	unfailed := func(some []Tried) bool {
		return slices.ContainsFunc(some, func(a Tried) bool { return cmp.Or(a.Fails, a.Other, a.Untouched) == "" })
	}
	try := func(change change, fails func(a *Tried) *string) error {
		note := func(a *Tried, _ string) {
			if f := fails(a); cmp.Or(a.Fails, a.Other) == "" {
				*f = change.name
			}
		}
		changed, together := slices.Clone(records), unfailed(all)
		for n, c := range cases {
			sc, mutant, is := change.to(c.Scenario)
			if !is || !together && !unfailed(of(n)) {
				continue
			}
			o, err := play(n, sc, mutant)
			if err != nil {
				return fmt.Errorf("%s: %w", change.name, err)
			}
			if o.Result.Mechanism == stoodStill { // such a run says nothing, of assertions neither
				continue
			}
			changed[n] = o.Result.Record
			mark(of(n), o.Problems(), note)
			alone := slices.Clone(records)
			alone[n] = o.Result.Record
			between(alone, note)
		}
		between(changed, note)
		return nil
	}
	for _, bug := range bugs {
		for n, c := range cases {
			_, _, is := bug.to(c.Scenario)
			touched[n] = touched[n] || is
		}
		if err := try(bug, func(a *Tried) *string { return &a.Fails }); err != nil {
			return nil, err
		}
	}
	for _, other := range others(cases) {
		if err := try(other, func(a *Tried) *string { return &a.Other }); err != nil {
			return nil, err
		}
	}
	for i := range tried {
		tried[i].Bugless = !slices.ContainsFunc(tried[i].Of, func(n int) bool { return touched[n] })
		tried[i].Why = findings.WhyUnfailing(tried[i].Finding, tried[i].Variant, tried[i].Subject, tried[i].Assertion)
	}
	return tried, nil
}

// mark tells of those assertions that have a problem.
func mark(some []Tried, problems findings.Problems, of func(a *Tried, text string)) {
	for i := range some {
		for _, p := range problems {
			if p.Of == some[i].Assertion {
				of(&some[i], p.Text)
			}
		}
	}
}
