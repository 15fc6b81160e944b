// Package butfor_test holds the house to its rules: who may import whom.
package butfor_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/butfor/butfor/"

// rooms are the folders of the house, innermost first, each with the rooms that
// it may import directly; what those may import, it may too. A folder belongs
// to the room with the longest name that it begins with.
var rooms = map[string][]string{
	"worker/wire":             {},
	"worker":                  {"worker/wire"},
	"worker/container":        {"worker"}, // comes with whoever imports it, as a driver does, and with nobody else
	"pool":                    {"worker"},
	"faults":                  {"worker"},
	"harness/subject":         {"worker", "pool"},
	"harness/scenario":        {"harness/subject", "faults", "harness/cpu"},
	"harness/cpu":             {},
	"harness/world":           {"harness/scenario", "harness/cpu"},
	"harness/world/container": {"harness/world", "worker/container"}, // as that
	"harness/trace":           {"harness/scenario"},
	"harness/judge":           {"harness/scenario", "harness/cpu"},
	"harness/findings":        {"harness/scenario"},
	"harness/report":          {"harness/scenario", "harness/findings"},
	"harness/matrix":          {"harness/scenario"},
	"harness":                 {"harness/world", "harness/trace", "harness/judge", "harness/findings", "harness/report", "harness/matrix", "ci"},
	"cmd":                     {"harness", "ci/gate", "harness/mutant", "harness/overlay", "harness/world/container"},
	"suites":                  {"harness", "internal/leftover", "harness/world/container"},
	// For whoever needs them.
	"python":            {},
	"ci":                {}, // for what is embedded alone
	"ci/gate":           {"harness/report"},
	"internal/point":    {},
	"internal/settings": {},
	"internal/page":     {},
	// For tests.
	"internal/leftover": {"worker"},
	// For tests, and for who builds the mutants.
	"harness/mutant":  {"harness/overlay"},
	"harness/overlay": {},
}

var forAll = []string{"python", "internal/point", "internal/settings", "internal/page"}

func roomOf(path string) string {
	path = strings.TrimPrefix(path, module)
	longest := ""
	for room := range rooms {
		if (path == room || strings.HasPrefix(path, room+"/")) && len(room) > len(longest) {
			longest = room
		}
	}
	return longest
}

// allowed are all rooms that a room may import.
func allowed(room string) map[string]bool {
	all := map[string]bool{room: true}
	for _, r := range forAll {
		all[r] = true
	}
	var add func(string)
	add = func(r string) {
		for _, next := range rooms[r] {
			if !all[next] {
				all[next] = true
				add(next)
			}
		}
	}
	add(room)
	return all
}

func TestEachRoomImportsOnlyWhatItMay(t *testing.T) {
	for _, tags := range []string{"", "butfor_points"} {
		t.Run(tags, func(t *testing.T) { importOnlyWhatTheyMay(t, tags) })
	}
}

func importOnlyWhatTheyMay(t *testing.T, tags string) {
	out, err := exec.Command("go", "list", "-tags", tags, "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath+"/" == module {
			continue // this file's own folder
		}
		room := roomOf(p.ImportPath)
		if room == "" {
			t.Errorf("%s belongs to no room: give it one, or a room of its own in this test", p.ImportPath)
			continue
		}
		seen++
		may := allowed(room)
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module) && !may[roomOf(imported)] {
				t.Errorf("%s imports %s: %s may not know %s", p.ImportPath, imported, room, roomOf(imported))
			}
			for _, engine := range []string{"github.com/testcontainers/", "github.com/moby/"} {
				if strings.HasPrefix(imported, engine) && room != "worker/container" {
					t.Errorf("%s imports %s, which is for worker/container", p.ImportPath, imported)
				}
			}
			for _, testing := range []string{"github.com/onsi/", "go.uber.org/goleak", "github.com/cockroachdb/datadriven"} {
				if strings.HasPrefix(imported, testing) && room != "suites" && room != "internal/leftover" {
					t.Errorf("%s imports %s, which is for suites and tests", p.ImportPath, imported)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

func TestTheRuleItselfCanFail(t *testing.T) {
	for _, c := range []struct {
		from, to string
		may      bool
	}{
		{"pool", "worker/process", true},
		{"pool", "worker/wire", true},
		{"pool", "worker/container", false},
		{"harness", "worker/container", false},
		{"harness", "harness/world/container", false},
		{"harness", "harness/world/process", true},
		{"pool", "harness/scenario", false},
		{"worker", "pool", false},
		{"worker/wire", "worker", false},
		{"harness/judge", "harness/trace", false},
		{"harness/trace", "harness/world/process", false},
		{"harness/findings", "harness/subject/dspex", true},
		{"cmd/butfor", "harness/report", true},
	} {
		if got := allowed(roomOf(module + c.from))[roomOf(module+c.to)]; got != c.may {
			t.Errorf("%s → %s: allowed %v, want %v", c.from, c.to, got, c.may)
		}
	}
}
