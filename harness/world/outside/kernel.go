//go:build linux

package outside

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/harness/scenario"
	workers "github.com/butfor/butfor/worker/process"
)

// A kernel is what this machine's says. It is for one goroutine.
type kernel struct {
	began  time.Time
	mark   []byte
	proc   *os.File // /proc
	fs     procfs.FS
	groups *hierarchy
	auto   bool   // sessions are groups
	usage  string // the file with the CPU used by all groups, exact; "" if there is none
	online unix.CPUSet
	tasks  map[int]*task // by process
	files  int           // of threads that are open
	names  []string      // scratch
	path   []byte        // scratch
	text   []byte        // scratch
	gaps   []scenario.Gap
}

// open looks at what can be seen here.
func open(mark string) (*kernel, error) {
	k := &kernel{began: time.Now(), mark: []byte(mark), tasks: map[int]*task{}, text: make([]byte, 16<<10)}
	var err error
	if k.fs, err = procfs.NewDefaultFS(); err != nil {
		return nil, err
	}
	mounts, err := k.fs.GetMounts()
	if err != nil {
		return nil, err
	}
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return nil, fmt.Errorf("/proc is of another pid namespace: in it this program is %q, not %d", self, os.Getpid())
	}
	if k.proc, err = os.Open("/proc"); err != nil {
		return nil, err
	}
	groups, err := workers.FindHierarchy()
	if err != nil {
		return nil, err
	}
	k.groups = newHierarchy(groups)
	enabled, _ := os.ReadFile("/proc/sys/kernel/sched_autogroup_enabled")
	within, _ := os.Readlink("/proc/self/ns/cgroup")
	k.auto = autogrouped(string(enabled), within)
	k.lookForGaps(mounts)
	for _, m := range mounts { // of version 1, and the root: that of all processes, dead ones too
		if _, ok := m.SuperOptions["cpuacct"]; ok && m.FSType == "cgroup" {
			if _, err := os.Stat(filepath.Join(m.MountPoint, "release_agent")); err == nil {
				k.usage = filepath.Join(m.MountPoint, "cpuacct.usage")
			}
		}
	}
	return k, nil
}

// now is the time since the recording began.
func (k *kernel) now() time.Duration { return time.Since(k.began) }

func (k *kernel) close() {
	for pid := range k.tasks {
		k.gone(pid)
	}
	_ = k.proc.Close()
}

// initialCgroups is the namespace whose root is the machine's: PROC_CGROUP_INIT_INO.
const initialCgroups = "cgroup:[4026531835]"

// autogrouped says whether sessions in the root of what is seen here are groups:
// they are in the machine's alone, not in a container's, which may look the same.
func autogrouped(enabled, namespace string) bool {
	return strings.TrimSpace(enabled) == "1" && (namespace == "" || namespace == initialCgroups)
}

// initialPIDs is the inode of the namespace that has all processes in it:
// PROC_PID_INIT_INO.
const initialPIDs = "pid:[4026531836]"

func (k *kernel) lookForGaps(mounts []*procfs.MountInfo) {
	gap := func(kind, text string) { k.gaps = append(k.gaps, scenario.Gap{Kind: kind, Text: text}) }
	if ns, err := os.Readlink("/proc/self/ns/pid"); err != nil || ns != initialPIDs {
		gap(scenario.GapNamespace, "only the processes of this program's own pid namespace can be seen")
	}
	for _, m := range mounts {
		if hide := m.SuperOptions["hidepid"]; m.FSType == "proc" && m.MountPoint == "/proc" && hide != "" && hide != "0" && hide != "off" && os.Geteuid() != 0 {
			gap(scenario.GapNamespace, "only the processes of this program's own user can be seen: /proc is mounted with hidepid="+hide)
		}
	}
	if _, err := os.Stat("/proc/thread-self/schedstat"); err != nil {
		gap(scenario.GapDelay, "the kernel does not say how long threads waited for a CPU: it was built without CONFIG_SCHED_INFO")
	}
	if _, ok := k.machine(); !ok {
		gap(scenario.GapMachine, "what the machine used, and what was stolen from it, is not known: /proc/stat can't be read")
	}
}

// limits are what the machine itself keeps from being seen.
func (k *kernel) limits() []scenario.Gap { return k.gaps }

// processes lists the numbers of all that can be seen.
func (k *kernel) processes(into []int) ([]int, error) {
	if _, err := k.proc.Seek(0, io.SeekStart); err != nil {
		return into, err
	}
	names, err := k.proc.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			into = append(into, pid)
		}
	}
	return into, err
}

// newest is the number of the process or thread that was begun last.
func (k *kernel) newest() (int, bool) { return parseNewest(k.readAt(unix.AT_FDCWD, "/proc/loadavg")) }

// kthreads are the kernel's own threads, each a process to us.
func (k *kernel) kthreads() []int {
	if parent, ok := parseParent(k.read(kthreadd, "/stat")); !ok || parent != 0 {
		return nil // in a namespace that has none
	}
	return parsePIDs(k.read(kthreadd, "/task/2/children"))
}

// kthreadd is the parent of all the kernel's threads. In a namespace of
// processes that has none the number is somebody else's, whose parent is
// somebody.
const kthreadd = 2

// clock is the CPU time of all threads of a process, dead ones too.
func (k *kernel) clock(pid int) (time.Duration, bool) {
	return workers.CPUTime(pid)
}

// threads calls f with what each living thread of a process has had of the CPU,
// and waited for one.
func (k *kernel) threads(pid int, f func(tid int, on, delay time.Duration)) {
	t := k.tasks[pid]
	if t == nil {
		fd, err := unix.Openat(int(k.proc.Fd()), strconv.Itoa(pid)+"/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		t = &task{dir: fd}
		k.tasks[pid] = t
	}
	var stat unix.Stat_t
	if unix.Fstat(t.dir, &stat) != nil {
		return
	}
	if int(stat.Nlink) != t.links || t.stale {
		k.list(t)
		t.links = int(stat.Nlink)
	}
	for i := range t.threads {
		on, delay, ok := parseSchedstat(k.schedstat(t, &t.threads[i]))
		if ok {
			f(t.threads[i].tid, on, delay)
		} else {
			t.stale = true // it has ended, and maybe another one began
		}
	}
}

// A task is the threads of a process. Their files are kept open: reading one
// costs a fourth of what opening it does.
type task struct {
	dir     int // its folder
	links   int // of that: one for each thread, and two
	threads []file
	stale   bool // not all of them are there any more
}

// file is a thread's file; -1 if it is not kept open.
type file struct{ tid, fd int }

// filesMost is how many files are kept open.
const filesMost = 192

// list brings the list of threads up to date.
func (k *kernel) list(t *task) {
	was := t.threads
	t.threads, t.stale = nil, false
	k.names = k.names[:0]
	if _, err := unix.Seek(t.dir, 0, unix.SEEK_SET); err != nil {
		return
	}
	for {
		n, err := unix.ReadDirent(t.dir, k.text)
		if n <= 0 || err != nil {
			break
		}
		_, _, k.names = unix.ParseDirent(k.text[:n], -1, k.names)
	}
	for _, name := range k.names {
		tid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		next := file{tid, -1}
		if i := slices.IndexFunc(was, func(o file) bool { return o.tid == tid }); i >= 0 {
			next.fd, was[i].fd = was[i].fd, -1
		}
		t.threads = append(t.threads, next)
	}
	k.shut(was)
}

func (k *kernel) shut(files []file) {
	for _, o := range files {
		if o.fd >= 0 {
			_ = unix.Close(o.fd)
			k.files--
		}
	}
}

// gone says that a process is.
func (k *kernel) gone(pid int) {
	if t := k.tasks[pid]; t != nil {
		k.shut(t.threads)
		_ = unix.Close(t.dir)
		delete(k.tasks, pid)
	}
}

// schedstat reads a thread's, until the next call. nil: it has ended.
func (k *kernel) schedstat(t *task, o *file) []byte {
	if o.fd < 0 {
		k.path = append(strconv.AppendInt(k.path[:0], int64(o.tid), 10), "/schedstat"...)
		fd, err := unix.Openat(t.dir, string(k.path), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil
		}
		if k.files >= filesMost {
			defer func() { _ = unix.Close(fd) }()
			n, err := unix.Pread(fd, k.text, 0)
			if err != nil {
				return nil
			}
			return k.text[:n]
		}
		o.fd = fd
		k.files++
	}
	n, err := unix.Pread(o.fd, k.text, 0)
	if err != nil {
		return nil
	}
	return k.text[:n]
}

// read reads a file of a process's, until the next call. nil: it can't be read.
func (k *kernel) read(pid int, name string) []byte {
	k.path = append(strconv.AppendInt(k.path[:0], int64(pid), 10), name...)
	return k.readAt(int(k.proc.Fd()), string(k.path))
}

// readAt reads a file, until the next call. nil: it can't be read.
func (k *kernel) readAt(dir int, path string) []byte {
	fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = unix.Close(fd) }()
	for n := 0; ; {
		m, err := unix.Read(fd, k.text[n:])
		switch {
		case err != nil:
			return nil
		case m == 0:
			return k.text[:n]
		}
		if n += m; n == len(k.text) {
			k.text = append(k.text, make([]byte, n)...)
		}
	}
}

// group is where a process is scheduled: its cgroups, or its session where that
// is a group. It fails if the process is gone.
func (k *kernel) group(pid int, now time.Duration) (f family, ok bool) {
	text := k.read(pid, "/cgroup")
	if text == nil {
		return family{}, false
	}
	f = k.groups.family(parseCgroup(text, k.groups.V2), now)
	if len(f.groups) > 0 || !k.auto { // autogroups are of the root alone
		return f, true
	}
	if g, ok := parseAutogroup(k.read(pid, "/autogroup")); ok {
		f = family{groups: []scenario.Group{g}}
	}
	return f, true
}

func (k *kernel) anew() { k.groups.anew() }

// manner is how a thread competes inside its group. A thread that is gone
// competes as any other.
func (k *kernel) manner(tid int) (m manner) {
	if attr, err := unix.SchedGetAttr(tid, 0); err == nil {
		switch attr.Policy {
		case unix.SCHED_FIFO, unix.SCHED_RR, unix.SCHED_DEADLINE:
			m.policy = scenario.Realtime
		case unix.SCHED_IDLE:
			m.policy = scenario.Idle
		default:
			m.nice = int(attr.Nice)
		}
	}
	var may unix.CPUSet
	if unix.SchedGetaffinity(tid, &may) != nil {
		return m
	}
	for i := range may {
		if may[i]&k.online[i] != k.online[i] {
			m.cpus = may
			return m
		}
	}
	return m
}

// A manner is what threads of one group have to be alike in to be one rival.
type manner struct {
	nice   int
	policy scenario.Policy
	cpus   unix.CPUSet // none: all
}

func (m manner) place(groups []scenario.Group) scenario.Place {
	p := scenario.Place{Path: groups, Nice: m.nice, Policy: m.policy}
	for i := 0; len(p.CPUs) < m.cpus.Count(); i++ {
		if m.cpus.IsSet(i) {
			p.CPUs = append(p.CPUs, i)
		}
	}
	return p
}

// parent is the process that a process belongs to, and marked says whether the
// run's mark is in its environment.
func (k *kernel) parent(pid int) (parent int, marked bool) {
	parent, _ = parseParent(k.read(pid, "/stat"))
	return parent, len(k.mark) > 0 && bytes.Contains(k.read(pid, "/environ"), k.mark)
}

// offspring are this program's children at this moment.
func (k *kernel) offspring() (pids []int) {
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, path := range tasks {
		if text, err := os.ReadFile(path); err == nil {
			pids = append(pids, parsePIDs(text)...)
		}
	}
	return pids
}

// reaped is the CPU of the children that this program started and has waited
// for, and of those that these had waited for.
func (k *kernel) reaped() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// machine is what all CPUs together did.
func (k *kernel) machine() (m machine, ok bool) {
	text := k.readAt(unix.AT_FDCWD, "/proc/stat")
	m, ok = parseStat(text)
	if !ok {
		return m, false
	}
	if k.online.Count() != m.cpus { // at first, and when one comes or goes
		k.online.Zero()
		for line := range bytes.Lines(text) {
			if n, err := strconv.Atoi(string(bytes.TrimPrefix(bytes.Fields(line)[0], []byte("cpu")))); err == nil {
				k.online.Set(n)
			}
		}
	}
	if k.usage != "" {
		if on, _, ok := parseNanoseconds(k.readAt(unix.AT_FDCWD, k.usage)); ok {
			m.busy = on
		}
	}
	return m, true
}

var _ eyes = (*kernel)(nil)
