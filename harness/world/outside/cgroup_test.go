//go:build linux

package outside

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	workers "github.com/butfor/butfor/worker/process"
)

// folder makes a cgroup file system: files, and what is in them.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func v1(dir, root string) workers.Hierarchy { return workers.Hierarchy{Dir: dir, Root: root} }

func v2(dir, root string) workers.Hierarchy { return workers.Hierarchy{V2: true, Dir: dir, Root: root} }

var (
	files1 = map[string]string{
		"release_agent": "", "cpu.shares": "1024\n", "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n",
		"docker/cpu.shares": "1024\n", "docker/cpu.cfs_quota_us": "-1\n", "docker/cpu.cfs_period_us": "100000\n", "docker/cpu.idle": "0\n",
		"docker/a/cpu.shares": "512\n", "docker/a/cpu.cfs_quota_us": "150000\n", "docker/a/cpu.cfs_period_us": "100000\n",
		"idle/cpu.shares": "3\n", "idle/cpu.idle": "1\n",
	}
	files2 = map[string]string{
		"cgroup.controllers":      "cpuset cpu io memory pids\n",
		"system.slice/cpu.weight": "100\n", "system.slice/cpu.max": "max 100000\n", "system.slice/cgroup.type": "domain\n",
		"system.slice/a.service/cpu.weight": "50\n", "system.slice/a.service/cpu.max": "20000 100000\n",
		"system.slice/a.service/below/cgroup.type": "domain\n",
		"idle/cpu.weight":                          "0\n", "idle/cpu.idle": "1\n",
	}
	// What a container sees that has a cgroup namespace of its own.
	inside1 = map[string]string{"cpu.shares": "2048\n", "cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n"}
	inside2 = map[string]string{"cgroup.controllers": "cpu\n", "cgroup.type": "domain\n", "cpu.weight": "200\n", "cpu.max": "50000 100000\n", "in/cpu.weight": "100\n"}
)

func TestAGroupCompetesAsItsFilesSay(t *testing.T) {
	half := scenario.Quota{Cores: 0.5, Period: 100 * ms, First: 50 * ms} // nobody knows when its periods began
	group := func(name string, weight float64) scenario.Group { return scenario.Group{Name: name, Weight: weight} }
	under := func(name string, weight float64, q scenario.Quota) scenario.Group {
		return scenario.Group{Name: name, Weight: weight, Quota: q}
	}
	for _, c := range []struct {
		name   string
		of     workers.Hierarchy
		path   string
		want   []scenario.Group
		hidden string
	}{
		{"version 1", v1(folder(t, files1), "/"), "/docker/a",
			[]scenario.Group{group("docker", 1), under("a", 0.5, scenario.Quota{Cores: 1.5, Period: 100 * ms, First: 50 * ms})}, ""},
		{"the root of version 1", v1(folder(t, files1), "/"), "/", nil, ""},
		{"idle in version 1", v1(folder(t, files1), "/"), "/idle", []scenario.Group{group("idle", 3./1024)}, ""},
		{"gone meanwhile from version 1", v1(folder(t, files1), "/"), "/docker/b", []scenario.Group{group("docker", 1), group("b", 1)}, ""},
		{"version 2", v2(folder(t, files2), "/"), "/system.slice/a.service",
			[]scenario.Group{group("system.slice", 1), under("a.service", 0.5, scenario.Quota{Cores: 0.2, Period: 100 * ms, First: 50 * ms})}, ""},
		{"below what version 2 shares out", v2(folder(t, files2), "/"), "/system.slice/a.service/below/deeper",
			[]scenario.Group{group("system.slice", 1), under("a.service", 0.5, scenario.Quota{Cores: 0.2, Period: 100 * ms, First: 50 * ms})}, ""},
		{"not shared out in version 2", v2(folder(t, files2), "/"), "/user.slice/user-0.slice", nil, ""},
		{"the root of version 2", v2(folder(t, files2), "/"), "/", nil, ""},
		{"idle in version 2", v2(folder(t, files2), "/"), "/idle", []scenario.Group{group("idle", 3./1024)}, ""},
		{"in a container of version 1, in a namespace", v1(folder(t, inside1), "/"), "/", []scenario.Group{under("/", 2, half)}, ""},
		{"in a container of version 2, in a namespace", v2(folder(t, inside2), "/"), "/in", []scenario.Group{under("/", 2, half), group("in", 1)}, ""},
		{"in a container of version 1, without", v1(folder(t, inside1), "/docker/a"), "/docker/a",
			[]scenario.Group{group("docker", 1), under("a", 2, half)}, "the weight of group /docker is not known"},
		{"another container's", v1(folder(t, inside1), "/docker/a"), "/docker/ab",
			[]scenario.Group{group("docker", 1), group("ab", 1)}, "the weight of group /docker/ab is not known"},
		{"outside of the namespace", v2(folder(t, inside2), "/"), "/../b", []scenario.Group{under("/", 2, half), group("..", 1), group("b", 1)}, "the weight of group /../b is not known"},
		{"nothing mounted", workers.Hierarchy{}, "/a/b", []scenario.Group{group("a", 1), group("b", 1)}, "the weight of /a/b is not known"},
		{"nothing mounted and no group", workers.Hierarchy{}, "/", nil, ""},
	} {
		f := newHierarchy(c.of).read(c.path)
		if !reflect.DeepEqual(f.groups, c.want) || (f.hidden == "") != (c.hidden == "") || !strings.Contains(f.hidden, c.hidden) {
			t.Errorf("%s: got %+v, %q\nwant %+v, %q", c.name, f.groups, f.hidden, c.want, c.hidden)
		}
	}
}

func TestWhatIsKnownOfAGroupIsKeptForASecond(t *testing.T) {
	dir := folder(t, files1)
	h := newHierarchy(v1(dir, "/"))
	weight := func(now int) float64 {
		return h.family("/docker", time.Duration(now)*ms).groups[0].Weight
	}
	if weight(0) != 1 {
		t.Errorf("at first %v", weight(0))
	}
	if err := os.WriteFile(filepath.Join(dir, "docker/cpu.shares"), []byte("2048\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := weight(1000); got != 1 {
		t.Errorf("after a second %v", got)
	}
	if got := weight(1001); got != 2 {
		t.Errorf("after more than that %v", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "docker/cpu.shares"), []byte("3072\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if h.anew(); weight(1002) != 3 {
		t.Errorf("asked anew %v", weight(1002))
	}
}

func TestSessionsAreGroupsInTheRootOfTheMachineAlone(t *testing.T) {
	for _, c := range []struct {
		enabled, namespace string
		want               bool
	}{
		{"1\n", initialCgroups, true},
		{"1\n", "", true}, // a kernel without such namespaces
		{"1\n", "cgroup:[4026532767]", false},
		{"0\n", initialCgroups, false},
		{"", initialCgroups, false},
	} {
		if got := autogrouped(c.enabled, c.namespace); got != c.want {
			t.Errorf("%q in %q: %v", c.enabled, c.namespace, got)
		}
	}
}
