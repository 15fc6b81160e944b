package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// heal asks whether the pool has its capacity again once all that hurt it is over:
// step 6. Probes have asked it live; where others went on beyond the contract
// meanwhile, only a replay can say, in which they do not.
func (t *trial) heal() {
	if t.lost == "" || t.verdict.Word != scenario.Sound && t.verdict.Word != scenario.Environmental {
		return
	}
	sc := t.Met
	environment := *sc.Replay
	environment.Load = calmed(environment.Load, t.workloadEnded())
	sc.Replay = &environment
	r, err := t.Play(sc)
	if err != nil {
		t.inconclusive(fmt.Sprintf("%s; others went on beyond the contract meanwhile, and it can't be replayed: %v", t.lost, err))
		return
	}
	if _, _, lost := safety(r); lost != "" {
		t.unsafe([]string{lost + ", in a replay in which nobody else wants a CPU then"})
		return
	}
	t.verdict.Reason += "; in the replay it has its capacity again"
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
	probing, _ := t.Run.First(scenario.Probing)
	return probing.At
}

// calm says whether what others wanted after the workload was inside the contract.
func (t *trial) calm() bool {
	e := t.Run.Environment
	if e == nil || t.Met.Contract == nil {
		return true
	}
	after := scenario.Environment{Rivals: e.Rivals, Load: slices.Clone(e.Load)}
	after.Load = slices.DeleteFunc(after.Load, func(b scenario.Bucket) bool { return b.At+b.Span <= t.workloadEnded() })
	wanted, _ := after.Wanted()
	return wanted <= t.Met.Contract.Outside+calmSlack
}

// calmSlack is how many threads of others can't be told from none.
const calmSlack = 0.1
