package reference

import (
	"slices"
	"time"
)

// A pool is a member's own state.
type pool struct {
	keep     int // workers to have, whoever waits
	starting int
	busy     int // of those, what counts for the width
	alive    int // ready or starting
	idle     []*worker
	line     []*call
	launched int
}

func (r *run) open() {
	if !r.sc.Config.Lazy && r.policy.Fill != Demand {
		r.pool.keep = r.sc.Config.Size
	}
	r.launches()
}

// start begins what starts are called for, once it is known who came and who gave up
// at this instant.
func (r *run) start() { r.last = r.launches }

func (r *run) launches() {
	p := &r.pool
	most := r.sc.Config.Size + r.sc.Config.Overflow
	if len(p.line) > 0 {
		switch r.policy.Fill {
		case Size:
			p.keep = max(p.keep, r.sc.Config.Size)
		case Most:
			p.keep = most
		}
	}
	if r.policy.Hold > 0 {
		most = min(most, max(r.policy.Hold, r.sc.Warm)) // it begins as warm as any
	}
	for p.busy < r.policy.Width && p.alive < most && (p.starting < len(p.line) || p.alive < p.keep) {
		p.starting++
		p.busy++
		p.alive++
		p.launched++
		r.launch(p.launched - 1)
	}
}

// admit takes a call in.
func (r *run) admit(k *call) {
	p := &r.pool
	if len(p.idle) > 0 {
		w := p.idle[0]
		p.idle = slices.Delete(p.idle, 0, 1)
		w.take(k)
		return
	}
	if r.policy.Refuse {
		if most := r.sc.Config.QueueLimit; most < 0 || most > 0 && len(p.line) >= most {
			r.answer(k, queueFull, false)
			return
		}
		if most := r.sc.Config.CheckoutTimeout; most > 0 {
			r.at(r.now+most, cut, func() {
				if k.worker == nil {
					r.abandon(k, waitedLong, false)
				}
			})
		}
	}
	p.line = append(p.line, k)
	r.start()
}

// leave takes a call out of the line.
func (r *run) leave(k *call) {
	r.pool.line = slices.DeleteFunc(r.pool.line, func(other *call) bool { return other == k })
}

// started is told of a worker that is ready.
func (r *run) started(w *worker) {
	p := &r.pool
	p.starting--
	w.counts(false)
	w.ready = true
	r.give(w)
	r.warmed()
	r.start()
}

// restAfterFailure is how long it takes, from where a start was begun that failed, until
// it is begun again: one that fails at once would else be begun for ever at one instant.
const restAfterFailure = 10 * time.Millisecond

// failed is told of a start that came to nothing. It takes none of the width until it
// is begun again.
func (r *run) failed(w *worker) {
	w.counts(false)
	r.start()
	r.at(max(r.now, w.begun+restAfterFailure), comes, func() {
		r.pool.starting--
		r.pool.alive--
		r.start()
	})
}

// give hands a worker to the first in line.
func (r *run) give(w *worker) {
	p := &r.pool
	if len(p.line) == 0 {
		p.idle = append(p.idle, w)
		return
	}
	k := p.line[0]
	p.line = slices.Delete(p.line, 0, 1)
	w.take(k)
}

// gone is told of a worker that was ready, and has ended.
func (r *run) gone(w *worker) {
	p := &r.pool
	p.alive--
	p.idle = slices.DeleteFunc(p.idle, func(other *worker) bool { return other == w })
	r.start()
}

// drop ends a worker whose call was cut short: nobody knows when it would be free.
func (r *run) drop(w *worker) {
	w.end()
	r.gone(w)
}
