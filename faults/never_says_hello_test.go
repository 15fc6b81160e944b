//go:build linux

package faults_test

import (
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
)

func TestAMuteWorkerIsAwaitedUntilItsStartsDeadline(t *testing.T) {
	r := tried(t, cold, faults.Entry{Fault: faults.NeverSaysHello{}, Target: faults.Target{Starts: []int{1}}})
	said(t, r, `
		0 fault never-says-hello start 1
		2000 fault-over never-says-hello start 1`)
	counted(t, r, 1, 0, 2*time.Second)
	sound(t, r, 12)
}

func TestOurPoolLivesWithMuteWorkers(t *testing.T) { survives(t, "never-says-hello", 3) }

func TestRealWorkersThatNeverSayHello(t *testing.T) {
	t.Parallel()
	r := played(t, func(sc *harness.Scenario) { sc.Config.StartTimeout, sc.Warm = 10*time.Second, 1 },
		faults.Entry{Fault: faults.NeverSaysHello{}, Target: faults.Target{Starts: []int{1}}})
	firedReally(t, r, 1, 1)
}
