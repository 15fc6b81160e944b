//go:build linux

package container

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/client"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
	"github.com/butfor/butfor/worker/wire"
)

// NoImage is one that no engine has, nor gets.
const NoImage = "localhost:1/butfor-no-such-image"

// A Launcher starts workers in containers. Don't change it once it is in use; Launch is
// safe for concurrent use.
type Launcher struct {
	// Engine is what runs them. It must be there.
	Engine *Engine
	// Box is the container in which all of them run; nil: each has one of its own.
	Box *Box
	// Image is that of each worker's container; "": the engine's. A box has its own.
	Image string
	// Name is that of the container, of which there can be one at a time; "": the engine
	// makes one up. A box has its own.
	Name string
	// Limits are those of each worker's container. A box has its own.
	Limits Limits
	// Disk is a slow one from which the worker imports something before all else; the
	// zero Disk: none. A box has none.
	Disk Disk
	// Args are the worker's.
	Args []string
	// Env is the worker's environment, beside the image's: "KEY=value".
	Env []string
	// Grace bounds how long Close waits for a worker to end by itself, besides
	// Close's ctx. 0 means 2 s.
	Grace time.Duration
	// FrameLimit is the largest payload, in bytes, either way: as process.Launcher's.
	FrameLimit int
	// Run tells the workers of this launcher from the program's others:
	// process.Census finds them by process.Token() and this together. May be empty.
	Run string
}

// Launch starts one worker. It takes as long as the engine does, which is part of the
// port's Info. Where ctx ends before, it returns once the container is gone again.
func (l *Launcher) Launch(ctx context.Context, id string) (worker.Port, error) {
	return l.LaunchWith(ctx, id)
}

// LaunchWith is Launch, of a worker with more arguments than Args: after them.
func (l *Launcher) LaunchWith(ctx context.Context, _ string, args ...string) (worker.Port, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("not launched: %w", context.Cause(ctx))
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	var p *Port
	var err error
	apart(func() { p, err = l.launch(ctx, slices.Concat(l.Args, args)) })
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (l *Launcher) check() error {
	switch {
	case l.Engine == nil:
		return errors.New("launcher: it has no Engine: see container.Open")
	case l.Box != nil && l.Limits != (Limits{}):
		return errors.New("launcher: limits are those of a container, and its Box has its own")
	case l.Box != nil && (l.Image != "" || l.Name != ""):
		return errors.New("launcher: image and name are those of a container, and its Box has its own")
	case l.Box != nil && l.Disk != (Disk{}):
		return errors.New("launcher: a slow disk is that of a container, and its Box has none")
	case strings.Contains(l.Run, "\x00"):
		return fmt.Errorf("launcher: Run is %q: it goes into the environment, where no NUL can be", l.Run)
	}
	if n := l.FrameLimit; n != 0 && (n < process.FrameLimitLeast || n > wire.MaxLimit) {
		return fmt.Errorf("launcher: FrameLimit is %d bytes: it must be from %d to %d", n, process.FrameLimitLeast, wire.MaxLimit)
	}
	return l.Limits.Check()
}

func (l *Launcher) launch(ctx context.Context, args []string) (_ *Port, err error) {
	p := &Port{grace: l.Grace, limit: l.FrameLimit, linked: make(chan struct{}), done: make(chan struct{})}
	if p.grace <= 0 {
		p.grace = 2 * time.Second
	}
	if l.FrameLimit > 0 {
		args = append([]string{"--limit", fmt.Sprint(l.FrameLimit)}, args...)
	}
	folder := ""
	if l.Engine.transport == Socket {
		name := "s"
		if l.Box != nil {
			folder, name = l.Box.folder, l.Box.name()
		} else if folder, err = l.Engine.folder(); err != nil {
			return nil, fmt.Errorf("folder of the worker's socket: %w", err)
		}
		args = append([]string{"--connect", inside + "/" + name}, args...)
		p.socket = filepath.Join(folder, name)
		if p.listener, err = listen(p.socket); err != nil {
			return nil, fmt.Errorf("the worker's socket: %w", err)
		}
	}
	var reads *blkiodev.ThrottleDevice
	if l.Disk != (Disk{}) {
		if reads, err = p.have(ctx, l.Engine, l.Disk, folder); err != nil {
			return nil, errors.Join(err, p.removeDisk(), p.unlisten())
		}
		args = append([]string{"--boot-disk", l.Disk.flag()}, args...)
	}
	env := append(slices.Clone(l.Env), process.TokenVariable+"="+process.Token()+"/"+l.Run+"/")
	var streams *client.HijackedResponse
	if l.Box != nil {
		streams, err = l.Box.exec(ctx, p, args, env)
	} else {
		p.vessel, streams, err = l.Engine.run(ctx, plan{image: l.Image, name: l.Name, cmd: args, env: env, folder: folder, limits: l.Limits, reads: reads, attach: true})
		if err == nil {
			p.ear, p.pid, p.took = p.vessel.ear, p.vessel.pid, p.vessel.took
		}
	}
	if err == nil {
		p.begun()
		err = p.begin(streams)
	}
	if err != nil {
		return nil, errors.Join(err, p.removeDisk(), p.unlisten())
	}
	return p, nil
}

// unlisten has nobody wait for the worker any more.
func (p *Port) unlisten() error {
	if p.listener == nil {
		return nil
	}
	return p.listener.Close()
}

// listen waits for one worker, whoever it runs as: nobody else gets to the folder.
func listen(path string) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// probePatience is how long the worker that is started to find out how frames can go
// may take.
const probePatience = 30 * time.Second

// probe finds out how frames can go: it starts a worker, and so sees that the image is
// one of workers.
func (e *Engine) probe(ctx context.Context) (Transport, error) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	var why error
	for _, t := range []Transport{Socket, Stdio} {
		if t == Socket && !e.near() {
			continue
		}
		e.transport = t
		w, err := worker.Start(ctx, &Launcher{Engine: e}, "probe")
		if err == nil {
			return t, w.Port.Close(ctx)
		}
		why = errors.Join(why, fmt.Errorf("over its %s: %w", t, err))
		if ctx.Err() != nil {
			break
		}
	}
	return Auto, fmt.Errorf("no worker starts in %s: %w", e.image, why)
}

// near says whether the engine may be on this machine.
func (e *Engine) near() bool {
	return strings.HasPrefix(e.client.DaemonHost(), "unix://") && !strings.Contains(e.info.OperatingSystem, "Docker Desktop")
}

// A Companion is a container beside the workers that holds none: load from outside,
// say. Its methods may be called by anybody at any time.
type Companion struct {
	*vessel
	name string
	used time.Duration
}

// Accompany runs Python code in a container of its own.
func (e *Engine) Accompany(ctx context.Context, code string) (*Companion, error) {
	return e.accompany(ctx, "", code)
}

// Occupy has a container take a name that no other has, and do nothing.
func (e *Engine) Occupy(ctx context.Context) (*Companion, error) {
	return e.accompany(ctx, "butfor-"+strings.ToLower(rand.Text()), "import signal; signal.pause()")
}

func (e *Engine) accompany(ctx context.Context, name, code string) (c *Companion, err error) {
	apart(func() {
		var v *vessel
		v, _, err = e.run(ctx, plan{
			name: name, entrypoint: []string{"python3", "-S", "-E", "-c"}, cmd: []string{code},
			env: []string{process.TokenVariable + "=" + process.Token() + "//"},
		})
		c = &Companion{vessel: v, name: name}
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Name is the one that it was given; "" if none was.
func (c *Companion) Name() string { return c.name }

// End removes it, returns once it is gone, and says what CPU it has used, as far as
// that can be seen here.
func (c *Companion) End() (time.Duration, error) {
	if used, ok := process.CPUTime(c.pid); c.pid != 0 && ok {
		c.used = used
	}
	err := c.remove()
	if err == nil {
		<-c.ear.died
		c.engine.forget(c.id)
	}
	return c.used, err
}
