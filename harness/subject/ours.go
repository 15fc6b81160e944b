package subject

import (
	"context"
	"slices"
	"sync"

	"github.com/butfor/butfor/pool"
	"github.com/butfor/butfor/worker"
)

// Ours is the pool that butfor brings along.
func Ours() Subject { return Subject{Name: "ours", Open: openOurs} }

// ours tells the pool what a program knows that has clients: which of them has
// died with a worker in its hands.
type ours struct {
	*pool.Pool

	mu     sync.Mutex
	leases map[string][]*leased // by client
}

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
	return &ours{Pool: p, leases: map[string][]*leased{}}, nil
}

func (p *ours) Call(ctx context.Context, c Call) (Reply, error) {
	r, err := p.Pool.Call(ctx, c.Command, c.args())
	return Reply{Result: r.Result, Worker: r.Worker, Evidence: r.Evidence}, err
}

// leased is a worker in a client's hands.
type leased struct {
	pool.Lease
	of     *ours
	client string
	turn   chan struct{} // taken by a call, and by whoever ends the lease
}

// Checkout implements Lessor.
func (p *ours) Checkout(ctx context.Context) (Lease, error) {
	l, err := p.Pool.Checkout(ctx)
	if err != nil {
		return nil, err
	}
	own := &leased{Lease: l, of: p, client: Client(ctx), turn: make(chan struct{}, 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leases[own.client] = append(p.leases[own.client], own)
	return own, nil
}

func (l *leased) Call(ctx context.Context, c Call) (Reply, error) {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	r, err := l.Lease.Call(ctx, c.Command, c.args())
	return Reply{Result: r.Result, Worker: r.Worker, Evidence: r.Evidence}, err
}

func (l *leased) Checkin() {
	l.of.mu.Lock()
	l.of.leases[l.client] = slices.DeleteFunc(l.of.leases[l.client], func(other *leased) bool { return other == l })
	l.of.mu.Unlock()
	l.Lease.Checkin()
}

// ClientDied implements ClientWatcher: nobody knows what state the client left its
// workers in.
func (p *ours) ClientDied(client string) {
	p.mu.Lock()
	all := p.leases[client]
	delete(p.leases, client)
	p.mu.Unlock()
	for _, l := range all {
		l.turn <- struct{}{} // its call, if there is one, ends with the client
		l.Discard()
		<-l.turn
	}
}
