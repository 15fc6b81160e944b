package subject

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/butfor/butfor/pool"
	"github.com/butfor/butfor/worker"
)

// Ours is the pool that butfor brings along.
func Ours() Subject { return Subject{Name: "ours", Open: openOurs} }

// ours tells the pool what a program knows that has clients: which of them has
// died with a worker in its hands.
type ours struct {
	*pool.Pool
	lazy bool

	mu     sync.Mutex
	leases map[string][]*leased // by client
}

func openOurs(ctx context.Context, l worker.Launcher, cfg Config) (Pool, error) {
	settings := pool.Config{
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
	}
	if err := own(&settings, cfg.Options); err != nil {
		return nil, err
	}
	p, err := pool.New(ctx, l, settings)
	if err != nil {
		return nil, err
	}
	return &ours{Pool: p, lazy: cfg.Lazy, leases: map[string][]*leased{}}, nil
}

// own takes in what only our pool has, under the names of its settings: affinity
// (strict, preferred or none), session_ttl, session_limit, ping_every,
// tend_timeout, max_calls, max_age, max_memory (bytes) and seed.
func own(s *pool.Config, options map[string]any) error {
	unknown := Config{Options: map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		text := fmt.Sprint(options[name])
		var err error
		whole := func() (n int) {
			n, err = strconv.Atoi(text)
			return n
		}
		lasting := func() (d time.Duration) {
			d, err = time.ParseDuration(text)
			return d
		}
		switch name {
		case "affinity":
			at := slices.Index([]string{pool.Strict: "strict", pool.Preferred: "preferred", pool.None: "none"}, text)
			if s.Affinity = pool.Affinity(at); at < 0 {
				err = errors.New("it is strict, preferred or none")
			}
		case "session_ttl":
			s.SessionTTL = lasting()
		case "session_limit":
			s.SessionLimit = whole()
		case "ping_every":
			s.PingEvery = lasting()
		case "tend_timeout":
			s.TendTimeout = lasting()
		case "max_calls":
			s.MaxCalls = whole()
		case "max_age":
			s.MaxAge = lasting()
		case "max_memory":
			s.MaxMemory = int64(whole())
		case "seed":
			s.Seed, err = strconv.ParseUint(text, 10, 64)
		default:
			unknown.Options[name] = true
		}
		if err != nil {
			return fmt.Errorf("option %s is %q: %w", name, text, err)
		}
	}
	return unknown.optionless()
}

func (p *ours) Call(ctx context.Context, c Call) (Reply, error) {
	if c.Session != "" {
		return p.callIn(ctx, c)
	}
	r, err := p.Pool.Call(ctx, c.Command, c.Args)
	return Reply{Result: r.Result, Worker: r.Worker, Evidence: r.Evidence}, err
}

// callIn makes a call in a session. One that is lost says so to one caller, and
// begins anew with the next.
func (p *ours) callIn(ctx context.Context, c Call) (Reply, error) {
	s, err := p.Session(c.Session)
	if err != nil {
		return Reply{}, err
	}
	r, err := s.Call(ctx, c.Command, c.Args)
	if errors.Is(err, pool.ErrSessionLost) {
		err = errors.Join(err, s.End(ctx))
	}
	return Reply{Result: r.Result, Worker: r.Worker, Evidence: r.Evidence}, err
}

// EndSession implements SessionEnder.
func (p *ours) EndSession(ctx context.Context, id string) error {
	s, err := p.Session(id)
	if err != nil {
		return err
	}
	return s.End(ctx)
}

// Health implements HealthTeller. The pool is well with as many ready workers as it
// is to have; one that is lazy, with as many as it has begun.
func (p *ours) Health(context.Context) error {
	s := p.Stat()
	ready := s.Idle + s.Busy + s.Tended
	if ready >= s.Size || p.lazy && s.Starting == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d workers are ready (starting: %d, died so far: %d)", ready, s.Size, s.Starting, s.Deaths)
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
