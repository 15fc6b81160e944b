//go:build linux

package harness

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

func TestAMachineIsHeldAgainstTheContractLineByLine(t *testing.T) {
	easy := scenario.Contract{Cores: 0.1, Start: scenario.Demand{CPU: time.Hour, Wait: time.Hour}, Outside: 1e6, Recovery: time.Hour}
	hard := scenario.Contract{Cores: 1e6, Recovery: 1} // nothing may ask for anything
	for name, c := range map[string]struct {
		contract scenario.Contract
		status   string
	}{"easy": {easy, "ok"}, "hard": {hard, "note"}} {
		checks := Measure(t.Context(), c.contract)
		var names []string
		for _, k := range checks {
			names = append(names, k.Name)
			if k.Name != "stolen cores" && k.Name != "start, wait" && k.Name != "outside load" && k.Status != c.status {
				t.Errorf("%s: %+v", name, k)
			}
		}
		if want := []string{"cores", "start, CPU", "start, wait", "recovery", "outside load", "stolen cores"}; !slices.Equal(names, want) {
			t.Errorf("%s: looked at %q, want %q", name, names, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if checks := Measure(ctx, easy); len(checks) > 1 {
		t.Errorf("it went on when nobody waited: %+v", checks)
	}
	nothingRuns(t)
}

func TestAScenarioWithoutAContractIsHeldToTheProjects(t *testing.T) {
	sc := threeOnOne(1)
	sc.Subject = subject.Ours()
	want := Contract()
	if got := RunT(t, sc).Scenario.Contract; got == nil || *got != want {
		t.Errorf("held to %+v, want %+v", got, want)
	}
	for wait, within := range map[time.Duration]time.Duration{0: want.Recovery, time.Second: want.Recovery, time.Minute: 181 * time.Second} {
		filled := sc
		filled.Start = scenario.Demand{Wait: wait}
		fill(&filled)
		if filled.Recovery != within {
			t.Errorf("a pool whose starts wait for %v recovers within %v, want %v", wait, filled.Recovery, within)
		}
	}
	own := want
	own.Recovery = 17 * time.Second
	sc.Contract = &own
	r := RunT(t, sc)
	if r.Scenario.Contract != &own || r.Scenario.Recovery != own.Recovery {
		t.Errorf("held to %+v, recovers within %v", r.Scenario.Contract, r.Scenario.Recovery)
	}
	if p := plain(r.Scenario); p.Contract != &own || p.Recovery != 0 {
		t.Errorf("a file would say %+v and %v", p.Contract, p.Recovery)
	}
	sc.Contract = nil
	filled := sc
	fill(&filled)
	if p := plain(filled); p.Contract != nil || p.Recovery != 0 {
		t.Errorf("a file would say %+v and %v", p.Contract, p.Recovery)
	}
	own.Cores = 0
	sc.Contract = &own
	if _, err := runIn(t.Context(), t, sc); err == nil || !strings.Contains(err.Error(), "contract.cores is 0") {
		t.Errorf("got %v", err)
	}
}
