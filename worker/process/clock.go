//go:build linux

package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is that of all threads of a process, dead ones too, exact to the
// nanosecond, in one system call that needs no rights; ok is false once there is no
// such process. /proc/<pid>/schedstat would be the leader thread's alone.
func CPUTime(pid int) (had time.Duration, ok bool) {
	const scheduler = 2 // see clock_getcpuclockid(3)
	var ts unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduler), &ts)
	return time.Duration(ts.Nano()), err == nil
}

// RunDelay is how long the live threads of a process could run and waited for
// a CPU. It contains throttling by a quota. Threads that ended are forgotten.
func RunDelay(pid int) (sum time.Duration, ok bool) {
	leader, others, ok := delays(pid)
	return leader + others, ok
}

// delays are those of its first thread, and of the others together.
func delays(pid int) (leader, others time.Duration, ok bool) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	d, err := os.Open(dir)
	if err != nil {
		return 0, 0, false
	}
	defer d.Close()
	tids, _ := d.Readdirnames(-1)
	first := strconv.Itoa(pid)
	for _, tid := range tids {
		d, is := delay(dir + "/" + tid)
		if tid == first {
			leader = d
		} else {
			others += d
		}
		ok = ok || is
	}
	return leader, others, ok
}

// LeaderDelay is that of a process's first thread alone, which is all that is left of the
// threads when the process comes to run another program.
func LeaderDelay(pid int) (time.Duration, bool) { return delay(fmt.Sprintf("/proc/%d", pid)) }

// delay is that of the thread which a folder of /proc is about.
func delay(dir string) (time.Duration, bool) {
	b, err := os.ReadFile(dir + "/schedstat")
	if err != nil {
		return 0, false
	}
	f := bytes.Fields(b)
	if len(f) != 3 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(f[1]), 10, 64)
	return time.Duration(n), err == nil
}

// Memory is how many bytes of a process are resident, without its children.
func Memory(pid int) (bytes int64, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, false
	}
	f := strings.Fields(string(b)) // see proc_pid_statm(5): the second is resident, in pages
	if len(f) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil && pages > 0 // none of one that has ended
}

// Runnable says whether any thread of a process runs or waits for a CPU now.
func Runnable(pid int) bool {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	d, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer d.Close()
	tids, _ := d.Readdirnames(-1)
	for _, tid := range tids {
		b, _ := os.ReadFile(dir + "/" + tid + "/stat")
		if bytes.HasPrefix(b[bytes.LastIndexByte(b, ')')+1:], []byte(" R")) { // after the name
			return true
		}
	}
	return false
}
