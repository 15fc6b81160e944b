//go:build linux

package container

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/butfor/butfor/worker/stream"
)

// A Pressure is want of memory in one container: see Press.
type Pressure struct {
	vessel  *vessel
	streams *client.HijackedResponse
	most    int64
	before  int64 // the container's limit
	felt    atomic.Bool
	over    chan struct{} // closed once what takes the memory is gone
}

// CanPress says what is missing for Press.
func (e *Engine) CanPress() error {
	if !e.info.MemoryLimit {
		return errors.New("the engine can't bound the memory of containers: its kernel has no memory cgroup, or did not enable it")
	}
	return nil
}

// Press has the container be short of memory until End: it may have most bytes, and a
// process in it takes all of them but what others hold and left more, which is for what
// they read of files, their own programs among it. The kernel then drops such pages,
// and they have to be read again. When others want more that process gives it back, and
// should they want it faster it is killed in their stead. Press returns once all is taken.
//
// Both must be enough for the process itself: 48 MiB and 1 MiB are.
func (v *vessel) Press(ctx context.Context, most, left int64) (p *Pressure, err error) {
	apart(func() { p, err = v.press(ctx, most, left) })
	if err != nil {
		return nil, fmt.Errorf("want of memory in container %.12s: %w", v.id, err)
	}
	return p, nil
}

func (v *vessel) press(ctx context.Context, most, left int64) (_ *Pressure, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p := &Pressure{vessel: v, most: most, over: make(chan struct{})}
	if err := v.ChangeLimits(ctx, func(l *Limits) { p.before, l.Memory = l.Memory, most }); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.lift()
		}
	}()
	made, err := v.engine.client.ExecCreate(ctx, v.id, client.ExecCreateOptions{
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Cmd: []string{"python3", "-S", "-E", "-c", taker, strconv.FormatInt(most, 10), strconv.FormatInt(left, 10)},
	})
	if err != nil {
		return nil, err
	}
	got, err := v.engine.client.ExecAttach(ctx, made.ID, client.ExecAttachOptions{}) // which starts it, too
	if err != nil {
		return nil, err
	}
	p.streams = &got.HijackedResponse
	taken, why := make(chan struct{}), &stream.Tail{}
	go p.hear(taken, why)
	select {
	case <-taken:
		return p, nil
	case <-p.over:
		err = fmt.Errorf("what is to take it has ended: %s", why)
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.streams.Close()
	<-p.over
	return nil, err
}

// hear hears what the process says: a line once it has taken what it may, and another
// once something had to be read again.
func (p *Pressure) hear(taken chan<- struct{}, why io.Writer) {
	defer close(p.over)
	said, stdout := io.Pipe()
	go func() {
		_, _ = stdcopy.StdCopy(stdout, why, p.streams.Reader) // it ends with the process, one way or another
		_ = stdout.Close()
	}()
	lines := bufio.NewScanner(said)
	for n := 0; lines.Scan(); n++ {
		if n == 0 {
			close(taken)
		}
		if lines.Text() == "felt" {
			p.felt.Store(true)
		}
	}
	_ = said.Close()
}

// goPatience is how long what takes the memory may need to go: where the container is
// paused it goes later.
const goPatience = 2 * time.Second

// End ends it, and says whether it was felt: whether, by the count of the container's
// cgroup, pages that had been dropped for it had to be read again. It is to be called once,
// also after the container's end.
func (p *Pressure) End() (felt bool) {
	apart(func() {
		_ = p.streams.CloseWrite() // it fails if nobody is there any more
		late := time.NewTimer(goPatience)
		defer late.Stop()
		select {
		case <-p.over:
		case <-late.C:
		}
		p.streams.Close()
		<-p.over
		p.lift()
	})
	return p.felt.Load()
}

// lift gives the container the limit back that it had, unless it has another by now.
func (p *Pressure) lift() {
	_ = p.vessel.ChangeLimits(context.Background(), func(l *Limits) { // it fails if the container is gone
		if l.Memory == p.most {
			l.Memory = p.before
		}
	})
}

// taker is Python that takes memory, by what the cgroup of its container says, until
// its stdin ends. It looks 50 times a second, in some 0.3 ms each. Beside it another
// waits for its turn: the kernel looks for whom to kill once more for each thread that
// had no room at that moment, and would find the worker where the one that took it all
// is gone by then.
const taker = `
import fcntl, mmap, os, select, sys
most, left, step = int(sys.argv[1]), int(sys.argv[2]), 1 << 18
turn, children = os.memfd_create("turn"), set()
while child := os.fork():  # one that is killed for want of memory has a successor
    children.add(child)
    if len(children) == 2:
        child, status = os.wait()
        children.remove(child)
        if status != 9:
            os.kill(children.pop(), 9)
            os.wait()
            sys.exit(status != 0)
with open("/proc/self/oom_score_adj", "w") as f:
    f.write("1000")
fcntl.lockf(turn, fcntl.LOCK_EX)
folder, used = "/sys/fs/cgroup/", "memory.current"
if not os.path.exists(folder + used):
    folder, used = folder + "memory/", "memory.usage_in_bytes"
stat, used = (os.open(folder + name, os.O_RDONLY) for name in ("memory.stat", used))
held, before = [], None
while True:
    figures = {name: int(figure) for name, figure in (line.split() for line in os.pread(stat, 1 << 16, 0).splitlines())}
    room = most - int(os.pread(used, 64, 0)) + figures[b"inactive_file"] + figures[b"active_file"] - left
    if room >= step:
        piece = mmap.mmap(-1, step, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for at in range(0, step, 4096):
            piece[at] = 1
        held.append(piece)
        continue
    while room <= -step and held:
        held.pop().close()
        room += step
    again = figures.get(b"workingset_refault_file", figures.get(b"workingset_refault"))
    if again is None:
        sys.exit("the kernel, older than 5.9, does not count in memory.stat what a cgroup reads again")
    if before is None:
        before = again
        print("taken", flush=True)
    elif before >= 0 and again > before:
        before = -1
        print("felt", flush=True)
    if select.select([0], [], [], 0.02)[0]:
        break
`
