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

// short is 200 major faults a call: 10 ms of CPU, and 10 of waiting.
var short = faults.MemoryPressure{MB: 64, Left: 4, Pages: 200}

func TestWhoIsShortOfMemoryReadsItAgainAtEachCall(t *testing.T) {
	// Of two calls the second comes once there is enough again.
	r := tried(t, func(sc *harness.Scenario) {
		alone(0.1)(sc)
		sc.Workload.Clients, sc.Workload.At = 2, []time.Duration{10 * ms, 200 * ms}
	}, faults.Entry{Fault: short, At: faults.Clock, Until: 150 * ms})
	var took []time.Duration
	for _, c := range r.Record.Calls() {
		took = append(took, (c.Ended - c.Sent).Round(ms))
	}
	if len(took) != 2 || took[0] != 120*ms || took[1] != 100*ms {
		t.Errorf("the calls took %v, want 120ms and 100ms", took)
	}
	counted(t, r, 1, 0, 150*ms)
	sound(t, r, 2)
}

func TestWantOfMemoryThatNobodyFeltDidNotFire(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) {
		alone(0.1)(sc)
		sc.Workload.At = []time.Duration{50 * ms}
	}, faults.Entry{Fault: short, At: faults.Clock, Until: 40 * ms})
	if r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "memory-pressure, never fired: it was laid on 1 of the workers") {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}

// What it costs is in what the calls are recorded to have asked for: a replay has it, and
// an ideal pool meets it as well.
func TestWhatWantOfMemoryCostsIsTheEnvironments(t *testing.T) {
	late := func(sc *harness.Scenario) {
		alone(0.1)(sc)
		sc.Deadline, sc.Patience = 3500*ms, long // 2.1 s of CPU, of which the contract allows 1, and 2 of waiting
	}
	short := short
	short.Pages = 40_000
	if r := tried(t, late, faults.Entry{Fault: short}); r.Word != scenario.Environmental {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}

func TestOurPoolLivesWithWantOfMemory(t *testing.T) { survives(t, "memory-pressure", 3) }

func TestAProcessIsNotShortOfMemoryOfItsOwn(t *testing.T) {
	sc := harness.Scenario{World: "process", Subject: tried(t, nil).Scenario.Subject, Faults: faults.Plan{{Fault: short}}}
	sc.Config.Size, sc.Workload = 1, scenario.Workload{Clients: 1, Command: "echo"}
	sc.Deadline = forever
	if _, err := harness.Run(t.Context(), sc); !errors.Is(err, faults.ErrUnavailable) || !strings.Contains(err.Error(), "a container has") {
		t.Errorf("got %v", err)
	}
}
