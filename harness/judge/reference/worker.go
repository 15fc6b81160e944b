package reference

import (
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/cpu"
	"github.com/butfor/butfor/worker/model"
)

// A worker is one far side: it does one thing at a time.
type worker struct {
	*run
	group     *cpu.Group
	id        string
	begun     time.Duration
	mute      bool // it will say no hello
	stillborn bool // it will die in place of it
	ready     bool // its hello has come
	over      bool // it has ended
	counted   bool // for the width
	doomed    bool // it is of the age at which it dies, and does so once it rests
	call      *call
	thread    *cpu.Thread // while it computes
	wait      *timer      // while it waits
	late      *timer      // when its start has taken too long
	age       *timer      // when it dies
	crash     *timer      // when it is to die of the call in hand

	// Of the plan.
	ordinal int // ordinal of its launch, from 1
	nth     int // calls so far
	lasting map[string]lasting
	idle    bool
	since   time.Duration // its hello, or its last reply
	strikes []*timer      // to come if it rests for long enough
	more    model.Demand  // that each call asks for
}

// launch begins a start, the nth from 0.
func (r *run) launch(n int) {
	w := &worker{run: r, id: r.id(n), begun: r.now, counted: true, ordinal: n + 1, group: r.env.Group(r.machine)}
	p := r.demands.Start(n)
	if len(r.plan.Course) > 0 {
		r.moment(faults.Start(n + 1))
		for _, e := range r.plan.Start(w.thing(), r.now) {
			e.Alter(&p, w.thing())
		}
	}
	if p.Refuse != nil {
		r.failed(w)
		return
	}
	w.mute, w.stillborn = p.Mute, p.DieBooted != nil || p.DieAtHello != nil
	r.plan.workers = append(r.plan.workers, w)
	for _, e := range r.plan.lasting {
		w.under(e)
	}
	if t := r.sc.Config.StartTimeout; t > 0 {
		w.late = r.at(r.now+t, cut, w.die)
	}
	if p.DieAged != nil {
		w.age = r.at(r.now+p.DieAge, hurts, func() {
			if w.doomed = true; w.call == nil {
				w.die()
			}
		})
	}
	cpu, wait := p.BootCPU, p.BootWait
	w.do(model.Demand{Wait: p.Launch}, func() {
		w.do(model.Demand{CPU: cpu}, func() {
			if w.policy.OnCPU {
				w.counts(false)
				w.start()
			}
			w.do(model.Demand{Wait: wait}, w.booted)
		})
	})
}

// counts says whether the worker counts for the width.
func (w *worker) counts(does bool) {
	if w.counted && !does {
		w.pool.busy--
	}
	w.counted = does
}

// booted reads its first frame.
func (w *worker) booted() {
	switch {
	case w.stillborn:
		w.die()
	case w.mute:
	default:
		w.late.off()
		w.rests()
		w.started(w)
	}
}

// take has it execute a call.
func (w *worker) take(k *call) {
	w.busy()
	w.call, k.worker = k, w
	k.out.Sent, k.out.Worker = w.now, w.id
	order, spoilt := w.ordered(k)
	if spoilt {
		k.victim = true
		w.do(model.Demand{}, func() { w.replies(notRead) })
		return
	}
	if order.Ends() {
		w.exits(order.After)
		if w.over {
			return
		}
	}
	fate := w.demands.Call(k.asks)
	fate.CPU, fate.Wait = fate.CPU+w.more.CPU, fate.Wait+w.more.Wait
	w.do(fate.Demand, func() {
		switch {
		case order.Ends(): // it was over sooner: it is not answered either
			w.call.victim = true
			w.die()
		case fate.Dies != nil:
			w.die()
		case w.sc.Replay == nil && !model.Knows(k.asks.Command):
			w.replies(noCommand)
		case fate.Err != "" && k.step.Right(fate.Err):
			w.replies("")
		default:
			w.replies(fate.Err)
		}
	})
}

// exits has it die of the call in hand, as it was ordered.
func (w *worker) exits(after time.Duration) {
	dies := func() {
		w.call.victim = true
		w.die()
	}
	if after <= 0 {
		dies()
		return
	}
	w.crash = w.at(w.now+after, hurts, dies)
}

// replies answers the call in hand.
func (w *worker) replies(err string) {
	k := w.call
	w.call = nil
	w.answer(k, err, false)
	w.rests()
	if w.doomed || k.asks.Command == "shutdown" {
		w.end()
		w.gone(w)
	} else {
		w.give(w)
	}
}

// do meets a demand, and then goes on.
func (w *worker) do(d model.Demand, then func()) {
	waits := func() {
		w.thread = nil
		if d.Wait <= 0 {
			then()
			return
		}
		w.wait = w.at(w.now+d.Wait, done, then)
	}
	if d.CPU <= 0 {
		waits()
		return
	}
	w.thread = w.group.Start(d.CPU, waits)
}

// die is its end by itself.
func (w *worker) die() {
	if w.over {
		return
	}
	k := w.call
	w.end()
	if !w.ready {
		w.failed(w)
		return
	}
	w.gone(w)
	if k != nil {
		w.answer(k, workerDied, false)
	}
}

// end ends whatever it does.
func (w *worker) end() {
	w.over, w.call = true, nil
	if w.thread != nil {
		w.thread.Cancel()
		w.thread = nil
	}
	w.wait.off()
	w.late.off()
	w.age.off()
	w.crash.off()
	w.busy()
	w.plan.workers = slices.DeleteFunc(w.plan.workers, func(other *worker) bool { return other == w })
}
