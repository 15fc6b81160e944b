//go:build linux

package faults_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

func TestHogsTakeTheirShareAndNoMore(t *testing.T) {
	// One call of 0.3 s on one core; from 100 ms to 500 ms against three hogs: it
	// has 100 ms by then, a quarter of 400 ms, and the last 100 ms alone.
	r := tried(t, func(sc *harness.Scenario) {
		sc.Cores, sc.Warm, sc.Config.Size = 1, 1, 1
		sc.Workload = scenario.Workload{Clients: 1, Command: "burn", Args: map[string]any{"cpu_s": 0.3}}
	}, faults.Entry{Fault: faults.CPUHogs{Threads: 3}, At: faults.Clock, From: 100 * ms, Until: 500 * ms})
	said(t, r, `
		100 fault cpu-hogs
		500 fault-over cpu-hogs`)
	counted(t, r, 3, 100*ms, 500*ms)
	sound(t, r, 1)
	if took := r.Record.Served()[0].Round(ms); took != 600*ms {
		t.Errorf("the call took %v", took)
	}
}

func TestHogsOfTheProgramHaveTogetherWhatOneGroupHas(t *testing.T) {
	// As above, but that it has half of the core from 100 ms on, 250 ms by 400 ms.
	r := tried(t, func(sc *harness.Scenario) {
		sc.Cores, sc.Warm, sc.Config.Size = 1, 1, 1
		sc.Workload = scenario.Workload{Clients: 1, Command: "burn", Args: map[string]any{"cpu_s": 0.3}}
	}, faults.Entry{Fault: faults.CPUHogs{Threads: 3, Own: true}, At: faults.Clock, From: 100 * ms, Until: 400 * ms})
	counted(t, r, 3, 100*ms, 400*ms)
	sound(t, r, 1)
	if took := r.Record.Served()[0].Round(ms); took != 450*ms {
		t.Errorf("the call took %v", took)
	}
	places := map[string]bool{}
	for _, rival := range r.Record.Environment.Rivals {
		places[fmt.Sprint(rival.Path)] = true
	}
	if len(r.Record.Environment.Rivals) != 3 || len(places) != 1 {
		t.Errorf("recorded are %+v", r.Record.Environment.Rivals)
	}
}

func TestHogsEndWithTheWorkload(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.CPUHogs{Threads: 3}})
	if f := r.Record.Faults[0]; f.Fired != 3 || f.First > ms {
		t.Errorf("%+v", plain(f))
	}
	over := time.Duration(-1)
	for _, e := range r.Record.Events {
		switch e.Kind {
		case scenario.FaultOver:
			over = e.At
		case scenario.Probing:
			if over < 0 {
				t.Errorf("the probes begin at %v, the hogs are still there", e.At)
			}
		}
	}
}

func TestOurPoolLivesWithHogs(t *testing.T) { survives(t, "cpu-hogs", hogs) }

// computing is how many hogs, in this program's own session or in others, have had some
// CPU, a tick at least.
func computing(own bool) (n int) {
	us, _ := unix.Getsid(0)
	all, _ := process.Census(process.Token(), "")
	for _, p := range all {
		command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID))
		var used int
		if f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(f) > 11 {
			fmt.Sscan(f[11], &used)
		}
		if sid, _ := unix.Getsid(p.PID); own != (sid == us) {
			continue
		}
		if used > 0 && strings.Contains(string(command), "while True") {
			n++
		}
	}
	return n
}

func TestRealHogs(t *testing.T) {
	for _, own := range []bool{false, true} {
		r := played(t, func(sc *harness.Scenario) {
			sc.Subject, sc.Warm = once(func([]worker.Port) bool { return computing(own) == 3 }), 0
		}, faults.Entry{Fault: faults.CPUHogs{Threads: 3, Own: own}, At: faults.Clock})
		firedReally(t, r, 3, 3)
	}
}
