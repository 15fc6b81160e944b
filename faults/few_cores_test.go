//go:build linux

package faults_test

import (
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
)

func TestRealWorkersHaveToDoWithFewCores(t *testing.T) {
	r := played(t, func(sc *harness.Scenario) {
		sc.Workload.Command, sc.Workload.Args = "burn", map[string]any{"cpu_s": 0.02}
	}, faults.Entry{Fault: faults.FewCores{Cores: 1}, At: faults.Clock})
	firedReally(t, r, 1, 2)
}
