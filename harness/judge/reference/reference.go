// Package reference has the family of ideal pools that a run is held against: what
// its calls would have got from pools without overhead and without foresight, under
// the same arrivals, demands and faults.
//
// Each member serves callers first come, first served, by whichever worker is free
// first: they wait on the pool alone, never on a start that they caused. Starts run
// on their own, and a dead one is begun again, if it died at once a moment later: until
// then another may be under way in its place. Those who give up leave the line. Workers,
// the starting ones too, are never more than Size and Overflow. Of a scenario's settings Size,
// Overflow, Cores, Lazy, StartConcurrency and StartTimeout count; and where a plan has
// more callers come than the workload has, for some members QueueLimit and
// CheckoutTimeout, as it is no miss to send those away. Its workers are sound, as the
// family models time alone: one that is of the age at which a recorded one died does so
// once it rests.
//
// No member is the best for every load. A narrow one loses where starts mostly wait,
// a wide one where they compute; one that begins another start while those under way
// leave a core free loses to neither, until calls want the cores as well.
//
// It is an event loop over harness/cpu, without goroutines, clock or bubble, and
// written apart from any pool: what else is to be compared with it runs elsewhere.
package reference

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	// Width is how many starts are under way at once. With OnCPU those do not count
	// that have computed what they had to, and wait for something else.
	Width int
	OnCPU bool
	Fill  Fill
	Hold  int // workers at most; 0: Size and Overflow
	// Spare has a worker whose call is cut short go on with it, and be free then.
	// Else it is ended, and another is started where it is missed.
	Spare bool
	// Refuse has it send callers away as the scenario's QueueLimit and CheckoutTimeout
	// say. Else everybody may wait.
	Refuse bool
}

// Fill is what a pool starts beyond what its callers in line need.
type Fill int

// The fills.
const (
	Demand Fill = iota // nothing, however eager the scenario is
	Size               // all of Size: at the first demand, or as it opens where the scenario is eager
	Most               // that, and at the first demand all of Overflow too
)

// String names the member.
func (p Policy) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ideal, %d at once", p.Width)
	if p.OnCPU {
		b.WriteString(" on a CPU")
	}
	b.WriteString([...]string{", on demand", ", filled", ", filled with overflow"}[p.Fill])
	if p.Hold > 0 {
		fmt.Fprintf(&b, ", %d at most", p.Hold)
	}
	if p.Spare {
		b.WriteString(", sparing workers")
	}
	if p.Refuse {
		b.WriteString(", refusing callers")
	}
	return b.String()
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
	return s.family(), nil
}

// family plays each member.
func (s *stage) family() (f Family) {
	for _, p := range policies(s.sc) {
		f = append(f, Member{Policy: p, Calls: s.play(p)})
	}
	return f
}

// RunAsCame is Run where no call of the workload comes sooner, since the clients' clock
// started, than a call of that id did there. A client that is answered late comes late
// again, and so asks for less in the same time: that is no merit of the pool that kept it
// waiting. A call that is not named there comes when it comes.
func RunAsCame(sc scenario.Scenario, there map[string]time.Duration) (Family, error) {
	s, err := set(&sc)
	if err != nil {
		return nil, err
	}
	s.there = there
	return s.family(), nil
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

// policies are the members', each once.
func policies(sc *scenario.Scenario) (all []Policy) {
	cores, most := Cores(sc), sc.Config.Size+sc.Config.Overflow
	add := func(p Policy) {
		if p.Width = min(p.Width, most); p.Width > 0 && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	for _, fill := range fills(sc) {
		for _, w := range []int{1, cores, 2 * cores, most, sc.Config.StartConcurrency} {
			add(Policy{Width: w, Fill: fill})
		}
		for _, w := range []int{1, cores} {
			if w < most {
				add(Policy{Width: w, OnCPU: true, Fill: fill})
			}
			if cores < most && fill != Most { // calls that compute are through sooner one after another
				add(Policy{Width: w, Fill: fill, Hold: cores})
			}
		}
		if 2*cores < most && fill != Most { // and where they wait in between, two to a core
			add(Policy{Width: 2 * cores, Fill: fill, Hold: 2 * cores})
			add(Policy{Width: cores, OnCPU: true, Fill: fill, Hold: 2 * cores})
		}
		if sc.Config.Overflow > 0 && fill != Most {
			for _, w := range []int{cores, sc.Config.Size} {
				add(Policy{Width: w, Fill: fill, Hold: sc.Config.Size})
			}
		}
		if cuts(sc) {
			add(Policy{Width: cores, Fill: fill, Spare: true})
			add(Policy{Width: 1, Fill: fill, Hold: cores, Spare: true})
		}
	}
	if sc.Faults.Crowded() && (sc.Config.QueueLimit != 0 || sc.Config.CheckoutTimeout > 0) {
		for _, p := range slices.Clone(all) {
			p.Refuse = true
			add(p)
		}
	}
	return all
}

// cuts says whether calls are cut short by who makes them, though none is late.
func cuts(sc *scenario.Scenario) bool {
	return sc.Workload.DieAfter > 0 || len(sc.Faults.Callers()) > 0 || sc.Faults.Crowded()
}

// fills are those that make a difference.
func fills(sc *scenario.Scenario) []Fill {
	all := []Fill{Demand}
	if sc.Config.Size > 1 || !sc.Config.Lazy {
		all = append(all, Size)
	}
	if sc.Config.Overflow > 0 {
		all = append(all, Most)
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
			return scenario.Never
		default:
			last = max(last, c.Took)
		}
	}
	return last
}
