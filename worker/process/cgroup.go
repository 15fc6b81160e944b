//go:build linux

package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/butfor/butfor/worker"
)

// A Cgroup is a CPU cgroup, in either version of cgroups. One that was made here
// weighs as much as a session does among its siblings.
type Cgroup struct {
	dir  string
	v2   bool
	path string // of one that was not made here, as the kernel has it
}

// NewCgroup makes a cgroup, to be removed again. The error says what is missing: a
// CPU controller, or the right to make a group in it. The first call of a program
// also removes what programs left that were killed.
func NewCgroup() (*Cgroup, error) {
	places, v2, err := cgroupPlaces()
	if err != nil {
		return nil, fmt.Errorf("CPU cgroup: %w", err)
	}
	swept.Do(func() { sweep(places) })
	name := fmt.Sprintf("%s%d-%s-%d", cgroupPrefix, os.Getpid(), Began(os.Getpid()), made.Add(1))
	var why error
	for _, place := range places {
		c := &Cgroup{dir: filepath.Join(place, name), v2: v2}
		err := os.Mkdir(c.dir, 0o755)
		if err == nil {
			if _, err = os.Stat(filepath.Join(c.dir, c.quotaFile())); err == nil {
				return c, nil
			}
			_ = os.Remove(c.dir)
			err = fmt.Errorf("the CPU controller is not enabled in %s", place)
		}
		why = errors.Join(why, err)
	}
	return nil, fmt.Errorf("CPU cgroup: none can be made here, which takes root, or a cgroup that was delegated to this user: %w", why)
}

// The name of a group says whose it is: pid and start of the program that made it.
const cgroupPrefix = "butfor-"

var (
	made  atomic.Int64
	swept sync.Once
)

// sweep removes the groups of programs that are no more. One that has a process in
// it can't be removed.
func sweep(places []string) {
	for _, place := range places {
		entries, _ := os.ReadDir(place) // what can't be read is not ours
		for _, e := range entries {
			whose, ok := strings.CutPrefix(e.Name(), cgroupPrefix)
			if !ok {
				continue
			}
			owner, rest, _ := strings.Cut(whose, "-")
			start, _, _ := strings.Cut(rest, "-")
			if pid, err := strconv.Atoi(owner); err == nil && Began(pid) != start {
				_ = os.Remove(filepath.Join(place, e.Name()))
			}
		}
	}
}

// Began is when a process began, as the kernel counts it; "" if there is none, or
// only what nobody has reaped yet. A pid and this together are nobody else's.
func Began(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	const field = 22 - 3 // of those after the name, which may have blanks in it
	if f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]); len(f) > field && f[0][0] != 'Z' && f[0][0] != 'X' {
		return string(f[field])
	}
	return ""
}

// cgroupPlaces are the folders in which a group of ours may be made, best first.
func cgroupPlaces() (places []string, v2 bool, err error) {
	h, err := FindHierarchy()
	if err != nil {
		return nil, false, err
	}
	if h.Dir == "" {
		return nil, false, errors.New("no cgroup with a CPU controller is mounted")
	}
	own := filepath.Join(h.Dir, strings.TrimPrefix(cgroup(os.Getpid()), strings.TrimSuffix(h.Root, "/")))
	if !h.V2 || own == h.Dir {
		return []string{own}, h.V2, nil
	}
	// A group of version 2 with processes in it, as ours, has no groups with
	// controllers below; so ours goes beside.
	return []string{filepath.Dir(own), own}, true, nil
}

func (c *Cgroup) quotaFile() string {
	if c.v2 {
		return "cpu.max"
	}
	return "cpu.cfs_quota_us"
}

func (c *Cgroup) write(file, text string) error {
	return os.WriteFile(filepath.Join(c.dir, file), []byte(text), 0)
}

// Add moves a process with all its threads into the group. What it starts from
// now on is in it too.
func (c *Cgroup) Add(pid int) error { return c.write("cgroup.procs", strconv.Itoa(pid)) }

// Take puts a worker of this package into the group, which must be of nobody else: its
// Info says from then on how long a quota has throttled it.
func (c *Cgroup) Take(p worker.Port) error {
	if err := c.Add(p.Info().PID); err != nil {
		return err
	}
	if own, ok := p.(*port); ok {
		own.mu.Lock()
		defer own.mu.Unlock()
		own.throttled()
		own.group, own.before = c, own.held
	}
	return nil
}

// Limit bounds the CPU of the group to so many cores on average over a period,
// each at least what the kernel takes: a period of 1 ms to 1 s, and 1 ms of CPU
// in it. 0 cores take the limit away.
func (c *Cgroup) Limit(cores float64, period time.Duration) error {
	us := strconv.FormatInt(int64(period/time.Microsecond), 10)
	quota := strconv.FormatInt(int64(cores*float64(period)/1e3+0.5), 10)
	switch {
	case c.v2 && cores == 0:
		return c.write("cpu.max", "max")
	case c.v2:
		return c.write("cpu.max", quota+" "+us)
	case cores == 0:
		return c.write("cpu.cfs_quota_us", "-1")
	}
	if err := c.write("cpu.cfs_period_us", us); err != nil {
		return err
	}
	return c.write("cpu.cfs_quota_us", quota)
}

// CgroupOf is the CPU cgroup that a process is in, whoever made it.
func CgroupOf(pid int) (*Cgroup, error) {
	h, err := FindHierarchy()
	if err != nil {
		return nil, err
	}
	path := cgroup(pid)
	below, visible := strings.CutPrefix(path, strings.TrimSuffix(h.Root, "/"))
	if h.Dir == "" || path == "" || !visible || strings.Contains(path, "/../") {
		return nil, fmt.Errorf("the CPU cgroup of process %d, %q, can't be seen here", pid, path)
	}
	return &Cgroup{dir: filepath.Join(h.Dir, below), v2: h.V2, path: path}, nil
}

// Path is that of a group which CgroupOf gave, as Info has it.
func (c *Cgroup) Path() string { return c.path }

// Throttled is in how many periods so far the limit kept the group from running.
func (c *Cgroup) Throttled() (int, error) {
	n, err := c.stat("nr_throttled")
	return int(n), err
}

// ThrottledTime is how long it did so.
func (c *Cgroup) ThrottledTime() (time.Duration, error) {
	if c.v2 {
		us, err := c.stat("throttled_usec")
		return time.Duration(us) * time.Microsecond, err
	}
	ns, err := c.stat("throttled_time")
	return time.Duration(ns), err
}

// stat is one of the figures in cpu.stat.
func (c *Cgroup) stat(name string) (int64, error) {
	b, err := os.ReadFile(filepath.Join(c.dir, "cpu.stat"))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if f := bytes.Fields(line); len(f) == 2 && string(f[0]) == name {
			return strconv.ParseInt(string(f[1]), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s/cpu.stat names no %s", c.dir, name)
}

// Remove removes the group. It fails while a process is in it.
func (c *Cgroup) Remove() error { return os.Remove(c.dir) }
