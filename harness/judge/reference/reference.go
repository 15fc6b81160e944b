// Package reference has the family of ideal pools that a run is held against: what
// its calls would have got from pools without overhead and without foresight, under
// the same arrivals, demands and faults.
//
// Each member serves callers first come, first served, by whichever worker is free
// first: they wait on the pool alone, never on a start that they caused. Starts run
// on their own, so many at once as the member is wide, and a dead one is begun again.
// Those who give up leave the line. Workers in hand or starting are never more than
// Size and Overflow. Of a scenario's settings Size, Overflow, Cores, Lazy and
// StartTimeout count; its workers are sound: the family models time alone. No member
// is the best for every load: a narrow one loses where starts mostly wait, a wide
// one where they compute.
//
// It is an event loop over harness/cpu, without goroutines, clock or bubble, and
// written apart from any pool: what else is to be compared with it runs elsewhere.
package reference

import (
	"errors"
	"fmt"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// A Family is how each of its members did in one scenario, under one seed.
type Family []Member

// A Member is an ideal pool with what became of the calls.
type Member struct {
	Policy
	Calls []scenario.Call // as a record of the run would list them, in the order of their arrival
}

// A Policy is what members differ in.
type Policy struct {
	Width int  // starts under way at once
	Fill  bool // the first demand has all of Size started, not only what it needs
}

// String names the member.
func (p Policy) String() string {
	when := "on demand"
	if p.Fill {
		when = "filled at the first demand"
	}
	return fmt.Sprintf("ideal, %d at once, %s", p.Width, when)
}

// Run plays a scenario with each member of the family. Its world may be any: the
// workers are models in any case, and the machine is what the scenario Meets. A
// Deadline of 0 leaves each caller its patience.
//
// The error is that of a scenario which can't be played. Run may be called
// concurrently.
func Run(sc scenario.Scenario) (Family, error) {
	s, err := set(&sc)
	if err != nil {
		return nil, err
	}
	var f Family
	for _, p := range policies(&sc) {
		f = append(f, Member{Policy: p, Calls: s.play(p)})
	}
	return f, nil
}

// Play plays a scenario with one pool alone.
func Play(sc scenario.Scenario, p Policy) (Member, error) {
	if p.Width < 1 {
		return Member{}, errors.New("reference: a pool that begins no starts")
	}
	s, err := set(&sc)
	if err != nil {
		return Member{}, err
	}
	return Member{Policy: p, Calls: s.play(p)}, nil
}

// policies are the members', those that would do the same but once.
func policies(sc *scenario.Scenario) (all []Policy) {
	most, cores := sc.Config.Size+sc.Config.Overflow, Cores(sc)
	widths := map[int]bool{}
	for _, w := range []int{1, cores, 2 * cores, most} {
		w = min(w, most)
		if widths[w] {
			continue
		}
		widths[w] = true
		all = append(all, Policy{Width: w})
		if sc.Config.Lazy && sc.Config.Size > 1 { // else it begins with all of them in any case
			all = append(all, Policy{Width: w, Fill: true})
		}
	}
	return all
}

// Cores is how many starts at once the member has that goes by the cores.
func Cores(sc *scenario.Scenario) int {
	cores := sc.Config.Cores
	if cores == 0 {
		cores = sc.Cores
	}
	if cores == 0 {
		cores = sc.Meets().Cores
	}
	return max(1, int(cores))
}

// Best is the member with the fewest misses, and of those the one that was through
// first: one that counts for the family.
func (f Family) Best() *Member {
	best := &f[0]
	for i := range f {
		m := &f[i]
		if a, b := m.Misses(), best.Misses(); a < b || a == b && m.Last() < best.Last() {
			best = m
		}
	}
	return best
}

// Misses counts the calls without a right answer by their deadline.
func (m *Member) Misses() (n int) {
	for i := range m.Calls {
		if m.Calls[i].Missed {
			n++
		}
	}
	return n
}

// Last is how long the call took that took longest, of those that were answered;
// Never if one was not that nobody ended.
func (m *Member) Last() (last time.Duration) {
	for i := range m.Calls {
		switch c := &m.Calls[i]; {
		case c.Excused:
		case c.Err != "":
			return Never
		default:
			last = max(last, c.Took)
		}
	}
	return last
}

// Never is when a call is answered that gets no answer.
const Never = time.Duration(1<<63 - 1)
