//go:build linux

package outside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"github.com/butfor/butfor/harness/scenario"
)

// A hierarchy is the cgroup file system that shares out the CPU, of version 1
// or 2, as far as it shows here.
type hierarchy struct {
	v2    bool
	dir   string // where it is mounted; "" if it is not
	root  string // the group that is mounted there, seen from where we are
	top   bool   // that is the root of all groups, which is none itself
	known map[string]family
	since time.Duration // the oldest of those known
}

// A family is the groups that one is in, the topmost first, and itself.
type family struct {
	groups []scenario.Group
	hidden string // why it is not certain how they compete; "" if it is
}

// findHierarchy looks among the mounts.
func findHierarchy(mounts []*procfs.MountInfo) *hierarchy {
	h := &hierarchy{known: map[string]family{}}
	for _, m := range mounts {
		if _, ok := m.SuperOptions["cpu"]; ok && m.FSType == "cgroup" {
			h.v2, h.dir, h.root = false, m.MountPoint, m.Root
			break
		}
		if m.FSType != "cgroup2" || h.dir != "" {
			continue
		}
		controllers, err := os.ReadFile(filepath.Join(m.MountPoint, "cgroup.controllers"))
		if err == nil && slices.Contains(strings.Fields(string(controllers)), "cpu") {
			h.v2, h.dir, h.root = true, m.MountPoint, m.Root
		}
	}
	if h.dir == "" {
		return h
	}
	if h.v2 { // only groups that are not the root have a type
		_, err := os.Stat(filepath.Join(h.dir, "cgroup.type"))
		h.top = errors.Is(err, fs.ErrNotExist)
	} else { // only the root has an agent
		_, err := os.Stat(filepath.Join(h.dir, "release_agent"))
		h.top = err == nil
	}
	return h
}

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
	if h.dir == "" {
		for _, name := range names {
			f.groups = append(f.groups, scenario.Group{Name: name, Weight: 1})
		}
		if len(names) > 0 {
			f.hidden = fmt.Sprintf("no cgroup file system with the CPU controller is mounted: the weight of %s is not known", path)
		}
		return f
	}
	root := strings.TrimRight(h.root, "/")
	if root == "" && !h.top { // in a namespace of groups we see our own as the root
		if g, ok := h.group("/", h.dir); ok {
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
		g, ok := h.group(name, filepath.Join(h.dir, below))
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
	if h.v2 {
		file, one = "cpu.weight", 100
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return g, !h.v2 // of version 1 all have it; gone by now
	}
	if w, ok := parseWeight(text, one); ok {
		g.Weight = w
	}
	if idle, err := os.ReadFile(filepath.Join(dir, "cpu.idle")); err == nil && strings.TrimSpace(string(idle)) == "1" {
		g.Weight = idleWeight
	}
	g.Quota = h.quota(dir)
	return g, true
}

func (h *hierarchy) quota(dir string) scenario.Quota {
	var text []byte
	if h.v2 {
		text, _ = os.ReadFile(filepath.Join(dir, "cpu.max"))
	} else {
		budget, _ := os.ReadFile(filepath.Join(dir, "cpu.cfs_quota_us"))
		period, _ := os.ReadFile(filepath.Join(dir, "cpu.cfs_period_us"))
		text = append(append(budget, ' '), period...)
	}
	q, _ := parseMax(text)
	return q
}
