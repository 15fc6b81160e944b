package judge

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// lateMost is how late the harness's timers may have been for a breach to count
// that rests on one of its own bounds: a quarter of the shortest, which is the
// second that a probe is given at least.
const lateMost = time.Second / 4

// safety lists what must never happen, and did: step 1. What is broken is a
// matter of order, and is read off the events one by one; what is slow was not
// over within a bound of the harness's.
func safety(r *scenario.Record) unsafety {
	s := watcher{record: r, workers: map[string]*seen{}, sent: map[string]string{}, told: map[string]bool{}, over: map[string]bool{}, tooLate: map[string]scenario.Kind{}}
	for _, e := range r.Events {
		s.event(e)
	}
	if why, late := r.FailedStop(); late {
		s.late = "a stop that took too long: " + why
	} else if why != "" {
		s.say("a stop that failed", "%s", why)
	}
	return s.unsafety
}

// unsafety is what a record shows that must never happen.
type unsafety struct {
	broken []string
	slow   []string // that rests on a bound of the harness's
	cold   string   // why the pool could not be warmed
	lost   string   // capacity that was not there again within the bound of the contract
	late   string   // a stop that took longer than supervisors wait
}

// safety is that of the run. Capacity that was lost while others went on beyond the
// contract, and a stop that took too long then, are matters of step 6; where ideal pools could not have been warmed either,
// it is no breach that this one was not; what rests on a bound of the harness's own counts
// as long as it could keep to it.
func (t *trial) safety() (broken, starved []string) {
	b := safety(t.Run)
	if b.cold != "" && !t.tooColdForAll() {
		b.slow = append(b.slow, "a pool that could not be warmed: "+b.cold)
	}
	if open := said(b.lost, b.late); len(open) > 0 && t.calm() {
		b.slow = append(b.slow, open...)
	} else {
		t.lost, t.unstopped = b.lost, b.late
	}
	if t.Run.Late <= lateMost {
		return append(b.broken, b.slow...), nil
	}
	for _, what := range b.slow {
		starved = append(starved, fmt.Sprintf("its timers were up to %s late, so this may be its own doing: %s", short(t.Run.Late), what))
	}
	return b.broken, starved
}

// tooColdForAll says whether what the run met beyond the contract kept ideal pools,
// too, from having their workers ready by when the clients would wait no longer.
func (t *trial) tooColdForAll() bool {
	if t.Unknown != nil || len(t.excess) == 0 {
		return false
	}
	met := setting{scale: 1}
	best, sc := t.ideal(met), t.under(met)
	return best.err == nil && best.came-sc.Meets().Opens-slices.Min(sc.Workload.Arrivals(sc.Seed)) >= sc.Warms()
}

type watcher struct {
	record  *scenario.Record
	workers map[string]*seen
	alive   int
	sent    map[string]string // call → worker that it was first sent to
	unsafety
	told    map[string]bool
	over    map[string]bool          // sessions that have ended
	state   scenario.Kind            // Close once the pool begins to close, Closed once it has
	tooLate map[string]scenario.Kind // of calls that came then: what it was
}

// seen is what is known of a worker so far.
type seen struct {
	ready bool
	hand  string                   // the call that it has in hand
	asked map[int64]scenario.Event // what it has been sent in sessions and not answered
	holds map[string]bool          // sessions of which it keeps something
}

// kept notes what a worker keeps of a session once it has done what it was sent.
func (w *seen) kept(sent scenario.Event) {
	switch sent.Command {
	case "put", "create_program":
		w.holds[sent.Session] = true
	case "cleanup_session":
		delete(w.holds, sent.Session)
	case "reset_state":
		clear(w.holds)
	}
}

// say reports each kind of breach once, with its first instance.
func (s *watcher) say(kind, format string, args ...any) {
	s.once(&s.broken, kind, format, args...)
}

// sayLate is say for what was not over in time.
func (s *watcher) sayLate(kind, format string, args ...any) {
	s.once(&s.slow, kind, format, args...)
}

func (s *watcher) once(to *[]string, kind, format string, args ...any) {
	if !s.told[kind] {
		s.told[kind] = true
		*to = append(*to, kind+": "+fmt.Sprintf(format, args...))
	}
}

func (s *watcher) event(e scenario.Event) {
	w := s.workers[e.Worker]
	switch e.Kind {
	case scenario.Launched:
		if e.Err != "" {
			return
		}
		if w != nil {
			s.say("two workers with one name", "%s was launched while the first lived", e.Worker)
		}
		s.workers[e.Worker] = &seen{asked: map[int64]scenario.Event{}, holds: map[string]bool{}}
		s.alive++
		if most := s.record.Size + s.record.Overflow; s.alive > most {
			s.say("more alive than allowed", "%d with %s, %d are allowed", s.alive, e.Worker, most)
		}
	case scenario.Exit:
		delete(s.workers, e.Worker)
		s.alive--
	case scenario.Ready:
		if w != nil {
			w.ready = true
		}
	case scenario.Send:
		if e.Call != "" && e.Err != "" { // it did not go out after all
			if w != nil && w.hand == e.Call {
				w.hand = ""
			}
			delete(s.sent, e.Call)
		}
		if w != nil && e.Session != "" && e.Err == "" {
			w.asked[e.ID] = e
		}
		if e.Call == "" || w == nil || e.Err != "" {
			return
		}
		if !w.ready {
			s.say("a worker used before its hello", "%s was sent %s", e.Worker, e.Call)
		}
		if w.hand != "" {
			s.say("one worker in two hands", "%s was sent %s while it had %s", e.Worker, e.Call, w.hand)
		}
		w.hand = e.Call
		if first, ok := s.sent[e.Call]; ok {
			s.say("a call made twice", "%s went to %s and then to %s", e.Call, first, e.Worker)
		}
		s.sent[e.Call] = e.Worker
	case scenario.Recv:
		if w == nil {
			return
		}
		if e.Call == w.hand {
			w.hand = ""
		}
		if e.Err == "" {
			w.kept(w.asked[e.ID])
		}
		delete(w.asked, e.ID)
	case scenario.Warmed:
		if e.Err != "" {
			s.cold = e.Err
		}
	case scenario.Arrive:
		if s.state != "" {
			s.tooLate[e.Call] = s.state
		}
	case scenario.Launch:
		if s.state == scenario.Closed && len(s.tooLate) > 0 {
			s.say("a worker begun by a closed pool", "%s, for calls that came too late", e.Worker)
		}
	case scenario.Return:
		if came := s.tooLate[e.Call]; came != "" {
			s.ended(e, came)
			return
		}
		if e.Wrong && !e.Excused && e.Text != "" {
			s.say("not the state of its session", "%s %s", e.Call, e.Text)
		} else if e.Wrong && !e.Excused {
			s.say("a wrong answer", "%s was given what no worker had answered to it", e.Call)
		}
		if e.Lost {
			s.sayLate("a lost call", "%s did not come back, also after its time was over", e.Call)
		}
	case scenario.Probed:
		if e.N < s.record.Size {
			s.lost = fmt.Sprintf("capacity lost for good: after the run no more than %d calls were held at once, the size is %d", e.N, s.record.Size)
		}
	case scenario.SessionEnded:
		s.over[e.Session] = true
	case scenario.Close:
		s.leaks()
		s.state = scenario.Close
	case scenario.Closed:
		if !e.Lost {
			s.state = scenario.Closed
		}
	case scenario.Left:
		s.sayLate("left behind after Close", "%s", e.Text)
	}
}

// ended is told how a call ended that came while the pool closed, or once it had.
func (s *watcher) ended(e scenario.Event, came scenario.Kind) {
	const rule = "a call to a closed pool"
	switch {
	case e.Lost:
		s.sayLate("a call kept waiting by a closed pool", "%s did not come back", e.Call)
	case e.Wrong && e.Err != "":
		s.say(rule, "%s was met with %s", e.Call, e.Err)
	case e.Wrong:
		s.say(rule, "%s was given what no worker had answered to it", e.Call)
	case e.Err == "" && came == scenario.Closed:
		s.say(rule, "%s was answered", e.Call)
	}
}

// leaks says of which sessions that have ended workers keep something.
func (s *watcher) leaks() {
	var held []string
	for _, id := range slices.Sorted(maps.Keys(s.workers)) {
		for _, session := range slices.Sorted(maps.Keys(s.workers[id].holds)) {
			if s.over[session] {
				held = append(held, session+" on "+id)
			}
		}
	}
	switch len(held) {
	case 0:
	case 1:
		s.say("state of an ended session still held", "%s", held[0])
	default:
		s.say("state of an ended session still held", "%s and %d more", held[0], len(held)-1)
	}
}
