//go:build linux

package faults_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
)

// hungry has two clients come after 50 ms, one after another, of which each asks for so
// much memory.
func hungry(mb int) func(*harness.Scenario) {
	return func(sc *harness.Scenario) {
		sc.Warm, sc.Config.Size = 2, 2
		sc.Workload.Clients, sc.Workload.Calls, sc.Workload.At = 2, 1, []time.Duration{50 * ms, 60 * ms}
		sc.Workload.Command, sc.Workload.Args = "alloc", map[string]any{"mb": mb}
	}
}

func TestAWorkerThatWantsMoreMemoryThanItsLimitIsKilled(t *testing.T) {
	limit := faults.Entry{Fault: faults.MemoryLimit{MB: 64}, At: faults.Clock, Target: faults.Target{Starts: []int{2}}}
	r := tried(t, hungry(65), limit)
	counted(t, r, 1, 0, 50*ms)
	sound(t, r, 1)
	for _, c := range r.Record.Calls() {
		if c.Excused != (c.Err != "") || c.Excused && !strings.Contains(c.Err, "out of memory") {
			t.Errorf("%s: excused %v: %s", c.ID, c.Excused, c.Err)
		}
	}
	if r := tried(t, hungry(64), limit); r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "memory-limit, never fired") {
		t.Errorf("what it may have: %s: %s", r.Word, r.Reason)
	}
}

func TestOurPoolLivesWithLimitsOfMemory(t *testing.T) { survives(t, "memory-limit", 3) }

func TestAProcessHasNoLimitOfMemoryOfItsOwn(t *testing.T) {
	sc := harness.Scenario{World: "process", Subject: tried(t, nil).Scenario.Subject, Faults: faults.Plan{{Fault: faults.MemoryLimit{MB: 64}}}}
	sc.Config.Size, sc.Workload = 1, scenario.Workload{Clients: 1, Command: "echo"}
	sc.Deadline = forever
	if _, err := harness.Run(t.Context(), sc); !errors.Is(err, faults.ErrUnavailable) || !strings.Contains(err.Error(), "a container has") {
		t.Errorf("got %v", err)
	}
}
