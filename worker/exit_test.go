package worker_test

import (
	"syscall"
	"testing"

	"github.com/butfor/butfor/worker"
)

func TestAnExitIsTheSameAfterItWasWrittenDown(t *testing.T) {
	exits := []worker.Exit{{Code: -1, Signal: syscall.SIGKILL, OOM: true}, {Code: -1, Signal: syscall.SIGKILL, HungUp: true}, {}, {Code: 1}, {Code: 255}}
	for s := syscall.Signal(1); s <= 64; s++ {
		exits = append(exits, worker.Exit{Code: -1, Signal: s})
	}
	for _, e := range exits {
		if got, err := worker.ParseExit(e.String()); err != nil || got != e {
			t.Errorf("%q: got %+v, %v, want %+v", e, got, err, e)
		}
	}
	for _, text := range []string{"", "exit status", "exit status x", "exit status 1.", "killed by nobody"} {
		if got, err := worker.ParseExit(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
