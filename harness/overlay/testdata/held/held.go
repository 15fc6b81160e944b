// Package held has a pool that holds its lock while a worker starts.
package held

import (
	"context"
	"fmt"
	"sync"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

type pool struct {
	sync.Mutex
	launcher worker.Launcher
	started  int
	idle     []*worker.Worker
}

func open(_ context.Context, l worker.Launcher, _ subject.Config) (subject.Pool, error) {
	return &pool{launcher: l}, nil
}

func (p *pool) take(ctx context.Context) (w *worker.Worker, err error) {
	p.Lock()
	defer p.Unlock()
	if n := len(p.idle); n > 0 {
		w, p.idle = p.idle[n-1], p.idle[:n-1]
		return w, nil
	}
	p.started++
	return worker.Start(ctx, p.launcher, fmt.Sprintf("w%d", p.started))
}

func (p *pool) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	w, err := p.take(ctx)
	if err != nil {
		return subject.Reply{}, err
	}
	r, err := w.Call(ctx, worker.Request{Command: c.Command, Args: c.Args})
	if w.InDoubt() {
		_ = w.Port.Close(ctx)
		return subject.Reply{Worker: w.ID}, err
	}
	p.Mutex.Lock()
	defer p.Mutex.Unlock()
	p.idle = append(p.idle, w)
	return subject.Reply{Result: r.Result, Worker: w.ID}, err
}

func (p *pool) Close(ctx context.Context) error {
	p.Lock()
	defer p.Unlock()
	for _, w := range p.idle {
		_ = w.Port.Close(ctx)
	}
	return nil
}
