package judge

import (
	"slices"
	"testing"

	"github.com/butfor/butfor/harness/scenario"
)

func TestWhatIsLatentIsWhatThisPoolAloneMissesAtACorner(t *testing.T) {
	slow := func(sc scenario.Scenario) bool { return sc.Start == agreed.Start }
	case1 := func(this, ideal func(sc scenario.Scenario) bool) Case { // whether they miss
		c := world{always(100 * ms), always(90 * ms), always(100 * ms), always(90 * ms)}.on(t)
		record := func(misses bool) *scenario.Record {
			if misses {
				return timeline(t, "0 open\n0 opened\n0 arrive c1\n900 return c1")
			}
			return timeline(t, "0 open\n0 opened\n0 arrive c1\n100 return c1")
		}
		c.Play = func(sc scenario.Scenario) (*scenario.Record, error) { return record(this(sc)), nil }
		c.Ideal = func(sc scenario.Scenario) (Ideal, error) {
			return Ideal{Name: "ideal", Of: 8, Calls: record(ideal(sc)).Calls()}, nil
		}
		return c
	}
	no := func(scenario.Scenario) bool { return false }
	for name, x := range map[string]struct {
		c    Case
		want []scenario.Latent
	}{
		"nothing": {case1(no, no), nil},
		"with slow starts": {case1(slow, no), []scenario.Latent{
			{Corner: "starts that ask for the most", Missed: 1, Calls: 1,
				Reason: "with starts that ask for the most 1 of 1 calls would miss the deadline of 300 ms, with the best of 8 ideal pools (ideal) none"},
			{Corner: "both starts that ask for the most and the most load from outside", Missed: 1, Calls: 1,
				Reason: "with both starts that ask for the most and the most load from outside 1 of 1 calls would miss the deadline of 300 ms, with the best of 8 ideal pools (ideal) none"},
		}},
		"what nobody keeps": {case1(slow, slow), nil},
	} {
		if got := Latent(x.c); got == nil || !slices.Equal(got, x.want) { // nil: it was not looked for
			t.Errorf("%s: %#v, want %#v", name, got, x.want)
		}
	}
	c := case1(slow, no)
	c.Play = func(scenario.Scenario) (*scenario.Record, error) { return nil, errNone }
	if got := Latent(c); got != nil {
		t.Errorf("a pool that can't be played would miss %v", got)
	}
	c = case1(slow, no)
	c.Unknown = errNone
	if got := Latent(c); got != nil {
		t.Errorf("in an unknown environment it would miss %v", got)
	}
}
