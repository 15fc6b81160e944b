package dspex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// models launches workers that wait instead of computing.
type models struct {
	boot, hello time.Duration
	cost        time.Duration       // of each call beside what it asks for
	greeting    func(r *wire.Reply) // changes the answer to the hello
	mute        func(n int) bool    // worker n (from 1) never says hello
	refuse      func(n int) bool    // launch n fails
	stubborn    bool                // does not go when asked
	dying       time.Duration       // how long Kill takes
	lingers     time.Duration       // how long a worker is there once it has ended

	mu    sync.Mutex
	asked int
	all   []*model
}

func (l *models) Launch(_ context.Context, id string) (worker.Port, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.refuse != nil && l.refuse(l.asked) {
		return nil, errors.New("no such interpreter")
	}
	m := &model{
		models: l, id: id, born: time.Now(), mute: l.mute != nil && l.mute(l.asked),
		kept: map[string]map[string]any{},
		in:   make(chan []byte, 64), out: make(chan []byte, 64), killed: make(chan struct{}), done: make(chan struct{}),
	}
	l.all = append(l.all, m)
	go m.run()
	return m, nil
}

// launches is how often a worker was asked for.
func (l *models) launches() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// workers is every worker so far, in the order of launch.
func (l *models) workers() []*model {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*model(nil), l.all...)
}

func (l *models) alive() (n int) {
	for _, m := range l.workers() {
		if m.living() {
			n++
		}
	}
	return n
}

// model is a worker and its port in one.
type model struct {
	*models
	id      string
	born    time.Time
	mute    bool
	in, out chan []byte
	once    sync.Once
	killed  chan struct{}
	done    chan struct{}
	asked   bool // politely to go
	exit    worker.Exit
	died    time.Time
	kept    map[string]map[string]any // values by session
}

func (m *model) Send(ctx context.Context, frame []byte) error {
	if !m.living() {
		return worker.ErrGone
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.in <- frame // a pipe has room for 64
	return nil
}

func (m *model) Recv(ctx context.Context) ([]byte, error) {
	for {
		select {
		case f := <-m.out:
			return f, nil
		default:
		}
		if !m.living() {
			return nil, io.EOF
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		select { // wakes only
		case f := <-m.out:
			return f, nil
		case <-m.done:
		case <-ctx.Done():
		}
	}
}

func (m *model) Info() worker.Info     { return worker.Info{} }
func (m *model) Done() <-chan struct{} { return m.done }
func (m *model) Exit() worker.Exit     { return m.exit }

func (m *model) Kill() error {
	time.Sleep(m.dying)
	m.once.Do(func() { close(m.killed) })
	return nil
}

func (m *model) Close(ctx context.Context) error {
	m.asked = true
	if m.stubborn {
		select {
		case <-m.done:
		case <-ctx.Done():
		}
	}
	_ = m.Kill()
	<-m.done
	return nil
}

func (m *model) living() bool {
	select {
	case <-m.done:
		return false
	default:
		return true
	}
}

// wait is false if the worker was killed meanwhile.
func (m *model) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-m.killed:
		return false
	}
}

func (m *model) run() {
	m.exit = m.live()
	time.Sleep(m.lingers)
	m.died = time.Now()
	close(m.done)
}

func (m *model) live() worker.Exit {
	killed := worker.Exit{Code: -1, Signal: syscall.SIGKILL}
	if !m.wait(m.boot) {
		return killed
	}
	for {
		var frame []byte
		select {
		case frame = <-m.in:
		case <-m.killed:
			return killed
		}
		r, err := wire.ParseRequest(frame)
		if err != nil {
			return worker.Exit{Code: 2}
		}
		if r.Command == "exit" {
			return worker.Exit{Code: 3}
		}
		reply, took, answers := m.answer(r)
		if !m.wait(took) {
			return killed
		}
		if !answers {
			continue
		}
		if frame, err = wire.AppendReply(nil, reply); err != nil {
			return worker.Exit{Code: 2}
		}
		m.out <- frame
	}
}

func (m *model) answer(r wire.Request) (reply wire.Reply, took time.Duration, answers bool) {
	result, _ := json.Marshal(r.Args)
	reply, took, answers = wire.Reply{ID: r.ID, Success: true, Result: result}, m.cost, true
	switch {
	case r.ID == 0:
		reply.Result = json.RawMessage(`{"status":"ok"}`)
		if m.greeting != nil {
			m.greeting(&reply)
		}
		took, answers = m.hello, !m.mute
	case r.Command == "ping":
		reply.Result = json.RawMessage(`{"status":"ok"}`)
	case r.Command == "sleep":
		seconds, _ := r.Args["s"].(float64)
		took += time.Duration(seconds * float64(time.Second))
	case r.Command == "put", r.Command == "get", r.Command == "cleanup_session":
		reply.Result, _ = json.Marshal(m.keeps(r))
	case r.Command == "fail":
		reply = wire.Reply{ID: r.ID, Error: "no such program", ErrorType: "KeyError"}
	case r.Command == "hang":
		answers = false
	case r.Command == "stray":
		reply.ID++
	}
	if r.Evidence {
		reply.Evidence = &wire.Evidence{OnCPU: time.Millisecond}
	}
	return reply, took, answers
}

// keeps has the worker keep something of a session, or look it up, or forget all.
func (m *model) keeps(r wire.Request) map[string]any {
	session, _ := r.Args["session_id"].(string)
	key, _ := r.Args["key"].(string)
	value, found := m.kept[session][key]
	switch r.Command {
	case "put":
		if m.kept[session] == nil {
			m.kept[session] = map[string]any{}
		}
		m.kept[session][key] = r.Args["value"]
	case "cleanup_session":
		delete(m.kept, session)
	}
	return map[string]any{"key": key, "found": found, "value": value}
}

// bed is a pool on trial. Times in it count from before the pool was opened.
type bed struct {
	*testing.T
	*models
	pool  subject.Pool
	cfg   subject.Config
	begin time.Time
}

const second = time.Second

// lazily and eagerly are settings of a pool with a patience of 5 s.
func lazily(size int) subject.Config {
	return subject.Config{Name: "pool", Size: size, Lazy: true, StartTimeout: 30 * second, CheckoutTimeout: 5 * second, CallTimeout: 5 * second}
}

func eagerly(size int) subject.Config {
	cfg := lazily(size)
	cfg.Lazy = false
	return cfg
}

// try opens a pool in a bubble, runs a story and closes the pool. That the
// bubble ends shows that no goroutine is left; no worker may be left either.
func try(t *testing.T, s subject.Subject, cfg subject.Config, l *models, story func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := &bed{T: t, models: l, cfg: cfg, begin: time.Now()}
		var err error
		if b.pool, err = s.Open(ctx, l, cfg); err != nil {
			t.Fatalf("open: %v", err)
		}
		story(b)
		b.close()
	})
}

// close closes the pool as a supervisor does that waits for 10 s.
func (b *bed) close() {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 10*second)
	defer cancel()
	_ = b.pool.Close(ctx)
	if n := b.alive(); n > 0 {
		b.Errorf("%d workers left after Close", n)
	}
}

// outcome is how one call ended.
type outcome struct {
	subject.Reply
	err error
	at  time.Duration
}

func (b *bed) call(client string, c subject.Call) outcome {
	return b.callWith(b.Context(), client, c)
}

func (b *bed) callWith(ctx context.Context, client string, c subject.Call) outcome {
	c.Client = client
	reply, err := b.pool.Call(ctx, c)
	return outcome{reply, err, time.Since(b.begin)}
}

// together makes n calls of clients c1, c2, … at once, a µs apart so that they
// arrive in this order.
func (b *bed) together(n int, c subject.Call) []outcome {
	outs := make([]outcome, n)
	var wg sync.WaitGroup
	for i := range outs {
		wg.Go(func() { outs[i] = b.call(fmt.Sprint("c", i+1), c) })
		b.later(time.Microsecond)
	}
	wg.Wait()
	return outs
}

// later lets virtual time pass.
func (b *bed) later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bed) died(client string) { b.pool.(subject.ClientWatcher).ClientDied(client) }

func (b *bed) warm(n int) {
	b.Helper()
	if err := b.pool.(subject.Warmer).Warm(b.Context(), n); err != nil {
		b.Fatalf("warm: %v", err)
	}
}

func served(outs []outcome) (n int) {
	for _, o := range outs {
		if o.err == nil {
			n++
		}
	}
	return n
}

// came checks when a call ended, to 10 ms, and whether it was served.
func (b *bed) came(o outcome, ok bool, seconds float64) {
	b.Helper()
	if (o.err == nil) != ok || (o.at-time.Duration(seconds*float64(second))).Abs() > 10*time.Millisecond {
		b.Errorf("served %v at %v (error: %v), want %v at %v s", o.err == nil, o.at, o.err, ok, seconds)
	}
}

func echo() subject.Call { return subject.Call{Command: "echo", Args: map[string]any{"x": 1}} }
func sleep(seconds float64) subject.Call {
	return subject.Call{Command: "sleep", Args: map[string]any{"s": seconds}}
}
