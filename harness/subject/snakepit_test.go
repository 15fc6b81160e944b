package subject

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

func TestSnakepitKnowsItsBugsAndNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, value := range map[string]any{"hiccups": true, string(SlotLost): "perhaps"} {
			_, err := Snakepit().Open(t.Context(), &model.Launcher{}, Config{Size: 1, Options: map[string]any{name: value}})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v: %v", name, value, err)
			}
		}
		for _, b := range Bugs() {
			for _, on := range []any{true, "false"} {
				p, err := Snakepit().Open(t.Context(), &model.Launcher{}, Config{Size: 1, Options: map[string]any{string(b): on}})
				if err != nil {
					t.Fatal(err)
				}
				if p.(*snakepit).bugs[b] != (on == true) {
					t.Errorf("%s: %v is not what it was told", b, on)
				}
				_ = p.Close(t.Context())
			}
		}
	})
}

func TestSnakepitWithoutItsBugsKeepsItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := Snakepit().Open(t.Context(), &model.Launcher{}, Config{Size: 1, CheckoutTimeout: time.Second, CallTimeout: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close(t.Context())
		call := func(after, limit time.Duration) {
			time.Sleep(after)
			begin := time.Now()
			_, err := p.Call(t.Context(), Call{Command: "sleep", Args: map[string]any{"s": 100}})
			if d := time.Since(begin); d != limit || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who came after %v was told after %v: %v", after, d, err)
			}
		}
		go call(0, 3*time.Second)
		call(time.Second, time.Second)
		synctest.Wait()
		time.Sleep(2 * time.Second)
	})
}

// sleeper is a child of this program that sleeps until it is killed.
func sleeper() (*exec.Cmd, error) {
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, cmd.Start()
}

func TestWhoeverHasTheNumberIsKilledIfItIsAChild(t *testing.T) {
	child, err := sleeper()
	if err != nil {
		t.Fatal(err)
	}
	killed := killChild(child.Process.Pid)
	if killed != nil {
		_ = child.Process.Kill()
	}
	_ = child.Wait()
	if killed != nil {
		t.Fatal(killed)
	}
	if s := child.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGKILL {
		t.Errorf("it ended by %v", s)
	}
	for _, pid := range []int{0, child.Process.Pid, syscall.Getppid()} { // a model's, nobody's, and no child's: we are still here
		if err := killChild(pid); err != nil {
			t.Errorf("%d: %v", pid, err)
		}
	}
}

// numbered is a worker of which nothing is known but its number.
type numbered struct {
	worker.Port
	pid  int
	gone chan struct{}
}

func (p *numbered) Info() worker.Info     { return worker.Info{PID: p.pid} }
func (p *numbered) Done() <-chan struct{} { return p.gone }

// numbering launches processes.
type numbering struct{ t *testing.T }

func (l numbering) Launch(context.Context, string) (worker.Port, error) {
	cmd, err := sleeper()
	if err != nil {
		return nil, err
	}
	p := &killable{numbered{pid: cmd.Process.Pid, gone: make(chan struct{})}, cmd}
	l.t.Cleanup(func() { _ = p.Kill() })
	return p, nil
}

type killable struct {
	numbered
	cmd *exec.Cmd
}

func (p *killable) Kill() error {
	if !isGone(p) {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		close(p.gone)
	}
	return nil
}

func TestTheNextWorkerHasTheNumberOfOneThatHasEnded(t *testing.T) {
	if err := CanReusePIDs(); err != nil {
		t.Skip(err)
	}
	l := ReusingPIDs(Subject{}).Wrap(numbering{t})
	launch := func() worker.Port {
		p, err := l.Launch(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, two := launch(), launch()
	if one.Info().PID == two.Info().PID {
		t.Error("two live ones have one number")
	}
	_ = one.Kill()
	if three := launch(); three.Info().PID != one.Info().PID {
		t.Errorf("it has %d, the dead one had %d", three.Info().PID, one.Info().PID)
	}
}
