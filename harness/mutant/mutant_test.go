package mutant

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the module's.
const root = "../.."

func mutants(t *testing.T) []Mutant {
	t.Helper()
	all, err := All(root)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryPatchAppliesAndBuilds(t *testing.T) {
	overlay, err := Together(root, t.TempDir(), mutants(t))
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		return // all apply; they are built without -short
	}
	for _, tags := range []string{"", "butfor_points"} {
		build(t, overlay, "build", "-tags", tags, "./harness/subject")
	}
}

// TestEveryMutantIsKilled has each test that is said to find a mutant run on it:
// it must fail. On the code as it is, all of them succeed.
func TestEveryMutantIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("builds tests for each mutant")
	}
	for _, m := range mutants(t) {
		for _, k := range m.KilledBy {
			t.Run(m.Name+" by "+k.Name, func(t *testing.T) {
				t.Parallel()
				out, err := command(t, m, "test", "-tags", "butfor_points", "-count=1", "-timeout=2m", "-run", "^"+k.Name+"$", k.Package)
				if err == nil {
					t.Fatalf("it lives: %s", m.Bug)
				}
				if !strings.Contains(out, "--- FAIL: "+k.Name) {
					t.Fatalf("the test did not fail, but: %s", out)
				}
				t.Logf("%s", out)
			})
		}
	}
}

// command runs go on a mutant, and gives what it printed.
func command(t *testing.T, m Mutant, args ...string) (string, error) {
	t.Helper()
	overlay, err := m.Overlay(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return overlaid(t, overlay, args...)
}

// build runs go with an overlay. It must succeed.
func build(t *testing.T, overlay string, args ...string) {
	t.Helper()
	if out, err := overlaid(t, overlay, args...); err != nil {
		t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// overlaid runs go with an overlay, and gives what it printed.
func overlaid(t *testing.T, overlay string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{args[0], "-overlay", overlay}, args[1:]...)
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = root
	c.Env = append(os.Environ(), "RAPID_NOFAILFILE=1") // what fails is no test of ours
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.String(), err
}

const patch = `Bug: it says goodbye.
Killed-By: ./a TestA
Killed-By: ./b TestB
Alone: it is shy.

diff --git a/a/a.txt b/a/a.txt
--- a/a/a.txt
+++ b/a/a.txt
@@ -1,3 +1,3 @@
 one
-hello
+goodbye
 two
`

// module is a folder with one file.
func module(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "a.txt"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAPatchSaysItsBugAndWhoFindsIt(t *testing.T) {
	m, err := Parse("m", []byte(patch))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "m" || m.Bug != "it says goodbye." || m.Alone != "it is shy." || len(m.KilledBy) != 2 || m.KilledBy[1] != (Test{"./b", "TestB"}) {
		t.Errorf("got %+v", m)
	}
	for why, text := range map[string]string{
		"head":                 "no head at all",
		"what its Bug is":      strings.Replace(patch, "Bug: it says goodbye.\n", "", 1),
		"Colour, which":        "Colour: red\n" + patch,
		"a package and a test": strings.Replace(patch, "./a TestA", "TestA", 1),
		"no patch":             patch[:strings.Index(patch, "diff")],
		"of the module":        strings.ReplaceAll(patch, "a/a.txt", "../a.txt"),
	} {
		if _, err := Parse("m", []byte(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want an error that says %q", err, why)
		}
	}
}

func TestAPatchAppliesWhereverItsLinesStand(t *testing.T) {
	m, err := Parse("m", []byte(patch))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay, err := m.Overlay(module(t, "above\nabove\none\nhello\ntwo\n"), dir)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a", "a.txt")); err != nil || string(text) != "above\nabove\none\ngoodbye\ntwo\n" {
		t.Errorf("got %q, %v", text, err)
	}
	if text, err := os.ReadFile(overlay); err != nil || !strings.Contains(string(text), "a/a.txt") {
		t.Errorf("overlay %s, %v", text, err)
	}
}

func TestAPatchThatNoLongerAppliesIsAnError(t *testing.T) {
	m, err := Parse("m", []byte(patch))
	if err != nil {
		t.Fatal(err)
	}
	for why, text := range map[string]string{
		"0 times": "one\nhallo\ntwo\n",
		"2 times": "one\nhello\ntwo\none\nhello\ntwo\n",
	} {
		if _, err := m.Overlay(module(t, text), t.TempDir()); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %v, want %q", text, err, why)
		}
	}
	if _, err := m.Overlay(t.TempDir(), t.TempDir()); err == nil {
		t.Error("a file was patched that is not there")
	}
}

func TestAPatchMayAddAFile(t *testing.T) {
	m, err := Parse("m", []byte("Bug: one file too many.\n\ndiff --git a/a/b.txt b/a/b.txt\nnew file mode 100644\n--- /dev/null\n+++ b/a/b.txt\n@@ -0,0 +1 @@\n+b\n"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := m.Overlay(module(t, "one\n"), dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a", "b.txt")); err != nil || string(text) != "b\n" {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := All(t.TempDir()); err == nil {
		t.Error("a folder without patches has mutants")
	}
}

func TestTogetherAMutantMayChangeThePoolAlone(t *testing.T) {
	m, err := Parse("elsewhere", []byte("Bug: it adds a file.\n\n--- /dev/null\n+++ b/harness/more.go\n@@ -0,0 +1 @@\n+package harness\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Together(root, t.TempDir(), []Mutant{m}); err == nil || !strings.Contains(err.Error(), "package pool alone") {
		t.Errorf("got %v", err)
	}
}
