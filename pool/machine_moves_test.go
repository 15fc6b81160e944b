package pool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/pool"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// A machine is the pool, those who use it, and what is known of both. Moves are
// made by goroutines that begin at a point, so that it is drawn in what order
// they happen; the machine itself is never at one.
type machine struct {
	game
	made     map[string]int
	world    *virtual.World
	pool     *pool.Pool
	launcher *model.Launcher
	parked   atomic.Int64 // goroutines at a point
	named    int          // goroutines
	round    int          // how often all was still
	closing  bool

	starts  sync.Mutex // guards what follows; taken under the launcher's
	bad     []model.Profile
	spoiled int64 // starts that were to go wrong

	mu       sync.Mutex // guards what follows, and what is known of callers and warmers
	callers  []*caller
	warmers  []*warmer
	closeAt  time.Duration // when Close was called
	closeBy  time.Duration // when it has to have returned at the latest
	closed   bool
	closeErr error
	doubted  map[string]bool // workers that must not be handed out again
	problems []string
	sessions map[string]*pool.Session // the last of each name
	over     map[*pool.Session]bool   // that were ended
	left     map[trace]string         // what they left behind
	used     map[*pool.Session]bool   // that made a call
	home     map[*pool.Session]string // the worker that answered it last
	free     int                      // callers who wait for any worker, when check last looked

	killed    int64         // workers, by the move
	before    pool.Stat     // when check last looked
	restUntil time.Duration // of the pool, after a start that failed
	busyUntil time.Duration // when somebody had a worker in hand last
}

// A trace is a session's on a worker.
type trace struct {
	session *pool.Session
	worker  string
}

// A caller asks for a worker, once, and maybe for a session.
type caller struct {
	id       string
	name     string        // of the session; "": none
	session  *pool.Session // nil also before it has one
	round    int           // in which it came
	late     time.Duration // when its time to wait is over; 0 before it has come
	patience time.Duration
	ctx      context.Context
	cancel   context.CancelFunc

	back    bool // from Checkout
	lease   pool.Lease
	err     error
	calling bool
	doubt   bool // its worker's
	given   bool // it has given it back, or is about to
	giving  bool // it is about to
	seen    bool // by check, once it was back
}

func (c *caller) waits() bool { return !c.back }
func (c *caller) holds() bool { return c.back && c.err == nil && !c.given }
func (c *caller) rests() bool { return c.holds() && !c.calling }
func (c *caller) gave() bool  { return c.given && !c.giving }

// A warmer waits until n workers are ready.
type warmer struct {
	n      int
	cancel context.CancelFunc
	back   bool
	err    error
}

// open opens the pool.
func (m *machine) open(ctx context.Context, w *virtual.World) (err error) {
	m.world = w
	m.launcher = &model.Launcher{Turn: m.turn, Profile: m.profile}
	opened := make(chan struct{})
	m.do("opener", "open", func() {
		defer close(opened)
		m.pool, err = pool.New(point.With(ctx, m.park), m.launcher, m.cfg)
	})
	m.settle()
	<-opened
	return err
}

// spoil says how the next starts go.
func (m *machine) spoil(bad []model.Profile) {
	m.starts.Lock()
	defer m.starts.Unlock()
	m.bad = bad
}

// profile is how a start goes.
func (m *machine) profile(int) model.Profile {
	m.starts.Lock()
	defer m.starts.Unlock()
	if len(m.bad) == 0 {
		return m.good
	}
	p := m.bad[0]
	m.bad = m.bad[1:]
	m.spoiled++
	return p
}

func (m *machine) park(who, at string) {
	m.parked.Add(1)
	m.world.Point(who, at)
	m.parked.Add(-1)
}

func (m *machine) turn(who, at string, then func()) {
	m.parked.Add(1)
	m.world.Turn(who, at, func() {
		m.parked.Add(-1)
		then()
	})
}

// settle returns once nobody has anything to do but to wait for time to go by.
// The machine wakes at whole milliseconds; whatever else happens comes after
// some point, and so falls between them.
func (m *machine) settle() {
	for first := true; first || m.parked.Load() > 0; first = false {
		time.Sleep(ms)
	}
}

// do has a goroutine do something as soon as it is drawn.
func (m *machine) do(who, what string, f func()) {
	go func() {
		m.park(who, what)
		f()
	}()
}

// write is for what goroutines leave in the machine.
func (m *machine) write(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func (m *machine) name(kind string) string {
	m.named++
	return fmt.Sprintf("%s%d", kind, m.named)
}

// one is the nth of the callers of whom something is true; nil if there is none.
func (m *machine) one(n int, is func(*caller) bool) *caller {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*caller
	for _, c := range m.callers {
		if is(c) {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[n%len(all)]
}

// kinds are the moves. One that can't be made says so, and changes nothing.
var kinds = map[string]func(m *machine, v move) (made bool){
	"checkout": func(m *machine, v move) bool {
		m.checkout(v.time, "")
		return true
	},
	"come in a session": func(m *machine, v move) bool {
		m.checkout(v.time, fmt.Sprint("s", v.n%3))
		return true
	},
	"end a session": func(m *machine, v move) bool { return m.endSession(fmt.Sprint("s", v.n%3), v.time) },
	"cancel": func(m *machine, v move) bool {
		c := m.one(v.n, (*caller).waits)
		if c == nil {
			return false
		}
		m.do(m.name("canceller"), c.id, c.cancel)
		return true
	},
	"call":            func(m *machine, v move) bool { return m.call(m.one(v.n, (*caller).rests), v) },
	"checkin":         func(m *machine, v move) bool { return m.giveBack(m.one(v.n, (*caller).rests), false) },
	"discard":         func(m *machine, v move) bool { return m.giveBack(m.one(v.n, (*caller).rests), true) },
	"give back again": func(m *machine, v move) bool { return m.giveAgain(m.one(v.n, (*caller).gave)) },
	"a worker dies": func(m *machine, v move) bool {
		var living []*model.Port
		for _, p := range m.launcher.Ports() {
			if !p.Gone() {
				living = append(living, p)
			}
		}
		if len(living) == 0 {
			return false
		}
		p := living[v.n%len(living)]
		m.killed++
		m.do(m.name("death"), p.ID, func() { _ = p.Kill() })
		return true
	},
	"starts go wrong": func(m *machine, v move) bool {
		m.spoil(slices.Repeat([]model.Profile{wrong[v.n%len(wrong)]}, v.n))
		return v.n > 0
	},
	"warm": func(m *machine, v move) bool {
		m.warm(1 + v.n%m.cfg.Size)
		return true
	},
	"close": func(m *machine, v move) bool {
		if m.closing || v.n > 1 { // else there would be few runs of an open pool
			return false
		}
		m.close(v.time)
		return true
	},
	"time goes by": func(m *machine, v move) bool {
		time.Sleep(min(v.time, time.Minute))
		return true
	},
}

// wrong is how starts go that go wrong.
var wrong = []model.Profile{
	{DieAtHello: &worker.Exit{Code: 1}},
	{Mute: true},
	{Refuse: errors.New("no memory")},
	{BootWait: 10 * ms, DieAged: &worker.Exit{Code: 1}, DieAge: 20 * ms},
	{Hello: "ok"},
	{DieAtCall: 1},
	{WrongIDAt: 1},
}

// checkout lets a caller come.
func (m *machine) checkout(patience time.Duration, session string) *caller {
	c := &caller{id: m.name("c"), name: session, round: m.round, patience: patience}
	c.ctx, c.cancel = context.WithCancel(point.As(context.Background(), c.id))
	m.write(func() { m.callers = append(m.callers, c) })
	m.do(c.id, "come", func() {
		ctx, cancel := context.WithTimeout(c.ctx, c.patience)
		defer cancel()
		m.write(func() { c.late = m.world.Now() + c.patience })
		lease, err := m.come(ctx, c)
		visits := c.name != "" && err == nil // its session at once
		m.write(func() { c.back, c.lease, c.err, c.calling = true, lease, err, visits })
		if !visits {
			return
		}
		err = m.leave(c.ctx, c, false)
		if err == nil {
			err = m.leave(c.ctx, c, true)
		}
		m.called(c, err)
	})
	return c
}

// come asks for a caller's worker.
func (m *machine) come(ctx context.Context, c *caller) (pool.Lease, error) {
	if c.name == "" {
		return m.pool.Checkout(ctx)
	}
	q, err := m.pool.Session(c.name)
	if err != nil {
		return pool.Lease{}, err
	}
	m.write(func() { c.session, m.sessions[c.name] = q, q })
	lease, err := q.Checkout(ctx)
	m.write(func() { m.used[q] = m.used[q] || err == nil }) // from now on
	return lease, err
}

// endSession has somebody end a session.
func (m *machine) endSession(name string, patience time.Duration) bool {
	m.mu.Lock()
	q := m.sessions[name]
	m.mu.Unlock()
	if q == nil {
		return false
	}
	who := m.name("ender")
	m.do(who, "come", func() {
		ctx, cancel := context.WithTimeout(point.As(context.Background(), who), patience)
		defer cancel()
		m.write(func() { m.over[q] = true })
		if err := q.End(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			m.problem("the end of session %s: %v", name, err)
		}
	})
	return true
}

// leave has a session leave something behind on its caller's worker, or look for
// what it left there.
func (m *machine) leave(ctx context.Context, c *caller, put bool) error {
	here := trace{c.session, c.lease.Worker()}
	m.write(func() {
		if home := m.home[c.session]; m.cfg.Affinity == pool.Strict && home != "" && home != here.worker {
			m.found("%s came to %s in session %s, which is with %s", c.id, here.worker, c.name, home)
		}
	})
	if put {
		_, err := c.lease.Call(ctx, "put", map[string]any{"key": "k", "value": c.id})
		m.write(func() { m.left[here] = c.id })
		return err
	}
	r, err := c.lease.Call(ctx, "get", map[string]any{"key": "k"})
	var found struct{ Value string }
	if err == nil {
		err = json.Unmarshal(r.Result, &found)
		m.write(func() {
			m.home[c.session] = here.worker
			if found.Value != m.left[here] {
				m.found("%s finds %q in session %s on %s, which left %q there", c.id, found.Value, c.name, here.worker, m.left[here])
			}
		})
	}
	return err
}

// call has the worker of a lease do something, which may take longer than its
// caller waits.
func (m *machine) call(c *caller, v move) bool {
	if c == nil {
		return false
	}
	m.write(func() { c.calling = true })
	command := []string{"echo", "sleep", "no such command"}[v.n%3]
	m.do(c.id, "call", func() {
		ctx, cancel := context.WithTimeout(c.ctx, v.time)
		defer cancel()
		var reply pool.Reply
		var err error
		if c.session != nil && command != "sleep" {
			err = m.leave(ctx, c, command == "echo")
			command = "put or get"
		} else {
			reply, err = c.lease.Call(ctx, command, map[string]any{"s": .2, "from": c.id})
		}
		if err == nil && command == "echo" && string(reply.Result) != fmt.Sprintf(`{"from":"%s","s":0.2}`, c.id) {
			m.problem("%s was answered %s", c.id, reply.Result)
		}
		m.called(c, err)
	})
	return true
}

// called notes that a call is over.
func (m *machine) called(c *caller, err error) {
	m.write(func() {
		c.calling = false
		c.doubt = c.doubt || errors.As(err, new(*worker.CallError))
	})
}

// giveBack has a caller give its worker back, maybe to be replaced.
func (m *machine) giveBack(c *caller, discard bool) bool {
	if c == nil {
		return false
	}
	back := c.lease.Checkin
	if discard {
		back = c.lease.Discard
	}
	m.write(func() {
		c.given, c.giving = true, true
		if discard || c.doubt {
			m.doubted[c.lease.Worker()] = true
		}
	})
	m.do(c.id, "give back", func() {
		back()
		m.write(func() { c.giving, m.busyUntil = false, m.world.Now() })
	})
	return true
}

// giveAgain has a caller do once more what it may do but once.
func (m *machine) giveAgain(c *caller) bool {
	if c == nil {
		return false
	}
	m.write(func() { c.giving = true })
	m.do(c.id, "give back again", func() {
		c.lease.Discard()
		if _, err := c.lease.Call(context.Background(), "echo", nil); !errors.Is(err, pool.ErrReturned) {
			m.problem("%s gave its worker back, and called it: %v", c.id, err)
		}
		m.write(func() { c.giving = false })
	})
	return true
}

func (m *machine) warm(n int) {
	who := m.name("warmer")
	ctx, cancel := context.WithCancel(point.As(context.Background(), who))
	w := &warmer{n: n, cancel: cancel}
	m.write(func() { m.warmers = append(m.warmers, w) })
	m.do(who, "come", func() {
		err := m.pool.Warm(ctx, n)
		m.write(func() { w.back, w.err = true, err })
	})
}

func (m *machine) close(patience time.Duration) {
	m.closing = true
	who := m.name("closer")
	m.do(who, "come", func() {
		ctx, cancel := context.WithTimeout(point.As(context.Background(), who), patience)
		defer cancel()
		m.write(func() { m.closeAt, m.closeBy = m.world.Now(), m.world.Now()+patience })
		err := m.pool.Close(ctx)
		m.write(func() { m.closed, m.closeErr = true, err })
	})
}

// abort ends a run that failed, as far as the pool lets it be ended.
func (m *machine) abort() {
	m.write(func() {
		for _, c := range m.callers {
			c.cancel()
		}
		for _, w := range m.warmers {
			w.cancel()
		}
	})
	m.close(0)
	for range 100 {
		for _, p := range m.launcher.Ports() {
			_ = p.Kill()
		}
		time.Sleep(100 * ms)
	}
}
