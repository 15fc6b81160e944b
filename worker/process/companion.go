//go:build linux

package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker/stream"
)

// A Companion is a process beside the workers that is none of them: load from
// outside, say. It leads a process group of its own, and ends with the program at the
// latest, also if that is killed with kill -9. Its methods may be called by anybody at
// any time.
type Companion struct {
	cmd    *exec.Cmd
	stderr *os.File // in memory
	mu     sync.Mutex
	over   bool
	used   time.Duration
	died   error
}

// Accompany starts a companion that leads a session of its own. Census finds it by
// Token, but under no launcher's Run.
func Accompany(program string, args ...string) (*Companion, error) {
	return accompany(&syscall.SysProcAttr{Setsid: true}, program, args)
}

// Join is Accompany, of a companion in this program's own session: to the scheduler it
// is of this program.
func Join(program string, args ...string) (*Companion, error) {
	return accompany(&syscall.SysProcAttr{Setpgid: true}, program, args)
}

func accompany(attr *syscall.SysProcAttr, program string, args []string) (*Companion, error) {
	memory, err := unix.MemfdCreate("stderr", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("start %s: a file in memory: %w", program, err)
	}
	cmd := exec.Command(program, args...)
	c := &Companion{cmd: cmd, stderr: os.NewFile(uintptr(memory), "stderr")}
	cmd.Env = append(cmd.Environ(), TokenVariable+"="+Token()+"//")
	cmd.Stderr = c.stderr
	cmd.SysProcAttr = attr
	attr.Pdeathsig = syscall.SIGKILL
	if err := forks.start(cmd); err != nil {
		_ = c.stderr.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return c, nil
}

// PID is its process.
func (c *Companion) PID() int { return c.cmd.Process.Pid }

// Died says how it has ended by itself, with the last line that it wrote to its
// stderr. It is nil while it runs, and if it ran until End.
func (c *Companion) Died() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && c.gone() {
		c.end()
	}
	return c.died
}

// End kills it and its group, returns once it is reaped, and says what CPU it has
// used; idempotent.
func (c *Companion) End() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.end()
	}
	return c.used
}

func (c *Companion) end() {
	c.over = true
	unasked := c.gone()
	_ = syscall.Kill(-c.PID(), syscall.SIGKILL) // nobody has reaped it: the number is still its own
	_ = c.cmd.Wait()
	forks.release()
	state := c.cmd.ProcessState
	c.used = state.UserTime() + state.SystemTime()
	if unasked {
		c.died = fmt.Errorf("%s ended by itself: %v%s", c.cmd.Args[0], state, c.last())
	}
	_ = c.stderr.Close()
}

// gone says whether it has ended, reaped or not.
func (c *Companion) gone() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, c.PID(), &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo != 0
}

// last is the last line of its stderr.
func (c *Companion) last() string {
	var t stream.Tail
	t.Fill(io.NewSectionReader(c.stderr, 0, 1<<62))
	text := strings.TrimSpace(t.String())
	if text == "" {
		return ""
	}
	return ": " + text[strings.LastIndexByte(text, '\n')+1:]
}
