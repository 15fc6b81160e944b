//go:build linux

package container

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// A guard is a process of our own program's that removes our containers once we are
// gone, however that came: the healthy ones go by themselves, but not those that are
// paused, stopped or deaf.
type guard struct {
	cmd *exec.Cmd
	in  io.Closer // a pipe, held here, as one that nobody holds is closed by the collector
}

// guardName is how a guard knows that it is one.
const guardName = "butfor-guard"

// A program that knows nothing of guards must not run a second time as one, hence
// this is not left to its main.
func init() {
	if len(os.Args) == 3 && os.Args[0] == guardName {
		stand(os.Args[1], os.Args[2])
		os.Exit(0)
	}
}

// newGuard starts one. It leads a session of its own, so that what kills our group or
// our terminal's leaves it alone.
func newGuard(engine, dir string) (*guard, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{guardName, engine, dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return &guard{cmd, in}, nil
}

// dismiss ends it, when all that it could do is done.
func (g *guard) dismiss() error {
	err := g.cmd.Process.Kill()
	_ = g.cmd.Wait()                       // killed, as was said; it closes the pipe too
	if errors.Is(err, os.ErrProcessDone) { // somebody else has killed it
		return nil
	}
	return err
}

// stand is a guard's life.
func stand(engine, dir string) {
	_, _ = io.Copy(io.Discard, os.Stdin) // until its owner is gone
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if c, _, err := connect(ctx); err == nil {
		e := &Engine{client: c}
		_ = e.sweep(ctx, label+"engine="+engine, func(owner) bool { return true }) // nobody is left who could be told
	}
	_ = os.RemoveAll(dir)
}
