package harness

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/worker"
)

// A company is the run's other pools, each with an act of its own.
type company []*other

type other struct {
	*act
	stops bool
}

func inCompany(ctx context.Context, w world, sc *Scenario) (all company, err error) {
	for i, o := range sc.Others {
		one := sc.Other(i)
		a, err := enter(ctx, another{w, fmt.Sprintf("other%d.", i+1)}, &one, o.Subject, i+1)
		if err != nil {
			return nil, err
		}
		all = append(all, &other{a, o.Stops})
	}
	return all, nil
}

// open has one begin after another, and returns when it is the turn of the pool on
// trial. through waits for the clients of those that are still there.
func (c company) open(w world) (through func()) {
	var beside sync.WaitGroup
	for _, o := range c {
		if o.stops {
			o.act.open()
			o.close()
		} else {
			over := make(chan struct{})
			beside.Go(func() {
				defer close(over)
				o.act.open()
			})
			o.begun(over)
		}
		w.Point("run", "next") // one of them may be at something just now
	}
	return beside.Wait
}

// begun waits until the pool is open, or begins to start its first worker: whatever
// it takes for itself it has by then.
func (o *other) begun(over <-chan struct{}) {
	for {
		changed := o.rec.Changed()
		if o.rec.Saw(scenario.Opened, scenario.Launch) {
			return
		}
		select {
		case <-changed:
		case <-over:
			return
		}
	}
}

func (o *other) close() {
	if o.pool != nil {
		o.act.close()
		o.pool = nil
	}
}

// close closes those that are still there.
func (c company) close() {
	for _, o := range c {
		o.close()
	}
}

// end leaves no worker of theirs: what is left then is the doing of the pool on trial.
func (c company) end() {
	for _, o := range c {
		o.act.end()
		o.rec.KillAll()
	}
}

// records adds to the record of the pool on trial those of the others, and to each of
// all what it met of the rest.
func (c company) records(of *scenario.Record, outside scenario.Environment) {
	for _, o := range c {
		r := o.record()
		r.Late, r.Order, r.Events = of.Late, of.Order, o.rec.Seal()
		r.Environment = trace.Environment(r, outside)
		of.Others = append(of.Others, r)
	}
	if len(c) == 0 {
		return
	}
	all := append([]*scenario.Record{of}, of.Others...)
	for i, r := range all {
		open, _ := r.First(scenario.Open)
		r.Environment.Others, r.Environment.Opens = trace.Asks(slices.Delete(slices.Clone(all), i, i+1)), open.At
		doing := "" // that may be another's
		if opened, ok := r.First(scenario.Opened); ok && opened.Err != "" {
			doing = "the pool did not open: " + opened.Err
		} else if slices.ContainsFunc(r.Events, func(e scenario.Event) bool { return e.Wrong }) {
			doing = "an answer was wrong"
		}
		if doing != "" {
			r.Environment.Gaps = append(slices.Clone(r.Environment.Gaps), scenario.Gap{
				Kind: scenario.GapPool, Text: doing + "; of other pools a replay has no more than what they asked of the machine",
			})
		}
	}
}

// another is the world as one of the others has it: nobody on it has a name that the
// pool on trial uses.
type another struct {
	world
	prefix string
}

// Point implements world.World.
func (w another) Point(who, at string) { w.world.Point(w.prefix+who, at) }

// Launcher implements world.World.
func (w another) Launcher() worker.Launcher { return prefixed{w.world.Launcher(), w.prefix} }

type prefixed struct {
	worker.Launcher
	prefix string
}

// Launch implements worker.Launcher.
func (l prefixed) Launch(ctx context.Context, id string) (worker.Port, error) {
	return l.Launcher.Launch(ctx, l.prefix+id)
}
