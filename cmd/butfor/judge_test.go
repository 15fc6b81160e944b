package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness"
)

// bundles are runs of a finding in the virtual world, saved.
func bundles(t *testing.T, finding string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "runs")
	if s := butfor(t, "run", "--world", "virtual", "--json", "--out", dir, finding); s.status != 0 {
		t.Fatalf("status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	return dir
}

func TestABundleIsJudgedAgainWithoutPython(t *testing.T) {
	dir := bundles(t, "self-made-contention")
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct {
		name, verdict string
		status        int
		tells         string
	}{
		{"self-made-contention.herd", "architectural", 1, "inside the contract"},
		{"self-made-contention.beside-3-hogs.herd", "amplified", 1, "of the misses 100 % would not have been but for the code, 100 % but for the environment"},
		{"self-made-contention.ours", "sound", 0, "all 8 calls were answered"},
	} {
		s := butfor(t, "judge", filepath.Join(dir, c.name))
		if s.status != c.status || !strings.Contains(s.stdout, c.verdict+": ") || !strings.Contains(s.stdout, c.tells) {
			t.Errorf("%s: status %d: %s%s", c.name, s.status, s.stdout, s.stderr)
		}
	}
	s := butfor(t, "judge", "--json", filepath.Join(dir, "self-made-contention.beside-3-hogs.herd"), filepath.Join(dir, "self-made-contention.ours"))
	all := objects(t, s.stdout)
	if s.status != 1 || len(all) != 2 || all[0]["verdict"] != "amplified" || all[0]["table"] == nil || all[1]["verdict"] != "sound" || all[0]["hash"] == "" {
		t.Errorf("status %d: %s%s", s.status, s.stdout, s.stderr)
	}
}

func TestABundleMayBeHeldToAnotherContract(t *testing.T) {
	run := filepath.Join(bundles(t, "self-made-contention"), "self-made-contention.beside-3-hogs.herd")
	contract := filepath.Join(t.TempDir(), "hogs.yaml")
	text := "{cores: 2, start: {cpu: 1s, wait: 1s}, call: {cpu: 1s}, outside: 3, crashes: 0, mute_starts: 0, recovery: 5s}"
	if err := os.WriteFile(contract, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := butfor(t, "judge", "--contract", contract, run); s.status != 1 || !strings.Contains(s.stdout, "architectural: ") {
		t.Errorf("status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	// Ours keeps its deadline, and would not with starts of a second.
	if s := butfor(t, "judge", "--contract", contract, strings.Replace(run, "herd", "ours", 1)); s.status != 0 || strings.Contains(s.stdout, "latent") {
		t.Errorf("what ideal pools don't keep either is told: status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	if s := butfor(t, "judge", "--contract", filepath.Join(run, "verdict.json"), run); s.status != 2 || !strings.Contains(s.stderr, "verdict.json") {
		t.Errorf("status %d: %s%s", s.status, s.stdout, s.stderr)
	}
}

func TestWhatIsNoBundleIsStatus2AndSaysWhy(t *testing.T) {
	run := filepath.Join(bundles(t, "long-lived-workers"), "long-lived-workers.ours")
	change := func(file, from, to string) func(t *testing.T) {
		return func(t *testing.T) {
			path := filepath.Join(run, file)
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), from) {
				t.Fatalf("%q is not in %s, %v", from, file, err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.WriteFile(path, text, 0o600) })
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T)
		dir   string
		says  string
	}{
		"no folder":        {nil, "no-such-folder", "no-such-folder is no bundle"},
		"a file":           {nil, filepath.Join(run, "verdict.json"), "is no bundle"},
		"an empty folder":  {nil, t.TempDir(), "is no bundle"},
		"somebody else's":  {change("bundle.json", "butfor bundle", "shipping list"), run, `format is "shipping list"`},
		"from the future":  {change("bundle.json", `"version": 1`, `"version": 99`), run, "newer butfor: version 99"},
		"a trace cut":      {change("trace.jsonl", "{", "["), run, "damaged at event 1"},
		"another time":     {change("trace.jsonl", `"at_ns":`, `"at_ns":1`), run, "damaged: its hash is"},
		"another machine":  {change("environment.json", `"cores": 2`, `"cores": 3`), run, "environment.json: damaged: it is not as it was written"},
		"another deadline": {change("bundle.json", `"Deadline": `, `"Deadline": 1`), run, "bundle.json: damaged: it is not as it was written"},
		"another verdict":  {change("verdict.json", `"sound"`, `"architectural"`), run, "verdict.json: damaged: it is not as it was written"},
		"an odd scenario":  {nil, changed(t, run, func(r *harness.Result) { r.Scenario.Config.Size = -4 }), "damaged: config.size is -4"},
		"an odd contract":  {nil, changed(t, run, func(r *harness.Result) { r.Scenario.Contract.Crashes = -1 }), "damaged: contract.crashes is -1"},
		"nobody's verdict": {change("verdict.json", "{", "["), run, "verdict.json: damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.spoil != nil {
				c.spoil(t)
			}
			verbs := []string{"judge", "reproduce"}
			if info, err := os.Stat(c.dir); err != nil || !info.IsDir() {
				verbs = verbs[:1] // the other takes it for a finding or a scenario file
			}
			for _, verb := range verbs {
				if s := butfor(t, verb, c.dir); s.status != 2 || !strings.Contains(s.stderr, c.says) || s.stdout != "" {
					t.Errorf("%s: status %d: %s%s\nwant 2 and %q", verb, s.status, s.stdout, s.stderr, c.says)
				}
			}
		})
	}
	if s := butfor(t, "judge"); s.status != 2 || !strings.Contains(s.stderr, "judge what?") {
		t.Errorf("status %d: %s", s.status, s.stderr)
	}
}

func TestARunOfAPoolThatNobodyKnowsIsJudgedAsFarAsIdealPoolsSay(t *testing.T) {
	run := changed(t, filepath.Join(bundles(t, "self-made-contention"), "self-made-contention.herd"), func(r *harness.Result) { r.Record.Subject = "mine" })
	if s := butfor(t, "judge", run); s.status != 1 || !strings.Contains(s.stdout, "mine\n") || !strings.Contains(s.stdout, "architectural: 8 of 8") {
		t.Errorf("inside the contract: status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	contract := filepath.Join(t.TempDir(), "easy.yaml")
	if err := os.WriteFile(contract, []byte("{cores: 2, start: {cpu: 10ms, wait: 0s}, call: {cpu: 1s}, outside: 3, crashes: 0, mute_starts: 0, recovery: 5s}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := butfor(t, "judge", "--contract", contract, run); s.status != 4 || !strings.Contains(strings.Join(strings.Fields(s.stdout), " "), `this program knows no pool called "mine"`) {
		t.Errorf("beyond it: status %d: %s%s", s.status, s.stdout, s.stderr)
	}
}
