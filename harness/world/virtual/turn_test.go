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
		{"the one named first", parkedAt(place{"c1", "begin"}, place{"c2", "begin"}, place{"c3", "begin"}), 2},
		{"no turn of anybody else's is taken", parkedAt(place{"a", "send"}, place{"c3", "begin"}), 0},
		{"nobody elsewhere is preferred", parkedAt(place{"c1", "begin"}, place{"c3", "send"}), 0},
		{"some may come while others have waited for the pool", parkedAt(place{"c1", "begin"}, place{"c3", "arrive"}), 1},
		{"one that is not named keeps its lot", parkedAt(place{"c0", "begin"}, place{"c3", "begin"}), 0},
		{"and is not preferred", parkedAt(place{"c1", "begin"}, place{"c9", "begin"}), 0},
	} {
		if got := inTurn([]string{"c3", "c1", "c2"}, first)(0, c.ps); got != c.want {
			t.Errorf("%s: picked %d, want %d", c.name, got, c.want)
		}
	}
}
