//go:build linux

package outside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	workers "github.com/butfor/butfor/worker/process"
)

// A hierarchy is what is known of the groups of one.
type hierarchy struct {
	workers.Hierarchy
	top   bool // its Root is the root of all groups, which is none itself
	known map[string]family
	since time.Duration // the oldest of those known
}

// A family is the groups that one is in, the topmost first, and itself.
type family struct {
	groups []scenario.Group
	hidden string // why it is not certain how they compete; "" if it is
}

// newHierarchy finds out what is mounted of it.
func newHierarchy(of workers.Hierarchy) *hierarchy {
	h := &hierarchy{Hierarchy: of, known: map[string]family{}}
	if h.Dir == "" {
		return h
	}
	if h.V2 { // only groups that are not the root have a type
		_, err := os.Stat(filepath.Join(h.Dir, "cgroup.type"))
		h.top = errors.Is(err, fs.ErrNotExist)
	} else { // only the root has an agent
		_, err := os.Stat(filepath.Join(h.Dir, "release_agent"))
		h.top = err == nil
	}
	return h
}

// anew forgets all answers.
func (h *hierarchy) anew() { clear(h.known) }

// family finds out about a group. Answers are kept for a while.
func (h *hierarchy) family(path string, now time.Duration) family {
	if now-h.since > keep {
		clear(h.known)
		h.since = now
	}
	f, ok := h.known[path]
	if !ok {
		f = h.read(path)
		h.known[path] = f
	}
	return f
}

func (h *hierarchy) read(path string) (f family) {
	names := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	if h.Dir == "" {
		for _, name := range names {
			f.groups = append(f.groups, scenario.Group{Name: name, Weight: 1})
		}
		if len(names) > 0 {
			f.hidden = fmt.Sprintf("no cgroup file system with the CPU controller is mounted: the weight of %s is not known", path)
		}
		return f
	}
	root := strings.TrimRight(h.Root, "/")
	if root == "" && !h.top { // in a namespace of groups we see our own as the root
		if g, ok := h.group("/", h.Dir); ok {
			f.groups = append(f.groups, g)
		}
	}
	at, elsewhere := "", false
	for _, name := range names {
		at += "/" + name
		elsewhere = elsewhere || name == ".."
		below, visible := strings.CutPrefix(at, root)
		if !visible || below != "" && below[0] != '/' || elsewhere {
			f.groups = append(f.groups, scenario.Group{Name: name, Weight: 1})
			f.hidden = fmt.Sprintf("the weight of group %s is not known: it is outside of what is mounted here", at)
			continue
		}
		g, ok := h.group(name, filepath.Join(h.Dir, below))
		if !ok {
			break // version 2: the CPU is not shared out below here
		}
		f.groups = append(f.groups, g)
	}
	return f
}

// group reads how a group competes. In version 2 one may lack the controller:
// not ok.
func (h *hierarchy) group(name, dir string) (g scenario.Group, ok bool) {
	g = scenario.Group{Name: name, Weight: 1}
	file, one := "cpu.shares", 1024.
	if h.V2 {
		file, one = "cpu.weight", 100
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return g, !h.V2 // of version 1 all have it; gone by now
	}
	if w, ok := parseWeight(text, one); ok {
		g.Weight = w
	}
	if idle, err := os.ReadFile(filepath.Join(dir, "cpu.idle")); err == nil && strings.TrimSpace(string(idle)) == "1" {
		g.Weight = idleWeight
	}
	g.Quota, _ = parseMax([]byte(h.Quota(dir)))
	g.Quota.First = g.Quota.Period / 2
	return g, true
}
