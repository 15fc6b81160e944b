//go:build linux

package faults_test

import (
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
)

func TestAWorkerThatIsLoadingIsNotReady(t *testing.T) {
	r := tried(t, cold, faults.Entry{Fault: faults.SaysLoading{}, Target: faults.Target{Starts: []int{1}}})
	said(t, r, `
		0 fault says-loading start 1
		100 fault-over says-loading start 1`)
	sound(t, r, 12)
}

func TestOurPoolLivesWithWorkersThatSayTheyAreLoading(t *testing.T) { survives(t, "says-loading", 3) }

func TestRealWorkersThatSayTheyAreLoading(t *testing.T) {
	t.Parallel()
	r := played(t, func(sc *harness.Scenario) { sc.Warm = 1 },
		faults.Entry{Fault: faults.SaysLoading{}, Target: faults.Target{Starts: []int{1}}})
	firedReally(t, r, 1, 1)
}
