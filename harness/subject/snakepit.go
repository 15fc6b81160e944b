package subject

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// A Bug of Snakepit is turned on by an option of its name that is true.
type Bug string

// What went wrong with it, each by itself.
const (
	SlotLost   Bug = "slot-lost"    // a worker that dies is never replaced
	ReadyEarly Bug = "ready-early"  // a worker counts as ready once it is launched
	InnerLast  Bug = "inner-last"   // the inner limit is longer than that around it: who gives up leaves the work behind
	OneTable   Bug = "one-table"    // pools of one name find their sessions in one table
	MixedClock Bug = "mixed-clocks" // since when a worker is idle is told by the worker's clock
	KillsByPID Bug = "kills-by-pid" // makes sure that dead workers are, by the numbers of their processes
	Deaf       Bug = "deaf-workers" // its workers take no notice of the end of their ports
	Scatters   Bug = "scatters"     // what they start leads a session of its own
	Crowds     Bug = "crowds"       // their libraries are told nothing of how many threads to start
)

// Bugs are all of them.
func Bugs() []Bug {
	return []Bug{SlotLost, ReadyEarly, InnerLast, OneTable, MixedClock, KillsByPID, Deaf, Scatters, Crowds}
}

// Snakepit is a pool with the bugs that another one had in ten versions, each for itself
// and each off unless an option says otherwise: then it is an ideal pool that also keeps
// CheckoutTimeout and CallTimeout. It is no copy of that pool: no more of it is here than
// what went wrong.
func Snakepit() Subject { return Subject{Name: "snakepit", Open: openSnakepit} }

type snakepit struct {
	*plain
	bugs  map[Bug]bool
	table *table

	portsMu sync.Mutex
	ports   []worker.Port // that were launched

	usedMu sync.Mutex
	used   map[*worker.Worker]time.Time // when each was, by its own clock
}

func openSnakepit(ctx context.Context, l worker.Launcher, cfg Config) (Pool, error) {
	p := &snakepit{bugs: map[Bug]bool{}, table: tableOf(ctx, cfg.Name), used: map[*worker.Worker]time.Time{}}
	unknown := Config{Options: maps.Clone(cfg.Options)}
	for _, b := range Bugs() {
		value, ok := unknown.Options[string(b)]
		if !ok {
			continue
		}
		delete(unknown.Options, string(b))
		on, err := strconv.ParseBool(fmt.Sprint(value))
		if err != nil {
			return nil, fmt.Errorf("option %s is %v: it is true or false", b, value)
		}
		p.bugs[b] = on
	}
	if err := unknown.optionless(); err != nil {
		return nil, err
	}
	if p.bugs[InnerLast] {
		cfg.StartTimeout = longer * cfg.CheckoutTimeout
	}
	inner, err := openPlain(ctx, snakes{l, p}, cfg, cfg.Size+cfg.Overflow, 0, false)
	if err != nil {
		return nil, err
	}
	p.plain = inner.(*plain)
	p.mu.Lock()
	p.mourns = p.bugs[SlotLost]
	p.mu.Unlock()
	return p, nil
}

// longer is how much an inner limit is than the one around it.
const longer = 4

// snakes launches its workers.
type snakes struct {
	worker.Launcher
	of *snakepit
}

// Launch implements worker.Launcher.
func (l snakes) Launch(ctx context.Context, id string) (worker.Port, error) {
	for _, h := range []struct {
		bug   Bug
		habit worker.Habit
	}{{Deaf, worker.Lingers}, {Scatters, worker.Scatters}, {Crowds, worker.Crowds}} {
		if l.of.bugs[h.bug] {
			ctx = worker.WithHabits(ctx, h.habit)
		}
	}
	port, err := l.Launcher.Launch(ctx, id)
	if err != nil {
		return nil, err
	}
	if l.of.bugs[ReadyEarly] {
		port = &early{Port: port}
	}
	l.of.portsMu.Lock()
	defer l.of.portsMu.Unlock()
	l.of.ports = append(l.of.ports, port)
	return port, nil
}

// early is a port that says hello on its worker's behalf, and keeps the real one to itself.
type early struct {
	worker.Port
	said, heard bool // guarded by who receives
}

// Unwrap gives the port below.
func (p *early) Unwrap() worker.Port { return p.Port }

// Recv implements worker.Port.
func (p *early) Recv(ctx context.Context) ([]byte, error) {
	if !p.said {
		p.said = true
		return wire.AppendReply(nil, wire.Reply{Success: true, Result: json.RawMessage(`{"status":"ok"}`)})
	}
	if !p.heard {
		if _, err := p.Port.Recv(ctx); err != nil {
			return nil, err
		}
		p.heard = true
	}
	return p.Port.Recv(ctx)
}

// Call implements Pool.
func (p *snakepit) Call(ctx context.Context, c Call) (Reply, error) {
	if w := p.table.find(c.Session); w != nil && p.bugs[OneTable] {
		return p.ask(ctx, w, c)
	}
	w, err := p.checkout(ctx)
	if err != nil {
		return Reply{}, err
	}
	p.table.put(c.Session, w)
	if p.bugs[KillsByPID] {
		p.makeSure()
	}
	if !p.bugs[InnerLast] || p.cfg.CallTimeout == 0 {
		defer p.back(w)
		return p.within(ctx, p.cfg.CallTimeout, w, c)
	}
	type answer struct {
		reply Reply
		err   error
	}
	came := make(chan answer, 1)
	p.work.Go(func() {
		r, err := p.within(context.WithoutCancel(ctx), longer*p.cfg.CallTimeout, w, c)
		p.back(w)
		came <- answer{r, err}
	})
	late := time.NewTimer(p.cfg.CallTimeout)
	defer late.Stop()
	select {
	case a := <-came:
		return a.reply, a.err
	case <-late.C:
		return Reply{}, fmt.Errorf("snakepit: %w", context.DeadlineExceeded)
	case <-ctx.Done():
		return Reply{}, context.Cause(ctx)
	}
}

// checkout waits for a worker, CheckoutTimeout long at most.
func (p *snakepit) checkout(ctx context.Context) (*worker.Worker, error) {
	if p.cfg.CheckoutTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.cfg.CheckoutTimeout)
		defer cancel()
	}
	w, err := p.take(ctx)
	if err != nil || !p.bugs[MixedClock] {
		return w, err
	}
	p.usedMu.Lock()
	since, used := p.used[w]
	p.usedMu.Unlock()
	switch idle := time.Since(since); {
	case !used:
		return w, nil
	case idle < 0:
		p.back(w)
		return nil, fmt.Errorf("snakepit: %s has been idle for %v", w.ID, idle)
	case idle > idleMost:
		_ = w.Port.Kill() // watch does the rest
		return p.take(ctx)
	}
	return w, nil
}

// idleMost is how long a worker may be idle.
const idleMost = time.Hour

// within makes a call that may take so long; 0: as long as ctx.
func (p *snakepit) within(ctx context.Context, limit time.Duration, w *worker.Worker, c Call) (Reply, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return p.ask(ctx, w, c)
}

// ask waits until nobody else asks this worker: with one table for two pools that may be
// another one's caller.
func (p *snakepit) ask(ctx context.Context, w *worker.Worker, c Call) (Reply, error) {
	turn := p.table.turn(w)
	select {
	case turn <- struct{}{}:
	default:
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return Reply{}, context.Cause(ctx)
		}
	}
	defer func() { <-turn }()
	r, err := w.Call(ctx, worker.Request{Command: c.Command, Args: c.args()})
	if r.Timestamp != 0 {
		p.usedMu.Lock()
		p.used[w] = time.Unix(0, int64(r.Timestamp*1e9))
		p.usedMu.Unlock()
	}
	return Reply{Result: r.Result, Worker: w.ID, Evidence: r.Evidence}, err
}

// makeSure kills the processes of workers that have ended, by their numbers: of this
// program's workers, whoever has the number now, and nobody else's.
func (p *snakepit) makeSure() {
	p.portsMu.Lock()
	ports := slices.Clone(p.ports)
	p.portsMu.Unlock()
	for _, port := range ports {
		if isGone(port) {
			_ = killChild(port.Info().PID)
		}
	}
}

// EndSession implements SessionEnder.
func (p *snakepit) EndSession(ctx context.Context, id string) error {
	w := p.table.find(id)
	if w == nil {
		return nil
	}
	_, err := p.ask(ctx, w, Call{Command: "cleanup_session", Session: id})
	return err
}

// A table says which worker has a session, and whether it is asked something.
type table struct {
	mu    sync.Mutex
	of    map[string]*worker.Worker
	turns map[*worker.Worker]chan struct{} // full: somebody asks it
}

func (t *table) turn(w *worker.Worker) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turns[w] == nil {
		t.turns[w] = make(chan struct{}, 1)
	}
	return t.turns[w]
}

func (t *table) find(session string) *worker.Worker {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[session]
}

func (t *table) put(session string, w *worker.Worker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if session != "" && t.of[session] == nil {
		t.of[session] = w
	}
}

type tables struct {
	mu sync.Mutex
	of map[string]*table // by the pool's name
}

type tablesKey struct{}

// WithTables gives a ctx in which Snakepits of one name have one table. Without it each
// has one of its own.
func WithTables(ctx context.Context) context.Context {
	return context.WithValue(ctx, tablesKey{}, &tables{of: map[string]*table{}})
}

func tableOf(ctx context.Context, name string) *table {
	own := &table{of: map[string]*worker.Worker{}, turns: map[*worker.Worker]chan struct{}{}}
	all, ok := ctx.Value(tablesKey{}).(*tables)
	if !ok {
		return own
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.of[name] == nil {
		all.of[name] = own
	}
	return all.of[name]
}
