//go:build linux

package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheHierarchyThatSharesOutTheCPUIsFoundAmongTheMounts(t *testing.T) {
	with, without := t.TempDir(), t.TempDir()
	for dir, controllers := range map[string]string{with: "cpuset cpu io\n", without: "io cpuset\n"} {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.controllers"), []byte(controllers), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	v1 := "30 23 0:26 /docker/a /cg/cpu rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"
	v2 := func(dir string) string { return "31 23 0:27 / " + dir + " rw shared:9 - cgroup2 cgroup2 rw\n" }
	other := "29 23 0:25 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n24 1 8:1 / / rw - ext4 /dev/sda1 rw,cpu\nnonsense\n"
	for _, c := range []struct {
		name, mounts string
		want         Hierarchy
		says         string
	}{
		{"nothing", "", Hierarchy{}, "none with a CPU controller"},
		{"others", other + v2(without), Hierarchy{}, "none with a CPU controller"},
		{"version 1", other + v1, Hierarchy{Dir: "/cg/cpu", Root: "/docker/a"}, "version 1"},
		{"version 2", other + v2(with), Hierarchy{V2: true, Dir: with, Root: "/"}, "version 2"},
		{"version 1 after version 2", v2(with) + v1, Hierarchy{Dir: "/cg/cpu", Root: "/docker/a"}, "version 1"},
		{"the first of version 2", v2(without) + v2(with) + strings.Replace(v2(with), " / ", " /other ", 1), Hierarchy{V2: true, Dir: with, Root: "/"}, "version 2"},
	} {
		if got := hierarchyAmong(c.mounts); got != c.want || got.String() != c.says {
			t.Errorf("%s: got %+v, %s; want %+v", c.name, got, got, c.want)
		}
	}
}

func TestAQuotaIsReadAlikeInBothVersions(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"cpu.max": "20000 100000\n", "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "50000\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for h, want := range map[Hierarchy]string{{V2: true}: "20000 100000", {}: "-1 50000"} {
		if got := h.Quota(dir); got != want {
			t.Errorf("%+v: %q, want %q", h, got, want)
		}
		if got := h.Quota(filepath.Join(dir, "none")); got != "" {
			t.Errorf("%+v: of no group %q", h, got)
		}
	}
}
