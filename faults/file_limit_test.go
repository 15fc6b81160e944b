//go:build linux

package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
)

func TestRealWorkersAreRefusedFilesAboveTheirLimit(t *testing.T) {
	open := func(sc *harness.Scenario) {
		sc.Workload.Command, sc.Workload.Args = "call", map[string]any{"function": "os:listdir", "args": []any{"/"}}
	}
	late := func(sc *harness.Scenario) { // the limit lies on all of them by then
		open(sc)
		sc.Workload.At = []time.Duration{200 * ms, 200 * ms}
	}
	r := played(t, late, faults.Entry{Fault: faults.FileLimit{}, At: faults.Clock})
	firedReally(t, r, 1, 6)
	told := 0
	for _, c := range r.Record.Calls() {
		if c.Err == "" {
			continue
		}
		told++
		if !c.Excused || !strings.Contains(c.Err, "Too many open files") {
			t.Errorf("%s: excused %v: %s", c.ID, c.Excused, c.Err)
		}
	}
	if n := r.Record.Faults[0].Fired; n != told {
		t.Errorf("it fired %d times, %d calls were told", n, told)
	}
}
