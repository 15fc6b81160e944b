//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/stream"
)

// A port is a process with a pipe to its stdin, one from its stdout and one
// from its stderr. One goroutine reads stderr, one waits for the end; nothing
// else runs on its behalf.
type port struct {
	pid    int
	cgroup string
	grace  time.Duration

	*stream.Stream // Send, Recv, Unasked

	stderr stream.Tail

	pausing sync.Mutex // is held before mu; guards paused
	paused  bool

	mu      sync.Mutex // guards what follows, and the pid from being given to somebody else
	reaped  bool       // the pid is no longer ours
	killed  bool
	asked   bool // by Close, to end
	usage   time.Duration
	delay   time.Duration
	others  time.Duration // of delay: that of all threads but the first
	group   *Cgroup       // that it alone is in; nil: none was made for it
	held    time.Duration
	before  time.Duration // of held: by quotas before that of group
	exit    worker.Exit
	done    chan struct{}
	closing sync.Once
}

// open starts a process and its port.
func open(cmd *exec.Cmd, grace time.Duration, frameLimit int) (*port, error) {
	p := &port{grace: grace, done: make(chan struct{})}
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
	p.Stream = stream.New(ours[1], ours[0], frameLimit, func() { p.Kill() })
	err := forks.start(cmd)
	closeAll(theirs)
	if err != nil {
		closeAll(ours)
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p.pid = cmd.Process.Pid
	p.cgroup = cgroup(p.pid)
	end, err := newEnding(p.pid, ours[1])
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
		p.stderr.Fill(ours[2])
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
	if first, _, ok := delays(p.pid); ok { // the others' are forgotten with them
		p.delay = max(p.delay, first+p.others)
	}
	p.throttled()
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

	// A grandchild that left the group may hold the pipes open.
	p.End()
	stderr.SetReadDeadline(time.Unix(1, 0))
	<-drained
	_, _ = p.stderr.Write(stream.Arrived(stderr))
	stderr.Close()
	close(p.done)
}

// Info implements worker.Port.
func (p *port) Info() worker.Info {
	i := worker.Info{PID: p.pid, Cgroup: p.cgroup, Stderr: p.stderr.String(), Written: p.stderr.Written()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	i.CPU, i.RunDelay, i.Throttled = p.usage, p.delay, p.held
	return i
}

// look reads what the worker has had so far; under the lock. Of one that was killed some
// threads may be gone, and what they waited for a CPU with them: reap has the rest.
func (p *port) look() {
	if p.reaped || p.killed {
		return
	}
	if c, ok := CPUTime(p.pid); ok {
		p.usage = c
	}
	if first, others, ok := delays(p.pid); ok {
		p.delay, p.others = first+others, others
	}
	p.throttled()
}

// throttled reads how long a quota has kept it from running; under the lock.
func (p *port) throttled() {
	if p.group == nil {
		return
	}
	if d, err := p.group.ThrottledTime(); err == nil {
		p.held = p.before + d
	}
}

// Runnable implements worker.Runner.
func (p *port) Runnable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.reaped && Runnable(p.pid)
}

// Memory implements worker.Weigher.
func (p *port) Memory() (bytes int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return 0, false
	}
	return Memory(p.pid)
}

// Pause implements worker.Pauser: by a signal to all of the worker's group.
func (p *port) Pause(context.Context) error {
	p.pausing.Lock()
	defer p.pausing.Unlock()
	err := p.stop()
	p.paused = p.paused || err == nil
	return err
}

func (p *port) stop() error {
	p.mu.Lock() // which keeps the number its own: see reap
	defer p.mu.Unlock()
	if p.reaped {
		return worker.ErrGone
	}
	if err := syscall.Kill(-p.pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stop the processes of group %d: %w", p.pid, err)
	}
	var is unix.Siginfo
	for {
		switch err := unix.Waitid(unix.P_PID, p.pid, &is, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("wait until process %d has stopped: %w", p.pid, err)
		case is.Code != stopped:
			return worker.ErrGone
		default:
			return nil
		}
	}
}

// stopped is what waitid says of a child that a signal has stopped: CLD_STOPPED.
const stopped = 5

// Unpause implements worker.Pauser.
func (p *port) Unpause(context.Context) error {
	p.pausing.Lock()
	defer p.pausing.Unlock()
	p.paused = false
	return p.goOn()
}

func (p *port) goOn() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return worker.ErrGone
	}
	return syscall.Kill(-p.pid, syscall.SIGCONT)
}

// WhileStopped does something while a worker of this package is stopped, as one that is
// paused is anyway. Whoever wants to pause it, or have it go on, waits.
func WhileStopped(p worker.Port, do func()) {
	if own, ok := p.(*port); ok {
		own.pausing.Lock()
		defer own.pausing.Unlock()
		if !own.paused {
			_ = own.stop()                    // it fails if it has ended
			defer func() { _ = own.goOn() }() // the same
		}
	}
	do()
}

// LimitFiles implements worker.FileLimiter.
func (p *port) LimitFiles(most uint64) (before uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return 0, worker.ErrGone
	}
	return LimitFiles(p.pid, most)
}

// LimitFiles has a process use no file descriptors from most on.
func LimitFiles(pid int, most uint64) (before uint64, err error) {
	var l unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &l); err != nil {
		return 0, fmt.Errorf("limit of files of process %d: %w", pid, err)
	}
	before, l.Cur = l.Cur, min(most, l.Max)
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &l, nil); err != nil {
		return 0, fmt.Errorf("limit files of process %d to %d: %w", pid, most, err)
	}
	return before, nil
}

// LimitCores implements worker.CoreLimiter. Threads that it begins, and children, have
// the limit of who begins them.
func (p *port) LimitCores(most int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return worker.ErrGone
	}
	var all, may unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &all); err != nil {
		return fmt.Errorf("cores of this program: %w", err)
	}
	if most == 0 {
		most = all.Count()
	}
	for core := 0; may.Count() < min(most, all.Count()); core++ {
		if all.IsSet(core) {
			may.Set(core)
		}
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.pid))
	for _, t := range threads {
		tid, _ := strconv.Atoi(t.Name())
		if e := unix.SchedSetaffinity(tid, &may); e != nil && !errors.Is(e, unix.ESRCH) { // one that has ended
			err = errors.Join(err, fmt.Errorf("limit thread %d to %d cores: %w", tid, may.Count(), e))
		}
	}
	return err
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
	p.look()
	p.killed = true
	return syscall.Kill(-p.pid, syscall.SIGKILL)
}

// Close implements worker.Port: the end of its stdin is what asks the worker.
func (p *port) Close(ctx context.Context) error {
	p.closing.Do(func() {
		p.mu.Lock()
		p.asked = true
		p.mu.Unlock()
		go p.CloseSend()
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
