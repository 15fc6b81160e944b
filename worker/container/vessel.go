//go:build linux

package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	tc "github.com/testcontainers/testcontainers-go"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

// A vessel is a container.
type vessel struct {
	engine *Engine
	id     string
	ear    *ear
	pid    int             // of its first process; 0 if that can't be seen here
	group  *process.Cgroup // nil if it can't be seen here
	took   worker.EngineTime

	limitsMu sync.Mutex
	limits   Limits
}

// ID is the container's, as the engine has it.
func (v *vessel) ID() string { return v.id }

// A plan is what a container is to run.
type plan struct {
	image, name string   // "": the engine's, and any
	entrypoint  []string // nil: the image's
	cmd, env    []string
	folder      string // to be shared, as /port; "" if none is
	limits      Limits
	reads       *blkiodev.ThrottleDevice // nil: of every disk as fast as it is
	attach      bool                     // its stdin, stdout and stderr
}

// inside is where a shared folder is in a container.
const inside = "/port"

// run creates a container, attaches to it, so that nothing that it writes is lost, and
// starts it. When ctx ends it goes no further, and what there was is gone.
func (e *Engine) run(ctx context.Context, p plan) (v *vessel, streams *client.HijackedResponse, err error) {
	v = &vessel{engine: e, limits: p.limits}
	defer func() {
		if err == nil || v.id == "" {
			return
		}
		if streams != nil {
			streams.Close()
		}
		err = errors.Join(err, v.remove())
		e.forget(v.id)
	}()
	steady, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	begin := time.Now()
	c, err := e.create(steady, p)
	if c != nil { // there may be both
		v.id = c.GetContainerID()
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return v, nil, fmt.Errorf("create a container: %w", err)
	}
	v.ear = e.listens(v.id, v.id)
	created := time.Now()
	v.took.Create = created.Sub(begin)
	if p.attach {
		got, err := e.client.ContainerAttach(steady, v.id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
		if err == nil {
			streams = &got.HijackedResponse
			err = ctx.Err()
		}
		if err != nil {
			return v, streams, fmt.Errorf("attach to a container: %w", err)
		}
	}
	attached := time.Now()
	v.took.Attach = attached.Sub(created)
	// Not c.Start: when that fails it leaves a connection open.
	if _, err = e.client.ContainerStart(steady, v.id, client.ContainerStartOptions{}); err == nil {
		err = ctx.Err()
	}
	v.took.Start = time.Since(attached)
	if err != nil {
		return v, streams, fmt.Errorf("start a container: %w", err)
	}
	got, err := e.client.ContainerInspect(steady, v.id, client.ContainerInspectOptions{})
	if err == nil && got.Container.State != nil { // it may be gone again, which its ear has heard
		v.pid = e.visible(got.Container.State.Pid, v.id)
	}
	if v.pid != 0 {
		v.group, _ = process.CgroupOf(v.pid)
	}
	return v, streams, nil
}

func (e *Engine) create(ctx context.Context, p plan) (*tc.DockerContainer, error) {
	options := []tc.ContainerCustomizer{
		tc.WithNoStart(),
		tc.WithLogger(quiet{}),
		tc.WithLabels(e.owner.labels()),
		tc.WithCmd(p.cmd...),
		tc.WithConfigModifier(func(c *container.Config) {
			c.Env = append(c.Env, p.env...)
			if p.attach {
				// Without StdinOnce a worker never learns that we are gone.
				c.OpenStdin, c.StdinOnce = true, true
				c.AttachStdin, c.AttachStdout, c.AttachStderr = true, true, true
			}
		}),
		tc.WithHostConfigModifier(func(h *container.HostConfig) {
			h.NetworkMode = "none"
			h.LogConfig.Type = "none"
			h.AutoRemove = true
			h.Resources = p.limits.resources()
			if p.reads != nil {
				h.BlkioDeviceReadBps = []*blkiodev.ThrottleDevice{p.reads}
			}
			if p.folder != "" {
				h.Binds = append(h.Binds, p.folder+":"+inside)
			}
		}),
	}
	if p.name != "" {
		options = append(options, tc.WithName(p.name))
	}
	if p.entrypoint != nil {
		options = append(options, tc.WithEntrypoint(p.entrypoint...))
	}
	return tc.Run(ctx, cmp.Or(p.image, e.image), options...)
}

// visible is pid if it is that of a process of the container here, else 0: an engine
// elsewhere has pids of its own.
func (e *Engine) visible(pid int, container string) int {
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if pid <= 0 || err != nil || !strings.Contains(string(groups), container) {
		return 0
	}
	return pid
}

// remove kills it and removes it.
func (v *vessel) remove() (err error) {
	apart(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err = v.engine.remove(ctx, v.id)
	})
	return err
}
