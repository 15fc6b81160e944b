//go:build linux

package process

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestThrottlingIsReadInBothVersions(t *testing.T) {
	for _, c := range []struct {
		name, stat string
		v2         bool
	}{
		{"version 1", "nr_periods 12\nnr_throttled 7\nthrottled_time 593000000\n", false},
		{"version 2", "usage_usec 99\nuser_usec 90\nsystem_usec 9\nnr_periods 12\nnr_throttled 7\nthrottled_usec 593000\n", true},
	} {
		g := &Cgroup{dir: t.TempDir(), v2: c.v2}
		if err := os.WriteFile(filepath.Join(g.dir, "cpu.stat"), []byte(c.stat), 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := g.Throttled()
		d, err2 := g.ThrottledTime()
		if n != 7 || d != 593*time.Millisecond || err != nil || err2 != nil {
			t.Errorf("%s: %d periods, %v, %v, %v", c.name, n, d, err, err2)
		}
		if err := os.WriteFile(filepath.Join(g.dir, "cpu.stat"), []byte("usage_usec 99\n"), 0o600); err != nil { // without the controller
			t.Fatal(err)
		}
		if d, err := g.ThrottledTime(); err == nil {
			t.Errorf("%s: %v of a group that has no quota", c.name, d)
		}
	}
}

func TestTheCgroupOfAProcessIsFoundWhereItIs(t *testing.T) {
	if h, err := FindHierarchy(); err != nil || h.Dir == "" {
		t.Skipf("there are no CPU cgroups here: %v", err)
	}
	g, err := CgroupOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(g.dir, "cgroup.procs")); err != nil || g.Path() != cgroup(os.Getpid()) {
		t.Errorf("%s, of group %q: %v", g.dir, g.Path(), err)
	}
}
