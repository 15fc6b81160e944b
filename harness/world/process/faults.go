//go:build linux

package process

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

var _ faults.Real = (*World)(nil)

// LaunchWith implements faults.Real. It tells the recorder whom it has started.
func (w *World) LaunchWith(ctx context.Context, id string, flags ...string) (worker.Port, error) {
	port, err := w.launcher.LaunchWith(ctx, id, flags...)
	if err == nil && w.recorder != nil {
		w.recorder.Own(port.Info().PID)
	}
	return port, err
}

// Python implements faults.Real.
func (w *World) Python(code string) (stop func() time.Duration, err error) {
	python, err := process.Find(context.Background(), "python3") // looked up before: see Open
	if err != nil {
		return nil, err
	}
	c, err := process.Accompany(python.Path, "-S", "-E", "-c", code)
	if err != nil {
		return nil, err
	}
	return c.End, nil
}

// CanLimit implements faults.Real: it makes a group, and removes it.
func (w *World) CanLimit() error {
	g, err := newGroup()
	if err != nil {
		return err
	}
	return g.Remove()
}

// Limit implements faults.Real.
func (w *World) Limit(p worker.Port, cores float64, period time.Duration) (faults.Limit, error) {
	pid := p.Info().PID
	g, err := newGroup()
	if err != nil {
		return nil, err
	}
	if err = g.Limit(cores, period); err == nil {
		err = g.Add(pid)
	}
	if err != nil {
		_ = g.Remove()
		return nil, fmt.Errorf("limit process %d: %w", pid, err)
	}
	return &limit{group: g, gone: p.Done(), removed: &w.removed}, nil
}

var groups atomic.Int64

// newGroup makes a cgroup of a name that nobody else gives.
func newGroup() (*process.Cgroup, error) {
	return process.NewCgroup(fmt.Sprintf("butfor-%s-%d", process.Token(), groups.Add(1)))
}

// limit is a cgroup with one worker in it.
type limit struct {
	group   *process.Cgroup
	gone    <-chan struct{}
	removed *sync.WaitGroup // of the groups that wait for that
}

// Throttled implements faults.Limit.
func (l *limit) Throttled() int {
	n, err := l.group.Throttled()
	if err != nil {
		return 0 // who knows nothing proves nothing
	}
	return n
}

// Lift implements faults.Limit. A group goes with its worker: until that has
// ended, it stays, without a limit.
func (l *limit) Lift() {
	_ = l.group.Limit(0, 0)
	select {
	case <-l.gone:
		_ = l.group.Remove()
	default:
		l.removed.Go(func() {
			<-l.gone
			_ = l.group.Remove()
		})
	}
}
