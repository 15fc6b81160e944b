//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
)

// lost is a scenario in which V2-seed loses callers and a worker.
const lost = `
subject: V2-seed
config: {size: 4, overflow: 1, lazy: true, checkout_timeout: 3s}
start: {wait: 300ms}
workload: {clients: 8, calls: 2, command: sleep, args: {s: 0.1}}
deadline: 2s
`

func scenarioFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lost.yaml")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestASearchSavesWhatFailedMadeSmallerAndItReproduces(t *testing.T) {
	out := filepath.Join(t.TempDir(), "found")
	s := butfor(t, "run", "--seeds", "20", "--seed", "5", "--out", out, scenarioFile(t, lost))
	saved, _ := filepath.Glob(filepath.Join(out, "*.yaml"))
	if s.status != 1 || len(saved) != 1 || !strings.Contains(s.stdout, "20 seeds: 20 architectural") || !strings.Contains(s.stdout, "again: butfor reproduce "+saved[0]) {
		t.Fatalf("status %d, saved %q:\n%s\n%s", s.status, saved, s.stdout, s.stderr)
	}
	f, err := scenario.Read(saved[0], harness.Subject)
	if err != nil {
		t.Fatal(err)
	}
	if sc := f.Scenario; f.Expected != scenario.Architectural || f.Mechanism == "" || sc.World != "virtual" || sc.Workload.Clients >= 8 || sc.Config.Overflow != 0 || sc.Config.CheckoutTimeout != 0 {
		t.Errorf("it was saved as %+v", f)
	}

	s = butfor(t, "reproduce", "--times", "5", saved[0])
	if s.status != 0 || !strings.Contains(s.stdout, "5 of 5 as expected, 5 with the same trace") || !strings.Contains(s.stdout, "architectural: ") || strings.Contains(s.stdout, "in doubt") {
		t.Errorf("reproduce: status %d:\n%s\n%s", s.status, s.stdout, s.stderr)
	}
	s = butfor(t, "reproduce", "--json", "--out", filepath.Join(out, "bundle"), saved[0])
	if all := objects(t, s.stdout); s.status != 0 || len(all) != 1 || all[0]["verdict"] != "architectural" || all[0]["expected"] != "architectural" || all[0]["world"] != "virtual" {
		t.Errorf("reproduce --json: status %d: %v", s.status, all)
	}
	if bundles, _ := filepath.Glob(filepath.Join(out, "bundle", "*", "trace.jsonl")); len(bundles) != 1 {
		t.Errorf("bundles: %q", bundles)
	}

	text, err := os.ReadFile(saved[0])
	if err != nil {
		t.Fatal(err)
	}

	// A file whose order was written down of another run, as of another pool.
	other := strings.Replace(string(text), "trace: ", "trace: f00d # ", 1)
	if s := butfor(t, "reproduce", scenarioFile(t, other)); s.status != 0 || !strings.Contains(s.stdout, "in doubt: the choices of its order were written down of a run with another trace") {
		t.Errorf("another trace: status %d:\n%s", s.status, s.stdout)
	}

	// A file that expects what does not come out.
	for from, to := range map[string]string{"expected: architectural": "expected: sound", "mechanism: ": "mechanism: not "} {
		other := strings.Replace(string(text), from, to, 1)
		if s := butfor(t, "reproduce", scenarioFile(t, other)); s.status != 1 || !strings.Contains(s.stdout, "✗ not as claimed") {
			t.Errorf("with %q: status %d:\n%s", to, s.status, s.stdout)
		}
	}
}

func TestASwarmFindsWhatFailsByTheCodeAndSavesTheFaultsThatItTakes(t *testing.T) {
	swarm := lost + "world: virtual\nswarm: 3\n"
	out := filepath.Join(t.TempDir(), "found")
	s := butfor(t, "run", "--seeds", "20", "--out", out, "--json", scenarioFile(t, strings.Replace(swarm, "V2-seed", "ours", 1)))
	verdicts := map[any]bool{}
	for _, o := range objects(t, s.stdout) {
		verdicts[o["verdict"]] = true
	}
	if s.status != 0 || len(verdicts) < 2 { // what is drawn is too much for any pool at times
		t.Errorf("ours: status %d, %v: %s", s.status, verdicts, s.stderr)
	}
	s = butfor(t, "run", "--seeds", "20", "--out", out, scenarioFile(t, swarm))
	saved, _ := filepath.Glob(filepath.Join(out, "*.yaml"))
	if s.status != 1 || len(saved) != 1 {
		t.Fatalf("V2-seed: status %d, saved %q:\n%s\n%s", s.status, saved, s.stdout, s.stderr)
	}
	f, err := scenario.Read(saved[0], harness.Subject)
	if err != nil || f.Scenario.Swarm != 0 {
		t.Errorf("it was saved as %+v, %v", f, err)
	}
	if s = butfor(t, "reproduce", saved[0]); s.status != 0 {
		t.Errorf("reproduce: status %d:\n%s\n%s", s.status, s.stdout, s.stderr)
	}
	if s = butfor(t, "run", scenarioFile(t, strings.Replace(swarm, "virtual", "process", 1))); s.status != 2 || !strings.Contains(s.stderr, "swarm") {
		t.Errorf("on real workers: status %d: %s", s.status, s.stderr)
	}
}

func TestOnlyWhatTheCodeDoesFailsInASwarm(t *testing.T) {
	for word, fails := range map[scenario.Word][2]bool{ // without a swarm, in one
		scenario.Sound: {false, false}, scenario.Inconclusive: {false, false},
		scenario.Environmental: {true, false}, scenario.Infeasible: {true, false}, // it may be too much for any pool
		scenario.Architectural: {true, true}, scenario.Amplified: {true, true}, scenario.Overdetermined: {true, true},
	} {
		for i, swarm := range []bool{false, true} {
			y := &tally{swarm: swarm}
			if got := y.failing(report.Line{File: "mine.yaml", Verdict: word}); got != fails[i] {
				t.Errorf("%s, in a swarm %v: failing %v", word, swarm, got)
			}
		}
	}
}

func TestASearchWhoseFindsCannotBeSavedIsNotBegun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	s := butfor(t, "run", "--seeds", "20", "--out", filepath.Join(file, "found"), scenarioFile(t, lost))
	if s.status != 2 || !strings.Contains(s.stderr, "--out: ") || strings.Contains(s.stderr, "seeds\n") || s.stdout != "" {
		t.Errorf("status %d:\n%s%s", s.status, s.stdout, s.stderr)
	}
}

func TestASearchThatFindsNothingLeavesNoFolder(t *testing.T) {
	for _, before := range []bool{false, true} {
		out := filepath.Join(t.TempDir(), "found")
		if before {
			if err := os.Mkdir(out, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		s := butfor(t, "run", "--seeds", "2", "--subject", "ours", "--out", out, "serial-start")
		if _, err := os.Stat(out); s.status != 0 || (err == nil) != before {
			t.Errorf("status %d: %s; there before: %v; after: %v", s.status, s.stderr, before, err)
		}
	}
}

func TestASearchGivesEachSeedAsAnObject(t *testing.T) {
	s := butfor(t, "run", "--seeds", "3", "--seed", "40", "--json", "--subject", "ours", "cold-start-timeouts")
	all := objects(t, s.stdout)
	if s.status != 0 || len(all) != 9 {
		t.Fatalf("status %d, %d objects: %s", s.status, len(all), s.stderr)
	}
	for i, o := range all {
		verdict := []string{"sound", "sound", "infeasible"}[i%3] // the last has less time than a start takes
		if o["seed"] != float64(40+i/3) || o["world"] != "virtual" || o["verdict"] != verdict {
			t.Errorf("object %d: %v", i, o)
		}
	}
	if !strings.Contains(s.stderr, "3/3 seeds") || !strings.Contains(s.stderr, "3 seeds: 3 sound") {
		t.Errorf("stderr: %s", s.stderr)
	}
}

func TestAScenarioFileRunsInTheWorldThatItNames(t *testing.T) {
	ours := strings.Replace(lost, "V2-seed", "ours", 1)
	for world, text := range map[string]string{"virtual": ours + "world: virtual\n", "process": strings.ReplaceAll(ours, "wait: 300ms", "wait: 1ms")} {
		s := butfor(t, "run", "--json", scenarioFile(t, text))
		if all := objects(t, s.stdout); s.status != 0 || len(all) != 1 || all[0]["world"] != world || all[0]["finding"] != "lost" {
			t.Errorf("%s: status %d: %v\n%s", world, s.status, all, s.stderr)
		}
	}
	if s := butfor(t, "run", "--order", "pct:3", "--world", "virtual", "--seeds", "2", scenarioFile(t, ours)); s.status != 0 || !strings.Contains(s.stdout, "2 seeds: 2 sound") {
		t.Errorf("pct: status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	nothingRuns(t)
}

func TestAScenarioFileMayBeCalledAnything(t *testing.T) {
	path := scenarioFile(t, lost)
	other := strings.TrimSuffix(path, ".yaml")
	if err := os.Rename(path, other); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(other))
	if err := os.Mkdir("serial-start", 0o755); err != nil { // which is a finding all the same
		t.Fatal(err)
	}
	if s := butfor(t, "run", "--world", "virtual", "--json", filepath.Base(other), "serial-start"); s.status != 1 || !strings.Contains(s.stdout, `"finding":"lost"`) || !strings.Contains(s.stdout, `"finding":"serial-start"`) {
		t.Errorf("status %d: %s%s", s.status, s.stdout, s.stderr)
	}
}

func TestWhatIsWrongWithAScenarioFileIsStatus2(t *testing.T) {
	for text, tells := range map[string]string{
		lost + "confg: 1": `"confg" is no key`,
		strings.Replace(lost, "size: 4", "size: 0", 1):  "config.size",
		strings.Replace(lost, "V2-seed", "V9", 1):       "V2-seed", // it lists what there is
		lost + "world: nowhere":                         "nowhere",
		strings.Replace(lost, "command:", "comand:", 1): "comand",
	} {
		for _, verb := range []string{"run", "reproduce"} {
			if s := butfor(t, verb, scenarioFile(t, text)); s.status != 2 || !strings.Contains(s.stderr, tells) || s.stdout != "" {
				t.Errorf("%s: %q: status %d: %s", verb, tells, s.status, s.stderr)
			}
		}
	}
	unknown := scenarioFile(t, strings.Replace(lost, "command: sleep", "command: frob", 1)) // to the models
	if s := butfor(t, "run", "--world", "virtual", unknown); s.status != 2 || !strings.Contains(s.stderr, unknown+`: workload.command is "frob": `) {
		t.Errorf("status %d: %s", s.status, s.stderr)
	}
	for _, args := range []string{"reproduce", "reproduce serial-stop", "reproduce --times 0 serial-start", "run --seeds 0", "run --order luck", "run --order pct:0", "run --order pct:1000000000", "run no-such.yaml", "run --world process --seeds 2 serial-start"} {
		if s := butfor(t, strings.Fields(args)...); s.status != 2 {
			t.Errorf("butfor %s: status %d: %s", args, s.status, s.stderr)
		}
	}
}

func TestTheScenarioOfTheREADMEComesOutAsItSays(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	_, file, there := strings.Cut(readme, "```yaml\n")
	file, _, closed := strings.Cut(file, "```")
	if !there || !closed {
		t.Fatal("there is none")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("mine.yaml", []byte(file), 0o666); err != nil {
		t.Fatal(err)
	}
	s := butfor(t, "run", "--seeds", "20", "mine.yaml")
	got := strings.Join(strings.Fields(s.stdout), " ")
	for _, begin := range []string{"the first with seed 0: ", "smaller: ", "again: butfor reproduce "} {
		_, line, _ := strings.Cut(readme, begin)
		line, _, _ = strings.Cut(line, "\n")
		line = begin + strings.TrimSuffix(line, " …")
		if !strings.Contains(got, line) {
			t.Errorf("README says %q, but:\n%s%s", line, s.stdout, s.stderr)
		}
	}
	for whose, text := range map[string]string{"README": readme, "the program": s.stdout} {
		if !strings.Contains(text, "\n\n  smaller: ") || !strings.Contains(text, "\n  again: ") {
			t.Errorf("%s sets its lines otherwise", whose)
		}
	}
	if s.status != 1 {
		t.Errorf("status %d", s.status)
	}
}
