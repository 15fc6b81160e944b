package overlay

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goes runs go in a folder, and gives what it printed.
func goes(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	return string(out), err
}

// folder has the files of a text in which each begins with a line like
//
//	-- name --
func folder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, text, _ := strings.Cut(part, " --\n")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAPoolThatHoldsItsLockAcrossAStartIsJudgedWithTheOverlay(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a test anew")
	}
	const held = "./testdata/held"
	made, err := Locks(t.Context(), ".", t.TempDir(), []string{held})
	if err != nil || made.Adds != "" || len(made.Packages) != 1 || made.Packages[0].Locks != 1 || !slices.Equal(made.Packages[0].Files, []string{"held.go"}) {
		t.Fatalf("%+v, %v", made, err)
	}
	for _, c := range []struct {
		args []string
		says []string
	}{
		{nil, []string{"butfor: inconclusive: the run stood still for 5s", "sync.Mutex.Lock", "held.(*pool).take at ", "butfor overlay"}},
		{[]string{"-overlay", made.File}, []string{"butfor: architectural: ", "calls missed the deadline of 3.00 s", "what it met was inside the contract"}},
	} {
		said, err := goes(t, ".", slices.Concat([]string{"test", "-count=1"}, c.args, []string{held})...)
		if err == nil {
			t.Errorf("%q: the test passes:\n%s", c.args, said)
		}
		for _, want := range c.says {
			if !strings.Contains(said, want) {
				t.Errorf("%q: %q is not in:\n%s", c.args, want, said)
			}
		}
	}
}

// kinds is a module that uses locks in each way there is, in virtual time. Without
// an overlay its tests hang.
const kinds = `-- go.mod --
module example.com/kinds

go 1.26

require example.com/dep v1.0.0

replace example.com/dep => ./dep
-- dep/go.mod --
module example.com/dep

go 1.26
-- dep/dep.go --
package dep

import "sync"

type Embeds struct{ sync.RWMutex }

func Take(mu *sync.Mutex) { mu.Lock() }
-- plain/plain.go --
package plain

import "fmt"

func Hello() { fmt.Println("hello") }
-- kinds.go --
// Package kinds has a lock of each kind.
package kinds

import (
	"fmt"
	"runtime"
	sy "sync"

	"example.com/dep"
)

type Embeds struct {
	sy.Mutex
	dep.Embeds
}

func Renamed(wait func()) {
	var e Embeds
	across(&e.Mutex, wait)
	across(&e.Embeds, wait)
	across(e.Embeds.RLocker(), func() { wait() })
	e.Mutex.TryLock()
	dep.Take(new(sy.Mutex))
}

// Line is where it stands.
func Line() string {
	_, file, line, _ := runtime.Caller(0)
	return fmt.Sprint(file, ":", line)
}
-- dot.go --
package kinds

import (
	"context"
	. "sync"
)

var global RWMutex

func Dotted(_ context.Context, wait func()) {
	across(&global, wait)
	var o Once
	both(func() { o.Do(wait) })
}

// across has two take a lock, one while the other waits.
func across(l Locker, wait func()) {
	both(func() {
		l.Lock()
		defer l.Unlock()
		wait()
	})
}

func both(f func()) {
	var all WaitGroup
	all.Go(f)
	all.Go(f)
	all.Wait()
}
-- cond.go --
package kinds

import (
	"sync"
)

func Conditional(wait func()) {
	var mu sync.Mutex
	c, there := sync.NewCond(&mu), false
	go across(&mu, func() {
		wait()
		there = true
		c.Broadcast()
	})
	mu.Lock()
	for !there {
		c.Wait()
	}
	mu.Unlock()
}
-- kinds_test.go --
package kinds_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/kinds"
)

func TestKinds(t *testing.T) {
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			mu.Lock()
			time.AfterFunc(time.Minute, mu.Unlock)
			mu.Lock()
			wait := func() { time.Sleep(time.Hour) }
			kinds.Renamed(wait)
			kinds.Dotted(context.Background(), wait)
			kinds.Conditional(wait)
			time.Sleep(3 * time.Hour)
			if at := kinds.Line(); !strings.HasSuffix(at, "kinds.go:28") || strings.Contains(at, "_files") {
				t.Errorf("it stands in %s", at)
			}
		})
	}
}`

func TestLocksOfEachKindAreSwapped(t *testing.T) {
	if testing.Short() {
		t.Skip("builds tests")
	}
	dir := folder(t, kinds)
	made, err := Locks(t.Context(), dir, filepath.Join(t.TempDir(), "out"), []string{"./...", "example.com/dep"})
	if err != nil {
		t.Fatal(err)
	}
	locks := map[string]int{}
	for _, p := range made.Packages {
		locks[p.Path] = p.Locks
	}
	if made.Adds != "example.com/kinds/"+place || len(locks) != 2 || locks["example.com/kinds"] != 6 || locks["example.com/dep"] != 2 {
		t.Errorf("swapped: %+v", made)
	}
	if said, err := goes(t, dir, "test", "-vet=off", "-timeout=1m", "-overlay", made.File, "."); err != nil {
		t.Errorf("%v\n%s", err, said)
	}

	// What was written is as gofmt has it, with each line where it was.
	var o struct{ Replace map[string]string }
	if text, err := os.ReadFile(made.File); err != nil || json.Unmarshal(text, &o) != nil {
		t.Fatalf("%s, %v", text, err)
	}
	for from, to := range o.Replace {
		before, _ := os.ReadFile(from)
		after, err := os.ReadFile(to)
		if err != nil || len(before) > 0 && strings.Count(string(before), "\n") != strings.Count(string(after), "\n") {
			t.Errorf("%s has other lines: %v\n%s", from, err, after)
		}
		if unformatted, err := exec.CommandContext(t.Context(), "gofmt", "-l", to).CombinedOutput(); err != nil || len(unformatted) > 0 {
			t.Errorf("gofmt: %s, %v\n%s", unformatted, err, after)
		}
	}
}

// puddle is of the module cache, and not to be replaced there.
func TestADependencyIsBuiltFromACopy(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a dependency anew")
	}
	out := t.TempDir()
	made, err := Locks(t.Context(), ".", out, []string{"github.com/jackc/puddle/v2"})
	if err != nil || made.Adds != "" || len(made.Packages) != 1 || made.Packages[0].Locks == 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	said, err := goes(t, ".", "list", "-overlay", made.File, "-f", "{{.Dir}} {{.Imports}}", "github.com/jackc/puddle/v2")
	if err != nil || !strings.HasPrefix(said, out) || !strings.Contains(said, ours) {
		t.Errorf("%s, %v", said, err)
	}
	if said, err := goes(t, "../..", "test", "-count=1", "-overlay", made.File, "-run", "Puddle", "./harness/subject"); err != nil || strings.Contains(said, "no tests") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestPackagesThatCannotBeSwappedAreNamed(t *testing.T) {
	dir := folder(t, kinds+"\n-- empty/nothing.txt --\n-- broken/broken.go --\npackage broken\n\nfunc {")
	for pattern, want := range map[string]string{
		"./plain":                 "example.com/kinds/plain names no lock of package sync",
		"./nowhere":               "nowhere",
		"./empty":                 "no Go files in",
		"./plain/...":             "none that match ./plain/... names a lock",
		"./nowhere/...":           "no such file or directory",
		"example.com/kinds/x/...": "no package matches example.com/kinds/x/...",
		"example.com/kinds/other": "example.com/kinds/other: ",
		"sync":                    "sync is part of the standard library",
		"./broken":                "broken.go:3:6",
		"kinds.go":                "name packages, not files",
	} {
		if _, err := Locks(t.Context(), dir, t.TempDir(), []string{pattern}); !errors.Is(err, ErrPackages) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", pattern, err, want)
		}
	}
	for _, pattern := range []string{"./...", "./plain"} {
		if _, err := Locks(t.Context(), t.TempDir(), t.TempDir(), []string{pattern}); !errors.Is(err, ErrPackages) {
			t.Errorf("%s without a module: %v", pattern, err)
		}
	}
}
