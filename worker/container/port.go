//go:build linux

package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
	"github.com/butfor/butfor/worker/stream"
)

// A Port is a worker in a container. Beside what worker.Port has, it can change the
// limits of the container and pause it, also while a call goes on.
type Port struct {
	*vessel         // that it runs in
	exec     string // of the worker, in a box; "" if the container is its own
	mark     string // of its processes, in a box
	ear      *ear
	pid      int // 0 if it can't be seen here
	took     worker.EngineTime
	grace    time.Duration
	limit    int    // of a payload, in bytes; 0: wire's own
	socket   string // its path; "" over stdin and stdout
	listener *net.UnixListener
	disk     string // folder with what is on its slow disk; "" if it has none
	streams  *client.HijackedResponse
	stderr   stream.Tail

	linked chan struct{} // closed once frames is there
	frames *stream.Stream

	mu        sync.Mutex // guards what follows
	asked     bool       // by Close, to end
	killed    bool
	hungUp    bool
	gone      bool
	runs      bool // its program does, no longer the engine's
	usage     time.Duration
	delay     time.Duration
	throttled time.Duration
	exit      worker.Exit
	done      chan struct{}
	closing   sync.Once
}

// half is the direction of a connection in which we send.
type half struct{ net.Conn }

func (h half) Close() error {
	if c, ok := h.Conn.(client.CloseWriter); ok {
		return c.CloseWrite()
	}
	return h.Conn.Close()
}

// begin is called once it runs.
func (p *Port) begin(streams *client.HijackedResponse) error {
	p.streams = streams
	stdout := io.Discard
	var pipe *os.File
	if p.listener == nil {
		ours, theirs, err := os.Pipe()
		if err != nil {
			return errors.Join(fmt.Errorf("pipe from the worker: %w", err), p.end())
		}
		stdout, pipe = theirs, theirs
		p.link(ours, half{streams.Conn})
	} else {
		go p.accept()
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = stdcopy.StdCopy(stdout, &p.stderr, streams.Reader) // it ends with the worker, one way or another
		if pipe != nil {
			_ = pipe.Close()
		}
	}()
	go p.live(drained)
	return nil
}

// link is called once with where the frames go.
func (p *Port) link(in stream.In, out stream.Out) {
	p.frames = stream.New(in, out, p.limit, func() { _ = p.Kill() })
	close(p.linked)
}

// accept waits for the worker to connect, or for its end, and for nobody after it.
func (p *Port) accept() {
	c, err := p.listener.AcceptUnix()
	_ = p.listener.Close()
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		_ = c.Close()
		return
	}
	p.link(c, half{c})
}

// drainPatience is how long the engine may take to hand out the last of what a worker
// wrote, once it has said that the worker is gone. A grandchild may hold the pipe.
const drainPatience = 2 * time.Second

// oomPatience is how long it may take to say that it was for want of memory, oomRecent how
// old its word of that may be by then: an older one was of another process there.
const (
	oomPatience = 250 * time.Millisecond
	oomRecent   = 3 * time.Second
)

// live waits for the worker's end and puts everything away.
func (p *Port) live(drained <-chan struct{}) {
	status := <-p.ear.died
	oom := p.ranOut(status)
	late := time.NewTimer(drainPatience)
	defer late.Stop()
	select {
	case <-drained:
	case <-late.C:
	}
	if p.listener != nil {
		_ = p.listener.Close()
	}
	p.mu.Lock()
	p.gone = true
	p.exit = worker.Exit{Code: status}
	if status > 128 && status <= 128+64 {
		p.exit = worker.Exit{Code: -1, Signal: syscall.Signal(status - 128), OOM: oom, HungUp: p.hungUp && status == killed}
	}
	p.mu.Unlock()
	select {
	case <-p.linked:
		p.frames.End()
	default:
	}
	p.streams.Close()
	<-drained
	_ = p.removeDisk() // what is left goes with the engine's folder
	if p.exec == "" {
		p.engine.forget(p.id)
	} else {
		p.engine.forget(p.exec)
	}
	close(p.done)
}

// ranOut says whether the worker was killed for want of memory. The word of it may
// come after that of the end.
func (p *Port) ranOut(status int) bool {
	p.mu.Lock()
	ours := p.killed
	p.mu.Unlock()
	if status != killed || ours || p.Limits().Memory == 0 {
		return false
	}
	late := time.NewTimer(oomPatience)
	defer late.Stop()
	for {
		select {
		case at := <-p.ear.oom:
			if time.Since(at) < oomRecent {
				return true
			}
		case <-late.C:
			return false
		}
	}
}

// far waits until frames can go; false if they never will.
func (p *Port) far(ctx context.Context) (bool, error) {
	select {
	case <-p.linked:
		return true, nil
	default:
	}
	select {
	case <-p.linked:
		return true, nil
	case <-p.done:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Send implements worker.Port.
func (p *Port) Send(ctx context.Context, frame []byte) error {
	there, err := p.far(ctx)
	switch {
	case err != nil:
		return err
	case !there:
		return worker.ErrGone
	}
	return p.frames.Send(ctx, frame)
}

// hangPatience is how long a worker may live on after it has closed its end.
const hangPatience = 2 * time.Second

// Recv implements worker.Port. The end of the frames is told once the worker is gone
// too: the engine takes a while to say how it went.
func (p *Port) Recv(ctx context.Context) ([]byte, error) {
	there, err := p.far(ctx)
	switch {
	case err != nil:
		return nil, err
	case !there:
		return nil, io.EOF
	}
	frame, err := p.frames.Recv(ctx)
	if !worker.Gone(err) {
		return frame, err
	}
	late := time.NewTimer(hangPatience)
	defer late.Stop()
	select {
	case <-p.done:
		return frame, err
	case <-ctx.Done():
		return frame, err
	case <-late.C:
	}
	p.mu.Lock()
	p.look()
	if !p.asked && !p.killed {
		p.hungUp = true
	}
	p.mu.Unlock()
	_ = p.end()
	select {
	case <-p.done:
	case <-ctx.Done():
	}
	return frame, err
}

// Unasked implements worker.Listener.
func (p *Port) Unasked() bool {
	select {
	case <-p.linked:
		return p.frames.Unasked()
	default:
		return false
	}
}

// Info implements worker.Port.
func (p *Port) Info() worker.Info {
	i := worker.Info{PID: p.pid, Engine: p.took, Stderr: p.stderr.String(), Written: p.stderr.Written()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	if p.group != nil {
		i.Cgroup = p.group.Path()
	}
	i.CPU, i.RunDelay, i.Throttled = p.usage, p.delay, p.throttled
	return i
}

// look reads what the worker has had so far; under the lock. Once it has ended nobody
// can.
func (p *Port) look() {
	if !p.gone && p.pid != 0 && p.engine.visible(p.pid, p.id) != 0 { // the number may be another's by now
		if c, ok := process.CPUTime(p.pid); ok {
			p.usage = max(p.usage, c)
		}
		if p.runs = p.runs || !inEngine(p.pid); p.runs {
			if d, ok := process.RunDelay(p.pid); ok {
				p.delay = max(p.delay, d)
			}
		}
		if p.exec == "" && p.group != nil {
			if t, err := p.group.ThrottledTime(); err == nil {
				p.throttled = t
			}
		}
	}
}

// begun notes what the engine has had in the process that comes to be the worker.
func (p *Port) begun() {
	if p.pid == 0 {
		return
	}
	p.took.CPU, _ = process.CPUTime(p.pid)
	p.took.RunDelay, _ = process.LeaderDelay(p.pid)
	if p.exec == "" && p.group != nil {
		p.took.Throttled, _ = p.group.ThrottledTime()
	}
	p.delay = p.took.RunDelay
}

// inEngine says whether a process still runs runc, which has threads that end with it.
func inEngine(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && bytes.HasPrefix(name, []byte("runc:"))
}

// Memory implements worker.Weigher.
func (p *Port) Memory() (bytes int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || p.pid == 0 || p.engine.visible(p.pid, p.id) == 0 {
		return 0, false
	}
	return process.Memory(p.pid)
}

// Pause implements worker.Pauser: the engine freezes the container. Of a worker in a box
// its processes alone are stopped.
func (p *Port) Pause(ctx context.Context) error {
	if p.exec == "" {
		return p.vessel.Pause(ctx)
	}
	return p.signal(syscall.SIGSTOP)
}

// Unpause implements worker.Pauser.
func (p *Port) Unpause(ctx context.Context) error {
	if p.exec == "" {
		return p.vessel.Unpause(ctx)
	}
	return p.signal(syscall.SIGCONT)
}

func (p *Port) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return worker.ErrGone
	}
	if p.pid == 0 || p.engine.visible(p.pid, p.id) == 0 {
		return fmt.Errorf("the processes of container %.12s can't be seen here", p.id)
	}
	if err := syscall.Kill(-p.pid, s); err != nil { // it leads a group of its own
		return fmt.Errorf("%v to %v: %w", s, p, err)
	}
	return nil
}

// LimitFiles implements worker.FileLimiter.
func (p *Port) LimitFiles(most uint64) (before uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || p.pid == 0 || p.engine.visible(p.pid, p.id) == 0 {
		return 0, fmt.Errorf("the processes of container %.12s can't be seen here", p.id)
	}
	return process.LimitFiles(p.pid, most)
}

// Runnable implements worker.Runner.
func (p *Port) Runnable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.gone && p.pid != 0 && process.Runnable(p.pid)
}

// Done implements worker.Port.
func (p *Port) Done() <-chan struct{} { return p.done }

// Exit implements worker.Port.
func (p *Port) Exit() worker.Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Kill implements worker.Port. The engine is told in the background; Close and Done
// wait for what comes of it.
func (p *Port) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone && !p.killed {
		p.look()
		p.killed = true
		go func() { _ = p.end() }() // it fails where the engine does: then nobody can
	}
	return nil
}

// end ends the worker at once: the container, if it is its own.
func (p *Port) end() error {
	if p.exec != "" {
		return p.endExec()
	}
	return p.remove()
}

// Close implements worker.Port: the end of its port is what asks the worker. One that
// has not come to it yet is killed.
func (p *Port) Close(ctx context.Context) error {
	p.closing.Do(func() {
		p.mu.Lock()
		p.asked = true
		p.mu.Unlock()
		select {
		case <-p.linked:
			go p.frames.CloseSend()
		default:
			_ = p.Kill()
		}
	})
	grace := time.NewTimer(p.grace)
	defer grace.Stop()
	select {
	case <-p.done:
		return nil
	case <-grace.C:
	case <-ctx.Done():
	}
	err := p.Kill()
	<-p.done
	return err
}

// String names it.
func (p *Port) String() string {
	if p.exec != "" {
		return fmt.Sprintf("worker %.12s in container %.12s", p.exec, p.id)
	}
	return fmt.Sprintf("container %.12s", p.id)
}
