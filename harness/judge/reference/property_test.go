package reference

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// drawn is any small scenario, hurt or not.
func drawn(t *rapid.T) scenario.Scenario {
	ms := func(most int, name string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Millisecond
	}
	sc := scenario.Scenario{
		Seed:  rapid.Uint64Range(0, 1<<20).Draw(t, "seed"),
		Cores: float64(rapid.IntRange(1, 4).Draw(t, "cores")),
		Config: subject.Config{
			Size:         rapid.IntRange(1, 4).Draw(t, "size"),
			Overflow:     rapid.IntRange(0, 2).Draw(t, "overflow"),
			Lazy:         rapid.Bool().Draw(t, "lazy"),
			StartTimeout: ms(900, "start timeout"),
		},
		Start:    scenario.Demand{CPU: ms(300, "start CPU"), Wait: ms(300, "start wait")},
		Deadline: 1 + ms(3000, "deadline"),
		Workload: scenario.Workload{
			Clients: rapid.IntRange(1, 8).Draw(t, "clients"),
			Calls:   rapid.IntRange(1, 3).Draw(t, "calls"),
			Think:   ms(200, "think"),
			Arrive:  rapid.SampledFrom([]scenario.Arrival{scenario.Burst, scenario.Rate, scenario.Poisson}).Draw(t, "arrive"),
			Every:   1 + ms(200, "every"),
			Command: rapid.SampledFrom([]string{"echo", "sleep", "burn", "shutdown", "no such"}).Draw(t, "command"),
		},
	}
	sc.Workload.Args = map[string]any{"s": ms(500, "sleep").Seconds(), "cpu_s": ms(300, "burn").Seconds()}
	sc.Warm = rapid.IntRange(0, sc.Config.Size).Draw(t, "warm")
	if n := rapid.IntRange(0, 3).Draw(t, "faults"); n > 0 {
		sc.Faults = faults.Swarm(rand.New(rand.NewPCG(sc.Seed, 1)), n, faults.Recorded())
	}
	return sc
}

func TestAMemberHoldsNoMoreThanItMayAndServesInLine(t *testing.T) {
	if seed := flag.Lookup("rapid.seed"); seed.Value.String() == "0" { // the same each time, unless another is given
		if err := seed.Value.Set("1"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		sc := drawn(t)
		s, err := set(&sc)
		if err != nil {
			t.Fatal(err)
		}
		policy := rapid.SampledFrom(policies(&sc)).Draw(t, "policy")
		r := s.open(policy)
		r.turn(func() bool {
			p := &r.pool
			switch {
			case p.alive > sc.Config.Size+sc.Config.Overflow:
				t.Fatalf("at %v there are %d workers", r.now, p.alive)
			case p.busy > policy.Width || p.busy > p.starting || p.starting > p.alive || p.busy < 0:
				t.Fatalf("at %v %d of %d starts count, of %d workers", r.now, p.busy, p.starting, p.alive)
			case len(p.idle) > 0 && len(p.line) > 0:
				t.Fatalf("at %v %d workers are idle and %d callers wait", r.now, len(p.idle), len(p.line))
			}
			return r.left == 0
		})
		if want := sc.Workload.Clients * sc.Workload.Calls; sc.Faults == nil && len(r.calls) != want {
			t.Fatalf("%d calls came, want %d", len(r.calls), want)
		}
		inLine(t, r.calls)
	})
}

// inLine says that nobody was served before somebody who had come before and still
// waited.
func inLine(t *rapid.T, calls []scenario.Call) {
	for i := range calls {
		if calls[i].Ended < 0 {
			t.Fatalf("%s never came back", calls[i].ID)
		}
		for j := range calls[:i] {
			before, after := &calls[j], &calls[i]
			sent := before.Worker != ""
			if after.Worker != "" && (sent && before.Sent > after.Sent || !sent && before.Ended > after.Sent) {
				t.Fatalf("%+v was served before %+v", *after, *before)
			}
		}
	}
}
