//go:build linux

// Package process starts Python workers as processes of this machine and
// carries their frames over two pipes. Containers, fork servers and models of
// workers have folders of their own beside it.
//
// # What is promised of processes
//
// Each worker leads a session and a process group of its own. When it ends,
// by itself or through its port, what is left of its group is killed too; a
// grandchild that left the group is not.
//
// After a kill -9 of the program, every worker ends at once: the kernel kills
// it (PR_SET_PDEATHSIG), and it sees the end of its port besides. Nothing is
// promised of grandchildren then: nobody is left to kill them. Census finds
// them by the token in their environment.
//
// # What it takes
//
// A worker takes six file descriptors of the program, no thread, and two tasks
// of the user's limit (ulimit -u) or the cgroup's (pids.max). At a limit of
// descriptors or tasks a launch fails with an error. But where Go itself wants a
// thread and gets none, it ends the program with status 2: leave it some twenty.
package process

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/butfor/butfor/python"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// A Launcher starts workers as processes. The zero value is ready: it runs the
// embedded butfor_worker with the python3 found in PATH. Don't change it once
// it is in use; Launch is safe for concurrent use.
type Launcher struct {
	// Python is the interpreter. "" means python3 from PATH; where that is a
	// shim (a script in front of the real one, which costs 60 to 150 ms a
	// start), the interpreter behind it. See Find.
	Python string
	// Flags are the interpreter's. nil means -S, which saves 4 ms a start: the
	// worker adds site-packages itself when it is first asked for a module.
	Flags []string
	// Worker is the program: a script, a package's folder, or -m and a module.
	// nil means the embedded butfor_worker.
	Worker []string
	// Args are the worker's.
	Args []string
	// Env is added to the program's environment, "KEY=value".
	Env []string
	// Threads is how many threads each numeric library in a worker may start
	// (OMP_NUM_THREADS and its like, of which Env may say otherwise). 0 means 1,
	// unless the program's environment has the variable: by themselves they
	// start one a core in each worker, and workers times cores is far too many.
	// Below 0 the environment stays as it is.
	Threads int
	// Dir is the working directory; "" means the program's.
	Dir string
	// Grace bounds how long Close waits for a worker to end by itself, besides
	// Close's ctx. 0 means 2 s.
	Grace time.Duration
	// FrameLimit is the largest payload, in bytes, either way: at least 256
	// KiB, so that every error reply fits, and at most wire.MaxLimit. 0 means
	// wire.DefaultLimit.
	FrameLimit int
	// Run tells the workers of this launcher from the program's others: Census
	// finds them by Token() and this together. May be empty.
	Run string
}

// TokenVariable is the environment variable that marks workers and their
// offspring: the program's token, and the launcher's Run.
const TokenVariable = "BUTFOR_TOKEN"

// Token is this program's own, drawn once: no other program's workers carry it.
var Token = sync.OnceValue(rand.Text)

// Launch starts one worker. It fails at once if ctx has ended, and otherwise
// takes as long as a fork does, about a millisecond.
func (l *Launcher) Launch(ctx context.Context, id string) (worker.Port, error) {
	return l.LaunchWith(ctx, id)
}

// LaunchWith is Launch, of a worker with more arguments than Args: after them.
func (l *Launcher) LaunchWith(ctx context.Context, _ string, args ...string) (worker.Port, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("not launched: %w", context.Cause(ctx))
	}
	for _, h := range worker.Habits(ctx) {
		args = append(args[:len(args):len(args)], "--habit", string(h))
	}
	cmd, err := l.command(ctx, args)
	if err != nil {
		return nil, err
	}
	return open(cmd, l.grace(), l.FrameLimit)
}

func (l *Launcher) grace() time.Duration {
	if l.Grace > 0 {
		return l.Grace
	}
	return 2 * time.Second
}

func (l *Launcher) command(ctx context.Context, more []string) (*exec.Cmd, error) {
	if n := l.FrameLimit; n != 0 && (n < FrameLimitLeast || n > wire.MaxLimit) {
		return nil, fmt.Errorf("launcher: FrameLimit is %d bytes: it must be from %d to %d", n, FrameLimitLeast, wire.MaxLimit)
	}
	if strings.Contains(l.Run, "\x00") {
		return nil, fmt.Errorf("launcher: Run is %q: it goes into the environment, where no NUL can be", l.Run)
	}
	interpreter := l.Python
	if interpreter == "" {
		found, err := Find(ctx, "python3")
		if err != nil {
			return nil, err
		}
		interpreter = found.Path
	}
	flags := l.Flags
	if flags == nil {
		flags = []string{"-S"}
	}
	program := l.Worker
	if program == nil {
		dir, err := python.Unfold()
		if err != nil {
			return nil, err
		}
		// Not the folder: Python would import runpy first, 4 ms a start.
		program = []string{filepath.Join(dir, "__main__.py")}
	}
	if l.FrameLimit > 0 && l.Worker == nil {
		program = append(program[:1:1], "--limit", fmt.Sprint(l.FrameLimit))
	}
	args := slices.Concat(flags, program, l.Args, more)
	cmd := exec.Command(interpreter, args...)
	if cmd.Err != nil {
		return nil, fmt.Errorf("python interpreter: %w", cmd.Err)
	}
	cmd.Env = append(slices.Concat(os.Environ(), l.threads(), l.Env), TokenVariable+"="+Token()+"/"+l.Run+"/")
	cmd.Dir = l.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// threadVariables are what numeric libraries read: OpenMP, OpenBLAS, MKL, BLIS,
// Accelerate and numexpr.
var threadVariables = []string{
	"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
}

// threads is what the environment says of them.
func (l *Launcher) threads() (env []string) {
	for _, name := range threadVariables {
		if _, said := os.LookupEnv(name); l.Threads > 0 || l.Threads == 0 && !said {
			env = append(env, fmt.Sprintf("%s=%d", name, max(1, l.Threads)))
		}
	}
	return env
}

// An Interpreter is what a name in PATH leads to.
type Interpreter struct {
	Name string // as asked for
	Shim string // the script in front of it; "" if there is none
	Path string // the interpreter itself
}

var found sync.Map // name and PATH → Interpreter

// Find looks a Python up in PATH and, where it is a shim, asks that once what
// it runs. Answers are kept for the life of the program.
func Find(ctx context.Context, name string) (Interpreter, error) {
	key := name + "\x00" + os.Getenv("PATH")
	if i, ok := found.Load(key); ok {
		return i.(Interpreter), nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return Interpreter{}, fmt.Errorf("no %s in PATH: install Python 3.9 or newer, or name an interpreter: %w", name, err)
	}
	i := Interpreter{Name: name, Path: path}
	if script(path) {
		if i.Path, err = behind(ctx, path); err != nil {
			return Interpreter{}, err
		}
		i.Shim = path
	}
	found.Store(key, i)
	return i, nil
}

// shimPatience is how long a shim may take to say what it runs.
const shimPatience = 10 * time.Second

// behind asks a shim which interpreter it runs.
func behind(ctx context.Context, shim string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, shimPatience)
	defer cancel()
	// Not print: what encoding that has is a matter of the environment.
	cmd := exec.CommandContext(ctx, shim, "-S", "-c", "import os, sys; os.write(1, os.fsencode(sys.executable))")
	cmd.WaitDelay = time.Second // what it started may hold our pipe
	out, err := cmd.Output()
	said := strings.TrimSpace(string(out))
	if errors.Is(err, exec.ErrWaitDelay) && filepath.IsAbs(said) { // it said all, in one write
		err = nil
	}
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s, a script, did not say within %v which Python it runs: %w", shim, shimPatience, ctx.Err())
	case err != nil:
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(bytes.TrimSpace(exit.Stderr)) > 0 {
			lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
			err = fmt.Errorf("%w; stderr: %s", err, lines[len(lines)-1])
		}
		return "", fmt.Errorf("%s is a script that runs no Python: %w", shim, err)
	case !filepath.IsAbs(said):
		return "", fmt.Errorf("%s is a script that runs no Python: asked for sys.executable it said %q", shim, said)
	}
	return said, nil
}

// script says whether a file begins with #!.
func script(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var b [2]byte
	_, err = io.ReadFull(f, b[:])
	return err == nil && string(b[:]) == "#!"
}

// FrameLimitLeast is the least that a FrameLimit may be, in bytes.
const FrameLimitLeast = 256 << 10
