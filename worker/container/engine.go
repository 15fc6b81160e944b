//go:build linux

// Package container starts Python workers in containers, one a container or several
// in one (see Box), and carries their frames over a Unix socket in a shared folder,
// or over the attached stdin and stdout. How a process of this machine is started
// belongs to worker/process; what is run, and judged, to harness.
//
// # What is promised
//
// A worker ends with its port, and its container is removed. After a kill -9 of the
// program, healthy workers see the end of their port and go at once; what is paused,
// stopped or deaf is removed by a guard, a process that waits for this one's end.
// Should that be killed too, the next Open on the same machine sweeps up what
// belongs to nobody alive. Containers of other programs are never touched.
//
// What testcontainers would print by itself is not.
//
// Ryuk, testcontainers' own remover, is not needed, and is off unless
// TESTCONTAINERS_RYUK_DISABLED=false asks for it; its image must then be there.
package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	tc "github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"

	"github.com/butfor/butfor/worker/process"
)

// ErrUnavailable is what Open gives where there can be no containers: no engine, no
// rights, an engine of another kind, no image. The error's text says what to do.
var ErrUnavailable = errors.New("no worker can run in a container here")

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnavailable, fmt.Errorf(format, args...))
}

// Settings are those of an engine's use. The zero value is ready.
type Settings struct {
	// Image is the workers'; "" means the one that Build makes of this program's
	// embedded package.
	Image string
	// Transport is how frames go.
	Transport Transport
}

// A Transport is how frames go to a worker in a container and back.
type Transport string

// The transports.
const (
	// Auto is Socket where a worker that is started to try it is reached so, else
	// Stdio. It is tried once, by Open.
	Auto Transport = ""
	// Socket is a Unix socket in a folder that the container shares with this
	// program: no call goes through the engine. It takes an engine on this machine.
	Socket Transport = "socket"
	// Stdio is the container's stdin and stdout, by way of the engine, which takes
	// part of the machine's CPU at each call.
	Stdio Transport = "stdio"
)

// An Engine is this program's use of the container engine. Its methods may be called
// concurrently.
type Engine struct {
	client    *tc.DockerClient
	info      system.Info
	image     string
	worker    []string // how one is started in it
	transport Transport
	owner     owner
	dir       string // of sockets
	guard     *guard

	stop  context.CancelFunc // of hearing
	heard chan struct{}      // closed when it has ended

	slow slow

	mu      sync.Mutex
	ears    map[string]*ear // by container or exec
	folders int
}

// patience bounds each single thing that is asked of the engine.
const patience = time.Minute

// Open connects to the engine that DOCKER_HOST names, or the local one, and sees that
// workers can run there, by starting one unless the transport is given. It removes
// what dead programs have left. The error is ErrUnavailable where the machine lacks
// something. Close ends it.
func Open(ctx context.Context, s Settings) (e *Engine, err error) {
	apart(func() { e, err = open(ctx, s) })
	return e, err
}

func open(ctx context.Context, s Settings) (*Engine, error) {
	if known := []Transport{Auto, Socket, Stdio}; !slices.Contains(known, s.Transport) {
		return nil, fmt.Errorf("no transport is called %q: there are %q, and neither for the best", s.Transport, known[1:])
	}
	e := &Engine{image: s.Image, transport: s.Transport, owner: me(), ears: map[string]*ear{}, heard: make(chan struct{})}
	if e.image == "" {
		e.image = Image()
	}
	var err error
	if e.client, e.info, err = connect(ctx); err != nil {
		return nil, err
	}
	image, err := e.client.ImageInspect(ctx, e.image)
	if err == nil && image.Config != nil {
		e.worker = image.Config.Entrypoint
	}
	switch {
	case cerrdefs.IsNotFound(err):
		err = unavailable("the engine has no image %s: make image builds it", e.image)
	case err == nil:
		err = e.settle(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, e.client.Close())
	}
	if e.transport == Auto {
		if e.transport, err = e.probe(ctx); err != nil {
			return nil, errors.Join(err, e.close())
		}
	}
	return e, nil
}

// connect reaches an engine, and says why that will not do.
func connect(ctx context.Context) (*tc.DockerClient, system.Info, error) {
	var none system.Info
	if _, said := os.LookupEnv("TESTCONTAINERS_RYUK_DISABLED"); !said { // it is read once, at the first use
		if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
			return nil, none, err
		}
	}
	hush()
	c, err := tc.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, none, unanswered(err)
	}
	got, err := c.Client.Info(ctx, client.InfoOptions{})
	if err != nil {
		_ = c.Close()
		return nil, none, unanswered(err)
	}
	if named := os.Getenv("DOCKER_HOST"); named != "" && c.DaemonHost() != named { // testcontainers looks elsewhere, too
		return nil, none, errors.Join(unanswered(fmt.Errorf("DOCKER_HOST is %s, and there is none", named)), c.Close())
	}
	version, err := c.ServerVersion(ctx, client.ServerVersionOptions{})
	if err == nil {
		err = fit(got.Info, version)
	}
	if err != nil {
		return nil, none, errors.Join(err, c.Close())
	}
	return c, got.Info, nil
}

// hush has testcontainers greet no engine on stderr.
var hush = sync.OnceFunc(func() { tclog.SetDefault(tclog.NewNoopLogger()) })

func unanswered(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, os.ErrPermission):
		return unavailable("this user may not use the container engine: become root, or a member of its group (usermod -aG docker USER, then log in again): %w", err)
	}
	return unavailable("no container engine answers: install and start Docker (Debian: apt-get install docker.io), or name another in DOCKER_HOST: %w", err)
}

// fit says why an engine will not do.
func fit(info system.Info, version client.ServerVersionResult) error {
	for _, c := range version.Components {
		if strings.Contains(c.Name, "Podman") {
			return unavailable("the engine is Podman, which lets nobody attach before a start: name a Docker engine in DOCKER_HOST")
		}
	}
	if info.OSType != "linux" {
		return unavailable("the engine runs %s containers: switch it to Linux containers, or name another in DOCKER_HOST", info.OSType)
	}
	return nil
}

// settle makes ready for workers: it begins to hear of their ends, has a guard, and
// removes what dead programs left.
func (e *Engine) settle(ctx context.Context) (err error) {
	if e.dir, err = os.MkdirTemp("", e.owner.folder()+"-"); err != nil {
		return fmt.Errorf("folder of sockets: %w", err)
	}
	if e.guard, err = newGuard(e.owner.engine, e.dir); err != nil {
		return errors.Join(fmt.Errorf("guard of containers: %w", err), os.Remove(e.dir))
	}
	var hearing context.Context
	hearing, e.stop = context.WithCancel(context.Background())
	go e.hear(hearing)
	if err = e.sweep(ctx, label+"host="+e.owner.host, owner.dead); err != nil {
		return errors.Join(fmt.Errorf("sweep: %w", err), e.close())
	}
	sweepFolders()
	return nil
}

// String says what it is.
func (e *Engine) String() string {
	return fmt.Sprintf("%s %s, cgroup version %s, %s over %s", e.info.OperatingSystem, e.info.ServerVersion, e.info.CgroupVersion, e.image, e.Transport())
}

// Transport is how frames go: Socket or Stdio.
func (e *Engine) Transport() Transport { return e.transport }

// Close removes every container of this program that is left, and ends what Open has
// begun.
func (e *Engine) Close() (err error) {
	apart(func() { err = e.close() })
	return err
}

func (e *Engine) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := e.sweep(ctx, label+"engine="+e.owner.engine, func(owner) bool { return true })
	e.stop()
	<-e.heard
	err = errors.Join(err, e.guard.dismiss(), os.RemoveAll(e.dir))
	return errors.Join(err, e.client.Close())
}

// folder is a new one for a socket, in which whoever runs in the container can reach
// it: those beside us can't, as what is above is ours alone.
func (e *Engine) folder() (string, error) {
	e.mu.Lock()
	e.folders++
	dir := filepath.Join(e.dir, fmt.Sprint(e.folders))
	e.mu.Unlock()
	err := os.Mkdir(dir, 0o711)
	if err == nil {
		err = os.Chmod(dir, 0o711) // whatever the umask says
	}
	return dir, err
}

// apart runs f in a goroutine of its own, without its caller's labels: connections to
// the engine are kept for whoever comes next, and must not count as the caller's.
func apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pprof.SetGoroutineLabels(context.Background())
		f()
	}()
	<-done
}

// A Found is a container that a census found.
type Found struct {
	ID    string
	State string // running, paused, exited …
}

func (f Found) String() string { return fmt.Sprintf("container %.12s (%s)", f.ID, f.State) }

// Census lists the containers of a program, by its process.Token(). Where there is no
// engine there are none.
func Census(ctx context.Context, token string) (all []Found, err error) {
	apart(func() {
		var c *tc.DockerClient
		if c, _, err = connect(ctx); err != nil {
			if errors.Is(err, ErrUnavailable) {
				err = nil
			}
			return
		}
		var got []named
		got, err = (&Engine{client: c}).list(ctx, label+"token="+token)
		for _, n := range got {
			all = append(all, Found{n.id, n.state})
		}
		err = errors.Join(err, c.Close())
	})
	return all, err
}

// Left names what is left of this program's containers.
func Left(ctx context.Context) (left []string, err error) {
	all, err := Census(ctx, process.Token())
	for _, f := range all {
		left = append(left, f.String())
	}
	return left, err
}
