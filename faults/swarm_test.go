//go:build linux

package faults_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

// Two faults at once are the rule: whatever is drawn, our pool loses nothing,
// leaves nothing behind, and answers every call that no fault keeps from it. It
// promises that as long as no more than four starts fail one after another, which
// is what ends a start or a worker's first call: then it says so at once in place
// of trying on.
func TestOurPoolLivesWithSwarmsOfFaults(t *testing.T) {
	fired, names := map[string]int{}, slices.DeleteFunc(faults.Modelled(), func(name string) bool {
		return name == "memory-limit" || // no call wants any
			name == "harness-stopped" || name == "harness-starved" // then nothing is said of the pool
	})
	together := uint64(0) // runs in which two fired
	for seed := range 10 * seeds(t) {
		from := rand.New(rand.NewPCG(seed, 11))
		sc := drawn(from)
		sc.Faults = faults.Swarm(from, 2+from.IntN(4), names)
		sure := &sc.Faults[0] // each has its turn
		sure.Fault, sure.Target, sure.Times = faults.Draw(names[seed%uint64(len(names))], from), faults.Target{}, 1
		if sure.At, sure.From, sure.Until = (faults.Trigger{}), 0, long; hurtsMachine(sure.Fault) {
			sure.Times = 0
		} else if comesLate(sure.Fault) {
			sure.Times, sure.Until = 0, 0
		}
		left := 4
		sc.Faults = slices.DeleteFunc(sc.Faults, func(e faults.Entry) bool {
			switch e.Fault.(type) {
			case faults.SlowStart, faults.SlowHello, faults.SlowImport, faults.SlowDisk, faults.CPUHogs, faults.CPUQuota, faults.GiveUp, faults.DieHolding, faults.Flood, faults.CallAfterClose, faults.StderrFlood, faults.SlicedWrites, faults.LateReply, faults.Pause, faults.IgnoresEnd, faults.MemoryPressure:
				return false
			}
			left -= e.Times
			return e.Times == 0 || left < 0
		})
		r := nowAndThen(t, seed, sc)
		text, _ := sc.Faults.Text()
		if len(r.Safety) > 0 || r.Word != scenario.Sound {
			t.Errorf("seed %d: %s: %s\n%s", seed, r.Word, r.Reason, text)
		}
		by := behind(r.Record)
		for _, c := range r.Record.Calls() {
			if c.Err != "" && !(c.Excused && named(c, by[c.ID])) {
				t.Errorf("seed %d: %s, which %v kept from being answered: %s\n%s", seed, c.ID, by[c.ID], c.Err, text)
			}
		}
		n := 0
		for _, f := range r.Record.Faults {
			if f.Fired > 0 {
				fired[f.Fault]++
				n++
			}
		}
		if n >= 2 {
			together++
		}
	}
	t.Logf("runs in which they fired: %v; two or more in %d", fired, together)
	if all := 10 * seeds(t); together < all/2 {
		t.Errorf("two faults fired in %d of %d runs", together, all)
	}
	for _, name := range names {
		if seeds(t) < 100 {
			break
		}
		if fired[name] == 0 {
			t.Errorf("%s never fired", name)
		}
	}
}

func comesLate(f faults.Fault) bool {
	_, is := f.(faults.ClosingFault)
	return is
}

func hurtsMachine(f faults.Fault) bool {
	_, is := f.(faults.MachineFault)
	return is
}
