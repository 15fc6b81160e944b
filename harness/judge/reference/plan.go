package reference

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/cpu"
	far "github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

// A plan is what hurts a run, as it is carried out in a loop.
type plan struct {
	faults.Course
	sent    int                // calls, to workers
	lasting []*faults.Underway // faults of workers that lie on those that are launched now
	workers []*worker          // that have not ended
	crowds  []*faults.Underway // who come once the clients' clock starts
}

// moment has the windows open that waited for it.
func (r *run) moment(t faults.Trigger) {
	for _, e := range r.plan.Course {
		if !e.Comes(t, r.now) {
			continue
		}
		switch f := e.Fault.(type) {
		case faults.MachineFault:
			var end func() int
			r.window(e, func() { end = f.Model(world{run: r}) }, func() { end() })
		case faults.ModelledWorkerFault:
			r.window(e, func() { r.lay(e) }, func() { r.lift(e) })
		case faults.IdleFault:
			for _, w := range r.plan.workers {
				w.resting(e)
			}
		case faults.CrowdFault:
			if r.clock < 0 {
				r.plan.crowds = append(r.plan.crowds, e)
			} else {
				r.come(r.crowd(e))
			}
		}
	}
}

// window has something begin and end as an entry's window does.
func (r *run) window(e *faults.Underway, begin, end func()) {
	begins, ends, _ := e.Window()
	r.at(begins, hurts, func() {
		begin()
		if ends >= 0 {
			r.at(ends, hurts, end)
		}
	})
}

// lay lays a fault that lasts on all workers that there are, and will be.
func (r *run) lay(e *faults.Underway) {
	r.plan.lasting = append(r.plan.lasting, e)
	for _, w := range r.plan.workers {
		w.under(e)
	}
}

func (r *run) lift(e *faults.Underway) {
	r.plan.lasting = slices.DeleteFunc(r.plan.lasting, func(other *faults.Underway) bool { return other == e })
	for _, w := range r.plan.workers {
		if l, ok := w.lasting[e.Fault.Name()]; ok && l.entry == e {
			delete(w.lasting, e.Fault.Name())
			l.end()
		}
	}
}

// A lasting is a fault that lies on a worker for as long as its window lasts.
type lasting struct {
	entry *faults.Underway
	end   func() int
}

// thing is what the worker is to targets.
func (w *worker) thing() faults.Thing { return faults.Worker(w.ordinal, w.id) }

// under lays a fault on the worker that lasts, if it is meant for it and none of its
// kind lies there.
func (w *worker) under(e *faults.Underway) {
	name := e.Fault.Name()
	if _, ok := w.lasting[name]; ok || !e.Takes(w.thing(), w.now) {
		return
	}
	if w.lasting == nil {
		w.lasting = map[string]lasting{}
	}
	w.lasting[name] = lasting{e, e.Fault.(faults.ModelledWorkerFault).Model(world{w.run, w}, &model.Port{ID: w.id})}
}

// rests begins a stretch in which the worker has nothing to do.
func (w *worker) rests() {
	w.since, w.idle = w.now, true
	for _, e := range w.plan.Course {
		w.resting(e)
	}
}

// resting has a fault of idle workers strike the worker, if it rests long enough.
func (w *worker) resting(e *faults.Underway) {
	f, ok := e.Fault.(faults.IdleFault)
	begins, _, came := e.Window()
	if !ok || !came || !w.idle || !e.Hits(w.thing()) {
		return
	}
	w.strikes = append(w.strikes, w.at(max(w.since+f.Idle(), begins), hurts, func() {
		if e.Takes(w.thing(), w.now) {
			f.Strike(port{w: w})
		}
	}))
}

// busy ends it.
func (w *worker) busy() {
	w.idle = false
	for _, t := range w.strikes {
		t.off()
	}
	w.strikes = w.strikes[:0]
}

// ordered is what the worker is ordered at a call that it is sent, and whether that comes
// to it as a request at all.
func (w *worker) ordered(k *call) (order wire.Order, spoilt bool) {
	if len(w.plan.Course) == 0 {
		return order, false
	}
	w.nth++
	w.plan.sent++
	w.moment(faults.Call(w.plan.sent))
	k.arm(faults.Held)
	order, by := w.plan.Order(w.thing().Given(k.id, k.name(), k.nth+1), w.nth, w.now)
	if by != nil {
		_, spoilt = by.Fault.(faults.SpoilingFault)
	}
	return order, spoilt
}

// arm has the faults of callers strike that follow a moment of the call, unless it is
// back before.
func (k *call) arm(m faults.CallMoment) {
	if k.nth < 0 {
		return // they are about the workload's
	}
	for _, e := range k.plan.Course {
		f, ok := e.Fault.(faults.CallerFault)
		if !ok {
			continue
		}
		moment, after := f.When()
		x := faults.Making(k.id, k.name(), k.nth+1, m)
		if moment != m || !e.Hits(x) {
			continue
		}
		k.at(k.now+after, hurts, func() {
			if !k.back && e.Takes(x, k.now) {
				f.Strike(&faults.Caller{GiveUp: func() { k.abandon(k, gaveUp, true) }, Die: k.die})
			}
		})
	}
}

// A world is what model forms ask for, of the machine or of one worker.
type world struct {
	run *run
	w   *worker
}

var _ faults.Model = world{}

func (w world) Now() time.Duration   { return w.run.now }
func (w world) Point(string, string) {}

func (w world) LaunchWith(context.Context, string, func(*model.Profile)) (far.Port, error) {
	return nil, errors.New("reference: a fault launches no workers")
}

// Stall and Starve do nothing: there is no harness in the loop.
func (w world) Stall(time.Duration) {}

func (w world) Starve(time.Duration) (stop func() bool) { return func() bool { return true } }

func (w world) Burn(own bool) (stop func() time.Duration) {
	var c cpu.GroupConfig
	if own {
		c.Path = faults.OwnGroup
	}
	t := w.run.machine.Group(c).Start(cpu.Forever, nil)
	return func() time.Duration {
		t.Cancel()
		return t.Had()
	}
}

func (w world) Limit(_ *model.Port, cores float64, period time.Duration) {
	w.w.group.SetQuota(cores, period)
}

func (w world) Throttled(*model.Port) int { return w.w.group.Throttles() }

func (w world) Burden(_ *model.Port, more model.Demand) { w.w.more = more }

// Burdened is 0: nobody asks the loop what fired.
func (w world) Burdened(*model.Port) int { return 0 }

// A port is what a fault has of an idle worker: it can end it.
type port struct {
	far.Port
	w *worker
}

func (p port) Kill() error {
	p.w.die()
	return nil
}
