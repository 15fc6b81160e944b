//go:build linux

package container

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/client"

	"github.com/butfor/butfor/worker/process"
)

// A Box is a container in which several workers run: give it to a Launcher. A worker
// in it starts three times as fast as one with a container of its own, and shares its
// limits with the others. All end with the box.
type Box struct {
	*vessel
	folder  string // of their sockets; "" over stdin and stdout
	streams *client.HijackedResponse

	mu sync.Mutex
	n  int // sockets so far

	closing sync.Once
	ended   error
}

// Box starts one. Its first process does nothing, and ends with the program.
func (e *Engine) Box(ctx context.Context, l Limits) (b *Box, err error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	b = &Box{}
	if e.transport == Socket {
		if b.folder, err = e.folder(); err != nil {
			return nil, fmt.Errorf("folder of the workers' sockets: %w", err)
		}
	}
	apart(func() {
		b.vessel, b.streams, err = e.run(ctx, plan{
			entrypoint: []string{"python3", "-S", "-E", "-c"}, cmd: []string{"import sys; sys.stdin.buffer.read()"},
			env:    []string{process.TokenVariable + "=" + process.Token() + "//"},
			folder: b.folder, limits: l, attach: true,
		})
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Close ends it, with all workers in it, and returns once it is gone; idempotent.
func (b *Box) Close() error {
	b.closing.Do(func() {
		b.streams.Close()
		if b.ended = b.remove(); b.ended == nil {
			<-b.ear.died
			b.engine.forget(b.id)
		}
	})
	return b.ended
}

// name is that of the next socket.
func (b *Box) name() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	return fmt.Sprintf("s%d", b.n)
}

// exec starts a worker in it.
func (b *Box) exec(ctx context.Context, p *Port, args, env []string) (*client.HijackedResponse, error) {
	p.vessel, p.mark = b.vessel, rand.Text()
	steady, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	begin := time.Now()
	made, err := b.engine.client.ExecCreate(steady, b.id, client.ExecCreateOptions{
		AttachStdin: p.listener == nil, AttachStdout: true, AttachStderr: true,
		Env: append(env, execVariable+"="+p.mark), Cmd: slices.Concat(b.engine.worker, args),
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("create a worker in container %.12s: %w", b.id, err)
	}
	created := time.Now()
	p.exec, p.took.Create = made.ID, created.Sub(begin)
	p.ear = b.engine.listens(p.exec, b.id)
	got, err := b.engine.client.ExecAttach(steady, p.exec, client.ExecAttachOptions{}) // which starts it, too
	if err != nil {
		b.engine.forget(p.exec)
		return nil, fmt.Errorf("start a worker in container %.12s: %w", b.id, err)
	}
	p.pid = b.engine.visible(b.started(steady, p), b.id)
	p.took.Start = time.Since(created)
	if err := ctx.Err(); err != nil {
		if err := p.begin(&got.HijackedResponse); err == nil {
			_ = p.Kill()
			<-p.done
		}
		return nil, fmt.Errorf("start a worker in container %.12s: %w", b.id, err)
	}
	return &got.HijackedResponse, nil
}

// started waits until a worker in the box has a pid, which is the engine's, and gives
// that; 0 if it is gone before. The engine answers before it has begun: that a worker
// does not run is no sign of its end.
func (b *Box) started(ctx context.Context, p *Port) int {
	const every = 2 * time.Millisecond
	for {
		seen, err := b.engine.client.ExecInspect(ctx, p.exec, client.ExecInspectOptions{})
		if err != nil || seen.PID != 0 || len(p.ear.died) > 0 {
			return seen.PID
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return 0
		}
	}
}

// execVariable marks the processes of one worker in a box.
const execVariable = "BUTFOR_WORKER"

// endExec ends a worker in a box: here, if its process can be seen and this user may,
// else from inside.
func (p *Port) endExec() (err error) {
	if p.pid != 0 && p.engine.visible(p.pid, p.id) != 0 && syscall.Kill(p.pid, syscall.SIGKILL) == nil {
		return nil
	}
	apart(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		var made client.ExecCreateResult
		if made, err = p.engine.client.ExecCreate(ctx, p.id, client.ExecCreateOptions{Cmd: []string{"python3", "-S", "-E", "-c", killer, execVariable + "=" + p.mark}}); err == nil {
			_, err = p.engine.client.ExecStart(ctx, made.ID, client.ExecStartOptions{Detach: true})
		}
	})
	return err
}

// killer is Python that kills whoever has the mark in their environment.
const killer = `
import os, sys
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open("/proc/%s/environ" % pid, "rb") as f:
            if sys.argv[1].encode() in f.read().split(b"\0"):
                os.kill(int(pid), 9)
    except OSError:
        pass
`
