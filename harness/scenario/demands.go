package scenario

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// Demands decide what becomes of starts and calls. Without a recording a start asks
// for what the scenario says, and a call for what its command does. With one they
// go by what became of its own: of starts by their ordinal, of calls by their id
// and by how often they were sent. What was not recorded, or not to its end, is
// drawn from what was, by a lot that hangs on the seed and on whose it is alone: two
// pools under one seed find the same world.
//
// They are for one run. Their methods may be called concurrently.
type Demands struct {
	seed     uint64
	recorded *Environment // nil: nothing was
	start0   Demand       // what a start asks for where none was recorded
	workload *Workload
	hurt     int               // the first start that is one of those further, or of which nothing is recorded
	starts   []Span            // the whole ones before that
	calls    map[string][]Span // by their command
	deaths   map[int]Death     // by the ordinal of the start

	mu   sync.Mutex
	sent map[string]int // calls, by id
}

// Demands are those of one run of the scenario.
func (s *Scenario) Demands() *Demands {
	d := &Demands{seed: s.Seed, recorded: s.Replay, start0: s.Start, workload: &s.Workload}
	if s.Replay == nil {
		return d
	}
	d.calls, d.deaths, d.sent = map[string][]Span{}, map[int]Death{}, map[string]int{}
	d.hurt = len(d.recorded.Starts)
	if f := d.recorded.Further; len(f) > 0 {
		d.hurt = f[0].Worker
	}
	for _, s := range d.recorded.Starts[:d.hurt] {
		if s.Whole() {
			d.starts = append(d.starts, s)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.recorded.Calls)) {
		for _, s := range d.recorded.Calls[id] {
			if s.Whole() {
				d.calls[s.Command] = append(d.calls[s.Command], s)
			}
		}
	}
	for _, death := range d.recorded.Deaths {
		if death.Worker < d.hurt {
			d.deaths[death.Worker] = death
		}
	}
	return d
}

// Start is how the nth launch goes, from 0.
func (d *Demands) Start(n int) model.Profile {
	if d.recorded == nil {
		return model.Profile{BootCPU: d.start0.CPU, BootWait: d.start0.Wait}
	}
	var s *Span
	if i := n - d.hurt; i < 0 {
		s = &d.recorded.Starts[n]
	} else if i < len(d.recorded.Further) {
		s = &d.recorded.Further[i]
	}
	if s != nil && s.Refused != "" {
		return model.Profile{Refuse: errors.New(s.Refused)}
	}
	death, dies := d.deaths[n]
	if s != nil && s.Died {
		p := s.profile()
		p.DieBooted = exitOf(death)
		return p
	}
	asks := s
	if s == nil || !s.Whole() {
		asks = d.drawn(d.starts, s, d.start0, "start", n)
		if s != nil && s.Asks != nil {
			asks = &Span{Demand: *s.Asks}
		}
	}
	p := asks.profile()
	if dies && death.Call == "" { // at rest: else the call is what it dies of
		p.DieAged, p.DieAge = exitOf(death), death.Age
	}
	return p
}

// FurtherStarts are those after the first n as the scenario's plan of faults would
// have them: the faults that hurt starts from the run's begin to the workload's end.
// There are none where it has no such fault: what was recorded says all then.
func (s *Scenario) FurtherStarts(n int) (spans []Span) {
	if s.Replay != nil {
		return nil
	}
	course := slices.DeleteFunc(s.Faults.Course(s.Seed), func(e *faults.Underway) bool {
		_, hurts := e.Fault.(faults.StartFault)
		return !hurts || e.From > 0 || e.Until > 0 || !e.Comes(faults.Trigger{}, 0)
	})
	if len(course) == 0 {
		return nil
	}
	demands := s.Demands()
	for i := range n + furtherStarts(s.Config.Size+s.Config.Overflow) {
		p, x := demands.Start(i), faults.Worker(i+1, fmt.Sprintf("w%d", i+1))
		for _, e := range course.Start(x, 0) { // the first n too: a plan may hurt so many
			e.Alter(&p, x)
		}
		if i < n {
			continue
		}
		span := Span{Worker: i, Demand: Demand{CPU: p.BootCPU, Wait: p.BootWait}}
		switch {
		case p.Refuse != nil:
			span.Refused = p.Refuse.Error()
		case p.Mute:
			span.Wait = model.Forever
		default:
			span.Died = p.DieBooted != nil || p.DieAtHello != nil
		}
		spans = append(spans, span)
	}
	return spans
}

// furtherStarts is how many more starts are foretold: those of a pool that begins
// all of them twice, and some.
func furtherStarts(size int) int { return 2*size + 8 }

// Call is what becomes of a call that is sent to a worker.
func (d *Demands) Call(c model.Call) model.Fate {
	if d.recorded == nil || c.ID == "" {
		return model.Fate{Demand: c.Asked}
	}
	d.mu.Lock()
	nth := d.sent[c.ID]
	d.sent[c.ID]++
	d.mu.Unlock()
	var s *Span
	if spans := d.recorded.Calls[c.ID]; nth < len(spans) {
		s = &spans[nth]
	}
	step, known := d.workload.stepOf(c.ID)
	if s == nil && (!known || c.Command != step.Command || c.Asked != model.Demand(step.Asks())) { // a probe: it asks for something else
		return model.Fate{Demand: c.Asked}
	}
	if s != nil && s.Died {
		if death := d.deaths[s.Worker]; death.Call == c.ID {
			return model.Fate{Demand: demand(s), Dies: exitOf(death)}
		} // else it was in line behind that one, and got to ask for nothing
	}
	if s != nil && s.Mute {
		s = nil
	}
	if s == nil || !s.Whole() {
		return model.Fate{Demand: demand(d.drawn(d.calls[c.Command], s, Demand(c.Asked), c.ID, nth)), Err: step.Fails}
	}
	return model.Fate{Demand: demand(s), Err: s.Err}
}

// profile is of a worker whose start asks for what this one did.
func (s *Span) profile() model.Profile {
	engine := min(s.Engine, s.Wait) // a contract may have less
	return model.Profile{Launch: engine, BootCPU: s.CPU, BootWait: s.Wait - engine}
}

func demand(s *Span) model.Demand { return model.Demand(s.Demand) }

// drawn is one of the whole spans, and of what was cut short one that asks for
// at least as much, but for the error of measurement. Where there is none it asks
// for what is known of it: by default, unless more than that was seen; then for ever,
// since nobody has seen its end, or if it is spared for that.
func (d *Demands) drawn(whole []Span, cut *Span, byDefault Demand, whose string, nth int) *Span {
	if cut == nil {
		cut = &Span{}
	}
	seen := cut.CPU + cut.Wait
	seen = max(0, seen-max(OneMoment, time.Duration(clipShare*float64(seen)))) // it may have ended there
	n := 0
	for i := range whole {
		if whole[i].CPU+whole[i].Wait >= seen {
			n++
		}
	}
	if n > 0 {
		pick := Lot(d.seed, whose, "demand", nth) % uint64(n)
		for i := range whole {
			if whole[i].CPU+whole[i].Wait < seen {
				continue
			}
			if pick == 0 {
				return &whole[i]
			}
			pick--
		}
	}
	s := Span{Demand: Demand{CPU: max(cut.CPU, byDefault.CPU), Wait: max(cut.Wait, byDefault.Wait)}}
	if seen > 0 && byDefault.CPU+byDefault.Wait <= seen && !cut.Spared {
		s.Demand = Demand{CPU: cut.CPU, Wait: model.Forever}
	}
	return &s
}

// exitOf is how a worker of the recording died.
func exitOf(death Death) *worker.Exit {
	e, err := worker.ParseExit(death.Exit)
	if err != nil {
		e = worker.Exit{Code: 1}
	}
	return &e
}
