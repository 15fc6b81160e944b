package subject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/puddle/v2"

	"github.com/butfor/butfor/worker"
)

// Puddle is github.com/jackc/puddle, a resource pool of many users, with workers
// as its resources. Nothing of it is made up for: who comes first to an empty
// pool starts a worker and is told how that failed, starts have no bound, and
// nobody watches the workers, so that one which died while it was idle is handed
// out, and missed by the call that gets it.
//
// It reads of a Config: Name, Size, Overflow, Lazy, the timeouts, and whether
// QueueLimit is below 0. It has one bound, Size + Overflow, and never gets
// smaller.
func Puddle() Subject { return Subject{Name: "puddle", Open: openPuddle} }

type puddled struct {
	pool     *puddle.Pool[*worker.Worker]
	cfg      Config
	life     context.Context // ends when it is closed
	end      context.CancelFunc
	patience context.Context // ends when Close has no time left
	force    context.CancelFunc
	unhook   func() bool    // from Open's ctx
	work     sync.WaitGroup // starts that no caller waits for, and the hook
	named    atomic.Int64
	cut      atomic.Int64  // calls that Close did not let finish
	warming  chan struct{} // of one: two that hold workers while they wait for more would wait for each other
}

func openPuddle(ctx context.Context, l worker.Launcher, cfg Config) (Pool, error) {
	if err := cfg.optionless(); err != nil {
		return nil, err
	}
	if cfg.Size < 1 {
		return nil, fmt.Errorf("puddle: Size is %d", cfg.Size)
	}
	p := &puddled{cfg: cfg, warming: make(chan struct{}, 1)}
	p.life, p.end = context.WithCancel(ctx)
	p.patience, p.force = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	p.pool, err = puddle.NewPool(&puddle.Config[*worker.Worker]{
		MaxSize:     int32(cfg.Size + cfg.Overflow),
		Constructor: func(ctx context.Context) (*worker.Worker, error) { return p.start(ctx, l) },
		Destructor:  p.stop,
	})
	if err != nil {
		return nil, err
	}
	p.work.Add(1)
	hook := context.AfterFunc(ctx, func() {
		defer p.work.Done()
		p.force()
		p.pool.Close()
	})
	p.unhook = func() bool {
		unhooked := hook()
		if unhooked {
			p.work.Done()
		}
		return unhooked
	}
	if !cfg.Lazy {
		for range cfg.Size {
			p.work.Go(func() { _ = p.pool.CreateResource(p.life) }) // one that fails is missed by a caller
		}
	}
	return p, nil
}

func (p *puddled) start(ctx context.Context, l worker.Launcher) (*worker.Worker, error) {
	if p.cfg.StartTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.cfg.StartTimeout)
		defer cancel()
	}
	id := fmt.Sprintf("w%d", p.named.Add(1))
	if p.cfg.Name != "" {
		id = p.cfg.Name + "-" + id
	}
	return worker.Start(ctx, l, id)
}

// stop ends a worker that nobody uses any more: at once if it is in doubt.
func (p *puddled) stop(w *worker.Worker) {
	if w.InDoubt() {
		_ = w.Port.Kill()
		<-w.Port.Done()
		return
	}
	_ = w.Port.Close(p.patience)
}

// Call implements Pool.
func (p *puddled) Call(ctx context.Context, c Call) (Reply, error) {
	res, err := p.acquire(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("puddle: no worker: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.patience, func() { cancel(errPuddleClosed) })()
	if p.cfg.CallTimeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, p.cfg.CallTimeout)
		defer stop()
	}
	w := res.Value()
	r, err := w.Call(ctx, worker.Request{Command: c.Command, Args: c.args(), Evidence: true})
	if err != nil && errors.Is(context.Cause(ctx), errPuddleClosed) {
		p.cut.Add(1)
		err = fmt.Errorf("%w: %w", errPuddleClosed, err)
	}
	if w.InDoubt() {
		res.Destroy()
	} else {
		res.Release()
	}
	return Reply{Result: r.Result, Worker: w.ID, Evidence: r.Evidence}, err
}

var errPuddleClosed = errors.New("puddle was closed")

func (p *puddled) acquire(ctx context.Context) (*puddle.Resource[*worker.Worker], error) {
	if p.cfg.QueueLimit < 0 {
		return p.pool.TryAcquire(p.life) // what it starts outlives the caller
	}
	if p.cfg.CheckoutTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.cfg.CheckoutTimeout)
		defer cancel()
	}
	return p.pool.Acquire(ctx)
}

// Warm implements Warmer: it holds n workers at once, and puts them back.
func (p *puddled) Warm(ctx context.Context, n int) error {
	if n > p.cfg.Size {
		return fmt.Errorf("puddle: can't warm %d workers with a size of %d", n, p.cfg.Size)
	}
	select {
	case p.warming <- struct{}{}:
		defer func() { <-p.warming }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var mu sync.Mutex
	var held []*puddle.Resource[*worker.Worker]
	var failed []error // in the order in which they did
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			res, err := p.pool.Acquire(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, err)
			} else {
				held = append(held, res)
			}
		})
	}
	all.Wait()
	slices.SortFunc(held, func(a, b *puddle.Resource[*worker.Worker]) int { // who got which is nobody's choice
		return strings.Compare(a.Value().ID, b.Value().ID)
	})
	for _, res := range held {
		res.ReleaseUnused()
	}
	if len(failed) > 0 {
		return fmt.Errorf("puddle: %d of %d workers are not warm, the first: %w", len(failed), n, failed[0])
	}
	return nil
}

// Close implements Pool: calls that run may finish until ctx ends.
func (p *puddled) Close(ctx context.Context) error {
	p.unhook()
	p.end()
	defer p.force()
	defer context.AfterFunc(ctx, p.force)()
	p.pool.Close()
	p.work.Wait()
	if n := p.cut.Load(); n > 0 && ctx.Err() != nil {
		return fmt.Errorf("puddle: closed in the midst of %d calls: %w", n, context.Cause(ctx))
	}
	return nil
}
