//go:build linux

package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/harness/world/virtual"
)

// coldFinding is four callers of four cold workers: V2-seed serves one of them.
func coldFinding(together []findings.Property, cases ...findings.Case) findings.Finding {
	return findings.Finding{ID: "cold", Together: together, Cases: func(u findings.Unit) (all []findings.Case) {
		for _, c := range cases {
			c.Scenario.Config.Size, c.Scenario.Config.Lazy, c.Scenario.Config.CheckoutTimeout = 4, true, 5*u.Waits
			c.Scenario.Start, c.Scenario.Deadline = u.Wait, 5*u.Waits
			c.Scenario.Workload = scenario.Workload{Clients: 4, Command: "sleep", Args: map[string]any{"s": u.Waits.Seconds() / 10}}
			c.Accept.Unit, c.Accept.UnitName = u.Waits, "boots"
			all = append(all, c)
		}
		return all
	}}
}

func TestAnAssertionIsTriedUntilItFails(t *testing.T) {
	on := func(s subject.Subject, word scenario.Word, a findings.Accept) findings.Case {
		return findings.Case{Scenario: Scenario{Subject: s}, Expected: word, Accept: a}
	}
	differ := []findings.Property{{Name: "they differ", Of: []int{0, 1}, Wrong: func(_ findings.Unit, of []*scenario.Record) []string {
		if len(of[0].Served()) != len(of[1].Served()) {
			return nil
		}
		return []string{"both serve as many"}
	}}}
	nothing := []findings.Property{{Name: "nothing", Of: []int{0}, Wrong: func(findings.Unit, []*scenario.Record) []string { return nil }}}
	seed, ours := dspex.V2Seed(), subject.Ours()
	deaf, other, none, asIs := "deaf-start turned", "other: V2-seed", "it fails for no bug", "it fails as things are: served 1, expected 2"
	for name, c := range map[string]struct {
		finding findings.Finding
		want    []string // of each assertion: the bug, else the pool, else what is wrong
	}{
		"a bug, another pool, none": {
			coldFinding(differ, on(seed, scenario.Architectural, findings.Accept{Served: 1, LastBy: 50}), on(ours, scenario.Sound, findings.Accept{Served: 4})),
			[]string{deaf, deaf, none, other, other, deaf},
		},
		"of a pool that has bugs": {
			coldFinding(nil, on(seed, "", findings.Accept{Served: 1, Serial: true}), on(ours, "", findings.Accept{Served: 4})),
			[]string{deaf, "it fails for no bug, only for another pool, ours", other},
		},
		"as things are":              {coldFinding(nothing, on(seed, "", findings.Accept{Served: 2})), []string{asIs, none}},
		"a mutant that is not there": {coldFinding(nil, on(ours, "", findings.Accept{Served: 4})), nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := sail(t)
			var mutants []string
			if c.want == nil {
				mutants = []string{"not-there"}
			}
			var got []Tried
			err := Lab{World: virtual.Name, Fleet: &f.Fleet}.Mutate(t.Context(), []findings.Finding{c.finding}, mutants, func(tried []Tried) { got = append(got, tried...) })
			if c.want == nil {
				if err == nil || !strings.Contains(err.Error(), `no mutant "not-there"`) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || len(got) != len(c.want) {
				t.Fatalf("%+v, %v", got, err)
			}
			for i, a := range got {
				is := cmp.Or(a.Wrong(), a.Fails)
				if is == "" {
					is = "other: " + a.Other
				}
				if !strings.HasPrefix(is, c.want[i]) {
					t.Errorf("%d: %+v: %q, want %q", i, a, is, c.want[i])
				}
			}
		})
	}
	f := sail(t)
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	stop(enough)
	if err := (Lab{World: virtual.Name, Fleet: &f.Fleet}).Mutate(ctx, []findings.Finding{coldFinding(nil)}, nil, nil); !errors.Is(err, enough) {
		t.Errorf("stopped: %v", err)
	}
}

func TestAChangeIsOneOfAllPoolsOfAKind(t *testing.T) {
	ours := Scenario{Subject: subject.Ours(), Others: []scenario.Other{{Subject: subject.Ours()}, {Subject: subject.Herd()}}}
	seed := Scenario{Subject: dspex.V2Seed(), Others: []scenario.Other{{Subject: dspex.V2Seed()}}}
	seed.Config.Options = map[string]any{"stop-race": true}
	pools := func(sc Scenario) (all []string) {
		all = append(all, fmt.Sprint(sc.Subject.Name, sc.Config.Options))
		for _, o := range sc.Others {
			all = append(all, fmt.Sprint(o.Subject.Name, o.Config.Options))
		}
		return all
	}
	before := [][]string{pools(ours), pools(seed)}
	for _, c := range bugs(nil) {
		if c.name != "stop-race turned" {
			continue
		}
		if got, _, is := c.to(seed); !is || !slices.Equal(pools(got), []string{"V2-seedmap[stop-race:false]", "V2-seedmap[stop-race:true]"}) {
			t.Errorf("%s: %v %q", c.name, is, pools(got))
		}
		if _, _, is := c.to(ours); is {
			t.Errorf("%s: ours has it", c.name)
		}
	}
	all := others([]findings.Case{{Scenario: ours}, {Scenario: seed}})
	if got, _, is := all[1].to(ours); !is || !slices.Equal(pools(got), []string{"V2-seedmap[stop-race:true]", "V2-seedmap[stop-race:true]", "herdmap[]"}) {
		t.Errorf("%s: %v %q", all[1].name, is, pools(got))
	}
	if after := [][]string{pools(ours), pools(seed)}; !reflect.DeepEqual(before, after) {
		t.Errorf("the scenarios have changed themselves: %q, before: %q", after, before)
	}
}

func TestAReasonWhyAnAssertionNeedNotFailMustBeNeeded(t *testing.T) {
	for want, a := range map[string]Tried{
		"":                               {Fails: "a-bug"},
		"it fails for no bug":            {},
		"no reason need":                 {Fails: "a-bug", Why: "because"},
		"it fails for another":           {Bugless: true, Other: "another", Why: "because"},
		"only for another pool, another": {Other: "another"},
		"it fails as things":             {Untouched: "served 1", Why: "because"},
	} {
		if got := a.Wrong(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%+v: %q, want %q", a, got, want)
		}
	}
	for _, right := range []Tried{{Bugless: true, Other: "another"}, {Other: "another", Why: "because"}, {Why: "because"}} {
		if got := right.Wrong(); got != "" {
			t.Errorf("%+v: %q", right, got)
		}
	}
}
