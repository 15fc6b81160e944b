//go:build linux

package process

import (
	"context"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"sync"
)

// PR_SET_PDEATHSIG fires when the *thread* that forked ends, not the process.
// Go ends threads as it likes, so all workers are forked from one locked
// thread that lives as long as any of them does.
var forks forker

type forker struct {
	mu      sync.Mutex
	workers int // forked and not yet reaped
	work    chan func()
}

// start forks. Each success needs a release once the process is reaped.
func (f *forker) start(cmd *exec.Cmd) error {
	f.mu.Lock()
	if f.workers == 0 {
		f.work = make(chan func())
		go serve(f.work)
	}
	f.workers++
	work := f.work
	f.mu.Unlock()
	done := make(chan error)
	work <- func() { done <- cmd.Start() }
	err := <-done
	if err != nil {
		f.release()
	}
	return err
}

func (f *forker) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.workers--; f.workers == 0 {
		close(f.work)
	}
}

func serve(work <-chan func()) {
	runtime.LockOSThread() // for ever: the thread ends with the goroutine
	pprof.SetGoroutineLabels(context.Background())
	for do := range work {
		do()
	}
}
