package subject

import (
	"context"

	"github.com/butfor/butfor/pool"
	"github.com/butfor/butfor/worker"
)

// Ours is the pool that butfor brings along.
func Ours() Subject { return Subject{Name: "ours", Open: openOurs} }

type ours struct{ *pool.Pool }

func openOurs(ctx context.Context, l worker.Launcher, cfg Config) (Pool, error) {
	if err := cfg.optionless(); err != nil {
		return nil, err
	}
	p, err := pool.New(ctx, l, pool.Config{
		Name:             cfg.Name,
		Size:             cfg.Size,
		Overflow:         cfg.Overflow,
		QueueLimit:       cfg.QueueLimit,
		StartConcurrency: cfg.StartConcurrency,
		Cores:            cfg.Cores,
		Lazy:             cfg.Lazy,
		StartTimeout:     cfg.StartTimeout,
		CheckoutTimeout:  cfg.CheckoutTimeout,
		CallTimeout:      cfg.CallTimeout,
		Evidence:         true,
	})
	if err != nil {
		return nil, err
	}
	return ours{p}, nil
}

func (p ours) Call(ctx context.Context, c Call) (Reply, error) {
	r, err := p.Pool.Call(ctx, c.Command, c.args())
	return Reply{Result: r.Result, Worker: r.Worker, Evidence: r.Evidence}, err
}
