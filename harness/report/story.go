package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

// sameInstant is how far apart what happens may be to be told as of one time.
const sameInstant = time.Millisecond / 2

// A story is what is known while a record is told.
type story struct {
	record   *scenario.Record
	calls    map[string]scenario.Call
	workers  []scenario.Worker
	told     []*moment
	sayings  map[string]*saying  // of the present moment, by what they say
	returns  map[string]bool     // calls that come back at the present moment
	asked    map[frame]string    // what a worker was sent, until it answers
	hands    map[string][]string // calls in each worker's hands
	answered map[string]bool     // calls of which the worker's answer was told
	said     map[string]bool     // calls of which it was told that they were served
	over     map[string]bool     // calls that have come back
	givenUp  map[string]bool     // calls that a fault has its caller give up
	errors   map[string]failure  // of calls, by their text
}

// A failure is the first of its kind.
type failure struct {
	call string
	at   *moment
}

// A frame is one of those that went to a worker.
type frame struct {
	worker string
	id     int64
}

// tell says what happened in a run, in the order of time. What happens at one
// time and is alike is said together. Of the probes and of the close only the
// outcome is told.
func tell(r *scenario.Record) []*moment {
	s := &story{
		record: r, workers: r.Workers(), calls: map[string]scenario.Call{}, asked: map[frame]string{}, hands: map[string][]string{},
		answered: map[string]bool{}, said: map[string]bool{}, over: map[string]bool{}, givenUp: map[string]bool{}, errors: map[string]failure{},
	}
	for _, c := range slices.Concat(r.Calls(), r.Extra()) {
		s.calls[c.ID] = c
	}
	workload, after := acts(s.withDeadlines())
	for len(workload) > 0 {
		n := 1
		for n < len(workload) && workload[n].At-workload[0].At < sameInstant {
			n++
		}
		s.moment(workload[:n])
		workload = workload[n:]
	}
	s.epilogue(after)
	return slices.DeleteFunc(s.told, func(m *moment) bool { return len(m.says) == 0 })
}

// acts divides a run into its workload and what comes after it.
func acts(events []scenario.Event) (workload, after []scenario.Event) {
	for i, e := range events {
		if e.Kind == scenario.Probing || e.Kind == scenario.Close {
			return events[:i], events[i:]
		}
	}
	return events, nil
}

// deadline is the passing of a call's deadline while it has no answer: nobody
// sees that at the edges of a pool.
const deadline scenario.Kind = "deadline"

// withDeadlines are the events with the deadlines that pass among them. One
// that falls together with the end of its call is not named apart.
func (s *story) withDeadlines() []scenario.Event {
	events := slices.Clone(s.record.Events)
	for _, e := range s.record.Events {
		if c := s.calls[e.Call]; e.Kind == scenario.Arrive && !e.Probe && c.Missed && c.Took >= s.record.Deadline+sameInstant {
			events = append(events, scenario.Event{At: c.Arrived + s.record.Deadline, Kind: deadline, Call: c.ID})
		}
	}
	slices.SortStableFunc(events, func(a, b scenario.Event) int { return int(a.At - b.At) })
	return events
}

// moment tells what happens at one time.
func (s *story) moment(events []scenario.Event) {
	s.begin(events[0].At)
	s.returns = map[string]bool{}
	seen := map[scenario.Kind]bool{}
	for _, e := range events {
		seen[e.Kind] = seen[e.Kind] || e.Err == ""
		if e.Kind == scenario.Return {
			s.returns[e.Call] = true
		}
	}
	for _, e := range events {
		switch e.Kind {
		case scenario.Open, scenario.Opened, scenario.Warming, scenario.Warmed, scenario.Go:
			s.stage(e, seen)
		case scenario.Launch, scenario.Launched, scenario.Ready, scenario.Exit:
			s.worker(e)
		case scenario.Send:
			s.send(e)
		case scenario.Recv:
			s.recv(e)
		case scenario.Arrive, scenario.Return, scenario.ClientDied, deadline:
			s.client(e)
		case scenario.SessionEnding:
			s.say(e.Session, " is to end", " are to end")
		case scenario.SessionCalls:
			s.counts(e)
		case scenario.SessionEnded:
			s.sessionEnded(e)
		case scenario.Health:
			s.alone("the pool is asked how it is: " + cmp.Or(Rounded(e.Err), "well"))
		case scenario.Burnt:
			s.alone(fmt.Sprintf("the pool itself has had %s of CPU", span(e.OnCPU)))
		case scenario.Outlived:
			s.say(e.Worker, since(e), since(e)+" each")
		case scenario.Fault, scenario.FaultOver, scenario.Victim:
			s.fault(e)
		case scenario.Begin: // its arrival and where it is sent say enough
		default:
			s.alone(strings.TrimSpace(strings.Join([]string{string(e.Kind), e.Text, Rounded(e.Err)}, " ")))
		}
	}
}

func (s *story) begin(at time.Duration) {
	s.told = append(s.told, &moment{at: at})
	s.sayings = map[string]*saying{}
}

// stage tells what the harness itself does.
func (s *story) stage(e scenario.Event, seen map[scenario.Kind]bool) {
	switch e.Kind {
	case scenario.Open:
		if seen[scenario.Opened] {
			s.alone("the pool opens")
		} else {
			s.alone("the pool begins to open")
		}
	case scenario.Opened:
		if e.Err != "" {
			s.alone("the pool can't be opened: " + Rounded(e.Err))
		} else if !seen[scenario.Open] {
			s.alone("the pool is open")
		}
	case scenario.Warming:
		s.alone(fmt.Sprintf("%s to be warmed", areTo(e.N)))
	case scenario.Warmed:
		if e.Err != "" {
			s.alone("the warming fails: " + Rounded(e.Err))
		} else {
			s.alone("the warming is over")
		}
	}
}

func areTo(n int) string {
	if n == 1 {
		return "1 worker is"
	}
	return fmt.Sprintf("%d workers are", n)
}

// worker tells how a worker comes and goes.
func (s *story) worker(e scenario.Event) {
	switch e.Kind {
	case scenario.Launch:
		s.say(e.Worker, " is launched", " are launched")
		delete(s.hands, e.Worker)
	case scenario.Launched:
		if e.Err != "" {
			why := " can't be launched: " + Rounded(e.Err)
			s.say(e.Worker, why, why)
		}
	case scenario.Ready:
		tail := ""
		if e.OnCPU >= sameInstant || e.Delay >= sameInstant {
			held := ""
			if e.Throttled >= sameInstant {
				held = fmt.Sprintf(", throttled for %s of that", span(e.Throttled))
			}
			tail = fmt.Sprintf(" (%s on a CPU, %s waiting for one%s)", span(e.OnCPU), span(e.Delay), held)
		}
		took := span(e.At - s.workerAt(e.Worker, e.At).Launched)
		s.say(e.Worker, fmt.Sprintf(" is ready, %s after its launch%s", took, tail), fmt.Sprintf(" are ready, %s after their launch%s", took, tail))
	case scenario.Exit:
		tail := ""
		if held := s.hands[e.Worker]; len(held) > 0 {
			tail = ", with " + strings.Join(held, " ") + " in its hands"
		}
		tail = " (" + e.Text + ")" + tail
		s.say(e.Worker, " is gone"+tail, " are gone"+tail)
		delete(s.hands, e.Worker)
	}
}

// workerAt is who a worker was at a time: of several of one name the latest.
func (s *story) workerAt(id string, at time.Duration) (w scenario.Worker) {
	for _, other := range s.workers {
		if other.ID == id && other.Launched <= at {
			w = other
		}
	}
	return w
}

// send tells what goes to a worker.
func (s *story) send(e scenario.Event) {
	what := e.Call
	if what == "" {
		what = strings.TrimSpace(e.Command + " " + e.Session)
	}
	if e.Err != "" {
		s.alone(fmt.Sprintf("%s → %s does not go out: %s", what, e.Worker, Rounded(e.Err)))
		s.put(e.Worker, e.Call)
		return
	}
	switch {
	case e.Call != "":
		s.hands[e.Worker] = append(s.hands[e.Worker], e.Call)
		s.between(given, e.Worker, what, "")
	case e.ID != 0: // the start's ping is the way of every worker
		s.between(sent, what, e.Worker, "")
	}
	s.asked[frame{e.Worker, e.ID}] = what
}

// put takes a call out of a worker's hands.
func (s *story) put(worker, call string) {
	s.hands[worker] = slices.DeleteFunc(s.hands[worker], func(held string) bool { return held == call })
}

// recv tells what comes from a worker.
func (s *story) recv(e scenario.Event) {
	s.put(e.Worker, e.Call)
	_, expected := s.asked[frame{e.Worker, e.ID}]
	delete(s.asked, frame{e.Worker, e.ID})
	c, known := s.calls[e.Call]
	switch {
	case known && s.over[e.Call]:
		s.alone(fmt.Sprintf("%s answers %s, for which nobody waits any more", e.Worker, e.Call))
	case known && e.Err != "":
		s.between(answers, e.Worker, e.Call, " with an error")
		s.answered[e.Call] = true
	case known && s.returns[e.Call] && right(c):
		s.served(e.Worker, c)
	case known && !s.returns[e.Call]: // else it is said how the call ended
		s.between(answers, e.Worker, e.Call, "")
		s.answered[e.Call] = true
	case known:
	case !expected:
		s.alone(e.Worker + " sends a frame that answers nothing")
	case e.ID == 0 && s.workerAt(e.Worker, e.At).Ready < e.At:
		s.alone(e.Worker + " says something that is no hello")
	}
}

// fault tells what a fault of the plan does.
func (s *story) fault(e scenario.Event) {
	whom := cmp.Or(e.Call, e.Worker)
	switch {
	case e.Kind == scenario.Victim:
		s.say(whom, " can't be answered any more", " can't be answered any more")
	case e.Kind == scenario.Fault && e.Fault == faults.GiveUp{}.Name(): // the call's end tells it
		s.givenUp[e.Call] = true
	case e.Kind == scenario.Fault && e.Extra && e.Worker == "": // its name and its arrival say enough
	case e.Kind == scenario.Fault && whom == "":
		s.alone(e.Fault + " begins")
	case e.Kind == scenario.Fault:
		s.between(hurts, e.Fault, whom, "")
	case whom == "":
		s.alone(e.Fault + " is over")
	default:
		s.between(spares, e.Fault, whom, "")
	}
}

// client tells how calls come and end.
func (s *story) client(e scenario.Event) {
	c := s.calls[e.Call]
	switch e.Kind {
	case scenario.Arrive:
		what := e.Command
		if e.Session != "" {
			what += " in " + e.Session
		}
		s.say(e.Call, " calls "+what, " call "+what)
	case deadline:
		s.say(e.Call, " has no answer by its deadline", " have no answer by their deadline")
	case scenario.ClientDied:
		if e.Err != "" {
			s.alone(fmt.Sprintf("the pool is told that client %s died: %s", e.Client, Rounded(e.Err)))
		} else {
			s.say(e.Client, " dies", " die")
		}
	case scenario.Return:
		s.ended(e, c)
	}
}

// ended tells how a call ended.
func (s *story) ended(e scenario.Event, c scenario.Call) {
	after, why := after(c), s.reason(e)
	s.over[e.Call] = true
	switch {
	case e.Right:
		s.served(e.Worker, c)
	case e.Lost:
		s.say(e.Call, " never comes back", " never come back")
	case e.Excused && s.givenUp[e.Call]:
		s.say(e.Call, " gives up"+after+why, " give up"+after+why)
	case e.Excused:
		s.say(e.Call, " ends"+after+", with its client"+why, " end"+after+", with their clients"+why)
	case e.Err != "" && s.record.Patience > 0 && c.Took > s.record.Patience-sameInstant:
		s.say(e.Call, " gives up"+after+why, " give up"+after+why)
	case e.Err != "":
		s.say(e.Call, " fails"+after+why, " fail"+after+why)
	case e.Wrong && e.Text != "":
		s.say(e.Call, " "+e.Text, " "+e.Text)
	case e.Wrong:
		s.say(e.Call, " gets an answer that is not its own"+after, " get answers that are not their own"+after)
	default:
		s.served(e.Worker, c)
	}
}

// counts tells what a pool says of a session.
func (s *story) counts(e scenario.Event) {
	if e.Err != "" {
		s.say(e.Session, ": "+Rounded(e.Err), ": "+Rounded(e.Err))
		return
	}
	calls := ", by the pool's count: " + counted(e.N, "call")
	s.say(e.Session, calls, calls+" each")
}

// since is what a worker has done that outlives its pool.
func since(e scenario.Event) string {
	return fmt.Sprintf(", since its pool closed: %s of CPU, %.3g MB to stderr", span(e.OnCPU), float64(e.N)/1e6)
}

// sessionEnded tells whether the pool has let go of a session.
func (s *story) sessionEnded(e scenario.Event) {
	if e.Err != "" {
		s.say(e.Session, " does not end: "+Rounded(e.Err), " do not end: "+Rounded(e.Err))
	} else {
		s.say(e.Session, " has ended", " have ended")
	}
}

// right says whether a call ended with a right answer.
func right(c scenario.Call) bool {
	return c.Ended >= 0 && c.Err == "" && !c.Excused && !c.Wrong && !c.Lost
}

// served tells that a call had a right answer, once.
func (s *story) served(worker string, c scenario.Call) {
	if s.said[c.ID] {
		return
	}
	s.said[c.ID] = true
	tail := " served" + after(c)
	if late := c.Took - s.record.Deadline; late >= sameInstant && crowd(c.ID) == "" {
		tail += ", " + span(late) + " late"
	}
	if s.answered[c.ID] {
		s.say(c.ID, " is"+tail, " are"+tail)
		return
	}
	s.between(answers, cmp.Or(worker, c.Worker, "somebody"), c.ID, ":"+tail)
}

// after is how long a call took.
func after(c scenario.Call) string {
	if c.Took < sameInstant {
		return " at once"
	}
	return " after " + span(c.Took)
}

// reason is why a call failed. What was told of an earlier moment is not told
// again.
func (s *story) reason(e scenario.Event) string {
	if e.Err == "" {
		return ""
	}
	now := s.told[len(s.told)-1]
	first, known := s.errors[e.Err]
	if !known {
		first = failure{e.Call, now}
		s.errors[e.Err] = first
	}
	if first.at != now {
		return ", as " + first.call + " did"
	}
	return ": " + Rounded(e.Err)
}

var durations = regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)?(ns|µs|ms|s)\b`)

// Rounded is an error's text in one line, with its times to the millisecond: what
// was measured by those who made the error differs in less from run to run.
func Rounded(err string) string {
	return durations.ReplaceAllStringFunc(strings.ReplaceAll(err, "\n", "; "), func(text string) string {
		d, err := time.ParseDuration(text)
		if err != nil {
			return text
		}
		return span(d)
	})
}
