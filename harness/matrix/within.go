package matrix

import (
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

// Within has of what is injected into a scenario only what the contract has too: one
// crash, one start that fails, starts that ask for no more than it says. Who gives up, and
// who comes, is no part of the environment, and stays. None of it excuses a pool, so with a bug
// that fails in this the bug alone suffices.
func Within(sc *scenario.Scenario, c scenario.Contract) {
	var plan faults.Plan
	for _, e := range sc.Faults {
		switch f := e.Fault.(type) {
		case faults.GiveUp, faults.DieHolding, faults.Flood, faults.CallAfterClose:
		case faults.ExitMidCall, faults.KillIdle:
			if e.Times = c.Crashes; e.Times == 0 {
				continue
			}
		case faults.DiesBeforeHello:
			if e.Target.First = c.Crashes; e.Target.First == 0 {
				continue
			}
		case faults.SlowStart:
			spare := func(most, asked time.Duration) time.Duration { return max(0, most-asked) }
			f.CPU, f.Wait = min(f.CPU, spare(c.Start.CPU, sc.Start.CPU)), min(f.Wait, spare(c.Start.Wait, sc.Start.Wait))
			if f.Tail, f.Shape = faults.None, 0; f.CPU+f.Wait == 0 { // a tail might be longer
				continue
			}
			e.Fault = f
		default: // hogs, quotas, and workers that never say hello
			continue
		}
		plan = append(plan, e)
	}
	sc.Faults = plan
}
