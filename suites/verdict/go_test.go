//go:build linux

package verdict_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

func TestPuddleKeepsItsDeadlineOnColdWorkers(t *testing.T) {
	harness.RunT(t, cold(subject.Puddle()))
}

func TestOurPoolKeepsItsDeadlineOnColdWorkers(t *testing.T) {
	harness.RunT(t, cold(subject.Ours()))
}

// serial is mine, but that it starts its workers while it opens, one after another.
var serial = subject.Subject{Name: "serial", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
	p := &mine{launcher: l, free: make(chan *worker.Worker, cfg.Size)}
	for n := range cfg.Size {
		w, err := worker.Start(ctx, l, fmt.Sprintf("w%d", n+1))
		if err != nil {
			return nil, err
		}
		p.free <- w
	}
	return p, nil
}}

func TestAPoolThatStartsOneWorkerAfterAnotherIsToBlameItself(t *testing.T) {
	harness.Trial{Expected: scenario.Architectural}.Run(t, cold(serial))
}

// busy is cold on a machine that others have nearly for themselves.
func busy(s subject.Subject) harness.Scenario {
	sc := cold(s)
	sc.Start = scenario.Demand{CPU: 300 * time.Millisecond}
	sc.Faults = faults.Plan{{Fault: faults.CPUHogs{Threads: 30}}}
	return sc
}

func TestOnABusyMachineOurPoolMayMissItsDeadline(t *testing.T) {
	harness.Trial{Expected: scenario.Environmental}.Run(t, busy(subject.Ours()))
}
