package held

import (
	"testing"
	"time"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// Eight starts of half a second, one after another, are too many for 3 s.
func TestAPoolThatHoldsItsLockWhileAWorkerStarts(t *testing.T) {
	harness.Trial{Patience: 5 * time.Second}.Run(t, harness.Scenario{
		World:    "virtual",
		Subject:  subject.Subject{Name: "held", Open: open},
		Config:   subject.Config{Size: 8},
		Start:    scenario.Demand{Wait: time.Second / 2},
		Workload: scenario.Workload{Clients: 8, Command: "echo"},
		Deadline: 3 * time.Second,
	})
}
