//go:build linux

// Package container is the world of real Python workers in containers, each one its
// own, in real time. A program has it once it imports this package, for nothing else
// if need be. How a container is started belongs to worker/container; of the world of
// processes it has all that is not a matter of how workers are started.
package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world"
	processes "github.com/butfor/butfor/harness/world/process"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/container"
)

// Name is what the world is called in scenarios and results.
const Name = "container"

func init() {
	world.Register(Name, func(ctx context.Context, sc *scenario.Scenario) (world.World, error) { return Open(ctx, sc) })
}

// TransportVariable is the environment variable that says how frames go to workers and
// back: socket or stdio. Empty, it is what works best.
const TransportVariable = "BUTFOR_TRANSPORT"

// shared is the engine of all runs of this program: to find out about one takes as
// long as a start.
var shared struct {
	sync.Mutex
	engine *container.Engine
}

func engine(ctx context.Context) (*container.Engine, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.engine != nil {
		return shared.engine, nil
	}
	e, err := container.Open(ctx, container.Settings{Transport: container.Transport(os.Getenv(TransportVariable))})
	if err == nil {
		shared.engine = e
	}
	return e, err
}

// Dismiss ends what the worlds of this program have had in common. A program that
// ends does without: a guard takes care of it.
func Dismiss() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.engine == nil {
		return nil
	}
	e := shared.engine
	shared.engine = nil
	return e.Close()
}

// A World is the stage of one run.
type World struct {
	*processes.World
	engine   *container.Engine
	launcher *container.Launcher
	box      *container.Box       // in which all workers run; nil: each has a container of its own
	namesake *container.Companion // has a name that is to be taken; nil: none is

	mu      sync.Mutex
	workers []*container.Port
	spans   []span // in which the engine was at work
}

var (
	_ faults.Real    = (*World)(nil)
	_ world.Watching = (*World)(nil)
)

// Open sets the stage for a scenario; Close takes it down. The error says what is
// missing for containers, and what to do.
func Open(ctx context.Context, sc *scenario.Scenario) (*World, error) {
	e, err := engine(ctx)
	if err != nil {
		return nil, err
	}
	var box *container.Box
	if sc.Boxed {
		if box, err = e.Box(ctx, container.Limits{}); err != nil {
			return nil, fmt.Errorf("the workers' container: %w", err)
		}
	}
	stage := processes.Stage(ctx, sc)
	return &World{World: stage, engine: e, box: box, launcher: &container.Launcher{Engine: e, Box: box, Args: stage.Args(), Run: stage.Run()}}, nil
}

// Launcher starts workers with the scenario's demands.
func (w *World) Launcher() worker.Launcher { return launcher{w} }

type launcher struct{ world *World }

// Launch implements worker.Launcher.
func (l launcher) Launch(ctx context.Context, id string) (worker.Port, error) {
	return l.world.LaunchWith(ctx, id, faults.Launch{})
}

// shared says that what a container has can't be one worker's.
func (w *World) shared() error {
	if w.box == nil {
		return nil
	}
	return errors.New("the workers share a container, and what it may have: leave out boxed")
}

// LaunchWith implements faults.Real. It tells the recorder whom it has started.
func (w *World) LaunchWith(ctx context.Context, id string, how faults.Launch) (worker.Port, error) {
	l := *w.launcher
	l.Disk = container.Disk(how.Disk)
	l.Limits.CPUs, l.Limits.Period = how.Quota.Cores, how.Quota.Period
	switch how.Refused {
	case faults.NoImage:
		l.Image = container.NoImage
	case faults.NameTaken:
		l.Name = w.namesake.Name()
	case faults.NoThreads:
		l.Limits.PIDs = 1
	}
	begin := w.Now()
	port, err := l.LaunchWith(ctx, id, how.Flags...)
	w.works(begin, w.Now())
	if err != nil {
		return nil, err
	}
	w.Own(port.Info().PID)
	go w.ends(port.Done())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.workers = append(w.workers, port.(*container.Port))
	return port, nil
}

// CanSlow implements faults.Real: a worker is started to try it, once a disk.
func (w *World) CanSlow(d faults.Disk) error {
	if err := w.shared(); err != nil {
		return err
	}
	return w.engine.CanSlow(context.Background(), container.Disk(d))
}

// CanRefuse implements faults.Real. The name that is to be taken is by then.
func (w *World) CanRefuse(r faults.Refusal) (err error) {
	if err := w.shared(); err != nil || r != faults.NameTaken || w.namesake != nil {
		return err
	}
	if w.namesake, err = w.engine.Occupy(context.Background()); err != nil {
		return fmt.Errorf("no container takes a name: %w", err)
	}
	return nil
}

// Python implements faults.Real: it runs in a container of its own, beside those of
// the workers. In a session it would compete with all of them as with one.
func (w *World) Python(code string) (stop func() time.Duration, err error) {
	begin := w.Now()
	c, err := w.engine.Accompany(context.Background(), code)
	w.works(begin, w.Now())
	if err != nil {
		return nil, err
	}
	return func() time.Duration {
		begin := w.Now()
		used, _ := c.End() // what could not be removed is removed with the engine
		w.works(begin, w.Now()+endsAfter)
		return used
	}, nil
}

// CanLimit implements faults.Real. Whether a limit did something is seen in the
// cgroups of this machine alone.
func (w *World) CanLimit() error {
	if err := w.shared(); err != nil {
		return err
	}
	return w.near()
}

// near says why the workers' processes can't be seen.
func (w *World) near() error {
	if w.engine.Transport() != container.Socket {
		return errors.New("the engine is not on this machine: its cgroups can't be seen")
	}
	return nil
}

// Limit implements faults.Real: the engine does it.
func (w *World) Limit(p worker.Port, q faults.Quota) (faults.Limit, error) {
	port, ok := p.(*container.Port)
	if !ok {
		return nil, fmt.Errorf("%v runs in no container", p)
	}
	before, err := port.Throttled()
	if l := port.Limits(); l.CPUs > 0 { // it was launched under it
		before = 0
	}
	if err == nil {
		err = port.ChangeLimits(context.Background(), func(l *container.Limits) { l.CPUs, l.Period = q.Cores, q.Period })
	}
	if err != nil {
		return nil, err
	}
	return &limit{port: port, before: before, throttled: before}, nil
}

// limit is a worker's container with a quota.
type limit struct {
	port      *container.Port
	before    int // that limits before this one did
	throttled int // the last that was seen, in all
}

// Throttled implements faults.Limit. Once the worker is gone it is what was seen last.
func (l *limit) Throttled() int {
	if n, err := l.port.Throttled(); err == nil {
		l.throttled = n
	}
	return l.throttled - l.before
}

// Lift implements faults.Limit.
func (l *limit) Lift() {
	// It fails if the container is gone.
	_ = l.port.ChangeLimits(context.Background(), func(l *container.Limits) { l.CPUs, l.Period = 0, 0 })
}

// CanBound implements faults.Real.
func (w *World) CanBound(of faults.Resource) error {
	if of == faults.Files {
		return w.near()
	}
	return w.shared()
}

// Bound implements faults.Real: the engine does it, but for files, of which it would have
// to be told before the start.
func (w *World) Bound(p worker.Port, of faults.Resource, most int64) (lift func(), err error) {
	port, ok := p.(*container.Port)
	if !ok {
		return nil, fmt.Errorf("%v runs in no container", p)
	}
	var set func(*container.Limits, int64)
	switch of {
	case faults.Memory:
		set = func(l *container.Limits, most int64) { l.Memory = most }
	case faults.Threads:
		set = func(l *container.Limits, most int64) { l.PIDs = most }
	case faults.Cores:
		set = func(l *container.Limits, most int64) {
			if l.CPUSet = ""; most > 0 {
				l.CPUSet = fmt.Sprintf("0-%d", most-1)
			}
		}
	default:
		return w.World.Bound(p, of, most)
	}
	limit := func(most int64) error {
		return port.ChangeLimits(context.Background(), func(l *container.Limits) { set(l, most) })
	}
	if err := limit(most); err != nil {
		return nil, err
	}
	return func() { _ = limit(0) }, nil // it fails if the container is gone
}

// CanPress implements faults.Real.
func (w *World) CanPress() error {
	if err := w.shared(); err != nil {
		return err
	}
	return w.engine.CanPress()
}

// Press implements faults.Real.
func (w *World) Press(p worker.Port, most, left int64) (lift func() (felt bool), err error) {
	port, ok := p.(*container.Port)
	if !ok {
		return nil, fmt.Errorf("%v runs in no container", p)
	}
	begin := w.Now()
	pressure, err := port.Press(context.Background(), most, left)
	w.works(begin, w.Now())
	if err != nil {
		return nil, err
	}
	return pressure.End, nil
}

// Close ends what the world itself runs, and what is left of the run's containers.
func (w *World) Close() {
	w.mu.Lock()
	workers := w.workers
	w.workers = nil
	w.mu.Unlock()
	for _, p := range workers {
		_ = p.Kill()
	}
	for _, p := range workers {
		<-p.Done()
	}
	// What could not be removed of these is removed with the engine.
	if w.box != nil {
		_ = w.box.Close()
	}
	if w.namesake != nil {
		_, _ = w.namesake.End()
	}
	w.World.Close()
}

// Left lists the workers of this run that are left, after it has waited for them to
// go.
func (w *World) Left(ctx context.Context) ([]string, error) {
	left, err := w.World.Left(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.workers {
		select {
		case <-p.Done():
		default:
			if len(left) == 0 { // processes of another user can't be told
				left = append(left, p.String())
			}
		}
	}
	return left, err
}
