//go:build linux

package process

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// An ending waits for the end of a process without keeping a thread for it: an
// epoll set of its pidfd and its stdout is itself waited for by Go's netpoller.
type ending struct {
	pid   int
	pidfd int      // -1 where the kernel has none (before Linux 5.3)
	set   *os.File // nil without a pidfd
}

func newEnding(pid int, stdout *os.File) (*ending, error) {
	e := &ending{pid: pid, pidfd: -1}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // an old kernel, or a sandbox
		return e, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pidfd: %w", err)
	}
	e.pidfd = pidfd
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(set, true) // or os.NewFile would not ask the netpoller
		e.set = os.NewFile(uintptr(set), "epoll")
	}
	add := func(fd int, events uint32, means int32) {
		if err == nil {
			err = unix.EpollCtl(set, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: means})
		}
	}
	add(pidfd, unix.EPOLLIN, ended)
	raw, err2 := stdout.SyscallConn()
	if err2 == nil {
		// Nothing is asked for but the hang-up, which comes unasked, and that
		// once: it would come for ever.
		err2 = raw.Control(func(fd uintptr) { add(int(fd), unix.EPOLLONESHOT, hungUp) })
	}
	if err = cmp.Or(err, err2); err != nil {
		e.close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return e, nil
}

// What an event of the set means.
const (
	ended = iota
	hungUp
)

// wait returns true once the process has ended. Before that it may return
// false, once: it has closed its stdout and lives on.
func (e *ending) wait() bool {
	if e.set != nil {
		gone := false
		raw, err := e.set.SyscallConn()
		if err == nil {
			err = raw.Read(func(set uintptr) bool {
				var events [2]unix.EpollEvent
				n, _ := unix.EpollWait(int(set), events[:], 0)
				for _, event := range events[:max(n, 0)] {
					gone = gone || event.Fd == ended
				}
				return gone || n > 0 && !exiting(e.pid)
			})
		}
		if err == nil {
			return gone
		}
	}
	for unix.Waitid(unix.P_PID, e.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	return true
}

func (e *ending) close() {
	if e.set != nil {
		e.set.Close()
	}
	if e.pidfd >= 0 {
		unix.Close(e.pidfd)
	}
}

// exiting says whether a process is on its way out: its files are closed a
// moment before it has ended.
func exiting(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	const flagsAt, pfExiting = 6, 0x4 // after the name, see proc_pid_stat(5)
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) <= flagsAt {
		return false
	}
	flags, err := strconv.ParseUint(string(f[flagsAt]), 10, 64)
	return err == nil && flags&pfExiting != 0
}
