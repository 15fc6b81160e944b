//go:build linux

package process

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// Before Linux 5.3, and in some sandboxes, there is no pidfd.
func TestWithoutAPidfdTheEndIsAwaitedAllTheSame(t *testing.T) {
	cmd := exec.Command("sh", "-c", "read nothing; exit 7")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := &ending{pid: cmd.Process.Pid, pidfd: -1}
	ended := make(chan bool)
	go func() { ended <- e.wait() }()
	select {
	case <-ended:
		t.Error("it was said to have ended while it waited for us")
	default:
	}
	in.Close()
	if !<-ended {
		t.Error("it was said to live on")
	}
	e.close()
	if err := unix.Kill(cmd.Process.Pid, 0); err != nil {
		t.Errorf("it was reaped, and its pid may be another's: %v", err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "exit status 7" {
		t.Errorf("got %v", err)
	}
}
