package reference

import (
	"cmp"
	"slices"

	"github.com/butfor/butfor/harness/scenario"
)

// order puts the arrivals in the order in which they come to a pool: by time, and at
// one instant as the lots have it that are drawn for a run in virtual time. All
// pools under one seed see their callers come in that order. What else is done at
// that instant in such a run is the subject's, and changes nothing of it.
func (s *stage) order(arrivals []arrival) {
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	for from := 0; from < len(arrivals); {
		to := from + 1
		for to < len(arrivals) && arrivals[to].at == arrivals[from].at {
			to++
		}
		if to-from > 1 {
			s.inTurn(arrivals[from:to])
		}
		from = to
	}
}

// A spot is where somebody waits for a turn, in the harness's words.
type spot struct {
	who, at string
	arrival arrival // of a client
}

// arrives says whether it is a call's.
func (p spot) arrives() bool { return p.at == "arrive" || p.at == "begin" }

// inTurn puts those in order who come at one instant, those who are to die in two
// steps. They turn to the pool as they
// arrive; those who arrive before it is open, once it is and it is their turn.
func (s *stage) inTurn(together []arrival) {
	var waiting, early []spot
	opened := together[0].at > 0 || s.sc.Warm > 0
	if !opened {
		waiting = append(waiting, spot{who: "open", at: "opened"})
	}
	for _, a := range together {
		if a.client >= 0 && s.sc.Workload.DieAfter > 0 {
			waiting = append(waiting, spot{s.names[a.client], "come", a})
		} else {
			waiting = append(waiting, spot{s.call(a), "arrive", a})
		}
	}
	var order []arrival
	for len(waiting) > 0 {
		i := s.first(waiting)
		p := waiting[i]
		waiting = slices.Delete(waiting, i, i+1)
		switch {
		case p.at == "opened":
			opened = true
			waiting = append(waiting, early...)
		case p.at == "come":
			waiting = append(waiting, spot{s.call(p.arrival), "arrive", p.arrival})
		case p.at == "arrive" && !opened:
			early = append(early, spot{p.who, "begin", p.arrival})
		default:
			order = append(order, p.arrival)
		}
	}
	copy(together, order)
}

// first is who goes first of those who wait.
func (s *stage) first(waiting []spot) int {
	best := 0
	for i, p := range waiting {
		if s.before(p, waiting[best]) {
			best = i
		}
	}
	if begins := s.sc.Order.Begin; len(begins) > 0 && waiting[best].arrives() {
		for i, p := range waiting {
			if p.arrives() && turn(begins, p.who) < turn(begins, waiting[best].who) {
				best = i
			}
		}
	}
	return best
}

// before says whether p's lot has it go before q.
func (s *stage) before(p, q spot) bool {
	if s.sc.Order.Strategy == scenario.PCT {
		return scenario.Lot(s.sc.Seed, p.who, "", 0) > scenario.Lot(s.sc.Seed, q.who, "", 0)
	}
	return scenario.Lot(s.sc.Seed, p.who, p.at, 1) < scenario.Lot(s.sc.Seed, q.who, q.at, 1)
}

// turn is somebody's place among those who are to begin in turn; who is not named
// comes last.
func turn(begins []string, who string) int {
	if i := slices.Index(begins, who); i >= 0 {
		return i
	}
	return len(begins)
}
