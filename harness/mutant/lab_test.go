//go:build linux

package mutant_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/mutant"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/virtual"
)

const (
	root   = "../.."         // of the module
	points = "butfor_points" // the build tag of the pool's inner points
)

// built builds butfor, with a mutant in it unless none is named.
func built(t *testing.T, name, tags string) (path string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds butfor anew")
	}
	path = filepath.Join(t.TempDir(), "butfor")
	args := []string{"build", "-o", path, "-tags", tags, "./cmd/butfor"}
	if name != "" {
		m, err := mutant.Find(root, name)
		if err != nil {
			t.Fatal(err)
		}
		overlay, err := m.Overlay(root, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		args = slices.Insert(args, 1, "-overlay", overlay)
	}
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// ran is what came of running a program.
type ran struct {
	status         int
	stdout, stderr string
}

// run runs a program.
func run(t *testing.T, path string, args ...string) ran {
	t.Helper()
	c := exec.CommandContext(t.Context(), path, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ran{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// orders are the files that say who goes on.
var orders = map[string]string{"random": "testdata/race.yaml", "PCT(3)": "testdata/race-pct.yaml"}

func TestACheckThenActBugIsFoundMadeSmallerAndReproduced(t *testing.T) {
	ill := built(t, "check-then-act", points)
	for name, file := range orders {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			s := run(t, ill, "run", "--seeds", "100", "--json", "--out", out, file)
			if s.status != 1 {
				t.Fatalf("status %d: %s", s.status, s.stderr)
			}
			seeds, found, first := 0, 0, ""
			for d := json.NewDecoder(strings.NewReader(s.stdout)); d.More(); seeds++ {
				var r struct {
					Seed          uint64
					Verdict       scenario.Word
					Reason, Order string
				}
				if err := d.Decode(&r); err != nil {
					t.Fatal(err)
				}
				if r.Verdict == scenario.Sound {
					continue
				}
				if found++; first == "" {
					first = fmt.Sprintf("seed %d: %s", r.Seed, r.Reason)
				}
				if r.Verdict != scenario.Architectural || r.Order != "points" {
					t.Errorf("seed %d is %s, by %s: %s", r.Seed, r.Verdict, r.Order, r.Reason)
				}
			}
			t.Logf("%d of %d seeds find it, such as %s", found, seeds, first)
			if seeds != 100 || !strings.Contains(first, "one worker in two hands") {
				t.Errorf("%d of %d seeds find it, such as %s", found, seeds, first)
			}

			files, err := filepath.Glob(filepath.Join(out, "*.yaml"))
			if err != nil || len(files) != 1 {
				t.Fatalf("these files were written: %q, %v", files, err)
			}
			f, err := scenario.Read(files[0], harness.Subject)
			if err != nil {
				t.Fatal(err)
			}
			if w := f.Scenario.Workload; w.Clients != 2 || w.Calls > 1 || w.Think > 0 || f.Scenario.Config.Size != 1 {
				t.Errorf("it was made no smaller than %+v, %+v", f.Scenario.Config, w)
			}
			s = run(t, ill, "reproduce", "--times", "1000", files[0])
			if s.status != 0 || !strings.Contains(s.stdout, "1000 of 1000 as expected, 1000 with the same trace") || !strings.Contains(s.stdout, "one worker in two hands") {
				t.Errorf("status %d: %s\n%s", s.status, s.stdout, s.stderr)
			}
		})
	}
}

func TestNoSeedFindsInThePoolWhatIsNotThere(t *testing.T) {
	well := built(t, "", points)
	for name, file := range orders {
		if s := run(t, well, "run", "--seeds", "100", "--out", t.TempDir(), file); s.status != 0 || !strings.Contains(s.stdout, "100 seeds: 100 sound") {
			t.Errorf("%s: status %d: %s\n%s", name, s.status, s.stdout, s.stderr)
		}
	}
}

// cold is four callers of a pool without workers, whose starts take a second.
func cold(s subject.Subject) harness.Scenario {
	return harness.Scenario{
		Name: "cold", World: virtual.Name, Subject: s, Config: subject.Config{Size: 4, Lazy: true},
		Start:    scenario.Demand{Wait: time.Second},
		Workload: scenario.Workload{Clients: 4, Command: "echo"}, Deadline: 3 * time.Second,
	}
}

// What waits for no matter of the bubble hangs it: that is told with the place.
// With the tag the pool's lock is one of the bubble's, and the pool is judged.
func TestAPoolThatHangsIsReported(t *testing.T) {
	for _, c := range []struct {
		mutant, tags string
		word         scenario.Word
		mechanism    string
		reason       []string
	}{
		{"start-under-the-lock", "", scenario.Inconclusive, "stuck", []string{"sync.Mutex.Lock", "pool.(*Pool).Checkout at ", "pool.go:"}},
		{"start-under-the-lock", points, scenario.Architectural, "", []string{"4 of 4 calls missed the deadline", "ideal pools", "serves all"}},
		{"busy-wait", "", scenario.Inconclusive, "stuck", []string{"pool.(*Pool).wait at ", "pool.go:"}},
		{"busy-wait", points, scenario.Architectural, "livelock", []string{"1000001 steps", "at looks"}},
	} {
		t.Run(c.mutant+" "+c.tags, func(t *testing.T) {
			t.Parallel()
			path := built(t, c.mutant, c.tags)
			f := &harness.Fleet{Size: 1, Command: func() *exec.Cmd { return exec.Command(path, "play-virtual-runs") }}
			defer f.Close()
			if c.mechanism == "stuck" {
				f.Patience = 5 * time.Second
			}
			r, err := f.Run(t.Context(), cold(subject.Ours()))
			if err != nil {
				t.Fatal(err)
			}
			if r.Word != c.word || c.mechanism != "" && r.Mechanism != c.mechanism {
				t.Errorf("%s, %s: %s", r.Word, r.Mechanism, r.Reason)
			}
			for _, says := range c.reason {
				if !strings.Contains(r.Reason, says) {
					t.Errorf("%q is not in: %s", says, r.Reason)
				}
			}
			f.Patience = 0
			if r, err := f.Run(t.Context(), cold(subject.Herd())); err != nil || r.Word != scenario.Sound {
				t.Errorf("the next run: %s: %s, %v", r.Word, r.Reason, err)
			}
		})
	}
}
