package trace

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// Environment says what a run met: outside, which has the machine's part of it,
// filled up with what the run's own starts and calls asked for and with the
// workers that died. Demands, not durations: how long they waited for a CPU is
// taken off, for it is what a replay is to explain.
//
// A worker's name counts for its last launch: of two that are alive under one
// name at once it can't tell who did what.
func Environment(r *scenario.Record, outside scenario.Environment) *scenario.Environment {
	e := outside
	if e.Cores == 0 {
		e.Cores = r.Cores
	}
	launches := 0
	for i := range r.Events {
		if r.Events[i].Kind == scenario.Launch {
			launches++
		}
	}
	e.Starts, e.Calls, e.Deaths, e.Victims = make([]scenario.Span, 0, launches), map[string][]scenario.Span{}, nil, nil
	d := derivation{env: &e, lives: map[string]*life{}}
	for i := range r.Events {
		d.take(&r.Events[i])
	}
	for _, l := range d.all {
		d.end(l, nil)
	}
	return &e
}

// Asks are what the workers of pools asked for in CPU, and when: of all of them
// together, each worker with a number of its own. What each met is known.
func Asks(pools []*scenario.Record) (spans []scenario.Span) {
	workers := 0
	for _, r := range pools {
		e := r.Environment
		all := slices.Clone(e.Starts)
		for _, id := range slices.Sorted(maps.Keys(e.Calls)) {
			all = append(all, e.Calls[id]...)
		}
		for _, s := range all {
			if s.CPU > 0 {
				spans = append(spans, scenario.Span{Worker: workers + s.Worker, Command: s.Command, Begin: s.Begin + s.Engine, End: s.End, Demand: s.Demand})
			}
		}
		workers += len(e.Starts)
	}
	slices.SortStableFunc(spans, func(a, b scenario.Span) int { return cmp.Compare(a.Begin, b.Begin) })
	return spans
}

// A derivation goes through the events of a run, once.
type derivation struct {
	env   *scenario.Environment
	lives map[string]*life // by the worker's name
	all   []*life
}

// A life is a worker's, as far as it is known yet.
type life struct {
	ordinal  int
	launched time.Duration
	engine   time.Duration // that its launch took, where a container engine did it
	begun    account       // as it was then
	ready    bool
	ended    bool
	exit     time.Duration
	now      account // as it was when what it does now began
	latest   account
	work     []work // in its hands and behind that, in line
}

// An account is what a worker has had by a moment.
type account struct{ at, cpu, delay time.Duration }

func accountOf(e *scenario.Event) account { return account{e.At, e.OnCPU, e.Delay} }

// demand is what was asked for between two moments.
func (a account) demand(b account) scenario.Demand {
	cpu := max(0, b.cpu-a.cpu)
	delay := max(0, b.delay-a.delay) // that of threads which ended is forgotten: it may fall
	return scenario.Demand{CPU: cpu, Wait: max(0, b.at-a.at-cpu-delay)}
}

// work is a frame that asks for something. nth counts the sendings of a call; it
// is below 0 for a probe, and for what is no call.
type work struct {
	frame int64
	call  string
	nth   int
}

func (d *derivation) take(e *scenario.Event) {
	if e.Kind == scenario.Launch {
		l := &life{ordinal: len(d.all), launched: e.At, latest: account{at: e.At}, now: account{at: e.At}}
		d.all = append(d.all, l)
		d.lives[e.Worker] = l
		d.env.Starts = append(d.env.Starts, scenario.Span{Worker: l.ordinal, Begin: e.At, End: e.At, Mute: true})
		return
	}
	if e.Kind == scenario.Victim {
		if !slices.Contains(d.env.Victims, e.Call) {
			d.env.Victims = append(d.env.Victims, e.Call)
		}
		return
	}
	l := d.lives[e.Worker]
	if l == nil {
		return
	}
	switch e.Kind {
	case scenario.Launched:
		if e.Err != "" {
			d.refuse(l, e)
		}
		if e.Engine > 0 {
			l.engine, l.begun = e.Engine, accountOf(e)
		}
	case scenario.Send:
		l.latest = accountOf(e)
		d.send(l, e)
	case scenario.Recv:
		l.latest = accountOf(e)
		d.receive(l, e)
	case scenario.Ready:
		l.ready = true
		s := &d.env.Starts[l.ordinal]
		s.End, s.Mute = e.At, false
		d.started(l, accountOf(e))
		l.now = accountOf(e)
	case scenario.Exit:
		l.latest = accountOf(e)
		d.end(l, e)
	}
}

// started says what a start has asked for by now. What a container engine did was waited
// for, whatever it took in CPU.
func (d *derivation) started(l *life, now account) {
	s := &d.env.Starts[l.ordinal]
	begun := l.begun
	begun.at = l.launched + l.engine
	s.Engine, s.Demand = l.engine, begun.demand(now)
	s.Wait += l.engine
}

// refuse ends a life that never began. Where the caller had called it off,
// nobody refused anything.
func (d *derivation) refuse(l *life, e *scenario.Event) {
	l.ended = true
	s := &d.env.Starts[l.ordinal]
	s.End = e.At
	if s.Cut = e.Asked; !s.Cut {
		s.Refused = e.Err
	}
}

func (d *derivation) send(l *life, e *scenario.Event) {
	if e.Err != "" { // it did not go out after all, or is no request
		d.takeBack(l, e)
		return
	}
	if len(l.work) == 0 {
		l.now = accountOf(e)
	}
	w := work{frame: e.ID, call: e.Call, nth: -1}
	if e.Call != "" && !e.Probe {
		w.nth = len(d.env.Calls[e.Call])
		d.env.Calls[e.Call] = append(d.env.Calls[e.Call], scenario.Span{Worker: l.ordinal, Command: e.Command, Begin: e.At, End: e.At, Mute: e.Mute})
	}
	l.work = append(l.work, w)
}

func (d *derivation) takeBack(l *life, e *scenario.Event) {
	n := len(l.work) - 1
	if n < 0 || l.work[n].frame != e.ID || l.work[n].call != e.Call {
		return
	}
	if w := l.work[n]; w.nth > 0 {
		d.env.Calls[w.call] = d.env.Calls[w.call][:w.nth]
	} else if w.nth == 0 {
		delete(d.env.Calls, w.call)
	}
	l.work = l.work[:n]
}

// receive closes the span of what a frame answers.
func (d *derivation) receive(l *life, e *scenario.Event) {
	at := -1
	for i, w := range l.work {
		if w.frame == e.ID {
			at = i
			break
		}
	}
	switch {
	case at >= 0 && l.work[at].call != "" && e.Call == "":
		return // a part of an answer
	case at < 0 && (e.Err != "" || len(l.work) == 0):
		return // no reply, or to nothing that was asked
	case at < 0:
		at = 0 // under a wrong id: it did something all the same
	}
	end := accountOf(e)
	if l.ended { // it had been written before the end
		end.at = min(end.at, l.exit)
		d.wasAnswered(l)
	}
	if s := d.span(l.work[at]); s != nil {
		d.close(l, s, end)
		s.Cut, s.Died, s.Mute, s.Err = false, false, false, e.Err
	}
	l.now = end
	l.work = append(l.work[:at], l.work[at+1:]...)
}

// wasAnswered says of a worker's death that it came after its last call, not in it.
func (d *derivation) wasAnswered(l *life) {
	for i := range d.env.Deaths {
		if death := &d.env.Deaths[i]; death.Worker == l.ordinal {
			death.Call = ""
		}
	}
}

// span is that of a call of the workload; nil for other work.
func (d *derivation) span(w work) *scenario.Span {
	if w.nth < 0 {
		return nil
	}
	return &d.env.Calls[w.call][w.nth]
}

// close ends what a worker had in hand.
func (d *derivation) close(l *life, s *scenario.Span, end account) {
	s.Begin = max(s.Begin, l.now.at)
	s.End = max(s.Begin, end.at)
	s.Demand = l.now.demand(end)
}

// end is that of a worker's life, with all that it had not done yet; e is nil
// where the recording ends first.
func (d *derivation) end(l *life, e *scenario.Event) {
	if l.ended {
		return
	}
	l.ended, l.exit = true, l.latest.at
	died := e != nil && !e.Asked
	cut := l.latest
	if e != nil && e.Killed > 0 && !died {
		// It may take long to die, and that is nothing it was asked for. What it waited for
		// a CPU is known as of its end alone, since a wait counts once it is over: that
		// takes off too much rather than too little.
		cut.at = e.Killed
	}
	if s := &d.env.Starts[l.ordinal]; !l.ready {
		s.End = cut.at
		d.started(l, cut)
		s.Cut, s.Died = !died, died
	}
	for i, w := range l.work {
		s := d.span(w)
		if s == nil {
			continue
		}
		if s.Cut, s.Died = !died, died; i == 0 && l.ready {
			d.close(l, s, cut)
		} else { // it did not come to that
			s.Begin = max(s.Begin, cut.at)
			s.End = s.Begin
		}
	}
	if !died {
		return
	}
	death := scenario.Death{Worker: l.ordinal, At: e.At, Age: e.At - l.launched, CPU: e.OnCPU, Exit: e.Text}
	if l.ready && len(l.work) > 0 && l.work[0].nth >= 0 {
		death.Call = l.work[0].call
	}
	d.env.Deaths = append(d.env.Deaths, death)
}

// Told says of real starts that were not let finish what they ask for, where they were
// told more than was seen of them: that, and of what others computed besides, which is the
// worker's own, as little as any. What others waited besides is not known to be theirs: a
// pool may have read their hello late. told is by the worker's id, in the order of its
// launches; nil where nobody knows.
func Told(r *scenario.Record, told map[string][]*scenario.Demand) {
	const besides = 50 * time.Millisecond // of waiting; who is seen to wait for longer than he was told is held up by something else
	type start struct {
		*scenario.Span
		told *scenario.Demand
	}
	var starts []start
	launched := map[string]int{}
	for i := range r.Events {
		if e := &r.Events[i]; e.Kind == scenario.Launch && len(starts) < len(r.Environment.Starts) {
			s := start{Span: &r.Environment.Starts[len(starts)]}
			if n := launched[e.Worker]; n < len(told[e.Worker]) && s.Engine == 0 { // an engine's time is its own
				s.told = told[e.Worker][n]
			}
			launched[e.Worker]++
			starts = append(starts, s)
		}
	}
	var computed []time.Duration
	for _, s := range starts {
		if s.told != nil && s.Whole() {
			computed = append(computed, max(0, s.CPU-s.told.CPU))
		}
	}
	own := time.Duration(0)
	if len(computed) > 0 {
		own = slices.Min(computed)
	}
	for _, s := range starts {
		if s.told == nil || !s.Cut || s.Asks != nil || s.Wait > s.told.Wait+besides {
			continue
		}
		asks := scenario.Demand{CPU: max(s.CPU, s.told.CPU+own), Wait: max(s.Wait, s.told.Wait)}
		if asks != s.Demand {
			s.Asks = &asks
		}
	}
}

// Asked tells what the starts of a record ask for where that is known, those that were
// not let finish too: by the worker's id, in the order of its launches; nil where
// nobody knows. A pool that reads a hello late does not make its start ask for more.
func Asked(r *scenario.Record, asks map[string][]*scenario.Demand) {
	started := map[string]int{}
	ordinal := -1
	latest := map[string]int{}
	for i := range r.Events {
		switch e := &r.Events[i]; {
		case e.Kind == scenario.Launch:
			ordinal++
			latest[e.Worker] = ordinal
		case e.Kind == scenario.Launched && (e.Err == "" || !e.Asked): // it came to a start, or was refused
			n := started[e.Worker]
			started[e.Worker]++
			if n >= len(asks[e.Worker]) || asks[e.Worker][n] == nil {
				continue
			}
			switch s := &r.Environment.Starts[latest[e.Worker]]; {
			case s.Cut:
				s.Asks = asks[e.Worker][n]
			case s.Whole():
				s.Demand = *asks[e.Worker][n]
			}
		}
	}
}
