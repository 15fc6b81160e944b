//go:build linux

package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

func open(t *testing.T) *World {
	t.Helper()
	w, err := Open(t.Context(), &scenario.Scenario{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// limitable is a world in which a worker that has started can be limited.
func limitable(t *testing.T) (*World, *worker.Worker) {
	t.Helper()
	w := open(t)
	if err := w.CanLimit(); err != nil {
		t.Skip(err)
	}
	started, err := worker.Start(t.Context(), w.Launcher(), "w1")
	if err != nil {
		t.Fatal(err)
	}
	return w, started
}

// ours are the cgroups of this program that there are.
func ours(t *testing.T) (groups []string) {
	t.Helper()
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "butfor-"+strconv.Itoa(os.Getpid())+"-") {
			groups = append(groups, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func TestALimitAndItsGroupAreGoneWhenTheyShouldBe(t *testing.T) {
	w := open(t)
	if err := w.CanLimit(); err != nil {
		t.Skip(err)
	}
	before := len(ours(t))
	start := func(id string) worker.Port {
		p, err := w.LaunchWith(context.Background(), id, faults.Launch{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, two := start("w1"), start("w2")
	first, err := w.Limit(one, faults.Quota{Cores: 0.5, Period: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.Limit(two, faults.Quota{Cores: 0.5, Period: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ours(t)) - before; n != 2 {
		t.Errorf("there are %d groups more, want one a worker", n)
	}
	_ = one.Kill()
	<-one.Done()
	first.Lift()
	second.Lift()
	if n := len(ours(t)) - before; n != 1 {
		t.Errorf("there are %d groups more, want that of the worker that lives: %v", n, ours(t))
	}
	w.Close()
	if n := len(ours(t)) - before; n != 0 {
		t.Errorf("there are %d groups more after the end: %v", n, ours(t))
	}
}

// Else a start would have as much CPU until it is in its group as in a period of its quota.
func TestAWorkerIsStoppedWhileAQuotaIsLaidOnIt(t *testing.T) {
	w, started := limitable(t)
	var is unix.Siginfo
	wentOn := func() bool {
		const cldContinued = 6
		is.Code = 0
		if err := unix.Waitid(unix.P_PID, started.Port.Info().PID, &is, unix.WCONTINUED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil {
			t.Fatal(err)
		}
		return is.Code == cldContinued
	}
	if wentOn() {
		t.Fatal("it had been stopped before")
	}
	if _, err := w.Limit(started.Port, faults.Quota{Cores: 0.5, Period: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if !wentOn() {
		t.Error("it was not, or is stopped still")
	}
}

func TestNoGroupIsLeftOfALimitThatWasLiftedBeforeItsWorkerEnded(t *testing.T) {
	w, started := limitable(t)
	l, err := w.Limit(started.Port, faults.Quota{Cores: 0.5, Period: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	l.Lift()
	group := l.(*limit).group
	if _, err := group.Throttled(); err != nil {
		t.Errorf("it went before its worker: %v", err)
	}
	w.Close()
	if _, err := group.Throttled(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the group is left: %v", err)
	}
}

func TestAWorkerSaysHowLongItsQuotaThrottledIt(t *testing.T) {
	w, started := limitable(t)
	if got := started.Port.Info().Throttled; got != 0 {
		t.Errorf("without a quota it was throttled for %v", got)
	}
	held := time.Duration(0)
	for range 2 { // one quota after another
		// A millisecond at a time: what a scheduler gives a thread at once is more.
		l, err := w.Limit(started.Port, faults.Quota{Cores: .05, Period: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := started.Call(t.Context(), worker.Request{Command: "burn", Args: map[string]any{"cpu_s": .1}}); err != nil {
			t.Fatal(err)
		}
		l.Lift()
		got := started.Port.Info().Throttled
		if got < held+100*time.Millisecond {
			t.Errorf("it was throttled for %v, before for %v", got, held)
		}
		held = got
	}
	_ = started.Port.Kill()
	<-started.Port.Done()
	if got := started.Port.Info().Throttled; got < held {
		t.Errorf("once it is gone, for %v, before for %v", got, held)
	}
}

func TestWhatPythonRunsBesideTheWorkersIsNoneOfThem(t *testing.T) {
	w := open(t)
	stop, err := w.Python("while True: pass")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if left, err := process.Census(process.Token(), w.launcher.Run); err != nil || len(left) != 0 {
		t.Errorf("the run's own are %v, %v", left, err)
	}
	if all, err := process.Census(process.Token(), ""); err != nil || len(all) != 1 {
		t.Errorf("this program's are %v, %v", all, err)
	}
	stop()
	if all, err := process.Census(process.Token(), ""); err != nil || len(all) != 0 {
		t.Errorf("after its end there are %v, %v", all, err)
	}
}

func TestABoundIsOnTheWorkerUntilItIsLifted(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w := open(t)
	started, err := worker.Start(ctx, w.Launcher(), "w1")
	if err != nil {
		t.Fatal(err)
	}
	says := func(expression string) string {
		t.Helper()
		r, err := started.Call(ctx, worker.Request{Command: "call", Args: map[string]any{"function": "builtins:eval", "args": []any{expression}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(r.Result)
	}
	for of, expression := range map[faults.Resource]string{
		faults.Files: `__import__("resource").getrlimit(7)[0]`,
		faults.Cores: `len(__import__("os").sched_getaffinity(0))`,
	} {
		before := says(expression)
		lift, err := w.Bound(started.Port, of, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := says(expression); got != "1" {
			t.Errorf("bound to 1 of %s, it has %s", of, got)
		}
		lift()
		if got := says(expression); got != before {
			t.Errorf("it had %s of %s before, and has %s", before, of, got)
		}
	}
	for _, of := range []faults.Resource{faults.Memory, faults.Threads} {
		if _, err := w.Bound(started.Port, of, 1); err == nil || err.Error() != w.CanBound(of).Error() {
			t.Errorf("%s: %v", of, err)
		}
	}
}
