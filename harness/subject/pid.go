package subject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker"
)

// lastPID is where the kernel is told which number it gave to a process last: it gives
// the next one to the next.
const lastPID = "/proc/sys/kernel/ns_last_pid"

// CanReusePIDs says what is missing for ReusingPIDs; nil: nothing.
func CanReusePIDs() error {
	f, err := os.OpenFile(lastPID, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("only root of the machine may choose the number of the next process: %w", err)
	}
	return f.Close()
}

// ReusingPIDs is a subject of whose workers each is given the process number of one that
// has ended, as kernels do sooner or later by themselves. It is for real processes, and
// launches fail where CanReusePIDs says why.
func ReusingPIDs(s Subject) Subject {
	s.Wrap = func(l worker.Launcher) worker.Launcher { return &reusing{Launcher: l} }
	return s
}

type reusing struct {
	worker.Launcher
	mu    sync.Mutex
	ports []worker.Port // whose numbers nobody was given again
}

// reuseTries is how often others may begin a process at the very moment.
const reuseTries = 100

// Launch implements worker.Launcher.
func (l *reusing) Launch(ctx context.Context, id string) (worker.Port, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := 0
	for i, p := range l.ports {
		if isGone(p) {
			free = p.Info().PID
			l.ports = append(l.ports[:i:i], l.ports[i+1:]...)
			break
		}
	}
	for range reuseTries {
		if free > 0 {
			if err := os.WriteFile(lastPID, strconv.AppendInt(nil, int64(free-1), 10), 0); err != nil {
				return nil, err
			}
		}
		p, err := l.Launcher.Launch(ctx, id)
		if err != nil {
			return nil, err
		}
		if free == 0 || p.Info().PID == free {
			l.ports = append(l.ports, p)
			return p, nil
		}
		_ = p.Kill()
		<-p.Done()
	}
	return nil, fmt.Errorf("process number %d was not to be had", free)
}

func isGone(p worker.Port) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// killChild kills the process that has a number now, if it is this program's child: as
// whoever holds on to numbers does, but for that.
func killChild(pid int) error {
	if pid == 0 {
		return nil // a model
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil // it has ended just now
	}
	const parentAt = 1 // after the name, see proc_pid_stat(5)
	if f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]); len(f) <= parentAt || string(f[parentAt]) != strconv.Itoa(os.Getpid()) {
		return nil
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// FirstWrapped is a subject whose first worker is started behind a wrapper, which ends
// with status 0 at once. It is for real processes.
func FirstWrapped(s Subject) Subject {
	s.Wrap = func(l worker.Launcher) worker.Launcher { return &firstWrapped{Launcher: l} }
	return s
}

type firstWrapped struct {
	worker.Launcher
	once sync.Once
}

// Launch implements worker.Launcher.
func (l *firstWrapped) Launch(ctx context.Context, id string) (worker.Port, error) {
	l.once.Do(func() { ctx = worker.WithHabits(ctx, worker.Wrapped) })
	return l.Launcher.Launch(ctx, id)
}
