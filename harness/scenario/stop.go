package scenario

import (
	"fmt"
	"time"
)

// How long a pool may take to stop. No pool says it of itself: no Config has it.
const (
	// StopPatience is as much as supervisors give.
	StopPatience = 5 * time.Second
	// DrainPatience is how long one is waited for that is kept by what the harness's own
	// probes have left it at: see Kept.
	DrainPatience = time.Second
)

// FailedStop says how a pool's stop failed, "" if it did not, or was never begun: it
// gave an error, or took longer than StopPatience. late says that it took that long;
// else it failed by itself. Against a pool that came back it is not held that it was Kept.
func (r *Record) FailedStop() (why string, late bool) {
	var s stopping
	for _, e := range r.Events {
		if s.event(e); e.Kind == Closed && s.begun {
			return s.failed(e)
		}
	}
	return "", false
}

// Kept says of a stop that goes on whether it is kept by what the harness's own probes,
// which are called off before it, have left the pool at: calls that its workers still
// execute, or starts that it has begun since.
func (r *Record) Kept() bool {
	var s stopping
	for _, e := range r.Events {
		s.event(e)
	}
	return s.begun && (s.starts || len(s.executing) > 0)
}

// stopping is what is seen of a pool up to the end of its stop.
type stopping struct {
	executing map[string]string // worker → call
	starting  map[string]bool   // workers, since the pool was probed
	probed    bool
	begun     bool
	at        time.Duration // when it was
	drained   time.Duration // when no worker executed a call any more
	starts    bool          // of probes went on then
}

func (s *stopping) event(e Event) {
	call, busy := s.executing[e.Worker]
	switch {
	case e.Kind == Send && e.Call != "" && e.Err == "":
		set(&s.executing, e.Worker, e.Call)
	case busy && (e.Kind == Exit || (e.Kind == Send || e.Kind == Recv) && e.Call == call):
		delete(s.executing, e.Worker)
		s.drained = e.At
	}
	switch e.Kind {
	case Probing:
		s.probed = true
	case Launch:
		if s.probed {
			set(&s.starting, e.Worker, true)
			s.starts = s.begun || s.starts
		}
	case Ready, Exit:
		delete(s.starting, e.Worker)
	case Close:
		s.begun, s.at, s.starts = true, e.At, len(s.starting) > 0
	case Closed:
		if len(s.executing) > 0 {
			s.drained = e.At
		}
	}
}

func set[T any](m *map[string]T, key string, to T) {
	if *m == nil {
		*m = map[string]T{}
	}
	(*m)[key] = to
}

// failed says how a stop failed that ended so.
func (s *stopping) failed(e Event) (why string, late bool) {
	took := e.At - s.at
	late = took >= StopPatience
	switch {
	case e.Excused, !e.Lost && (s.starts || s.drained-s.at >= DrainPatience):
		return "", false
	case e.Err != "":
		return e.Err, late
	case took > StopPatience+stopSlack:
		return fmt.Sprintf("it took %.2f s, and %.0f are enough", took.Seconds(), StopPatience.Seconds()), late
	}
	return "", false
}

// stopSlack is by how much one is seen to end later that kills what is left when its time
// is over.
const stopSlack = 100 * time.Millisecond
