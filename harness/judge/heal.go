package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

// heal asks whether the pool has its capacity again once all that hurt it is over, and
// stops: step 6. Probes and its stop have asked it live. Where others went on beyond the
// contract meanwhile, or a start that had been hurt was still under way, only a replay can
// say, in which the ones do not and the other is waited for.
func (t *trial) heal() {
	probed, _ := t.Run.First(scenario.Probed)
	made, all := t.silent()
	if probed.N+made >= t.Run.Size {
		t.lost = "" // a start that never ends, and that nothing ends, keeps its place from any pool
	}
	open := said(t.lost, t.unstopped)
	if len(open) == 0 || t.verdict.Word != scenario.Sound && t.verdict.Word != scenario.Environmental {
		return
	}
	sc := t.healing()
	r, err := t.Probe(sc)
	if err != nil {
		t.inconclusive(fmt.Sprintf("%s; what hurt it was not over by then, and it can't be replayed: %v", strings.Join(open, "; "), err))
		return
	}
	again := safety(r)
	switch broken := said(again.lost, again.late); {
	case len(broken) == 0:
		t.verdict.Reason += t.healed()
	case again.late == "" && probed.N+all >= t.Run.Size:
		t.inconclusive(t.lost + "; there are starts that never said hello, and no fault made them: whether they would have, had the pool waited and read, nobody knows")
	case again.late == "" && t.hangsOnUnseen(sc): // a stop ends whatever a start asks for
		t.inconclusive(strings.Join(open, "; ") + "; there were starts of which nobody has seen the end, or during which CPU was stolen: were they like the rest, none of this would be")
	default:
		for i := range broken {
			broken[i] += ", in a replay in which nobody else wants a CPU then, and what was under way is waited for"
		}
		t.unsafe(broken)
	}
}

// said are those of the texts that say something.
func said(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

// healing is the run's scenario with nothing in it that goes on beyond the contract once
// the workload is over.
func (t *trial) healing() scenario.Scenario {
	sc := t.Met
	environment := *sc.Replay
	environment.Load = calmed(environment.Load, t.workloadEnded())
	seen := t.Run.Environment // the starts after the workload too: no fault hurt those
	environment.Starts, environment.Calls, environment.Deaths, environment.Further = seen.Starts, seen.Calls, seen.Deaths, nil
	sc.Replay = &environment
	sc.Recovery += t.underWay()
	return sc
}

// hangsOnUnseen says whether the pool heals if the starts that only the run's end cut
// short, and no fault kept from a hello, ask for no more than others do, and if what was
// stolen during the others was stolen from them. How long they were under way tells of
// who was beside them, too, and no start of ours says what it waits for: taken for their
// demand, it may have a pool wait for ever.
func (t *trial) hangsOnUnseen(healing scenario.Scenario) bool {
	environment := *healing.Replay
	environment.Starts = slices.Clone(environment.Starts)
	probed, ended := t.Run.First(scenario.Probed)
	made, unseen, longest := t.madeMute(), false, time.Duration(0)
	for i, s := range environment.Starts {
		if s.Whole() {
			longest = max(longest, s.CPU+s.Wait)
		}
		if ended && s.Cut && s.Asks == nil && s.End >= probed.At && !made[s.Worker] {
			environment.Starts[i].Demand, environment.Starts[i].Engine, unseen = scenario.Demand{}, 0, true
		} else if stolen := t.Run.Environment.StolenWithin(s.Begin, s.End); stolen > 0 && s.Asks == nil {
			less := scenario.Demand{CPU: max(0, s.CPU-stolen), Wait: max(0, s.Wait-stolen)} // as the kernel has it, it is in the one or the other
			environment.Starts[i].Demand, environment.Starts[i].Engine, unseen = less, min(s.Engine, less.Wait), true
		}
	}
	if !unseen {
		return false
	}
	healing.Replay, healing.Recovery = &environment, healing.Recovery+longest
	r, err := t.Probe(healing)
	if err != nil {
		return false
	}
	again := safety(r)
	return len(said(again.lost, again.late)) == 0
}

// healed says what a replay has shown of what could not be told live.
func (t *trial) healed() string {
	switch {
	case t.unstopped == "":
		return "; in the replay it has its capacity again"
	case t.lost == "":
		return "; in the replay it stops in time"
	}
	return "; in the replay it has its capacity again, and stops in time"
}

// calmed is a load that ends then.
func calmed(load []scenario.Bucket, then time.Duration) []scenario.Bucket {
	n := slices.IndexFunc(load, func(b scenario.Bucket) bool { return b.At+b.Span > then })
	if n < 0 {
		n = len(load)
	}
	load = slices.Clone(load[:n])
	return append(load, scenario.Bucket{At: then, Span: time.Second})
}

func (t *trial) workloadEnded() time.Duration {
	end, _ := t.Run.Through()
	return end
}

// underWay is the most that a start asks for which was under way when the workload
// ended: no pool has its worker before. One that is mute takes as long as a start may.
func (t *trial) underWay() (longest time.Duration) {
	for _, s := range t.Run.Environment.Starts {
		if then := t.workloadEnded(); s.Begin >= then || s.End <= then {
			continue
		}
		longest = max(longest, s.CPU+s.Wait)
		switch timeout := t.Met.Config.StartTimeout; {
		case s.Asks != nil:
			longest = max(longest, s.Asks.CPU+s.Asks.Wait)
		case s.Mute:
			longest = max(longest, cmp.Or(timeout, mutePatience))
		}
	}
	return longest
}

// mutePatience is how long a pool may wait for the hello of a mute start if its scenario
// does not say: a bound of its own is no loss for good. Ours has a minute.
const mutePatience = 2 * time.Minute

// silent is how many starts never ended, beyond those that the contract has: those
// that a fault made so, and all.
func (t *trial) silent() (made, all int) {
	e := t.Run.Environment
	if t.lost == "" || e == nil || t.Met.Contract == nil || t.Met.Config.StartTimeout > 0 { // then they are ended
		return 0, 0
	}
	most := t.Met.Contract.Start
	mute := t.madeMute()
	for _, s := range e.Starts {
		if s.Mute && s.Cut && s.Asks == nil && (s.CPU > most.CPU || s.Wait > most.Wait) {
			all++
			if mute[s.Worker] {
				made++
			}
		}
	}
	return max(0, made-t.Met.Contract.Mute), max(0, all-t.Met.Contract.Mute)
}

// madeMute are the starts, by their ordinal, that a fault kept from saying hello.
func (t *trial) madeMute() map[int]bool {
	launches, ordinal, made := 0, map[string]int{}, map[int]bool{}
	for _, e := range t.Run.Events {
		switch {
		case e.Kind == scenario.Launch:
			ordinal[e.Worker] = launches
			launches++
		case e.Kind == scenario.Fault && e.Fault == (faults.NeverSaysHello{}).Name():
			if n, ok := ordinal[e.Worker]; ok {
				made[n] = true
			}
		}
	}
	return made
}

// calm says whether what others wanted after the workload was inside the contract, what
// was stolen then left the contract's cores, and no start went on that asks for more time than there is to recover.
func (t *trial) calm() bool {
	e := t.Run.Environment
	if e == nil || t.Met.Contract == nil {
		return true
	}
	if bound := t.Met.Recovery; bound > 0 && t.underWay() >= bound {
		return false
	}
	after := scenario.Environment{Rivals: e.Rivals, Load: slices.Clone(e.Load)}
	after.Load = slices.DeleteFunc(after.Load, func(b scenario.Bucket) bool { return b.At+b.Span <= t.workloadEnded() })
	wanted, stolen := after.Wanted()
	spare := max(0, e.Cores-t.Met.Contract.Cores)
	return wanted <= t.Met.Contract.Outside+calmSlack && stolen <= spare+calmSlack
}

// calmSlack is how many threads of others, or stolen cores, can't be told from none.
const calmSlack = 0.1
