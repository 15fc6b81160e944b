package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Comparison holds a replay against what was recorded. It judges nothing: how
// far apart the two may be is a matter of who asks.
type Comparison struct {
	Deadline   time.Duration `json:"deadline_ns"`
	Calls      []CallPair    `json:"calls"` // of the workload, in either run, by id
	FirstReady Pair          `json:"first_ready"`
	LastReady  Pair          `json:"last_ready"` // of the workers launched before any probing
	Ready      [2]int        `json:"ready"`      // how many were, recorded and replayed
	Spans      []SpanPair    `json:"spans"`      // each start and call that was let finish, given its recorded begin
}

// A Pair is one time in the recording and in the replay; 0 where there is none.
type Pair struct {
	Recorded time.Duration `json:"recorded_ns"`
	Replayed time.Duration `json:"replayed_ns"`
}

// Off is by how much the replay is late; below 0: early.
func (p Pair) Off() time.Duration { return p.Replayed - p.Recorded }

// Within says whether the two are no further apart than a time or a share of
// what was recorded, whichever is more.
func (p Pair) Within(d time.Duration, share float64) bool {
	return p.Off().Abs() <= max(d, time.Duration(share*float64(p.Recorded)))
}

// A CallPair is what became of a call in both runs.
type CallPair struct {
	ID     string  `json:"id"`
	Missed [2]bool `json:"missed"` // its deadline, recorded and replayed
	Served [2]bool `json:"served"` // it had a right answer, in time or not
	Took   Pair    `json:"took"`   // from arrival to end
	// Arrived is when it did in the recording, since that run began.
	Arrived time.Duration `json:"arrived_ns"`
}

// A SpanPair is how long a start or call was in its worker's hands.
type SpanPair struct {
	What  string        `json:"what"` // a start by its ordinal, a call by its id
	Begin time.Duration `json:"begin_ns"`
	Pair
}

// End is when it ended in the recording, since that run began.
func (s SpanPair) End() time.Duration { return s.Begin + s.Recorded }

// Compare holds a replay against what it is a replay of. Spans are modelled
// anew from the recording's environment, if it is known: see Modelled.
func Compare(recorded, replayed *Record, frozen bool) Comparison {
	c := Comparison{Deadline: recorded.Deadline}
	at := map[string]int{}
	for i, r := range []*Record{recorded, replayed} {
		for _, call := range r.Calls() {
			n, ok := at[call.ID]
			if !ok {
				n = len(c.Calls)
				at[call.ID] = n
				c.Calls = append(c.Calls, CallPair{ID: call.ID})
			}
			p := &c.Calls[n]
			p.Missed[i], p.Served[i] = call.Missed, call.served()
			if i == 0 {
				p.Arrived = call.Arrived
			}
			*[]*time.Duration{&p.Took.Recorded, &p.Took.Replayed}[i] = call.Took
		}
		ready := r.readies()
		if c.Ready[i] = len(ready); len(ready) > 0 {
			*[]*time.Duration{&c.FirstReady.Recorded, &c.FirstReady.Replayed}[i] = ready[0]
			*[]*time.Duration{&c.LastReady.Recorded, &c.LastReady.Replayed}[i] = ready[len(ready)-1]
		}
	}
	slices.SortFunc(c.Calls, func(a, b CallPair) int { return strings.Compare(a.ID, b.ID) })
	if recorded.Environment != nil {
		c.Spans = recorded.MetByClients().Modelled(frozen)
	}
	return c
}

// readies are the times at which workers became ready, since the pool began to
// open, earliest first; not those that probes caused.
func (r *Record) readies() (at []time.Duration) {
	open, _ := r.First(Open)
	probing, probed := r.First(Probing)
	for _, w := range r.Workers() {
		if w.Ready >= 0 && (!probed || w.Launched < probing.At) {
			at = append(at, w.Ready-open.At)
		}
	}
	slices.Sort(at)
	return at
}

// Others are the calls that missed their deadline in one of the two alone.
func (c *Comparison) Others() (ids []string) {
	for _, p := range c.Calls {
		if p.Missed[0] != p.Missed[1] {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// Misses counts the calls that missed, recorded and replayed.
func (c *Comparison) Misses() (n [2]int) {
	for _, p := range c.Calls {
		for i, missed := range p.Missed {
			if missed {
				n[i]++
			}
		}
	}
	return n
}

// Tie says whether a call was answered so near to the deadline, a share of it
// off at most, that a model can't tell whether it kept it.
func (c *Comparison) Tie(p CallPair, share float64) bool {
	near := func(served bool, took time.Duration) bool {
		return served && (took-c.Deadline).Abs() <= time.Duration(share*float64(c.Deadline))
	}
	return near(p.Served[0], p.Took.Recorded) || near(p.Served[1], p.Took.Replayed)
}

// Path is a call's way through the recording, latest first: when it was in its
// worker's hands, before that what ended last by then, and so on back to its
// arrival.
func (c *Comparison) Path(p CallPair) (path []SpanPair) {
	until, own := p.Arrived+p.Took.Recorded, true
	for {
		last := -1
		for i, s := range c.Spans {
			id, _, _ := strings.Cut(s.What, "/")
			if s.Begin < until && s.End() > p.Arrived && s.End() <= until && (!own || id == p.ID) && (last < 0 || s.End() > c.Spans[last].End()) {
				last = i
			}
		}
		if last < 0 {
			return path
		}
		path = append(path, c.Spans[last])
		until, own = c.Spans[last].Begin, false
	}
}

// Off says which spans are not within a time or a share of what was recorded.
func (c *Comparison) Off(d time.Duration, share float64) (off []SpanPair) {
	for _, s := range c.Spans {
		if !s.Within(d, share) {
			off = append(off, s)
		}
	}
	return off
}

// String says it in a few words.
func (c *Comparison) String() string {
	misses := c.Misses()
	s := fmt.Sprintf("%d of %d calls missed, %d in the replay", misses[0], len(c.Calls), misses[1])
	if others := c.Others(); len(others) > 0 {
		s += " (others: " + strings.Join(others, " ") + ")"
	}
	for _, p := range []struct {
		what string
		Pair
	}{{"first ready", c.FirstReady}, {"last ready", c.LastReady}} {
		if p.Recorded > 0 && p.Replayed > 0 {
			s += fmt.Sprintf("; %s after %.3f s, %+.1f %% in the replay", p.what, p.Recorded.Seconds(), 100*float64(p.Off())/float64(p.Recorded))
		}
	}
	if n := len(c.Spans); n > 0 {
		s += fmt.Sprintf("; %d of %d spans within 50 ms or 15 %%", n-len(c.Off(50*time.Millisecond, 0.15)), n)
	}
	return s
}
