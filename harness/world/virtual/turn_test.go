package virtual

import "testing"

func TestCallsTurnToThePoolInTheOrderThatIsAskedFor(t *testing.T) {
	parkedAt := func(places ...place) (ps []*parked) {
		for _, p := range places {
			ps = append(ps, &parked{place: p})
		}
		return ps
	}
	first := func(int, []*parked) int { return 0 }
	for _, c := range []struct {
		name string
		ps   []*parked
		want int
	}{
		{"the one named first", parkedAt(place{"c1", atBegin}, place{"c2", atBegin}, place{"c3", atBegin}), 2},
		{"no turn of anybody else's is taken", parkedAt(place{"a", "woke"}, place{"c3", atBegin}), 0},
		{"nobody elsewhere is preferred", parkedAt(place{"c1", atBegin}, place{"c3", "arrive"}), 0},
		{"one that is not named keeps its lot", parkedAt(place{"c0", atBegin}, place{"c3", atBegin}), 0},
		{"and is not preferred", parkedAt(place{"c1", atBegin}, place{"c9", atBegin}), 0},
	} {
		if got := inTurn([]string{"c3", "c1", "c2"}, first)(0, c.ps); got != c.want {
			t.Errorf("%s: picked %d, want %d", c.name, got, c.want)
		}
	}
}
