//go:build linux

package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Hierarchy is the cgroup file system that shares out the CPU, of version 1 or
// 2, as far as it shows here. The zero Hierarchy is none.
type Hierarchy struct {
	V2   bool
	Dir  string // where it is mounted
	Root string // the group that is mounted there, seen from where we are
}

// FindHierarchy looks for it among what is mounted for this program.
func FindHierarchy() (Hierarchy, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Hierarchy{}, fmt.Errorf("cgroups: %w", err)
	}
	return hierarchyAmong(string(mounts)), nil
}

// hierarchyAmong looks among mounts as proc_pid_mountinfo(5) lists them. Where
// version 1 has the CPU, version 2 has not.
func hierarchyAmong(mounts string) (h Hierarchy) {
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(line, " - ")
		mount, of := strings.Fields(before), strings.Fields(after)
		if !ok || len(mount) < 5 || len(of) < 3 {
			continue
		}
		root, dir := mount[3], mount[4]
		switch {
		case of[0] == "cgroup" && slices.Contains(strings.Split(of[2], ","), "cpu"):
			return Hierarchy{Dir: dir, Root: root}
		case of[0] == "cgroup2" && h.Dir == "":
			controllers, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
			if slices.Contains(strings.Fields(string(controllers)), "cpu") {
				h = Hierarchy{V2: true, Dir: dir, Root: root}
			}
		}
	}
	return h
}

// String is its version, in words.
func (h Hierarchy) String() string {
	switch {
	case h.Dir == "":
		return "none with a CPU controller"
	case h.V2:
		return "version 2"
	}
	return "version 1"
}

// Quota is what a group's files say of its CPU in a period, both in microseconds,
// as cpu.max has them; "" if they can't be read. dir is the group's folder.
func (h Hierarchy) Quota(dir string) string {
	if h.V2 {
		limit, _ := os.ReadFile(filepath.Join(dir, "cpu.max"))
		return strings.TrimSpace(string(limit))
	}
	budget, err := os.ReadFile(filepath.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return ""
	}
	period, _ := os.ReadFile(filepath.Join(dir, "cpu.cfs_period_us"))
	return strings.TrimSpace(string(budget)) + " " + strings.TrimSpace(string(period))
}
