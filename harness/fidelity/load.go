//go:build linux

package fidelity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/worker/process"
)

// A Load is what else the machine does meanwhile: programs in sessions of their
// own.
type Load struct {
	Name     string
	programs []string // Python
	faults   faults.Plan
}

const hog = "while True: pass"

func hogs(n int, program string) (programs []string) {
	for range n {
		programs = append(programs, program)
	}
	return programs
}

// bursts computes and sleeps in turns.
func bursts(length time.Duration) string {
	return fmt.Sprintf("import time\nwhile True:\n e = time.monotonic() + %g\n while time.monotonic() < e: pass\n time.sleep(%[1]g)", length.Seconds())
}

var (
	niceSession = "open('/proc/self/autogroup', 'w').write('10')\n" + hog
	pinned      = "import os\nos.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n" + hog
)

func quota(cores float64) faults.Plan { return faults.Plan{{Fault: faults.CPUQuota{Cores: cores}}} }

func spansLoads() []Load {
	return []Load{
		{Name: "none"},
		{Name: "1 hog", programs: hogs(1, hog)},
		{Name: "2 hogs", programs: hogs(2, hog)},
		{Name: "4 hogs", programs: hogs(4, hog)},
		{Name: "6 hogs", programs: hogs(6, hog)},
		{Name: "4 hogs, their sessions of nice 10", programs: hogs(4, niceSession)},
		{Name: "4 in bursts of 20 ms", programs: hogs(4, bursts(20*time.Millisecond))},
		{Name: "4 in bursts of 200 ms", programs: hogs(4, bursts(200*time.Millisecond))},
		{Name: "2 hogs on one core", programs: hogs(2, pinned)},
		{Name: "a quota of 0.5 for each worker", faults: quota(0.5)},
		{Name: "a quota of 0.2 for each worker", faults: quota(0.2)},
		{Name: "a quota of 0.5 for each worker, 4 hogs", programs: hogs(4, hog), faults: quota(0.5)},
	}
}

func startsLoads() []Load {
	return []Load{
		{Name: "none"},
		{Name: "2 hogs", programs: hogs(2, hog)},
		{Name: "4 hogs", programs: hogs(4, hog)},
		{Name: "4 in bursts of 200 ms", programs: hogs(4, bursts(200*time.Millisecond))},
	}
}

func findingsLoads() []Load {
	return []Load{{Name: "none"}, {Name: "4 hogs", programs: hogs(4, hog)}}
}

// settle is how long a load runs before anything is recorded beside it: Python
// has started by then.
const settle = 300 * time.Millisecond

// errDied is the end of a load that ended by itself.
var errDied = errors.New("the load did not last")

// begin starts the load. end ends it, and may be called more than once: its error
// says that a part of it had ended before.
func (l *Load) begin(ctx context.Context) (end func() error, err error) {
	var running []*process.Companion
	end = func() (died error) {
		for _, c := range running {
			c.End()
			if why := c.Died(); why != nil && died == nil {
				died = fmt.Errorf("%w: %w", errDied, why)
			}
		}
		return died
	}
	if len(l.programs) == 0 {
		return end, nil
	}
	python, err := process.Find(ctx, "python3")
	if err != nil {
		return end, err
	}
	for _, p := range l.programs {
		c, err := process.Accompany(python.Path, "-S", "-c", p)
		if err != nil {
			_ = end()
			return end, err
		}
		running = append(running, c)
	}
	wait := time.NewTimer(settle)
	defer wait.Stop()
	select {
	case <-wait.C:
		return end, nil
	case <-ctx.Done():
		_ = end()
		return end, context.Cause(ctx)
	}
}
