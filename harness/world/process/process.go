//go:build linux

// Package process is the world of real Python processes on this machine, in
// real time. How a process is started belongs to worker/process; what is run
// in the world, and what is made of it, to harness.
package process

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/outside"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

// Name is what the world is called in scenarios and results.
const Name = "process"

// A World is the stage of one run.
type World struct {
	start    time.Time
	launcher *process.Launcher
	recorder *outside.Recorder // nil if there could be none
	gap      string            // why
	late     atomic.Int64      // ns
	stop     context.CancelFunc
	watching sync.WaitGroup

	groupsMu sync.Mutex
	groups   []*process.Cgroup // that were made and not removed yet
}

// Open sets the stage for a scenario; Close takes it down.
func Open(ctx context.Context, sc *scenario.Scenario) (*World, error) {
	if _, err := process.Find(ctx, "python3"); err != nil {
		return nil, err
	}
	return Stage(ctx, sc), nil
}

// Stage is Open for whoever starts the workers in another way, with Args and Run, and
// tells whom: see Own.
func Stage(ctx context.Context, sc *scenario.Scenario) *World {
	w := &World{}
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }
	w.launcher = &process.Launcher{
		Args: []string{"--boot-cpu", seconds(sc.Start.CPU), "--boot-wait", seconds(sc.Start.Wait)},
		Run:  rand.Text(), // runs side by side never accuse each other
	}
	w.record()
	ctx, w.stop = context.WithCancel(ctx)
	w.watching.Go(func() { w.watchClock(ctx) })
	w.watching.Go(func() { w.watchKernel(ctx) })
	return w
}

// Args are what each worker of the run is to be given.
func (w *World) Args() []string { return w.launcher.Args }

// Run is the run's, as process.Census and launchers have it.
func (w *World) Run() string { return w.launcher.Run }

// Own tells the recorder that a process is one of the run's workers.
func (w *World) Own(pid int) {
	if w.recorder != nil && pid != 0 {
		w.recorder.Own(pid)
	}
}

// record begins to record the load from outside. A run goes on without, if it
// must: whether it can be judged then is for others to say.
func (w *World) record() {
	r, err := outside.Start(process.Mark(process.Token(), w.launcher.Run))
	if err != nil {
		w.start, w.gap = time.Now(), err.Error()
		return
	}
	w.start, w.recorder = r.Began(), r
}

// Through implements world.Watching.
func (w *World) Through() {
	if w.recorder != nil {
		w.recorder.Look()
	}
}

// Environment ends the recording and has what the run met, as far as the machine
// shows it: what its workers asked for is in its trace. It may be called again,
// and after Close.
func (w *World) Environment() scenario.Environment {
	if w.recorder == nil {
		return scenario.Environment{Cores: float64(runtime.NumCPU()), Gaps: []scenario.Gap{{Kind: scenario.GapMachine, Text: w.gap}}}
	}
	return w.recorder.Stop()
}

// Launcher starts workers with the scenario's demands.
func (w *World) Launcher() worker.Launcher { return launcher{w} }

type launcher struct{ world *World }

// Launch implements worker.Launcher.
func (l launcher) Launch(ctx context.Context, id string) (worker.Port, error) {
	return l.world.LaunchWith(ctx, id, faults.Launch{})
}

// Cores is how many the workers may use.
func (w *World) Cores() float64 { return float64(runtime.GOMAXPROCS(0)) }

// Now is the time since the world was opened.
func (w *World) Now() time.Duration { return time.Since(w.start) }

// Late is the most by which this program was late so far to see that a time was up,
// whoever tells it: Go's own timers, or the kernel, as it tells it of replies. A verdict
// can't rest on a margin of the same size.
func (w *World) Late() time.Duration { return time.Duration(w.late.Load()) }

// Point does nothing: in real time the order is the machine's.
func (w *World) Point(_, _ string) {}

// Quiet is never certain: the program does other things as well.
func (w *World) Quiet() bool { return false }

// every is how often it is looked at how late this program is.
const every = 10 * time.Millisecond

// lateBy notes that it was late.
func (w *World) lateBy(late time.Duration) {
	for most := w.late.Load(); int64(late) > most && !w.late.CompareAndSwap(most, int64(late)); {
		most = w.late.Load()
	}
}

// watchKernel looks how late it is told by the kernel of what can be read. Where
// goroutines of this program compute, Go has these run first, while who waits for one
// of its own timers has the next turn.
func (w *World) watchKernel(ctx context.Context) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return // what Go's own timers say is less, and true
	}
	clock := os.NewFile(uintptr(fd), "timerfd")
	defer clock.Close()
	defer context.AfterFunc(ctx, func() { _ = clock.SetReadDeadline(time.Unix(1, 0)) })()
	due := monotonic() + every
	tick := unix.ItimerSpec{Interval: unix.NsecToTimespec(int64(every)), Value: unix.NsecToTimespec(int64(due))}
	if unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &tick, nil) != nil {
		return
	}
	for ticks := make([]byte, 8); ; {
		if _, err := clock.Read(ticks); err != nil {
			return
		}
		w.lateBy(monotonic() - due)
		due += time.Duration(binary.NativeEndian.Uint64(ticks)) * every // how many there were
	}
}

// monotonic is the kernel's clock.
func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // there is one
	return time.Duration(t.Nano())
}

// watchClock looks how late Go's own timers are.
func (w *World) watchClock(ctx context.Context) {
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		begin := time.Now()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		w.lateBy(time.Since(begin) - every)
		timer.Reset(every)
	}
}

// leftPatience is how long after the close of a pool a process of its may take
// to be gone.
const leftPatience = 2 * time.Second

// Left lists the processes of this run that are left, after it has waited for
// them to go.
func (w *World) Left(ctx context.Context) ([]string, error) {
	deadline := time.Now().Add(leftPatience)
	for {
		found, err := process.Census(process.Token(), w.launcher.Run)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			var left []string
			for _, p := range found {
				left = append(left, fmt.Sprintf("process %v", p))
			}
			return left, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// Close ends what the world itself runs, and what is left of the run's
// processes wherever they went, with the groups that they were in.
func (w *World) Close() {
	if w.recorder != nil {
		w.recorder.Stop()
	}
	w.stop()
	w.watching.Wait()
	w.killAll()
	w.removeGroups()
}

func (w *World) killAll() {
	for range 100 { // one that is being killed may have forked meanwhile
		left, err := process.Census(process.Token(), w.launcher.Run)
		if err != nil || len(left) == 0 {
			return
		}
		for _, p := range left {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
		time.Sleep(time.Millisecond)
	}
}
