//go:build linux

package faults_test

import (
	"context"
	"strings"
	"testing"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

func TestClientsDieHoldingAWorker(t *testing.T) {
	// c1 in the midst of its call, which takes 100 ms.
	r := tried(t, nil, faults.Entry{Fault: faults.DieHolding{After: 40 * ms}, Target: faults.Target{First: 1}})
	said(t, r, "40 fault die-holding c1.1")
	counted(t, r, 1, 40*ms, 40*ms)
	sound(t, r, 10)
}

func TestClientsDieHoldingAWorkerThatHasAnswered(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.DieHolding{After: 150 * ms}, Target: faults.Target{First: 1}})
	said(t, r, "150 fault die-holding c1.1")
	sound(t, r, 11) // the answer had come
	if _, ok := r.Record.First(scenario.ClientDied); !ok {
		t.Error("nobody died")
	}
}

// keeper never hears of dead clients, and so loses their workers.
type keeper struct {
	subject.Pool
	subject.Lessor
}

func TestAPoolThatDoesNotTakeBackWhatTheDeadHeldLosesItsCapacity(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) {
		sc.Subject.Open = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
			p, err := subject.Ours().Open(ctx, l, cfg)
			if err != nil {
				return nil, err
			}
			return keeper{p, p.(subject.Lessor)}, nil
		}
	}, faults.Entry{Fault: faults.DieHolding{After: 150 * ms}, Target: faults.Target{First: 1}})
	if r.Word != scenario.Architectural || len(r.Safety) == 0 {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}

// A subject without Checkout has nothing to hold but by a call.
func TestWithoutCheckoutClientsDieInTheMidstOfTheirCall(t *testing.T) {
	bare := func(sc *harness.Scenario) { sc.Subject = subject.Ideal(subject.All) }
	r := tried(t, bare, faults.Entry{Fault: faults.DieHolding{After: 40 * ms}, Target: faults.Target{First: 1}})
	said(t, r, "40 fault die-holding c1.1")
	r = tried(t, bare, faults.Entry{Fault: faults.DieHolding{After: 150 * ms}, Target: faults.Target{First: 1}})
	if f := r.Record.Faults[0]; f.Fired != 0 {
		t.Errorf("%+v", plain(f))
	}
}

// Who was spared gives back what it holds.
func TestAClientThatIsNotStruckGivesItsWorkerBack(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.DieHolding{After: 150 * ms}, Times: 1})
	sound(t, r, 11)
}

func TestAShareOfTheClientsIsTheSameAtEachOfTheirCalls(t *testing.T) {
	r := tried(t, nil, faults.Entry{Fault: faults.DieHolding{After: 10 * ms}, Target: faults.Target{Share: 0.5}})
	for line := range strings.Lines(happened(r)) {
		if !strings.HasSuffix(line, ".1\n") {
			t.Errorf("one died later than at its first call: %s", line)
		}
	}
	if n := r.Record.Faults[0].Fired; n == 0 || n == 6 {
		t.Errorf("of six clients %d died", n)
	}
}

func TestOurPoolLivesWithClientsThatDieHoldingAWorker(t *testing.T) { survives(t, "die-holding", 0) }

func TestClientsOfRealWorkersDieHoldingThem(t *testing.T) {
	r := played(t, nil, faults.Entry{Fault: faults.DieHolding{After: 20 * ms}, Target: faults.Target{First: 1}})
	firedReally(t, r, 1, 1)
}
