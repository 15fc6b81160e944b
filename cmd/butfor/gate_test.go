//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// kept is a scenario of which our pool keeps the deadline.
const kept = `
subject: ours
config: {size: 4, lazy: true}
start: {wait: 300ms}
workload: {clients: 4, command: sleep, args: {s: 0.1}}
deadline: 2s
`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// gated is butfor gate with what it must come to, and what it must say of it.
func gated(t *testing.T, status int, says string, args ...string) shell {
	t.Helper()
	s := butfor(t, append([]string{"gate"}, args...)...)
	if s.status != status || !strings.Contains(strings.Join(strings.Fields(s.stdout), " ")+s.stderr, says) {
		t.Errorf("butfor gate %q: status %d, want %d and %q:\n%s%s", args, s.status, status, says, s.stdout, s.stderr)
	}
	return s
}

func TestTheGateHoldsAScenarioAgainstItsBaseline(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "mine.yaml", kept)
	gated(t, 2, "ci/baselines/virtual.json: no such file or directory: --update writes one", "mine.yaml")
	gated(t, 0, "ci/baselines/virtual.json has now 1 result", "--update", "mine.yaml")
	if s := gated(t, 0, "", "mine.yaml"); s.stdout != "ci/baselines/virtual.json: 1 same\n" {
		t.Errorf("of what is the same is told\n%s", s.stdout)
	}
	gated(t, 0, "1 new, 1 not asked for", "--subject", "ours", "concurrent-when-warm")

	write(t, "mine.yaml", strings.Replace(kept, "lazy: true", "lazy: true, checkout_timeout: 100ms", 1))
	s := gated(t, 1, "│ worse │ mine, ours │ architectural, was sound", "mine.yaml")
	if !strings.HasSuffix(s.stdout, "again: butfor reproduce mine.yaml --world virtual --seed 0\n") {
		t.Errorf("it does not end with the command that has it again:\n%s", s.stdout)
	}
	all := objects(t, gated(t, 1, `"change":"worse"`, "--json", "mine.yaml").stdout)
	if len(all) != 1 || all[0]["finding"] != "mine" || all[0]["was"] != "sound" || all[0]["verdict"] != "architectural" || all[0]["reason"] == "" {
		t.Errorf("%v", all)
	}
	gated(t, 0, "1 worse", "--update", "mine.yaml")
	gated(t, 0, "1 same", "mine.yaml")

	// What is latent, apart.
	write(t, "mine.yaml", strings.Replace(kept, "deadline: 2s", "deadline: 1s", 1))
	gated(t, 0, "1 better", "mine.yaml")
	gated(t, 0, "1 better", "--latent", "--update", "mine.yaml")
	gated(t, 0, "1 same", "--latent", "mine.yaml")
	text, err := os.ReadFile("ci/baselines/virtual.json")
	if err != nil || !strings.Contains(string(text), `"latent":[]`) {
		t.Errorf("nobody looked for what is latent: %s, %v", text, err)
	}
}

func TestTheGateReadsResultsAndBundles(t *testing.T) {
	runs := bundles(t, "self-made-contention")
	t.Chdir(t.TempDir())
	run := butfor(t, "run", "--world", "virtual", "--json", "self-made-contention")
	write(t, "results.jsonl", run.stdout)
	n := strings.Count(run.stdout, "\n")
	gated(t, 0, fmt.Sprintf("%d new", n), "--update", "results.jsonl")
	gated(t, 0, fmt.Sprintf("%d same", n), "results.jsonl")
	gated(t, 0, fmt.Sprintf("%d same", n), "self-made-contention")

	results, err := os.Open("results.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	before := os.Stdin
	os.Stdin = results
	defer func() { os.Stdin = before }()
	gated(t, 0, fmt.Sprintf("ci/baselines/virtual.json: %d same", n), "-")

	// A file's own seed is added to what is asked for.
	write(t, "mine.yaml", kept+"seed: 5\n")
	seven := butfor(t, "run", "--world", "virtual", "--seed", "2", "--json", "mine.yaml")
	write(t, "seven.jsonl", strings.Replace(seven.stdout, `"verdict":"sound"`, `"verdict":"amplified"`, 1))
	gated(t, 0, "1 new", "--baseline", "seven.json", "--update", "--seed", "2", "mine.yaml")
	if s := gated(t, 1, "amplified, was sound", "--baseline", "seven.json", "seven.jsonl"); !strings.HasSuffix(s.stdout, "again: butfor reproduce mine.yaml --world virtual --seed 2\n") {
		t.Errorf("it does not end with the command that has it again:\n%s", s.stdout)
	}

	// A run that came to no end is none that passed.
	lines := slices.Collect(strings.Lines(run.stdout))
	write(t, "half.jsonl", strings.Join(lines[:n-1], ""))
	gated(t, 4, fmt.Sprintf("1 gone, %d same", n-1), "half.jsonl")

	all, err := filepath.Glob(filepath.Join(runs, "*"))
	if err != nil || len(all) != n {
		t.Fatalf("%q, %v", all, err)
	}
	gated(t, 0, fmt.Sprintf("%d new", n), append(all, "--baseline", "bundles.json", "--update")...)
	gated(t, 0, fmt.Sprintf("%d same", n), append(all, "--baseline", "bundles.json", "--latent")...)
	text, err := os.ReadFile("bundles.json")
	if err != nil || !strings.Contains(string(text), `"variant":"5-starts-beside-3-hogs"`) {
		t.Fatalf("%s, %v", text, err)
	}
	write(t, "bundles.json", strings.Replace(string(text), `"amplified"`, `"sound"`, 1))
	amplified := filepath.Join(runs, "self-made-contention.5-starts-beside-3-hogs.herd")
	s := gated(t, 1, "amplified, was sound", append(all, "--baseline", "bundles.json")...)
	if !strings.HasSuffix(s.stdout, "again: butfor judge "+amplified+"\n") {
		t.Errorf("it does not end with the command that has it again:\n%s", s.stdout)
	}
}

func TestTheGatesExitStatusIsOfTheGravest(t *testing.T) {
	t.Chdir(t.TempDir())
	line := func(finding, verdict string) string {
		return fmt.Sprintf(`{"finding":%q,"subject":"ours","world":"process","seed":3,"verdict":%q,"reason":"so it is","calls":1,"served_s":[1],"deadline_s":2}`, finding, verdict) + "\n"
	}
	write(t, "was.jsonl", line("a", "sound")+line("b", "sound"))
	gated(t, 0, "ci/baselines/process.json has now 2 results", "--update", "was.jsonl")
	for _, c := range []struct {
		now, says string
		status    int
	}{
		{line("a", "sound") + line("b", "sound"), "2 same", 0},
		{line("a", "environmental") + line("b", "sound"), "│ neutral │ a, ours │ environmental, was sound: this machine's doing: so it is", 0},
		{line("a", "inconclusive") + line("b", "sound"), "unclear: run it again on a quiet machine", 4},
		{line("a", "inconclusive") + line("b", "amplified"), "again: butfor reproduce b --subject ours --boot 300ms --world process --seed 3", 1},
		{line("a", "amplified") + line("b", "inconclusive"), "1 worse, 1 unclear", 1},
		{line("b", "sound"), "│ gone │ a, ours │", 4},
		{line("a", "sound") + line("b", "sound") + line("c", "architectural"), "│ new │ c, ours │ architectural: so it is", 0},
	} {
		write(t, "now.jsonl", c.now)
		gated(t, c.status, c.says, "now.jsonl")
	}
	// What is latent, apart.
	with := func(latent string) string {
		return strings.Replace(line("a", "sound"), "{", `{"latent":`+latent+`,`, 1)
	}
	write(t, "now.jsonl", with("[]"))
	gated(t, 0, "1 new", "--update", "--baseline", "latent.json", "now.jsonl")
	write(t, "now.jsonl", with(`[{"corner":"slow starts","missed":1,"calls":1,"reason":"it would miss"}]`))
	gated(t, 0, "1 same", "--baseline", "latent.json", "now.jsonl")
	gated(t, 1, "latent: it would miss", "--latent", "--baseline", "latent.json", "now.jsonl")
	write(t, "now.jsonl", line("c", "sound")+line("b", "amplified"))
	if s := gated(t, 1, "1 worse, 1 gone, 1 new", "now.jsonl"); strings.Index(s.stdout, "│ worse") > strings.Index(s.stdout, "│ gone") || strings.Index(s.stdout, "│ gone") > strings.Index(s.stdout, "│ new") {
		t.Errorf("the gravest are not first:\n%s", s.stdout)
	}
	write(t, "now.jsonl", line("a", "inconclusive"))
	gated(t, 0, "1 of them inconclusive", "--update", "--baseline", "vague.json", "now.jsonl")
}

func TestTheGateRefusesWhatItCanNotHoldAgainstEachOther(t *testing.T) {
	t.Chdir(t.TempDir())
	line := func(world string) string {
		return fmt.Sprintf(`{"finding":"a","subject":"ours","world":%q,"verdict":"sound"}`, world) + "\n"
	}
	write(t, "good.jsonl", line("process"))
	write(t, "twice.jsonl", line("process")+line("process"))
	write(t, "mixed.jsonl", line("process")+line("virtual"))
	write(t, "bad.jsonl", line("process")+"{")
	write(t, "empty.jsonl", "\n")
	write(t, "package.json", `{"name": "somebody else's"}`)
	write(t, "newer.json", `{"format": "butfor baseline", "version": 7}`)
	write(t, "mine.yaml", kept)
	for args, says := range map[string]string{
		"good.jsonl":                         "ci/baselines/process.json: no such file",
		"good.jsonl --update twice.jsonl":    "two results of a, ours",
		"mixed.jsonl":                        "of several worlds",
		"bad.jsonl":                          "bad.jsonl: line 2: it is no result",
		"empty.jsonl":                        "empty.jsonl: there are no results in it",
		"none.jsonl":                         "none.jsonl: no such file",
		".":                                  ". is no bundle",
		"good.jsonl mine.yaml":               "run findings and scenario files apart",
		"good.jsonl --seed 3":                "--seed: results and bundles are taken as they are",
		"good.jsonl --world process":         "--world: results",
		"nothing-of-that-name":               "nothing-of-that-name",
		"good.jsonl --baseline package.json": "package.json: line 1: it is no baseline",
		"good.jsonl --baseline newer.json":   "newer.json: line 1: version is 7: the baseline is of a newer butfor",
		"good.jsonl --baseline newer.json --update":  "newer.json: line 1: version is 7",
		"mine.yaml --baseline package.json --update": "package.json: line 1: it is no baseline",
	} {
		if s := gated(t, 2, says, strings.Fields(args)...); s.stdout != "" {
			t.Errorf("%s: printed %q", args, s.stdout)
		}
	}
	if text, err := os.ReadFile("package.json"); err != nil || !strings.Contains(string(text), "somebody") {
		t.Errorf("what is somebody else's was written over: %s, %v", text, err)
	}
}

// The steps of the workflow are commands that there are, and a run that came to no
// verdicts ends it.
func TestTheWorkflowRunsAndGates(t *testing.T) {
	text, err := os.ReadFile("../../ci/workflow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var w struct {
		Jobs map[string]struct {
			Steps []struct{ Run string }
		}
	}
	if err := yaml.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range w.Jobs["gate"].Steps {
		if s.Run != "" {
			steps = append(steps, s.Run)
		}
	}
	if len(steps) != 3 || steps[0] != "make build" {
		t.Fatalf("its steps are %q", steps)
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("bin", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, step := range steps[1:] {
		for came, passes := range map[int]bool{0: true, 1: step == steps[1], 2: false, 3: step == steps[1], 4: step == steps[1], 5: false, 130: false} {
			if err := os.WriteFile("bin/butfor", fmt.Appendf(nil, "#!/bin/sh\necho \"$@\" >asked\nexit %d\n", came), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := exec.Command("sh", "-e", "-c", step).Run(); (err == nil) != passes {
				t.Errorf("%s: butfor's %d ends it with %v", step, came, err)
			}
		}
		asked, err := os.ReadFile("asked")
		if err != nil {
			t.Fatal(err)
		}
		c, rest, err := command().Find(strings.Fields(string(asked)))
		if err != nil || c.ParseFlags(rest) != nil {
			t.Errorf("%s: %s is no command of butfor: %v", step, asked, err)
		}
	}
}
