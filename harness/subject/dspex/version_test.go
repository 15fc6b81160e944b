package dspex

import (
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/subject"
)

func TestOptionsHaveTheLastWord(t *testing.T) {
	cfg := lazily(4)
	cfg.Options = map[string]any{"deaf-start": false}
	try(t, V2Seed(), cfg, slowStarts(), func(b *bed) {
		if n := served(b.together(4, echo())); n != 4 {
			b.Errorf("%d of 4 served, want all", n)
		}
	})
	cfg.Options = map[string]any{"deaf-start": true}
	try(t, New("hearing", Seed, Without(DeafStart)), cfg, slowStarts(), func(b *bed) {
		if n := served(b.together(4, echo())); n != 1 {
			b.Errorf("%d of 4 served, want 1", n)
		}
	})
}

func TestAChangeOfOneSubjectLeavesTheOthersAlone(t *testing.T) {
	if _, bugs, err := Seed.settings([]Change{Without(DeafStart)}, nil); err != nil || bugs.on(DeafStart) {
		t.Fatalf("changed: %v, %v", bugs, err)
	}
	if _, bugs, err := Seed.settings(nil, nil); err != nil || !bugs.on(DeafStart) {
		t.Fatalf("unchanged: %v, %v", bugs, err)
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		says    string
		pool    subject.Subject
		size    int
		options map[string]any
		want    string
	}{
		{"an unknown option", V2Seed(), 1, map[string]any{"def-start": true}, `V2-seed: unknown option "def-start"`},
		{"the first unknown one by name", V2Seed(), 1, map[string]any{"x7": 1, "x5": 1, "x": 1, "x6": 1, "x4": 1, "x3": 1, "x2": 1, "x1": 1}, `unknown option "x"`},
		{"a wrong type", V2Seed(), 1, map[string]any{"deaf-start": "no"}, `V2-seed: option "deaf-start": want true or false, got string`},
		{"a switch of another version", V2Seed(), 1, map[string]any{"double-unwrap": true}, `V2-seed: unknown option "double-unwrap"`},
		{"a change to what is not there", New("mine", First, With(WrongName)), 1, nil, `mine: unknown option "wrong-name"`},
		{"a version that never was", New("mine", "V9"), 1, nil, `mine: unknown version "V9"`},
		{"no size", V1(), 0, nil, `V1: size 0, want at least 1`},
	} {
		t.Run(c.says, func(t *testing.T) {
			_, err := c.pool.Open(t.Context(), &models{}, subject.Config{Size: c.size, Lazy: true, Options: c.options})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestThePresets(t *testing.T) {
	for _, c := range []struct {
		v         Version
		s         subject.Subject
		on, known int
		mustBeOff []Switch
		mustBeOn  []Switch
	}{
		{First, V1(), 5, 23, []Switch{DiesOnFirstSuccess, DoubleUnwrap, DeafStart}, nil},
		{Seed, V2Seed(), 19, 36, []Switch{LateReply, PortHandedBack}, []Switch{DeafStart, RollingDeadline, IllegalReturn, LongLivedWorkers}},
		{Phase3, V2P3(), 21, 40, []Switch{GiveUpCrashesPool, IllegalReturn, ErrorCrashesClient, WrongName, LateReply}, []Switch{DeafStart, InlineBreaker, DegradedIsDeath}},
		{Last, V2Last(), 19, 36, []Switch{DeafStart, IllegalReturn, ErrorCrashesClient, WrongName}, []Switch{RequeueSpin, PrewarmLeaks, LateReply, LongLivedWorkers, PortHandedBack}},
		{Third, V3(), 6, 7, nil, []Switch{Herd}},
	} {
		_, bugs, err := c.v.settings(nil, nil)
		if err != nil || c.s.Name != string(c.v) || len(bugs) != c.known {
			t.Errorf("%s: named %q, %d switches, %v", c.v, c.s.Name, len(bugs), err)
		}
		on := 0
		for _, is := range bugs {
			if is {
				on++
			}
		}
		if on != c.on {
			t.Errorf("%s: %d switches on, want %d", c.v, on, c.on)
		}
		for _, s := range append(c.mustBeOff, SlowGoodbye, ShutdownIgnored, StopRace, OrphanSpin) {
			if bugs.on(s) {
				t.Errorf("%s: %s is on", c.v, s)
			}
		}
		for _, s := range c.mustBeOn {
			if !bugs.on(s) {
				t.Errorf("%s: %s is off", c.v, s)
			}
		}
	}
}
