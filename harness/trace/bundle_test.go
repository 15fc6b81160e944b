package trace

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

func aRecord(subject string) *scenario.Record {
	return &scenario.Record{
		Subject: subject, Seed: 1<<63 + 7, Size: 4, Overflow: 2, Cores: 1.5,
		Deadline: 300 * time.Millisecond, Patience: time.Second, Late: 3,
		Faults: []faults.Report{{Place: 1, Fault: "slow-start", Laid: 2, Fired: 2, First: 1, Last: 3}, {Place: 2, Fault: "give-up", First: -1, Why: "its moment, call 4, never came"}},
		Events: []scenario.Event{
			{At: 1, Kind: scenario.Arrive, Call: "c1", Client: "ann", Command: "echo"},
			{At: 2, Kind: scenario.Send, Call: "c1", Worker: "w1", ID: 5, PID: 7, OnCPU: 8, Delay: 9},
			{At: 3, Kind: scenario.Return, Call: "c1", Err: "no \"<worker>\"\n", Excused: true, Wrong: true, Lost: true, Probe: true, N: 3, Text: "ü"},
		},
	}
}

// metRecord is one whose environment is known.
func metRecord(subject string) *scenario.Record {
	r := aRecord(subject)
	r.Environment = Environment(r, scenario.Environment{
		Cores: 0.1 + 0.2, Rivals: []scenario.Rival{{Harness: true}},
		Load: []scenario.Bucket{{Span: 1, Load: []scenario.Load{{Threads: 1, Runnable: 1. / 3, CPU: 0.1}}}},
	})
	return r
}

func aResult() scenario.Result {
	return scenario.Result{
		Scenario: scenario.Scenario{
			Name: "a finding", World: "process", Seed: 7, Start: scenario.Demand{CPU: 1, Wait: 2}, Warm: 1, Deadline: 3, Slack: 1.5, Patience: 4, Recovery: 5,
			Config:   subject.Config{Size: 4, Overflow: 2, Cores: 1.5, Lazy: true, CallTimeout: 6, Options: map[string]any{"deaf": true}},
			Faults:   faults.Plan{{Fault: faults.SlowStart{CPU: 300 * time.Millisecond}, Target: faults.Target{First: 2}, At: faults.Clock, Until: 8}},
			Workload: scenario.Workload{Clients: 2, Arrive: scenario.Rate, Every: 7, Command: "sleep", Args: map[string]any{"s": 0.5}, Mortal: true},
		},
		Record: metRecord("mine"), Reference: aRecord("ideal"),
		Verdict: scenario.Verdict{
			Word: scenario.Architectural, Mechanism: "executing", Reason: "because", Safety: []string{"a lost call: c1"},
			Evidence: []scenario.Figure{{Name: "deadline", Value: 0.3, Unit: "s"}},
			Path:     []scenario.Segment{{What: "executing", On: "w1", From: 1, To: 2}},
		},
	}
}

func save(t *testing.T, r scenario.Result) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "not", "there", "yet")
	if err := Save(dir, r); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestABundleHoldsTheRunAndWhatWasSaidOfIt(t *testing.T) {
	r := aResult()
	dir := save(t, r)
	b, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(b.Record, r.Record) || !reflect.DeepEqual(b.Reference, r.Reference) {
		t.Errorf("got  %+v, %+v\nwant %+v, %+v", b.Record, b.Reference, r.Record, r.Reference)
	}
	if !reflect.DeepEqual(*b.Verdict, r.Verdict) {
		t.Errorf("got  %+v\nwant %+v", *b.Verdict, r.Verdict)
	}
	if !reflect.DeepEqual(b.Scenario, r.Scenario) || b.Format != "butfor bundle" || b.Version != 1 {
		t.Errorf("got %+v", b)
	}
	if Hash(b.Record) != Hash(r.Record) {
		t.Error("the hash has changed on disk")
	}
	if out, err := exec.Command("sh", "-c", "cd "+dir+" && sha256sum -c --strict SHA256SUMS").CombinedOutput(); err != nil || strings.Count(string(out), ": OK\n") != 5 {
		t.Errorf("sha256sum says %v\n%s", err, out)
	}
	if beside, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(beside) != 1 {
		t.Errorf("beside the bundle there is %v, %v", beside, err)
	}
}

func TestABundleNeedsNoReference(t *testing.T) {
	r := aResult()
	r.Reference = nil
	dir := save(t, r)
	if b, err := Load(dir); err != nil || b.Reference != nil {
		t.Errorf("got %+v, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "reference.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reference.jsonl: %v", err)
	}
}

func TestABundleNeedsNoEnvironment(t *testing.T) {
	r := aResult()
	r.Record.Environment = nil
	dir := save(t, r)
	if b, err := Load(dir); err != nil || b.Record.Environment != nil {
		t.Errorf("got %+v, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "environment.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("environment.json: %v", err)
	}
}

func TestAnEnvironmentStandsInItsOwnFileAlone(t *testing.T) {
	dir := save(t, aResult())
	if text, err := os.ReadFile(filepath.Join(dir, "bundle.json")); err != nil || strings.Contains(string(text), `"starts"`) {
		t.Errorf("bundle.json: %v\n%s", err, text)
	}
}

func TestAnEnvironmentThatCannotBeIsRefused(t *testing.T) {
	r := aResult()
	r.Record.Environment.Cores = -1
	dir := save(t, r)
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "environment.json") || !strings.Contains(err.Error(), "-1 cores") {
		t.Errorf("got %v", err)
	}
}

func TestABundleIsNotWrittenOverAnything(t *testing.T) {
	dir := save(t, aResult())
	before, err := os.ReadFile(filepath.Join(dir, "bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := aResult()
	r.Scenario.Name = "another"
	if err := Save(dir, r); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("got %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "bundle.json")); err != nil || string(after) != string(before) {
		t.Errorf("the earlier run was changed: %v", err)
	}
	if err := Save(filepath.Join(dir, "bundle.json"), r); err == nil {
		t.Error("a bundle was written into a file")
	}
	empty := t.TempDir()
	if err := Save(empty, r); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
}

func TestBundlesThatAreSavedAtOnceLoseNothing(t *testing.T) {
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, "run.3"), []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	const programs = 8
	dirs := make([]string, programs)
	var wg sync.WaitGroup
	for i := range programs {
		wg.Go(func() {
			r := aResult()
			r.Scenario.Warm = i
			var err error
			if dirs[i], err = SaveIn(out, "run", r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, dir := range dirs {
		if b, err := Load(dir); err != nil || b.Scenario.Warm != i {
			t.Errorf("%s: %v, %v", dir, b, err)
		}
	}
	slices.Sort(dirs)
	want := []string{"run", "run.2", "run.4", "run.5", "run.6", "run.7", "run.8", "run.9"}
	for i := range want {
		want[i] = filepath.Join(out, want[i])
	}
	if there, err := os.ReadDir(out); !slices.Equal(dirs, want) || err != nil || len(there) != programs+1 {
		t.Errorf("got %q, there is %v, %v", dirs, there, err)
	}
	if _, err := SaveIn(filepath.Join(out, "run.3"), "run", aResult()); err == nil {
		t.Error("a bundle was saved in a file")
	}
}

func TestADamagedBundleIsRefusedAndTheDamageNamed(t *testing.T) {
	write := func(name, text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	change := func(name string, how func(text string) string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			changed := how(string(text))
			if changed == string(text) {
				t.Fatalf("%s is as it was", name)
			}
			write(name, changed)(t, dir)
		}
	}
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	truncated := func(text string) string { return text[:len(text)-10] }
	lines := func(from, to int) func(string) string { // what is left of three
		return func(text string) string {
			return strings.Join(slices.Collect(strings.Lines(text))[from:to], "")
		}
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		file   string
		says   string
	}{
		"no bundle.json":            {remove("bundle.json"), "bundle.json", "no such file"},
		"no trace":                  {remove("trace.jsonl"), "trace.jsonl", "no such file"},
		"no reference":              {remove("reference.jsonl"), "reference.jsonl", "no such file"},
		"no environment":            {remove("environment.json"), "environment.json", "no such file"},
		"environment cut short":     {change("environment.json", truncated), "environment.json", "damaged"},
		"a core more":               {change("environment.json", func(s string) string { return strings.Replace(s, `"cores": 0`, `"cores": 1`, 1) }), "environment.json", "damaged"},
		"no verdict":                {remove("verdict.json"), "verdict.json", "no such file"},
		"bundle cut short":          {change("bundle.json", truncated), "bundle.json", "damaged"},
		"verdict cut short":         {change("verdict.json", truncated), "verdict.json", "damaged"},
		"verdict null":              {write("verdict.json", "null"), "verdict.json", "damaged"},
		"trace cut short":           {change("trace.jsonl", truncated), "trace.jsonl", "damaged at event 3"},
		"reference cut short":       {change("reference.jsonl", truncated), "reference.jsonl", "damaged at event 3"},
		"trace without its last":    {change("trace.jsonl", lines(0, 2)), "trace.jsonl", "damaged"},
		"trace without its first":   {change("trace.jsonl", lines(1, 3)), "trace.jsonl", "damaged"},
		"trace empty":               {write("trace.jsonl", ""), "trace.jsonl", "damaged"},
		"reference without its end": {change("reference.jsonl", lines(0, 2)), "reference.jsonl", "damaged"},
		"an event changed":          {change("trace.jsonl", func(s string) string { return strings.Replace(s, `"at_ns":2`, `"at_ns":1`, 1) }), "trace.jsonl", "damaged"},
		"no JSON in the trace":      {change("trace.jsonl", func(s string) string { return strings.Replace(s, "{", "[", 1) }), "trace.jsonl", "damaged at event 1"},
		"an event of wrong type":    {change("trace.jsonl", func(s string) string { return strings.Replace(s, `"at_ns":2`, `"at_ns":"2"`, 1) }), "trace.jsonl", "damaged at event 2"},
		"no sums":                   {remove("SHA256SUMS"), "", "SHA256SUMS: no such file"},
		"sums empty":                {write("SHA256SUMS", ""), "bundle.json", "damaged"},
		"another sum":               {change("SHA256SUMS", func(s string) string { return "0" + s }), "trace.jsonl", "damaged"},
		"another seed":              {change("bundle.json", func(s string) string { return strings.Replace(s, `"Seed": 7`, `"Seed": 8`, 1) }), "bundle.json", "damaged: it is not as it was written"},
		"another word":              {change("verdict.json", func(s string) string { return strings.Replace(s, "architectural", "environmental", 1) }), "verdict.json", "damaged: it is not as it was written"},
		"a blank more":              {change("verdict.json", func(s string) string { return s + " " }), "verdict.json", "damaged"},
		"somebody else's":           {change("bundle.json", func(s string) string { return strings.Replace(s, "butfor bundle", "shipping list", 1) }), "", `format is "shipping list"`},
		"nobody's":                  {write("bundle.json", "{}"), "", `format is ""`},
		"from the future":           {change("bundle.json", func(s string) string { return strings.Replace(s, `"version": 1`, `"version": 2`, 1) }), "", "newer butfor: version 2, this one reads 1"},
		"from a far future":         {write("bundle.json", `{"format": "butfor bundle", "version": 2, "record": [7], "scenario": {"faults": [{"fault": "not yet invented"}]}}`), "", "newer butfor: version 2"},
		"another's, of such fields": {write("bundle.json", `{"format": "shipping list", "version": "A", "record": 7}`), "", `format is "shipping list"`},
		"of a format that is none":  {write("bundle.json", `{"format": {"a": 1}, "record": 7}`), "", "format is"},
		"without a version":         {write("bundle.json", `{"format": "butfor bundle", "record": {}}`), "", "version 0"},
		"without a record":          {write("bundle.json", `{"format": "butfor bundle", "version": 1}`), "bundle.json", "names no record"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := save(t, aResult())
			c.damage(t, dir)
			b, err := Load(dir)
			if err == nil {
				t.Fatalf("loaded: %+v", b)
			}
			if !strings.Contains(err.Error(), filepath.Join(dir, c.file)) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v\nwant it to name %s and say %q", err, c.file, c.says)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nowhere")); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestTheHashChangesWithAnyEvent(t *testing.T) {
	seen := map[string]string{}
	note := func(what string, r *scenario.Record) {
		h := Hash(r)
		if other, ok := seen[h]; ok {
			t.Errorf("%s has the hash of %s", what, other)
		}
		seen[h] = what
	}
	note("the record", aRecord("mine"))
	for i := range aRecord("").Events {
		for j := range reflect.TypeFor[scenario.Event]().NumField() {
			r := aRecord("mine")
			f := reflect.ValueOf(&r.Events[i]).Elem().Field(j)
			switch f.Kind() {
			case reflect.String:
				f.SetString(f.String() + "x")
			case reflect.Bool:
				f.SetBool(!f.Bool())
			case reflect.Int, reflect.Int64:
				f.SetInt(f.Int() + 1000)
			default:
				t.Fatalf("a field is a %v", f.Kind())
			}
			note("event "+string(rune('1'+i))+" with another "+reflect.TypeFor[scenario.Event]().Field(j).Name, r)
		}
		r := aRecord("mine")
		r.Events = slices.Delete(r.Events, i, i+1)
		note("without event "+string(rune('1'+i)), r)
	}
	r := aRecord("mine")
	r.Events[0], r.Events[1] = r.Events[1], r.Events[0]
	note("the first two changed over", r)
	r = aRecord("mine")
	r.Events = append(r.Events, scenario.Event{})
	note("one more", r)

	if again := Hash(aRecord("mine")); seen[again] != "the record" {
		t.Error("the same record has another hash")
	}
}
