package virtual

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// A recording decides what becomes of starts and calls by what became of its
// own: of starts by their ordinal, of calls by their id and by how often they
// were sent. What was not recorded, or not to its end, is drawn from what was, by
// a lot that hangs on the seed and on whose it is alone: two pools under one seed
// find the same world.
type recording struct {
	seed     uint64
	recorded *scenario.Environment
	start0   scenario.Demand // what a start asks for where none was recorded
	command  string          // of the workload, whose calls all ask for the same by what they do
	asked    model.Demand
	starts   []scenario.Span // the whole ones
	calls    []scenario.Span
	deaths   map[int]scenario.Death // by the ordinal of the start

	mu   sync.Mutex
	sent map[string]int // calls, by id
}

func newRecording(sc *scenario.Scenario) *recording {
	r := &recording{
		seed: sc.Seed, recorded: sc.Replay, start0: sc.Start,
		command: sc.Workload.Command, asked: model.Asks(sc.Workload.Command, sc.Workload.Args),
		deaths: map[int]scenario.Death{}, sent: map[string]int{},
	}
	for _, s := range r.recorded.Starts {
		if s.Whole() {
			r.starts = append(r.starts, s)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.recorded.Calls)) {
		for _, s := range r.recorded.Calls[id] {
			if s.Whole() && s.Command == r.command {
				r.calls = append(r.calls, s)
			}
		}
	}
	for _, d := range r.recorded.Deaths {
		r.deaths[d.Worker] = d
	}
	return r
}

// start is how the nth launch goes.
func (r *recording) start(n int) model.Profile {
	var s *scenario.Span
	if n < len(r.recorded.Starts) {
		s = &r.recorded.Starts[n]
	}
	if s != nil && s.Refused != "" {
		return model.Profile{Refuse: errors.New(s.Refused)}
	}
	death, dies := r.deaths[n]
	exit := exitOf(death)
	if s != nil && s.Died {
		return model.Profile{BootCPU: s.CPU, BootWait: s.Wait, DieBooted: exit}
	}
	asks := s
	if s == nil || !s.Whole() {
		asks = r.drawn(r.starts, s, r.start0, "start", n)
	}
	p := model.Profile{BootCPU: asks.CPU, BootWait: asks.Wait}
	if dies && death.Call == "" { // at rest: else the call is what it dies of
		p.DieAged, p.DieAge = exit, death.Age
	}
	return p
}

// call is what becomes of a call that is sent to a worker.
func (r *recording) call(c model.Call) model.Fate {
	if c.ID == "" {
		return model.Fate{Demand: c.Asked}
	}
	r.mu.Lock()
	nth := r.sent[c.ID]
	r.sent[c.ID]++
	r.mu.Unlock()
	var s *scenario.Span
	if spans := r.recorded.Calls[c.ID]; nth < len(spans) {
		s = &spans[nth]
	} else if c.Command != r.command || c.Asked != r.asked { // a probe: it asks for something else
		return model.Fate{Demand: c.Asked}
	}
	if s != nil && s.Died {
		if death := r.deaths[s.Worker]; death.Call == c.ID {
			return model.Fate{Demand: demand(s), Dies: exitOf(death)}
		} // else it was in line behind that one, and got to ask for nothing
	}
	if s == nil || !s.Whole() {
		s = r.drawn(r.calls, s, scenario.Demand(c.Asked), c.ID, nth)
	}
	return model.Fate{Demand: demand(s), Err: s.Err}
}

func demand(s *scenario.Span) model.Demand { return model.Demand(s.Demand) }

// drawn is one of the whole spans, and of what was cut short one that asks for
// at least as much. Where there is none it asks for what is known of it: by
// default, unless more than that was seen; then for ever, since nobody has seen
// its end.
func (r *recording) drawn(whole []scenario.Span, cut *scenario.Span, byDefault scenario.Demand, whose string, nth int) *scenario.Span {
	if cut == nil {
		cut = &scenario.Span{}
	}
	seen := cut.CPU + cut.Wait
	n := 0
	for i := range whole {
		if whole[i].CPU+whole[i].Wait >= seen {
			n++
		}
	}
	if n > 0 {
		pick := lot(r.seed, whose, "demand", nth) % uint64(n)
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
	s := scenario.Span{Demand: scenario.Demand{CPU: max(cut.CPU, byDefault.CPU), Wait: max(cut.Wait, byDefault.Wait)}}
	if seen > 0 && byDefault.CPU+byDefault.Wait <= seen {
		s.Demand = scenario.Demand{CPU: cut.CPU, Wait: model.Forever}
	}
	return &s
}

// exitOf is how a worker of the recording died.
func exitOf(d scenario.Death) *worker.Exit {
	e, err := worker.ParseExit(d.Exit)
	if err != nil {
		e = worker.Exit{Code: 1}
	}
	return &e
}
