//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// A port is a process with a pipe to its stdin, one from its stdout and one
// from its stderr. One goroutine reads stderr, one waits for the end; nothing
// else runs on its behalf.
type port struct {
	pid    int
	cgroup string
	grace  time.Duration
	limit  int // of a payload, in bytes; 0: wire's own

	sendMu sync.Mutex // one sender
	stdin  *os.File

	recvMu sync.Mutex // one receiver, or the reaper that takes what is left
	stdout *os.File
	rest   []byte // what the reaper found; read once stdout is closed
	frames *wire.Reader

	stderr tail

	wakeMu sync.Mutex // guards the deadlines of the pipes
	dead   bool       // they are past, for good

	mu      sync.Mutex // guards what follows, and the pid from being given to somebody else
	reaped  bool       // the pid is no longer ours
	killed  bool
	asked   bool // by Close, to end
	usage   time.Duration
	delay   time.Duration
	exit    worker.Exit
	done    chan struct{}
	closing sync.Once
}

// open starts a process and its port.
func open(cmd *exec.Cmd, grace time.Duration, frameLimit int) (*port, error) {
	p := &port{grace: grace, limit: frameLimit, done: make(chan struct{})}
	var ours, theirs []*os.File
	closeAll := func(fs []*os.File) {
		for _, f := range fs {
			f.Close()
		}
	}
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(ours)
			closeAll(theirs)
			return nil, fmt.Errorf("pipe to the worker: %w", err)
		}
		if i == 0 {
			ours, theirs = append(ours, w), append(theirs, r)
		} else {
			ours, theirs = append(ours, r), append(theirs, w)
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
	p.stdin, p.stdout = ours[0], ours[1]
	p.frames = wire.NewReader((*source)(p), p.limit)
	err := forks.start(cmd)
	closeAll(theirs)
	if err != nil {
		closeAll(ours)
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p.pid = cmd.Process.Pid
	p.cgroup = cgroup(p.pid)
	end, err := newEnding(p.pid, p.stdout)
	if err != nil {
		closeAll(ours)
		cmd.Process.Kill()
		cmd.Wait()
		forks.release()
		return nil, fmt.Errorf("watch over %s: %w", cmd.Path, err)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		p.stderr.fill(ours[2])
	}()
	go p.reap(cmd, end, ours[2], drained)
	return p, nil
}

// reap waits for the end of the process and puts everything away.
func (p *port) reap(cmd *exec.Cmd, end *ending, stderr *os.File, drained <-chan struct{}) {
	// The zombie keeps the pid, and so the group's number, from being given to
	// somebody else until the group is killed.
	for !end.wait() {
		p.mu.Lock()
		if !p.asked && !p.killed { // one that was asked may have something left to do
			p.exit.HungUp = true
			syscall.Kill(-p.pid, syscall.SIGKILL)
		}
		p.mu.Unlock()
	}
	end.close()
	p.mu.Lock()
	if d, ok := runDelay(p.pid); ok { // a zombie's threads but the first are forgotten
		p.delay = max(p.delay, d)
	}
	syscall.Kill(-p.pid, syscall.SIGKILL)
	cmd.Wait() // its error is the exit status, read below
	p.reaped = true
	p.usage = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
		p.exit.Code = status.ExitStatus()
		if status.Signaled() {
			p.exit.Signal = status.Signal()
		}
		p.exit.HungUp = p.exit.HungUp && p.exit.Signal == syscall.SIGKILL // it did not end by itself meanwhile
	}
	p.mu.Unlock()
	forks.release()

	// A grandchild that left the group may hold the pipes open: end whoever
	// waits on them, and keep what had arrived.
	p.wakeMu.Lock()
	p.dead = true
	past := time.Unix(1, 0)
	p.stdin.SetWriteDeadline(past)
	p.stdout.SetReadDeadline(past)
	p.wakeMu.Unlock()
	p.sendMu.Lock()
	p.stdin.Close()
	p.sendMu.Unlock()
	p.recvMu.Lock()
	p.rest = arrived(p.stdout)
	p.stdout.Close()
	p.recvMu.Unlock()
	stderr.SetReadDeadline(past)
	<-drained
	p.stderr.Write(arrived(stderr))
	stderr.Close()
	close(p.done)
}

// arrived takes what a pipe holds now, without waiting for more.
func arrived(f *os.File) (b []byte) {
	f.SetReadDeadline(time.Time{})
	raw, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	raw.Read(func(fd uintptr) bool {
		var buf [32 << 10]byte
		// A pipe holds 64 KiB unless told otherwise; a writer that is still
		// there must not keep us.
		for len(b) < 1<<20 {
			n, err := syscall.Read(int(fd), buf[:])
			if err == syscall.EINTR {
				continue
			}
			if n <= 0 {
				break
			}
			b = append(b, buf[:n]...)
		}
		return true
	})
	return b
}

// source is the port's stdout as the frame reader sees it: the pipe, then what
// the reaper found in it.
type source port

func (s *source) Read(b []byte) (int, error) {
	n, err := s.stdout.Read(b)
	if !errors.Is(err, os.ErrClosed) {
		return n, err
	}
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n = copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// interruptible runs an operation on a pipe so that the end of ctx ends it.
func (p *port) interruptible(ctx context.Context, set func(time.Time) error, do func() error) error { // set fails on a closed pipe alone, where it is not needed
	if ctx.Done() == nil {
		return do()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ran := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = set(time.Unix(1, 0))
		close(ran)
	})
	err := do()
	if !stop() {
		<-ran
		p.wakeMu.Lock()
		if !p.dead {
			_ = set(time.Time{})
		}
		p.wakeMu.Unlock()
	}
	return err
}

// Send implements worker.Port.
func (p *port) Send(ctx context.Context, frame []byte) error {
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	err := p.interruptible(ctx, p.stdin.SetWriteDeadline, func() error {
		return wire.WriteFrame(p.stdin, frame, p.limit)
	})
	if errors.Is(err, wire.ErrTruncated) {
		p.Kill() // what follows would be read as the rest of this frame
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, syscall.EPIPE), errors.Is(err, os.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
		return worker.ErrGone
	}
	return err
}

// Recv implements worker.Port.
func (p *port) Recv(ctx context.Context) (frame []byte, err error) {
	for {
		p.recvMu.Lock()
		err = p.interruptible(ctx, p.stdout.SetReadDeadline, func() (err error) {
			frame, err = p.frames.ReadFrame()
			return err
		})
		p.recvMu.Unlock()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return frame, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		select { // the reaper woke us and takes what is left
		case <-p.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Info implements worker.Port.
func (p *port) Info() worker.Info {
	i := worker.Info{PID: p.pid, Cgroup: p.cgroup, Stderr: p.stderr.String()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		if c, ok := CPUTime(p.pid); ok {
			p.usage = c
		}
		if d, ok := runDelay(p.pid); ok {
			p.delay = d
		}
	}
	i.CPU, i.RunDelay = p.usage, p.delay
	return i
}

// Unasked implements worker.Listener.
func (p *port) Unasked() bool {
	if !p.recvMu.TryLock() { // somebody waits for it
		return false
	}
	defer p.recvMu.Unlock()
	if p.frames.Buffered() > 0 {
		return true
	}
	came := false
	raw, err := p.stdout.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, _ := unix.Poll(fds[:], 0)
			came = n > 0 && fds[0].Revents&unix.POLLIN != 0
		})
	}
	return came && err == nil
}

// Runnable implements worker.Runner.
func (p *port) Runnable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.reaped && runnable(p.pid)
}

// Done implements worker.Port.
func (p *port) Done() <-chan struct{} { return p.done }

// Exit implements worker.Port.
func (p *port) Exit() worker.Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Kill implements worker.Port.
func (p *port) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped || p.killed {
		return nil
	}
	p.killed = true
	return syscall.Kill(-p.pid, syscall.SIGKILL)
}

// Close implements worker.Port: the end of its stdin is what asks the worker.
func (p *port) Close(ctx context.Context) error {
	p.closing.Do(func() {
		p.mu.Lock()
		p.asked = true
		p.mu.Unlock()
		go p.ask()
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

// ask closes the worker's stdin. A Send under way is ended, not awaited.
func (p *port) ask() {
	p.wakeMu.Lock()
	p.stdin.SetWriteDeadline(time.Unix(1, 0))
	p.wakeMu.Unlock()
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	p.stdin.Close()
}

func (p *port) String() string { return fmt.Sprintf("process %d", p.pid) }

// cgroup is the path of a process's CPU cgroup, "" if not known.
func cgroup(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		if f[0] == "0" && f[1] == "" { // v2
			return f[2]
		}
		for c := range strings.SplitSeq(f[1], ",") {
			if c == "cpu" {
				return f[2]
			}
		}
	}
	return ""
}
