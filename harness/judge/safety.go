package judge

import (
	"fmt"

	"github.com/butfor/butfor/harness/scenario"
)

// safety lists what must never happen, and did: step 1. It is a matter of
// order, not of time, and is read off the events one by one.
func safety(r *scenario.Record) (broken []string) {
	s := watcher{record: r, workers: map[string]*seen{}, sent: map[string]string{}, told: map[string]bool{}}
	for _, e := range r.Events {
		s.event(e)
	}
	return s.broken
}

type watcher struct {
	record  *scenario.Record
	workers map[string]*seen
	alive   int
	sent    map[string]string // call → worker that it was first sent to
	broken  []string
	told    map[string]bool
}

// seen is what is known of a worker so far.
type seen struct {
	ready bool
	hand  string // the call that it has in hand
}

// say reports each kind of breach once, with its first instance.
func (s *watcher) say(kind, format string, args ...any) {
	if !s.told[kind] {
		s.told[kind] = true
		s.broken = append(s.broken, kind+": "+fmt.Sprintf(format, args...))
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
		s.workers[e.Worker] = &seen{}
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
		if w != nil && e.Call == w.hand {
			w.hand = ""
		}
	case scenario.Return:
		if e.Wrong && !e.Excused {
			s.say("a wrong answer", "%s was given what no worker had answered to it", e.Call)
		}
		if e.Lost {
			s.say("a lost call", "%s did not come back, also after its time was over", e.Call)
		}
	case scenario.Probed:
		if e.N < s.record.Size {
			s.say("capacity lost for good", "after the run the pool held %d calls at once, its size is %d", e.N, s.record.Size)
		}
	case scenario.Closed:
		if e.Lost {
			s.say("a pool that can't be closed", "%s", e.Err)
		}
	case scenario.Left:
		s.say("left behind after Close", "%s", e.Text)
	}
}
