package matrix

import (
	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

// Within has of what is injected into a scenario only what the contract has too: one
// crash, one start that fails, starts that ask for no more than it says. Who gives up, and
// who comes, is no part of the environment, and stays. None of it excuses a pool, so with a bug
// that fails in this the bug alone suffices.
func Within(sc *scenario.Scenario, c scenario.Contract) {
	var plan faults.Plan
	spare := scenario.Demand{CPU: max(0, c.Start.CPU-sc.Start.CPU), Wait: max(0, c.Start.Wait-sc.Start.Wait)}
	for _, e := range sc.Faults {
		switch f := e.Fault.(type) {
		case faults.GiveUp, faults.DieHolding, faults.Flood, faults.CallAfterClose:
		case faults.ExitMidCall, faults.KillIdle:
			if e.Times = c.Crashes; e.Times == 0 {
				continue
			}
		case faults.DiesBeforeHello, faults.StartRefused:
			if e.Target.First = c.Crashes; e.Target.First == 0 {
				continue
			}
		case faults.SlowStart:
			f.CPU, f.Wait = min(f.CPU, spare.CPU), min(f.Wait, spare.Wait)
			if f.Tail, f.Shape = faults.None, 0; f.CPU+f.Wait == 0 { // a tail might be longer
				continue
			}
			e.Fault = f
		case faults.SlowImport:
			if f.CPU = min(f.CPU, spare.CPU); f.CPU == 0 {
				continue
			}
			e.Fault = f
		case faults.SlowDisk:
			if f.KB = min(f.KB, int(spare.Wait.Seconds()*float64(f.Rate))); f.KB == 0 {
				continue
			}
			e.Fault = f
		case faults.MemoryPressure: // a call may wait for as long as it likes, and computes for less than the contract has it
		default: // hogs, quotas, and workers that never say hello
			continue
		}
		plan = append(plan, e)
	}
	sc.Faults = plan
}
