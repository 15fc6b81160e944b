//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
)

// recorded is the folder of a run that was recorded.
func recorded(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	if s := butfor(t, "run", "--world", "virtual", "--subject", "V2-seed", "--out", out, "serial-start"); s.status != 0 {
		t.Fatalf("status %d: %s", s.status, s.stderr)
	}
	return filepath.Join(out, "serial-start.starts-wait.V2-seed")
}

// changed is the folder of a run that is like another one but for a change.
func changed(t *testing.T, dir string, change func(*harness.Result)) string {
	t.Helper()
	r, err := harness.Reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	change(&r)
	dir = filepath.Join(t.TempDir(), "bundle")
	if err := trace.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestABundleIsReplayedAndHeldAgainstItsRun(t *testing.T) {
	answered := func(at time.Duration) func(*harness.Result) { // when nothing explains
		return func(r *harness.Result) {
			for i, e := range r.Record.Events {
				if e.Kind == scenario.Return && e.Call == "c1" {
					r.Record.Events[i].At = at
				}
			}
		}
	}
	early := answered(100 * time.Millisecond)
	recording := recorded(t)
	for _, c := range []struct {
		name   string
		change func(*harness.Result)
		status int
		says   []string
	}{
		{"as it was recorded", func(*harness.Result) {}, 0, []string{"serial-start, V2-seed", "architectural: ", "the pool begins to open", "held against the recording ", "8 of 8 calls missed, 8 in the replay", "17 of 17 spans"}},
		{"a time that differs", answered(3500 * time.Millisecond), 1, []string{"8 of 8 calls missed, 8 in the replay", "✗ the served call number 8 took 3.5"}},
		{"who differs", early, 1, []string{"7 of 8 calls missed, 8 in the replay", "✗ c1 missed its deadline", "not as claimed"}},
		{"who differs, in doubt", func(r *harness.Result) { early(r); r.Record.Late = time.Second }, 1, []string{"inconclusive: the recording leaves it in doubt: the harness itself was starved", "in doubt: the harness"}},
		{"another verdict", func(r *harness.Result) { r.Word = scenario.Sound }, 1, []string{"the verdict is architectural, of the recording it was sound"}},
		{"no verdict", func(r *harness.Result) { r.Word = scenario.Inconclusive }, 1, []string{"architectural: "}},
	} {
		dir := changed(t, recording, c.change)
		s := butfor(t, "reproduce", dir)
		if s.status != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.name, s.status, c.status, s.stderr)
		}
		text := strings.Join(strings.Fields(s.stdout), " ")
		for _, says := range c.says {
			if !strings.Contains(text, says) {
				t.Errorf("%s: it does not say %q:\n%s", c.name, says, s.stdout)
			}
		}
	}
}

func TestARunOfTheVirtualWorldGoesAsItWent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "race.yaml")
	text := "subject: V3\nworld: virtual\nconfig: {size: 2}\nstart: {cpu: 0.1s}\nworkload: {clients: 6, calls: 3, think: 50ms, command: burn, args: {cpu_s: 0.05}}\ndeadline: 1s\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"--seed", "3"}, {"--seed", "4"}, {"--seed", "5", "--order", "pct:3"}} {
		out := t.TempDir()
		ran := objects(t, butfor(t, append(flags, "run", "--json", "--out", out, file)...).stdout)
		bundles, err := filepath.Glob(filepath.Join(out, "*"))
		if err != nil || len(bundles) != 1 || len(ran) != 1 {
			t.Fatalf("%v: %v, %v, %v", flags, bundles, ran, err)
		}
		again := objects(t, butfor(t, "reproduce", "--json", bundles[0]).stdout)
		if len(again) != 1 || again[0]["hash"] != ran[0]["hash"] || again[0]["verdict"] != ran[0]["verdict"] {
			t.Errorf("%v: it was %v and is %v", flags, ran, again)
		}
		if s := butfor(t, "reproduce", bundles[0]); !strings.Contains(strings.Join(strings.Fields(s.stdout), " "), "the trace is the same, to the last event") {
			t.Errorf("%v: status %d: %s%s", flags, s.status, s.stdout, s.stderr)
		}
		other := changed(t, bundles[0], func(r *harness.Result) { r.Record.Events[0].Text = "of another pool" })
		if s := butfor(t, "reproduce", other); strings.Contains(s.stdout, "the trace is the same") {
			t.Errorf("%v: of another trace: %s", flags, s.stdout)
		}
	}
}

func TestTheReplayOfABundleIsAnObjectAndABundle(t *testing.T) {
	dir := changed(t, recorded(t), func(r *harness.Result) { r.Record.Late, r.Record.Choices = time.Second, nil }) // as in real time
	out := t.TempDir()
	s := butfor(t, "reproduce", "--json", "--out", out, dir)
	lines := objects(t, s.stdout)
	if s.status != 0 || len(lines) != 1 {
		t.Fatalf("status %d, %d lines: %s", s.status, len(lines), s.stderr)
	}
	l := lines[0]
	compared, _ := l["compared"].(map[string]any)
	if calls, _ := compared["calls"].([]any); len(calls) != 8 {
		t.Errorf("these calls are compared: %v", calls)
	}
	if doubts, _ := l["doubts"].([]any); len(doubts) != 1 {
		t.Errorf("the doubts are %v", l["doubts"])
	}
	if l["world"] != "virtual" || l["verdict"] != "architectural" || l["expected"] != "architectural" || l["hash"] == "" {
		t.Errorf("got %v", l)
	}
	if s := butfor(t, "reproduce", "--out", out, dir); s.status != 0 || !strings.Contains(s.stderr, filepath.Join(out, "bundle.2")) {
		t.Errorf("once more: status %d: %s", s.status, s.stderr)
	}
	if r, err := harness.Reopen(filepath.Join(out, "bundle")); err != nil || r.Hash != l["hash"] {
		t.Errorf("its bundle has the trace %s: %v", r.Hash, err)
	}
}

func TestWhatCannotBeReplayedFromABundleIsStatus2(t *testing.T) {
	well := recorded(t)
	for says, args := range map[string][]string{
		"is no bundle: open":                {t.TempDir()},
		"none that this program knows":      {changed(t, well, func(r *harness.Result) { r.Record.Subject = "theirs" })},
		"was not recorded":                  {changed(t, well, func(r *harness.Result) { r.Record.Environment = nil })},
		"--seed: a bundle is replayed as":   {well, "--seed", "3"},
		"--times: the replay":               {well, "--times", "3"},
		"in the world virtual":              {well, "--world", "process"},
		"serial-start is no bundle: replay": {well, "serial-start"},
	} {
		if s := butfor(t, append([]string{"reproduce"}, args...)...); s.status != 2 || !strings.Contains(s.stderr, says) {
			t.Errorf("status %d: %s\nwant 2, and %q", s.status, s.stderr, says)
		}
	}
	if _, err := os.Stat(well); err != nil {
		t.Error(err)
	}
}
