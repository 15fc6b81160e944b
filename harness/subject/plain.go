package subject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/butfor/butfor/worker"
)

// Width is how many starts a plain pool has under way at once.
type Width string

// The widths of the ideal pool.
const (
	Cores Width = "cores"
	All   Width = "all"
	Grown Width = "grown" // one, and for each start that came to its end one more
)

// Ideal is what others are held against: callers wait in line for whichever
// worker is free first, and starts run on their own. It is written apart from
// our pool, and of the settings reads Size, Overflow, Cores, Lazy and
// StartTimeout: it models time alone.
func Ideal(w Width) Subject {
	return Subject{Name: "ideal-" + string(w), Open: func(ctx context.Context, l worker.Launcher, cfg Config) (Pool, error) {
		width := cfg.Size + cfg.Overflow
		switch w {
		case Cores:
			width = max(1, int(cfg.Cores))
		case Grown:
			return openPlain(ctx, l, cfg, 1, 1, false)
		}
		return openPlain(ctx, l, cfg, width, 0, false)
	}}
}

// Herd begins all starts at once, at the first demand: V3's way, and that of
// many a pool that is proud of its concurrent start.
func Herd() Subject {
	return Subject{Name: "herd", Open: func(ctx context.Context, l worker.Launcher, cfg Config) (Pool, error) {
		if err := cfg.optionless(); err != nil {
			return nil, err
		}
		return openPlain(ctx, l, cfg, cfg.Size+cfg.Overflow, 0, true)
	}}
}

var errPlainClosed = errors.New("plain pool is closed")

// plain is a pool with one short lock and a line.
type plain struct {
	ctx      context.Context
	end      context.CancelFunc
	launcher worker.Launcher
	cfg      Config
	grows    int            // by how much the width does with each worker that is ready
	work     sync.WaitGroup // starts and ends

	mu       sync.Mutex
	width    int
	fill     bool // the first caller has all workers started
	keep     int  // workers to have, whoever waits
	named    int
	starting int
	resting  int  // of those: they have failed, and are begun again in a moment
	mourns   bool // the place of a worker that has died stays its own
	alive    int  // ready or starting
	all      map[*worker.Worker]bool
	idle     []*worker.Worker
	line     []*turn
	warming  []*warming
}

// turn is a caller in line; w is set under the lock before given is closed.
type turn struct {
	given chan struct{}
	w     *worker.Worker
}

type warming struct {
	n    int
	done chan struct{}
}

func openPlain(ctx context.Context, l worker.Launcher, cfg Config, width, grows int, fill bool) (Pool, error) {
	if cfg.Size < 1 {
		return nil, fmt.Errorf("plain pool: Size is %d", cfg.Size)
	}
	ctx, end := context.WithCancel(ctx)
	p := &plain{ctx: ctx, end: end, launcher: l, cfg: cfg, width: width, grows: grows, fill: fill, all: map[*worker.Worker]bool{}}
	p.mu.Lock()
	if !cfg.Lazy {
		p.keep = cfg.Size
	}
	p.start()
	p.mu.Unlock()
	return p, nil
}

// start begins what starts are called for; under the lock.
func (p *plain) start() {
	if p.fill && len(p.line) > 0 {
		p.keep = p.cfg.Size
	}
	for p.ctx.Err() == nil && p.starting-p.resting < p.width &&
		(p.starting < len(p.line) && p.alive < p.cfg.Size+p.cfg.Overflow || p.alive < p.keep) {
		p.starting++
		p.alive++
		p.named++
		id := fmt.Sprintf("w%d", p.named)
		p.work.Go(func() { p.launch(id) })
	}
}

func (p *plain) launch(id string) {
	ctx := p.ctx
	if p.cfg.StartTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.cfg.StartTimeout)
		defer cancel()
	}
	begun := time.Now()
	w, err := worker.Start(ctx, p.launcher, id)
	if err != nil {
		p.rest(restAfterFailure - time.Since(begun))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	if err != nil {
		p.resting--
		p.alive--
	} else {
		p.all[w] = true
		p.width += p.grows
		if p.ctx.Err() != nil { // Close has been, and did not see this one
			w.Port.Kill()
		}
		p.work.Go(func() { p.watch(w) })
		p.give(w)
	}
	p.start() // a dead start is begun again
}

// rest keeps a start that has failed from being begun again as a busy loop. It takes
// none of the width meanwhile.
func (p *plain) rest(d time.Duration) {
	p.mu.Lock()
	p.resting++
	p.start()
	p.mu.Unlock()
	rest := time.NewTimer(d)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-p.ctx.Done():
	}
}

// restAfterFailure is counted from where the start was begun: one that has taken its time
// to fail is no busy loop.
const restAfterFailure = 10 * time.Millisecond

// watch sees a worker's end, from whatever cause.
func (p *plain) watch(w *worker.Worker) {
	<-w.Port.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mourns {
		p.alive--
	}
	delete(p.all, w)
	p.idle = slices.DeleteFunc(p.idle, func(other *worker.Worker) bool { return other == w })
	p.start()
}

// give hands a worker to the first in line; under the lock.
func (p *plain) give(w *worker.Worker) {
	if len(p.line) > 0 {
		t := p.line[0]
		p.line = p.line[1:]
		t.w = w
		close(t.given)
	} else {
		p.idle = append(p.idle, w)
	}
	p.warming = slices.DeleteFunc(p.warming, func(m *warming) bool {
		ready := len(p.all) >= m.n
		if ready {
			close(m.done)
		}
		return ready
	})
}

// Call implements Pool.
func (p *plain) Call(ctx context.Context, c Call) (Reply, error) {
	w, err := p.take(ctx)
	if err != nil {
		return Reply{}, err
	}
	r, err := w.Call(ctx, worker.Request{Command: c.Command, Args: c.args()})
	p.back(w)
	return Reply{Result: r.Result, Worker: w.ID, Evidence: r.Evidence}, err
}

// take waits in line for a worker.
func (p *plain) take(ctx context.Context) (*worker.Worker, error) {
	t := &turn{given: make(chan struct{})}
	p.mu.Lock()
	if len(p.idle) > 0 {
		t.w, p.idle = p.idle[0], p.idle[1:]
		close(t.given)
	} else {
		p.line = append(p.line, t)
		p.start()
	}
	p.mu.Unlock()
	select { // only wakes us
	case <-t.given:
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	p.mu.Lock()
	w := t.w
	if w == nil { // gave up: out of the line
		p.line = slices.DeleteFunc(p.line, func(other *turn) bool { return other == t })
	}
	p.mu.Unlock()
	if w == nil {
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("plain pool: no worker: %w", err)
		}
		return nil, errPlainClosed
	}
	return w, nil
}

// back is given the worker again once it was called.
func (p *plain) back(w *worker.Worker) {
	if w.InDoubt() {
		w.Port.Kill() // watch does the rest
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all[w] {
		p.give(w)
	}
}

// Warm implements Warmer.
func (p *plain) Warm(ctx context.Context, n int) error {
	m := &warming{n: n, done: make(chan struct{})}
	p.mu.Lock()
	p.keep = max(p.keep, n)
	if len(p.all) >= n {
		close(m.done)
	} else {
		p.warming = append(p.warming, m)
		p.start()
	}
	p.mu.Unlock()
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.ctx.Done():
		return errPlainClosed
	}
}

// Close implements Pool: it ends everything at once.
func (p *plain) Close(context.Context) error {
	p.end()
	p.mu.Lock()
	for w := range p.all {
		w.Port.Kill()
	}
	p.mu.Unlock()
	p.work.Wait()
	return nil
}
