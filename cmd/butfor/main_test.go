//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/internal/leftover"
	"github.com/butfor/butfor/worker/process"
)

func TestMain(m *testing.M) {
	if args := os.Getenv(argsVariable); args != "" {
		os.Args = append([]string{"butfor"}, strings.Fields(args)...)
		main()
	}
	child = func() (*exec.Cmd, error) { // a test binary is no butfor
		if path := os.Getenv(programVariable); path != "" {
			return exec.Command(path, childName), nil
		}
		c := exec.Command(os.Args[0], "-test.run=^TestAChild$")
		c.Env = append(os.Environ(), childVariable+"=1")
		return c, nil
	}
	leftover.Main(m)
}

// argsVariable has the test binary be butfor itself, with these arguments.
const argsVariable = "BUTFOR_TEST_ARGS"

const childVariable = "BUTFOR_TEST_CHILD"

// programVariable names a butfor that plays the virtual runs, in place of the test
// binary: with -race that takes eight times as long, and finds what the tests of
// harness and the suite of findings find, which play and judge the same with it.
const programVariable = "BUTFOR_TEST_PROGRAM"

// TestAChild is what a fleet's children run in tests.
func TestAChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("not a child")
	}
	if err := harness.Serve(t, os.Stdin, os.Stdout); err != nil {
		t.Fatal(err)
	}
}

// watchdog bounds what takes seconds, and much longer on a busy machine.
const watchdog = 15 * time.Minute

// shell is a butfor with its outputs caught.
type shell struct {
	status         int
	stdout, stderr string
}

// in runs butfor in this process. onLine is told each line of stderr as it
// comes; it may be nil.
func in(ctx context.Context, t *testing.T, onLine func(string), args ...string) (s shell) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, watchdog)
	defer cancel()
	var wg sync.WaitGroup
	catch := func(f **os.File, into *string, onLine func(string)) (done func()) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		before := *f
		*f = w
		wg.Go(func() {
			defer r.Close()
			for b := bufio.NewReader(r); ; {
				line, err := b.ReadString('\n')
				*into += line
				if onLine != nil && line != "" {
					onLine(line)
				}
				if errors.Is(err, io.EOF) {
					return
				}
			}
		})
		return func() { *f = before; w.Close() }
	}
	outDone := catch(&os.Stdout, &s.stdout, nil)
	errDone := catch(&os.Stderr, &s.stderr, onLine)
	s.status = run(ctx, args)
	outDone()
	errDone()
	wg.Wait()
	return s
}

func butfor(t *testing.T, args ...string) shell {
	t.Helper()
	return in(t.Context(), t, nil, args...)
}

// objects are the lines of an output, each of which must be a JSON object.
func objects(t *testing.T, stdout string) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(stdout) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		all = append(all, o)
	}
	return all
}

func nothingRuns(t *testing.T) {
	t.Helper()
	if left, err := process.Census(process.Token(), ""); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWrongUsageIsStatus2AndNamesWhatIsWrong(t *testing.T) {
	for args, names := range map[string]string{
		"frobnicate":                      `"frobnicate"`,
		"run serial-stop":                 `"serial-stop"`,
		"run serial-start serial-stop":    `"serial-stop"`,
		"run .":                           "is a folder",
		"run /dev/zero":                   "/dev/zero is longer than 4 MiB",
		"doctor --contract any.yaml":      "--contract=any.yaml",
		"doctor --contract=/dev/zero":     "/dev/zero is longer than 4 MiB",
		"run --fast":                      "--fast",
		"run -x":                          "-x",
		"run --subject nobody":            `"nobody"`,
		"run --subject herd serial-start": `"herd"`,
		"run --world nowhere":             `"nowhere"`,
		"run --boot 9ms":                  "--boot",
		"run --boot soon":                 "--boot",
		"run --boot":                      "--boot",
		"run --seed -1":                   "--seed",
		"run --json=perhaps":              "--json",
		"list all":                        `"all"`,
		"list --out x":                    "--out",
		"doctor who":                      `"who"`,
		"doctor --contract=no-such-file":  "no-such-file",
		"matrix all":                      `"all"`,
		"matrix --seeds 0":                "--seeds is 0: it must be from 1 to 1000",
		"matrix --seeds 1000000000":       "--seeds is 1000000000: it must be from 1 to 1000",
		"matrix --world nowhere":          `"nowhere"`,
		"matrix --subject nobody":         `"nobody"`,
		"matrix --cases -1":               "--cases",
		"matrix --page no-such-page":      "no-such-page",
		"--fast":                          "--fast",
	} {
		s := butfor(t, strings.Fields(args)...)
		if s.status != 2 || !strings.Contains(s.stderr, names) || !strings.Contains(s.stderr, "butfor --help") || s.stdout != "" {
			t.Errorf("butfor %s: status %d, stdout %q, stderr %q; want 2 and %s named", args, s.status, s.stdout, s.stderr, names)
		}
	}
}

// Whatever is long says something, where there is no bar too.
func TestProgressIsToldAtEachTenthAndWhereThatTakesLong(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := newProgress(w)
	p.count(1, 1000, "seed")
	p.count(100, 1000, "seed")
	p.count(101, 1000, "seed")
	p.told = time.Now().Add(-time.Hour)
	p.count(102, 1000, "seed")
	p.count(103, 1000, "seed")
	p.count(1000, 1000, "seed")
	w.Close()
	if got, err := io.ReadAll(r); string(got) != "100/1000 seeds\n102/1000 seeds\n1000/1000 seeds\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range []string{"", "--help", "run --help", "list --help", "gate --help", "doctor --help"} {
		if s := butfor(t, strings.Fields(args)...); s.status != 0 || !strings.Contains(s.stdout, "Usage:") || s.stderr != "" {
			t.Errorf("butfor %s: status %d, stdout %q, stderr %q", args, s.status, s.stdout, s.stderr)
		}
	}
}

func TestTheVirtualWorldReproducesEveryFinding(t *testing.T) {
	s := butfor(t, "run", "--world", "virtual", "--latent", "--json")
	all := objects(t, s.stdout)
	for _, o := range all {
		if expected := o["expected"]; expected != nil && expected != "" && o["verdict"] != expected || o["world"] != "virtual" || o["order"] != "edges" {
			t.Errorf("%v, %v: %v", o["finding"], o["subject"], o)
		}
	}
	if again := butfor(t, "run", "--world", "virtual", "--json"); s.status != 0 || len(all) < len(findings.All()) || !slices.Equal(hashes(objects(t, again.stdout)), hashes(all)) {
		t.Errorf("status %d with %d results and hashes %v, then %v", s.status, len(all), hashes(all), hashes(objects(t, again.stdout)))
	}
	results := filepath.Join(t.TempDir(), "results.jsonl")
	write(t, results, s.stdout)
	const baseline = "../../ci/baselines/virtual.json"
	if s := butfor(t, "gate", "--latent", "--baseline", baseline, results); !regexp.MustCompile(`^\S+: \d+ same\n$`).MatchString(s.stdout) {
		t.Errorf("ci/baselines/virtual.json is stale, or something got worse; if it is meant to be so: make baseline\n%s%s", s.stdout, s.stderr)
	}
}

func hashes(results []map[string]any) (hs []any) {
	for _, o := range results {
		hs = append(hs, o["hash"])
	}
	return hs
}

func TestListSaysWhatTheFindingsAre(t *testing.T) {
	s := butfor(t, "list", "--json")
	if s.status != 0 || s.stderr != "" {
		t.Errorf("status %d, stderr %q", s.status, s.stderr)
	}
	listed := objects(t, s.stdout)
	if len(listed) != len(findings.All()) {
		t.Errorf("%d are listed, there are %d", len(listed), len(findings.All()))
	}
	for i, f := range findings.All() {
		o := listed[i]
		if o["id"] != f.ID || o["kind"] != f.Kind || o["claim"] != f.Claim || o["source"] != f.Source {
			t.Errorf("%s is listed as %v", f.ID, o)
		}
		if worlds, ok := o["worlds"].([]any); !ok || len(worlds) != len(f.Worlds) || worlds[0] != f.Worlds[0] {
			t.Errorf("%s: worlds %v", f.ID, o["worlds"])
		}
		for name, want := range map[string]string{"unreal": f.Unreal, "unmodelled": f.Unmodelled, "set": f.Set} {
			if text, _ := o[name].(string); text != want {
				t.Errorf("%s: %s: %q, want %q", f.ID, name, text, want)
			}
		}
	}

	for columns, width := range map[string]int{"80": 80, "120": 120, "": 100} {
		t.Setenv("COLUMNS", columns)
		s = butfor(t, "list")
		for _, f := range findings.All() {
			if !strings.Contains(s.stdout, f.ID) {
				t.Errorf("%s is not listed in %d columns", f.ID, width)
			}
		}
		for line := range strings.Lines(s.stdout) {
			if n := utf8.RuneCountInString(line) - 1; n > width {
				t.Errorf("a line of %d in %d columns: %s", n, width, line)
			}
		}
		if s.status != 0 || strings.ContainsRune(s.stdout, '\x1b') {
			t.Errorf("status %d, escape codes: %v", s.status, strings.ContainsRune(s.stdout, '\x1b'))
		}
	}
}

func TestTheDoctorsLinesAreJSON(t *testing.T) {
	s := butfor(t, "doctor", "--json")
	found := map[any]any{}
	for _, o := range objects(t, s.stdout) {
		if o["name"] == "" || o["found"] == "" || !slices.Contains([]any{"ok", "note", "missing"}, o["status"]) {
			t.Errorf("%v", o)
		}
		found[o["name"]] = o["status"]
	}
	if s.status != 0 || s.stderr != "" || found["python3"] != "ok" || len(found) < 5 {
		t.Errorf("status %d, stderr %q, %v", s.status, s.stderr, found)
	}
	nothingRuns(t)
}

func TestTheDoctorHoldsTheMachineAgainstTheContract(t *testing.T) {
	easy := filepath.Join(t.TempDir(), "easy.yaml")
	text := "{cores: 0.1, start: {cpu: 1h, wait: 1h}, call: {cpu: 1h}, outside: 100000, crashes: 0, mute_starts: 0, recovery: 1h}"
	for contract, status := range map[string]int{text: 0, strings.Replace(text, "cores: 0.1", "cores: 100000", 1): 3} {
		if err := os.WriteFile(easy, []byte(contract), 0o600); err != nil {
			t.Fatal(err)
		}
		s := butfor(t, "doctor", "--contract="+easy)
		if s.status != status || !strings.Contains(s.stdout, "start, CPU") || strings.Contains(s.stdout, "beyond the contract") != (status == 3) {
			t.Errorf("status %d, want %d: %s%s", s.status, status, s.stdout, s.stderr)
		}
	}
	if s := butfor(t, "doctor", "--contract"); s.status == 2 || !strings.Contains(s.stdout, "outside load") {
		t.Errorf("the project's: status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	nothingRuns(t)
}

func TestTheDoctorFailsWithoutPython(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	if s := in(ctx, t, nil, "doctor"); s.status != 5 || !strings.Contains(s.stdout, "python3") || !strings.Contains(s.stdout, "→ install Python") {
		t.Errorf("status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	cancel()
	if s := in(ctx, t, nil, "doctor"); s.status != 130 {
		t.Errorf("interrupted: status %d", s.status)
	}
}

func TestAShimInFrontOfPythonIsTold(t *testing.T) {
	python, err := process.Find(t.Context(), "python3")
	if err != nil {
		t.Fatal(err)
	}
	shim := filepath.Join(t.TempDir(), "python3")
	if err := os.WriteFile(shim, []byte("#!/bin/sh\nexec "+python.Path+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(shim)+":"+os.Getenv("PATH"))
	if s := butfor(t, "doctor", "--json"); s.status != 0 || !strings.Contains(s.stdout, "python3 in PATH is the script "+shim) {
		t.Errorf("the doctor: status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	s := butfor(t, "run", "--boot", "30ms", "--subject", "ours", "concurrent-when-warm")
	if s.status != 0 && s.status != 1 || !strings.Contains(s.stderr, "python3 is the shim "+shim+", slow to start; using "+python.Path) {
		t.Errorf("a run: status %d: %s%s", s.status, s.stdout, s.stderr)
	}
	nothingRuns(t)
}

func TestTheExitStatusIsOfWhatCameOut(t *testing.T) {
	l := func(verdict, expected scenario.Word, problems ...string) report.Line {
		return report.Line{Verdict: verdict, Expected: expected, Problems: problems}
	}
	bare := func(words ...scenario.Word) (ls []report.Line) { // of which nothing is expected
		for _, w := range words {
			ls = append(ls, l(w, ""))
		}
		return ls
	}
	for name, c := range map[string]struct {
		lines []report.Line
		want  int
	}{
		"nothing":        {nil, 0},
		"sound":          {bare(scenario.Sound), 0},
		"architectural":  {bare(scenario.Architectural), 1},
		"amplified":      {bare(scenario.Amplified), 1},
		"overdetermined": {bare(scenario.Overdetermined), 1},
		"infeasible":     {bare(scenario.Infeasible), 1},
		"environmental":  {bare(scenario.Environmental), 3},
		"inconclusive":   {bare(scenario.Inconclusive), 4},
		// Of several the first in 1, 4, 3, 0.
		"1 before 4":           {bare(scenario.Inconclusive, scenario.Architectural), 1},
		"1 before 3 and 0":     {bare(scenario.Sound, scenario.Environmental, scenario.Amplified), 1},
		"4 before 3":           {bare(scenario.Environmental, scenario.Inconclusive, scenario.Environmental), 4},
		"4 before 0":           {bare(scenario.Inconclusive, scenario.Sound), 4},
		"3 before 0":           {bare(scenario.Sound, scenario.Environmental, scenario.Sound), 3},
		"a word of the future": {bare(scenario.Sound, "baffling"), 1},
		// Where something is expected.
		"as expected":                           {[]report.Line{l(scenario.Architectural, scenario.Architectural), l(scenario.Sound, scenario.Sound)}, 0},
		"as expected, and nothing expected":     {[]report.Line{l(scenario.Sound, scenario.Sound), l(scenario.Inconclusive, ""), l(scenario.Architectural, "")}, 0},
		"as expected, and a file of one's own":  {[]report.Line{l(scenario.Sound, scenario.Sound), {File: "mine.yaml", Verdict: scenario.Environmental}}, 3},
		"a file of one's own that is sound":     {[]report.Line{l(scenario.Sound, scenario.Sound), {File: "mine.yaml", Verdict: scenario.Sound}}, 0},
		"otherwise":                             {[]report.Line{l(scenario.Sound, scenario.Sound), l(scenario.Inconclusive, scenario.Sound, "the verdict is inconclusive")}, 1},
		"otherwise in a figure":                 {[]report.Line{l(scenario.Sound, scenario.Sound, "served at 2.0")}, 1},
		"otherwise, and no verdict is expected": {[]report.Line{l(scenario.Inconclusive, "", "served 1, expected 4")}, 1},
	} {
		got := 0
		if err := verdictStatus(c.lines); err != nil {
			var s statusError
			if !errors.As(err, &s) {
				t.Errorf("%s: %v is no status", name, err)
			}
			got = int(s)
		}
		if got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
}

func TestReproducedIsAllThatAFigureStandsBetween(t *testing.T) {
	s := butfor(t, "reproduce", "--json", "started-is-not-ready")
	var told []string
	for _, r := range objects(t, s.stdout) {
		told = append(told, fmt.Sprintf("%v: %v, expected %v", r["subject"], r["verdict"], r["expected"]))
		if r["subject"] == "V3" && (r["judged"] != "sound" || !strings.HasPrefix(fmt.Sprint(r["reason"]), "the run itself is sound: ")) {
			t.Errorf("judged %v: %v", r["judged"], r["reason"])
		}
	}
	want := []string{"V3: demonstrated, expected demonstrated", "V3: demonstrated, expected demonstrated", "ours: demonstrated, expected demonstrated"}
	if s.status != 0 || !slices.Equal(told, want) {
		t.Errorf("status %d: %q, want %q\n%s", s.status, told, want, s.stderr)
	}
}

func TestARunPrintsJSONAndKeepsItsBundles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "runs")
	args := []string{"run", "--boot", "30ms", "--seed", "5", "--subject", "ours", "--out", out, "concurrent-when-warm"}
	s := butfor(t, append(args, "--json")...)
	if s.status != 0 && s.status != 1 { // a busy machine may be late
		t.Fatalf("status %d: %s", s.status, s.stderr)
	}
	if !strings.Contains(s.stderr, "1/1 concurrent-when-warm, ours\n") {
		t.Errorf("stderr %q", s.stderr)
	}
	results := objects(t, s.stdout)
	if len(results) != 1 {
		t.Fatalf("%d results: %s", len(results), s.stdout)
	}
	r := results[0]
	for field, want := range map[string]any{
		"finding": "concurrent-when-warm", "kind": "verdict", "subject": "ours", "world": "process", "seed": 5.0, "expected": "sound", "order": "none", "calls": 4.0,
	} {
		if r[field] != want {
			t.Errorf("%s is %v, want %v", field, r[field], want)
		}
	}
	for _, field := range []string{"verdict", "reason", "hash", "figure"} {
		if text, _ := r[field].(string); text == "" {
			t.Errorf("%s is %v", field, r[field])
		}
	}
	if _, ok := r["mechanism"]; !ok || r["seconds"] == 0.0 {
		t.Errorf("mechanism %v, seconds %v", r["mechanism"], r["seconds"])
	}
	if problems, ok := r["problems"].([]any); !ok || (len(problems) > 0) != (s.status == 1) {
		t.Errorf("status %d with the problems %v", s.status, r["problems"])
	}

	dir := filepath.Join(out, "concurrent-when-warm.ours")
	b, err := trace.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if trace.Hash(b.Record) != r["hash"] || b.Verdict.Reason != r["reason"] || b.Scenario.Name != "concurrent-when-warm" {
		t.Errorf("the bundle is of another run: %+v", b)
	}

	// Into the same folder: beside the first, which stays.
	s = butfor(t, args...)
	if _, err := trace.Load(dir + ".2"); err != nil || !strings.Contains(s.stderr, dir+" was there already: this run is in "+dir+".2") {
		t.Errorf("beside an earlier run: status %d: %s%v", s.status, s.stderr, err)
	}
	if b, err := trace.Load(dir); err != nil || trace.Hash(b.Record) != r["hash"] {
		t.Errorf("the earlier run is lost: %v", err)
	}
	s = butfor(t, append(args, "--out", "/proc/nope")...)
	if s.status != 2 || !strings.Contains(s.stderr, "/proc/nope") {
		t.Errorf("into a folder that can't be: status %d: %s", s.status, s.stderr)
	}
	// Again, for people.
	s = butfor(t, "run", "--boot", "30ms", "--subject", "ours", "concurrent-when-warm")
	if !strings.Contains(s.stdout, "│ concurrent-when-warm ") || !strings.Contains(s.stdout, "  ours: ") || strings.ContainsRune(s.stdout, '\x1b') {
		t.Errorf("printed\n%s", s.stdout)
	}
	quiet := butfor(t, "run", "--quiet", "--world", "virtual", "--subject", "ours", "concurrent-when-warm")
	if !strings.Contains(quiet.stdout, "│ concurrent-when-warm ") || strings.Contains(quiet.stdout, "  ours: ") {
		t.Errorf("quietly printed\n%s", quiet.stdout)
	}
	nothingRuns(t)
}

// saboteur takes the folder away as the first result is printed.
type saboteur struct{ folder string }

func (s saboteur) Write([]byte) (int, error) {
	os.RemoveAll(s.folder)
	return 0, errors.Join(errors.New("broken pipe"), os.WriteFile(s.folder, nil, 0o666))
}

func TestAnOutputThatCannotBeWrittenIsAnErrorOfTheLab(t *testing.T) {
	out := filepath.Join(t.TempDir(), "runs")
	lab := harness.Lab{World: "process", Subject: "ours", Boot: 30 * time.Millisecond}
	fs, _, err := named([]string{"concurrent-when-warm"})
	if err != nil {
		t.Fatal(err)
	}
	err = runFindings(t.Context(), lab, fs, out, printing{asJSON: true}, saboteur{out})
	if err == nil || errors.As(err, new(statusError)) || errors.As(err, new(usageError)) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"broken pipe", "bundle: ", out} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if err := runFindings(t.Context(), lab, fs, "", printing{}, saboteur{out}); err == nil || !strings.Contains(err.Error(), "output: broken pipe") {
		t.Errorf("for people: %v", err)
	}
	nothingRuns(t)

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no full device: ", err)
	}
	defer full.Close()
	defer func(before *os.File) { os.Stdout = before }(os.Stdout)
	os.Stdout = full
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"run", "--json", "--world", "virtual", "serial-start"}} {
		stderr, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		before := os.Stderr
		os.Stderr = stderr
		status := run(t.Context(), args)
		os.Stderr = before
		if told, err := os.ReadFile(stderr.Name()); status != 5 || strings.Count(string(told), "no space left") != 1 {
			t.Errorf("butfor %q to a full disk: status %d, want 5: %s%v", args, status, told, err)
		}
	}
}

func TestAnInterruptedRunIsStatus130AndLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := in(ctx, t, func(line string) {
		if strings.HasPrefix(line, "1/4 ") {
			cancel()
		}
	}, "run", "--boot", "30ms", "--subject", "V2-seed", "timeouts-increased", "--json")
	if s.status != 130 || !strings.Contains(s.stderr, "stopped after 0 of 4 runs") || !strings.Contains(s.stderr, "interrupted") || s.stdout != "" {
		t.Errorf("in the midst: status %d, stdout %q, stderr %q", s.status, s.stdout, s.stderr)
	}
	nothingRuns(t)
	if s := in(ctx, t, nil, "run", "serial-start"); s.status != 130 || s.stdout != "" || !strings.Contains(s.stderr, "stopped before the first run") {
		t.Errorf("before it began: status %d, stdout %q, stderr %q", s.status, s.stdout, s.stderr)
	}
	nothingRuns(t)
}

// A signal comes to a program, and to no function of one.
func TestASignalEndsARunWithWhatItHas(t *testing.T) {
	for signal, stops := range map[os.Signal]bool{os.Interrupt: true, syscall.SIGTERM: true, syscall.SIGHUP: false} {
		t.Run(fmt.Sprint(signal), func(t *testing.T) {
			mark := fmt.Sprintf("BUTFOR_TEST_MARK=%d.%d", os.Getpid(), time.Now().UnixNano())
			args := "run --boot 60ms --subject V2-seed timeouts-increased --json"
			command := []string{os.Args[0]}
			if !stops { // as nohup has it
				args = "run --boot 30ms --subject ours concurrent-when-warm --json"
				command = []string{"/bin/sh", "-c", "trap '' HUP; exec " + os.Args[0]}
			}
			c := exec.Command(command[0], command[1:]...)
			c.Env = append(os.Environ(), mark, argsVariable+"="+args)
			var stdout, told strings.Builder
			c.Stdout = &stdout
			stderr, err := c.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			bound := time.AfterFunc(watchdog, func() { _ = c.Process.Kill() })
			defer bound.Stop()
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				fmt.Fprintln(&told, lines.Text())
				if strings.HasPrefix(lines.Text(), "3/4 ") || !stops && strings.HasPrefix(lines.Text(), "1/1 ") {
					if err := c.Process.Signal(signal); err != nil {
						t.Fatal(err)
					}
				}
			}
			_ = c.Wait() // its status is looked at below
			rows := len(objects(t, stdout.String()))
			status := c.ProcessState.ExitCode() // 1 where a busy machine was late
			if stops && (status != 130 || rows != 2 || !strings.Contains(told.String(), "stopped after 2 of 4 runs")) || !stops && (status != 0 && status != 1 || rows != 1) {
				t.Errorf("status %d, stdout %q, stderr %q", status, &stdout, &told)
			}
			if left := marked(t, mark); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// marked are the commands of the processes that have this in their environment.
func marked(t *testing.T, mark string) (commands []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if environ, err := os.ReadFile(path); err == nil && strings.Contains(string(environ), mark) { // else it has ended, or is another's
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			commands = append(commands, string(command))
		}
	}
	return commands
}

func TestAnInterruptedReproductionPrintsWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := in(ctx, t, func(line string) {
		if strings.HasPrefix(line, "1/10 ") {
			cancel()
		}
	}, "reproduce", "--world", "process", "--boot", "30ms", "--times", "10", "--subject", "ours", "concurrent-when-warm")
	if s.status != 130 || !strings.Contains(s.stdout, "concurrent-when-warm, ours") || !strings.Contains(s.stdout, "as expected") {
		t.Errorf("status %d, stdout %q, stderr %q", s.status, s.stdout, s.stderr)
	}
	nothingRuns(t)
}

func TestWhatCameOutOtherwiseIsToldWithTheCommandThatShowsItAgain(t *testing.T) {
	for want, c := range map[string]struct {
		line report.Line
		lab  harness.Lab
	}{
		"": {report.Line{Finding: "serial-start", Subject: "ours", Verdict: scenario.Architectural}, harness.Lab{}}, // of which nothing is claimed
		"again: butfor run serial-start --subject V2-seed --boot 30ms --world process --seed 7": {
			report.Line{Finding: "serial-start", Subject: "V2-seed", World: "process", Seed: 9, Problems: []string{"served 1, expected 8"}},
			harness.Lab{Boot: 30 * time.Millisecond, Seed: 7},
		},
		"again: butfor run serial-start --boot 30ms --world process --seed 7": { // one pool alone does not show it
			report.Line{Finding: "serial-start", Subject: "ours", World: "process", Between: []string{"as late as another"}},
			harness.Lab{Boot: 30 * time.Millisecond, Seed: 7},
		},
		`again: butfor run './-it'\''s.yaml' --world virtual --seed 0 --order pct:2`: {
			report.Line{File: "-it's.yaml", Subject: "ours", World: "virtual", Verdict: scenario.Inconclusive},
			harness.Lab{Order: scenario.Order{Strategy: scenario.PCT, Depth: 2}},
		},
	} {
		var b strings.Builder
		again(&b, "run", []report.Line{c.line, c.line}, c.lab) // as of two variants
		if got := strings.TrimSpace(b.String()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	one := report.Line{Finding: "serial-start", Subject: "ours", World: "virtual", Problems: []string{"served 1"}}
	all := one
	all.Between = []string{"as late as another"}
	var b strings.Builder
	again(&b, "run", []report.Line{one, all, one}, harness.Lab{Boot: time.Second})
	if got, want := strings.TrimSpace(b.String()), "again: butfor run serial-start --boot 1s --world virtual --seed 0"; got != want {
		t.Errorf("of one pool and of all: got %q, want %q", got, want)
	}
}

// What is printed is taken by its word: the same trace comes out.
func TestTheCommandThatShowsItAgainGivesTheSameRun(t *testing.T) {
	text := lost + "seed: 3\n"
	for name, args := range map[string][]string{
		"nothing is claimed":  {"run", "--world", "virtual", scenarioFile(t, text)},
		"by a seed and order": {"run", "--world", "virtual", "--seed", "5", "--order", "pct:3", scenarioFile(t, text)},
		"something else is":   {"run", "--world", "virtual", "--order", "random", scenarioFile(t, text+"expected: sound\n")},
		"reproduced":          {"reproduce", "--seed", "6", scenarioFile(t, text+"expected: sound\n")},
		"it is not found":     {"run", "--seed", "40", "--seeds", "3", scenarioFile(t, strings.Replace(text, "V2-seed", "ours", 1)+"expected: architectural\n")},
	} {
		t.Run(name, func(t *testing.T) {
			first := in(t.Context(), t, nil, append(args, "--json")...)
			_, command, told := strings.Cut(first.stderr, "again: butfor ")
			if first.status != 1 || !told {
				t.Fatalf("status %d: no command in %q", first.status, first.stderr)
			}
			command, _, _ = strings.Cut(command, "\n")
			second := butfor(t, append(strings.Fields(command), "--json")...)
			if a, b := objects(t, first.stdout), objects(t, second.stdout); second.status != 1 || len(b) != 1 || a[0]["hash"] != b[0]["hash"] || a[0]["seed"] != b[0]["seed"] {
				t.Errorf("%s: status %d\nbefore %v\nafter  %v", command, second.status, a[0], b)
			}
			if s := butfor(t, args...); !strings.HasSuffix(s.stdout, "again: butfor "+command+"\n") {
				t.Errorf("without --json the output ends otherwise: %s", s.stdout)
			}
		})
	}
}

func TestEachRunHasAFolderOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range findings.All() {
		for _, c := range f.Cases(findings.Demands(time.Second, 2)) {
			name := folder(report.Line{Finding: f.ID, Variant: c.Variant, Subject: c.Scenario.Subject.Name})
			if seen[name] || strings.ContainsAny(name, " /\\") {
				t.Errorf("%q: already there: %v", name, seen[name])
			}
			seen[name] = true
		}
	}
	if got := folder(report.Line{Finding: "cold-start-timeouts", Variant: "deadline 5 boots", Subject: "V2-seed"}); got != "cold-start-timeouts.deadline-5-boots.V2-seed" {
		t.Errorf("got %q", got)
	}
}
