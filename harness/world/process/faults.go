//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/world"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

var (
	_ faults.Real    = (*World)(nil)
	_ world.Watching = (*World)(nil)
)

// LaunchWith implements faults.Real. It tells the recorder whom it has started.
func (w *World) LaunchWith(ctx context.Context, id string, how faults.Launch) (worker.Port, error) {
	if how.Disk != (faults.Disk{}) {
		return nil, w.CanSlow(how.Disk)
	}
	port, err := w.launcher.LaunchWith(ctx, id, how.Flags...)
	if err == nil {
		w.Own(port.Info().PID)
	}
	return port, err
}

// CanSlow implements faults.Real.
func (w *World) CanSlow(faults.Disk) error {
	return errors.New("a process has no disk of its own to be slow; a container may have")
}

// CanRefuse implements faults.Real.
func (w *World) CanRefuse(r faults.Refusal) error {
	return fmt.Errorf("no engine launches a process that could refuse it for its %s; a container's does", r)
}

// Python implements faults.Real.
func (w *World) Python(code string) (stop func() time.Duration, err error) { return w.Beside(code) }

// Beside implements faults.Real.
func (w *World) Beside(code string) (stop func() time.Duration, err error) {
	return run(process.Accompany, code)
}

// Within implements faults.Real.
func (w *World) Within(code string) (stop func() time.Duration, err error) {
	return run(process.Join, code)
}

// run has a companion run Python code.
func run(begin func(string, ...string) (*process.Companion, error), code string) (stop func() time.Duration, err error) {
	python, err := process.Find(context.Background(), "python3")
	if err != nil {
		return nil, err
	}
	c, err := begin(python.Path, "-S", "-E", "-c", code)
	if err != nil {
		return nil, err
	}
	return c.End, nil
}

// CanLimit implements faults.Real: it makes a group, and removes it.
func (w *World) CanLimit() error {
	g, err := process.NewCgroup()
	if err != nil {
		return err
	}
	return g.Remove()
}

// Limit implements faults.Real. The worker stands still meanwhile: to make a group and to
// move into it takes milliseconds, in which a start would get as much CPU as in a period
// of its quota.
func (w *World) Limit(p worker.Port, q faults.Quota) (l faults.Limit, err error) {
	process.WhileStopped(p, func() { l, err = w.limit(p, q) })
	return l, err
}

func (w *World) limit(p worker.Port, q faults.Quota) (faults.Limit, error) {
	g, err := process.NewCgroup()
	if err != nil {
		return nil, err
	}
	w.groupsMu.Lock()
	w.groups = append(w.groups, g)
	w.groupsMu.Unlock()
	if err = g.Limit(q.Cores, q.Period); err == nil {
		err = g.Take(p)
	}
	if err != nil {
		w.remove(g)
		return nil, fmt.Errorf("limit process %d: %w", p.Info().PID, err)
	}
	return &limit{w, g}, nil
}

// CanBound implements faults.Real.
func (w *World) CanBound(of faults.Resource) error {
	if of != faults.Files && of != faults.Cores {
		return fmt.Errorf("a process has no limit of %s of its own; a container has", of)
	}
	return nil
}

// Bound implements faults.Real.
func (w *World) Bound(p worker.Port, of faults.Resource, most int64) (lift func(), err error) {
	if err := w.CanBound(of); err != nil {
		return nil, err
	}
	if of == faults.Cores {
		may, ok := worker.CoreLimiterOf(p)
		if !ok {
			return nil, fmt.Errorf("%v can't be given a limit", p)
		}
		return func() { _ = may.LimitCores(0) }, may.LimitCores(int(most)) // it fails if it has ended
	}
	may, ok := worker.FileLimiterOf(p)
	if !ok {
		return nil, fmt.Errorf("%v can't be given a limit", p)
	}
	before, err := may.LimitFiles(uint64(most))
	return func() { _, _ = may.LimitFiles(before) }, err
}

// CanPress implements faults.Real.
func (w *World) CanPress() error {
	return errors.New("a process has no memory of its own to be short of; a container has")
}

// Press implements faults.Real.
func (w *World) Press(worker.Port, int64, int64) (func() bool, error) { return nil, w.CanPress() }

// remove removes a group if nobody is in it any more; else Close does.
func (w *World) remove(g *process.Cgroup) {
	if g.Remove() == nil {
		w.groupsMu.Lock()
		defer w.groupsMu.Unlock()
		w.groups = slices.DeleteFunc(w.groups, func(other *process.Cgroup) bool { return other == g })
	}
}

// removeGroups removes all that are left, once their processes are gone.
func (w *World) removeGroups() {
	for range 100 { // one that was killed may take a moment
		w.groupsMu.Lock()
		left := slices.Clone(w.groups)
		w.groupsMu.Unlock()
		for _, g := range left {
			w.remove(g)
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// limit is a cgroup with one worker in it.
type limit struct {
	world *World
	group *process.Cgroup
}

// Throttled implements faults.Limit.
func (l *limit) Throttled() int {
	n, err := l.group.Throttled()
	if err != nil {
		return 0 // who knows nothing proves nothing
	}
	return n
}

// Lift implements faults.Limit. A worker that lives stays in its group, without a
// limit.
func (l *limit) Lift() {
	_ = l.group.Limit(0, 0) // it fails if the group is gone
	l.world.remove(l.group)
}
