//go:build linux

package outside

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/butfor/butfor/harness/cpu"
	"github.com/butfor/butfor/harness/scenario"
)

// What is read at every look, or of each process that ran, is parsed here:
// procfs takes a hundred microseconds for a /proc/stat or a cgroup file and a
// regular expression for each schedstat, and there may be hundreds.

// parseSchedstat reads a thread's schedstat: how long it ran, and how long it
// could have and waited for a CPU, throttled by a quota or not.
func parseSchedstat(text []byte) (on, delay time.Duration, ok bool) {
	on, text, ok = parseNanoseconds(text)
	if !ok {
		return 0, 0, false
	}
	delay, _, ok = parseNanoseconds(text)
	return on, delay, ok
}

// parseNanoseconds reads a whole number up to a blank, and has what follows it.
func parseNanoseconds(text []byte) (d time.Duration, rest []byte, ok bool) {
	i := 0
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		digit := time.Duration(text[i] - '0')
		if d > (math.MaxInt64-digit)/10 {
			return 0, nil, false
		}
		d = 10*d + digit
	}
	if i == 0 || i < len(text) && text[i] != ' ' && text[i] != '\n' {
		return 0, nil, false
	}
	return d, bytes.TrimLeft(text[i:], " "), true
}

// A machine is what /proc/stat says of all CPUs together since the boot.
type machine struct {
	busy   time.Duration // in user space, the kernel, and interrupts
	stolen time.Duration
	cpus   int // that are on line
}

// tick is what /proc/stat counts in: USER_HZ is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// parseStat reads the first lines of /proc/stat, all about CPUs.
func parseStat(text []byte) (m machine, ok bool) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	f := bytes.Fields(first)
	if len(f) < 9 || string(f[0]) != "cpu" {
		return machine{}, false
	}
	for i, field := range f[1:9] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil || n < 0 || n > int64(math.MaxInt64/tick/8) {
			return machine{}, false
		}
		switch d := time.Duration(n) * tick; i {
		case 0, 1, 2, 5, 6: // user, nice, system, irq, softirq; guests are in user
			m.busy += d
		case 7:
			m.stolen = d
		}
	}
	for bytes.HasPrefix(rest, []byte("cpu")) {
		m.cpus++
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	return m, m.cpus > 0
}

// parseAutogroup reads a process's autogroup: its name, which is also how we
// name it, and the weight that its nice gives it. A process that is in none,
// such as a thread of the kernel, has an empty text.
func parseAutogroup(text []byte) (g scenario.Group, ok bool) {
	f := bytes.Fields(text)
	if len(f) != 3 || string(f[1]) != "nice" {
		return scenario.Group{}, false
	}
	nice, err := strconv.Atoi(string(f[2]))
	if err != nil || nice < -20 || nice > 19 {
		return scenario.Group{}, false
	}
	g = scenario.Group{Name: string(f[0]), Weight: cpu.NiceWeight(nice)}
	return g, g.Session()
}

// parseWeight reads a cgroup's cpu.weight, where the default is 100, or
// cpu.shares, where it is 1024.
func parseWeight(text []byte, one float64) (weight float64, ok bool) {
	n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 32)
	if err != nil {
		return 0, false
	}
	if n == 0 { // cpu.weight, of a group that is idle
		return idleWeight, true
	}
	return float64(n) / one, true
}

// idleWeight is that of an idle group, and of an idle thread: WEIGHT_IDLEPRIO.
const idleWeight = 3. / 1024

// parseMax reads a cgroup's cpu.max: its budget and period in microseconds. "max"
// is no quota, and so is what cpu.cfs_quota_us calls -1.
func parseMax(text []byte) (q scenario.Quota, ok bool) {
	f := bytes.Fields(text)
	if len(f) != 2 {
		return scenario.Quota{}, false
	}
	period, err := strconv.ParseUint(string(f[1]), 10, 32)
	if err != nil || period == 0 {
		return scenario.Quota{}, false
	}
	if text := string(f[0]); text == "max" || text == "-1" {
		return scenario.Quota{}, true
	}
	budget, err := strconv.ParseUint(string(f[0]), 10, 62)
	if err != nil || budget == 0 {
		return scenario.Quota{}, false
	}
	return scenario.Quota{Cores: float64(budget) / float64(period), Period: time.Duration(period) * time.Microsecond}, true
}

// parseCgroup finds, in a process's cgroup file, the group in the hierarchy that
// shares out the CPU: that of version 2, or that of version 1 with the controller.
// A process that is in none is in the root.
func parseCgroup(text []byte, v2 bool) (path string) {
	for line := range bytes.Lines(text) {
		id, rest, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(":"))
		controllers, path, ok := bytes.Cut(rest, []byte(":"))
		if !ok {
			continue
		}
		if v2 && string(id) == "0" && len(controllers) == 0 {
			return string(path)
		}
		for c := range bytes.SplitSeq(controllers, []byte(",")) {
			if !v2 && string(c) == "cpu" {
				return string(path)
			}
		}
	}
	return "/"
}

// parseParent reads a process's parent from its stat. Its name comes before it,
// in parentheses, and may have anything in it.
func parseParent(text []byte) (pid int, ok bool) {
	f := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(f) < 2 {
		return 0, false
	}
	pid, err := strconv.Atoi(string(f[1]))
	return pid, err == nil && pid >= 0
}

// parseNewest reads, from /proc/loadavg, the number that was given to a process
// or a thread last.
func parseNewest(text []byte) (pid int, ok bool) {
	f := bytes.Fields(text)
	if len(f) != 5 {
		return 0, false
	}
	pid, err := strconv.Atoi(string(f[4]))
	return pid, err == nil && pid > 0
}

// parsePIDs reads a list of process numbers.
func parsePIDs(text []byte) (pids []int) {
	for _, f := range bytes.Fields(text) {
		if pid, err := strconv.Atoi(string(f)); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}
