package worker

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/butfor/butfor/harness/world/virtual/testdata/sketch/cct"
	"github.com/butfor/butfor/harness/world/virtual/testdata/sketch/cpu"
)

// Demand is what a piece of work asks for, apart from how long it takes.
type Demand struct{ CPU, Wait time.Duration }

// Profile is how model workers behave.
type Profile struct {
	Boot, Hello Demand
	Jitter      float64      // start i asks for ×(1 ± Jitter), from the seed and i alone
	CrashStart  map[int]bool // these starts exit before the hello
	DieAtCall   map[int]int  // worker of start i dies at its n-th call
	Mute        map[int]bool // worker of start i never says hello
}

// Model launches model workers. Starts are numbered in the order of Launch.
type Model struct {
	CPU     *cpu.CPU
	Box     *cpu.Box
	Sched   *cct.Sched
	Profile Profile
	Seed    uint64

	mu    sync.Mutex
	ports []*port
	all   sync.WaitGroup
}

// Launch starts a worker; the start goes on after it returns.
func (m *Model) Launch(_ context.Context, id string) (Port, error) {
	m.Sched.Point(id, "launch")
	ctx, cancel := context.WithCancel(context.Background())
	p := &port{m: m, id: id, ctx: ctx, cancel: cancel, in: make(chan []byte, 64), out: make(chan []byte, 64), done: make(chan struct{})}
	m.mu.Lock()
	p.start = len(m.ports)
	m.ports = append(m.ports, p)
	m.mu.Unlock()
	m.all.Go(p.run)
	return p, nil
}

// Starts is the number of launches so far.
func (m *Model) Starts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.ports)
}

// End kills what is left and says how many that were.
func (m *Model) End() (left int) {
	m.mu.Lock()
	ports := m.ports
	m.mu.Unlock()
	for _, p := range ports {
		if p.ctx.Err() == nil {
			left++
		}
		p.cancel()
	}
	m.all.Wait()
	return left
}

type port struct {
	m       *Model
	id      string
	start   int
	ctx     context.Context // ends with the worker
	cancel  context.CancelFunc
	in, out chan []byte
	done    chan struct{}
	exit    Exit
}

func (p *port) Done() <-chan struct{} { return p.done }
func (p *port) Exit() Exit            { return p.exit }
func (p *port) Close() error          { p.cancel(); return nil }

func (p *port) Send(ctx context.Context, frame []byte) error {
	p.m.Sched.Point(p.id, "send")
	if p.ctx.Err() != nil {
		return ErrGone
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.in <- frame // room for 64: a model of a pipe
	return nil
}

// Recv decides by fixed priority (frame, death, deadline), never by which case
// of a select fired.
func (p *port) Recv(ctx context.Context) ([]byte, error) {
	for {
		select {
		case f := <-p.out:
			return f, nil
		default:
		}
		if p.gone() {
			return nil, ErrGone
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		select {
		case f := <-p.out:
			return f, nil
		case <-p.done:
		case <-ctx.Done():
		}
	}
}

func (p *port) gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// do meets a demand, then parks: whether it was killed at the very instant of
// its end is for the driver to say. False if it was.
func (p *port) do(d Demand) bool {
	if p.m.CPU.Burn(p.ctx, p.m.Box, d.CPU) == nil {
		t := time.NewTimer(d.Wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-p.ctx.Done():
		}
	}
	p.m.Sched.Point(p.id, "woke")
	return p.ctx.Err() == nil
}

func (p *port) end(code int, why string) {
	p.m.Sched.Point(p.id, "exit "+why)
	p.exit = Exit{code, why}
	p.cancel()
	close(p.done)
}

func (p *port) run() {
	f := &p.m.Profile
	u := rand.New(rand.NewPCG(p.m.Seed, uint64(p.start)+1)).Float64()
	k := 1 + f.Jitter*(2*u-1)
	scale := func(d time.Duration) time.Duration { return time.Duration(float64(d) * k).Round(time.Microsecond) }
	if !p.do(Demand{scale(f.Boot.CPU), scale(f.Boot.Wait)}) {
		p.end(137, "killed")
		return
	}
	if f.CrashStart[p.start] {
		p.end(1, "crash at start")
		return
	}
	for calls := 0; ; {
		var frame []byte
		select {
		case frame = <-p.in:
		case <-p.ctx.Done():
		}
		if p.ctx.Err() != nil {
			p.end(137, "killed")
			return
		}
		var r Request
		if json.Unmarshal(frame, &r) != nil {
			p.end(2, "bad frame")
			return
		}
		seconds := func(key string) time.Duration {
			x, _ := r.Args[key].(float64)
			return time.Duration(x * float64(time.Second))
		}
		a, d := Reply{ID: r.ID, Success: true, Result: r.Args}, Demand{}
		switch r.Command {
		case "ping":
			a.Result = map[string]any{"status": "ok"}
			if r.ID == 0 {
				d = f.Hello
			}
		case "echo":
		case "sleep":
			d.Wait = seconds("s")
		case "burn":
			d.CPU = seconds("cpu_s")
		default:
			a = Reply{ID: r.ID, Error: "unknown command " + r.Command}
		}
		if r.ID != 0 {
			calls++
		}
		if n := f.DieAtCall[p.start]; n > 0 && n == calls {
			p.end(139, "died at call")
			return
		}
		if !p.do(d) {
			p.end(137, "killed")
			return
		}
		if f.Mute[p.start] {
			continue
		}
		a.Timestamp = float64(time.Now().UnixNano()) / 1e9
		frame, _ = json.Marshal(a)
		p.out <- frame
	}
}
