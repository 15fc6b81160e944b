//go:build linux

package faults_test

import (
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

func TestAWorkerDiesInPlaceOfItsHello(t *testing.T) {
	r := tried(t, cold, faults.Entry{Fault: faults.DiesBeforeHello{Status: 71}, Target: faults.Target{Starts: []int{2}}})
	said(t, r, "100 fault dies-before-hello start 2") // after the boot's own 100 ms
	counted(t, r, 1, 100*ms, 100*ms)
	sound(t, r, 12)
	if got := exits(r.Record)[r.Record.Workers()[1].ID]; got != "exit status 71" {
		t.Errorf("it ended by %q", got)
	}
}

// exits are how workers ended, by their name.
func exits(r *scenario.Record) map[string]string {
	all := map[string]string{}
	for _, e := range r.Events {
		if e.Kind == scenario.Exit {
			all[e.Worker] = e.Text
		}
	}
	return all
}

func TestOurPoolLivesWithStartsThatDie(t *testing.T) { survives(t, "dies-before-hello", 3) }

func TestRealWorkersThatDieInPlaceOfTheirHello(t *testing.T) {
	r := played(t, nil, faults.Entry{Fault: faults.DiesBeforeHello{}, Target: faults.Target{First: 2}})
	firedReally(t, r, 2, 2)
	dead := 0
	for _, text := range exits(r.Record) {
		if text == "exit status 70" {
			dead++
		}
	}
	if dead != 2 {
		t.Errorf("%d ended with status 70: %v", dead, exits(r.Record))
	}
}
