// Package model has the Python worker's model: the same port, frames and
// commands, but waiting in place of work, so that a pool can be run in a
// testing/synctest bubble, where minutes take milliseconds. Real processes
// belong to the other folders of worker.
package model

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// A Profile is how one worker behaves. The zero value is a healthy worker that
// starts at once.
type Profile struct {
	BootCPU, BootWait time.Duration // before it reads its first frame
	Refuse            error         // what Launch says instead of starting it
	DieAtStart        bool          // exits with status 1 in place of the hello
	Mute              bool          // never says hello
	Hello             any           // the hello's result, in place of status ok
	HelloID           int64         // the hello's id, in place of 0
	DieAfter          time.Duration // exits with status 1 so long after its hello; 0: never
	Share             float64       // of a core that it gets while it computes, waiting for it otherwise; 0: all
	DieAtCall         int           // exits with status 1 in the midst of its n-th call, from 1
	WrongIDAt         int           // answers its n-th call under another id
	Stubborn          time.Duration // lives on for so long after its port was closed
}

// A Launcher starts model workers. Make it inside the bubble.
type Launcher struct {
	// Profile says how the n-th launch, from 0, behaves. nil: all healthy.
	Profile func(n int) Profile

	mu       sync.Mutex
	launched []*Port
	most     int
}

// Launch implements worker.Launcher.
func (l *Launcher) Launch(ctx context.Context, id string) (worker.Port, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var f Profile
	if l.Profile != nil {
		f = l.Profile(len(l.launched))
	}
	p := &Port{ID: id, Begin: time.Now(), profile: f, closed: make(chan struct{}), in: make(chan []byte, 64), out: make(chan []byte, 64), done: make(chan struct{})}
	p.life, p.kill = context.WithCancel(context.Background())
	l.launched = append(l.launched, p)
	if f.Refuse != nil {
		p.kill()
		close(p.done)
		return nil, f.Refuse
	}
	l.most = max(l.most, l.alive())
	go p.run()
	return p, nil
}

// Ports are all that were launched, in order.
func (l *Launcher) Ports() []*Port {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Port(nil), l.launched...)
}

// Alive is how many live now.
func (l *Launcher) Alive() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alive()
}

// MostAlive is how many ever lived at once.
func (l *Launcher) MostAlive() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most
}

func (l *Launcher) alive() (n int) {
	for _, p := range l.launched {
		if !p.Gone() {
			n++
		}
	}
	return n
}

// A Port is a model worker.
type Port struct {
	ID    string
	Begin time.Time // of the launch

	profile Profile
	life    context.Context // ends when it is killed
	kill    context.CancelFunc
	in, out chan []byte
	done    chan struct{}
	exit    worker.Exit
	once    sync.Once
	closed  chan struct{} // end-of-file on its stdin

	mu    sync.Mutex
	calls int
	since time.Time     // when it began to burn CPU; zero if it does not
	cpu   time.Duration // that it had, or waited for
}

// Calls is how many it has taken, the hello not counted.
func (p *Port) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Gone says whether it has ended.
func (p *Port) Gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Send implements worker.Port.
func (p *Port) Send(ctx context.Context, frame []byte) error {
	if p.Gone() {
		return worker.ErrGone
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.in <- append([]byte(nil), frame...) // room for 64: a model of a pipe
	return nil
}

// Recv implements worker.Port.
func (p *Port) Recv(ctx context.Context) ([]byte, error) {
	for {
		select {
		case frame := <-p.out:
			return frame, nil
		default:
		}
		if p.Gone() {
			return nil, io.EOF
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		select { // only wakes us: frame, death and deadline are looked at in that order
		case frame := <-p.out:
			return frame, nil
		case <-p.done:
		case <-ctx.Done():
		}
	}
}

// Info implements worker.Port.
func (p *Port) Info() worker.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	cpu := p.cpu
	if !p.since.IsZero() {
		cpu += time.Since(p.since)
	}
	share := p.share()
	return worker.Info{CPU: time.Duration(share * float64(cpu)), RunDelay: time.Duration((1 - share) * float64(cpu))}
}

func (p *Port) share() float64 {
	if p.profile.Share > 0 {
		return p.profile.Share
	}
	return 1
}

// Done implements worker.Port.
func (p *Port) Done() <-chan struct{} { return p.done }

// Exit implements worker.Port.
func (p *Port) Exit() worker.Exit { return p.exit }

// Kill implements worker.Port.
func (p *Port) Kill() error { p.kill(); return nil }

// Die ends the worker as a crash of its own does.
func (p *Port) Die() { p.kill() }

// Close implements worker.Port.
func (p *Port) Close(ctx context.Context) error {
	p.once.Do(func() { close(p.closed) })
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
		<-p.done
	}
	return nil
}

// sleep waits; false if the worker was killed, or was asked to end, which ends
// it in the midst of anything.
func (p *Port) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.life.Done():
	case <-p.closed:
	}
	return !p.ended()
}

func (p *Port) ended() bool {
	select {
	case <-p.closed:
		return true
	default:
		return p.life.Err() != nil
	}
}

func (p *Port) burn(d time.Duration) bool {
	p.mu.Lock()
	p.since = time.Now()
	p.mu.Unlock()
	ok := p.sleep(time.Duration(float64(d) / p.share()))
	p.mu.Lock()
	p.cpu += time.Since(p.since)
	p.since = time.Time{}
	p.mu.Unlock()
	return ok
}

func (p *Port) run() {
	p.exit = p.live()
	if p.ended() {
		p.exit = worker.Exit{}
		if p.profile.Stubborn > 0 {
			t := time.NewTimer(p.profile.Stubborn)
			defer t.Stop()
			select {
			case <-t.C:
			case <-p.life.Done():
			}
		}
		if p.life.Err() != nil {
			p.exit = worker.Exit{Code: -1, Signal: syscall.SIGKILL}
		}
	}
	p.kill()
	close(p.done)
}

func (p *Port) live() worker.Exit {
	f := p.profile
	if !p.burn(f.BootCPU) || !p.sleep(f.BootWait) {
		return worker.Exit{}
	}
	for {
		var frame []byte
		select {
		case frame = <-p.in:
		case <-p.life.Done():
		case <-p.closed:
		}
		if p.ended() {
			return worker.Exit{}
		}
		r, err := wire.ParseRequest(frame)
		if err != nil {
			return worker.Exit{Code: 2}
		}
		reply := wire.Reply{ID: r.ID, Success: true}
		if r.ID == 0 {
			switch {
			case f.DieAtStart:
				return worker.Exit{Code: 1}
			case f.Mute:
				continue
			}
			reply.ID = f.HelloID
			reply.Result = raw(map[string]any{"status": "ok"})
			if f.Hello != nil {
				reply.Result = raw(f.Hello)
			}
		} else {
			p.mu.Lock()
			p.calls++
			n := p.calls
			p.mu.Unlock()
			if n == f.DieAtCall {
				return worker.Exit{Code: 1}
			}
			if !p.serve(r, &reply) {
				return worker.Exit{}
			}
			if n == f.WrongIDAt {
				reply.ID++
			}
		}
		if r.Evidence {
			reply.Evidence = &wire.Evidence{OnCPU: p.Info().CPU}
		}
		reply.Timestamp = float64(time.Now().UnixNano()) / 1e9
		if frame, err = wire.AppendReply(nil, reply); err != nil {
			return worker.Exit{Code: 2}
		}
		p.out <- frame
		if r.ID == 0 && f.DieAfter > 0 {
			p.sleep(f.DieAfter)
			return worker.Exit{Code: 1}
		}
		if r.Command == "shutdown" {
			return worker.Exit{}
		}
	}
}

func (p *Port) serve(r wire.Request, reply *wire.Reply) bool {
	seconds := func(name string) time.Duration {
		s, _ := r.Args[name].(float64)
		return time.Duration(s * float64(time.Second))
	}
	switch r.Command {
	case "ping":
		reply.Result = raw(map[string]any{"status": "ok"})
	case "echo":
		reply.Result = raw(r.Args)
	case "sleep":
		reply.Result = raw(map[string]any{"slept_s": seconds("s").Seconds()})
		return p.sleep(seconds("s"))
	case "burn":
		reply.Result = raw(map[string]any{"burnt_s": seconds("cpu_s").Seconds()})
		return p.burn(seconds("cpu_s"))
	case "shutdown":
		reply.Result = raw(map[string]any{"status": "shutting down"})
	default:
		*reply = wire.Reply{ID: r.ID, Error: fmt.Sprintf("UnknownCommand: %s", r.Command), ErrorType: "UnknownCommand"}
	}
	return true
}

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the model's own values
	}
	return b
}
