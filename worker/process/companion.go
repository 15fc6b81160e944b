//go:build linux

package process

import (
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A Companion is a process beside the workers that is none of them: load from
// outside, say. It leads a session and a process group of its own, and ends with
// the program at the latest, also if that is killed with kill -9. Its methods may
// be called by anybody at any time.
type Companion struct {
	cmd  *exec.Cmd
	once sync.Once
	used time.Duration
}

// Accompany starts a companion. Census finds it by Token, but under no launcher's
// Run.
func Accompany(program string, args ...string) (*Companion, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = append(cmd.Environ(), TokenVariable+"="+Token()+"//")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := forks.start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return &Companion{cmd: cmd}, nil
}

// PID is its process.
func (c *Companion) PID() int { return c.cmd.Process.Pid }

// End kills it and its group, returns once it is reaped, and says what CPU it has
// used; idempotent.
func (c *Companion) End() time.Duration {
	c.once.Do(func() {
		_ = syscall.Kill(-c.PID(), syscall.SIGKILL) // nobody has reaped it: the number is still its own
		_ = c.cmd.Wait()
		forks.release()
		c.used = c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
	})
	return c.used
}
