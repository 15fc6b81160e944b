//go:build linux

package container

import (
	"context"
	"strconv"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// An ear hears of the end of one container, or of one worker in a box.
type ear struct {
	container string
	died      chan int       // gets the exit status, once
	oom       chan time.Time // holds when a process in the container was last killed for want of memory
}

// listens gives an ear to a container, or to an exec in one.
func (e *Engine) listens(id, container string) *ear {
	a := &ear{container: container, died: make(chan int, 1), oom: make(chan time.Time, 1)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ears[id] = a
	return a
}

// forget takes it away.
func (e *Engine) forget(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.ears, id)
}

// hear goes through the engine's one stream of events until ctx ends.
func (e *Engine) hear(ctx context.Context) {
	defer close(e.heard)
	var since string
	for ctx.Err() == nil {
		stream := e.client.Events(ctx, client.EventsListOptions{
			Since:   since,
			Filters: make(client.Filters).Add("type", string(events.ContainerEventType)).Add("label", label+"engine="+e.owner.engine),
		})
		for open := true; open; {
			select {
			case m := <-stream.Messages:
				since = strconv.FormatFloat(float64(m.TimeNano)/1e9, 'f', 9, 64)
				e.tell(m)
			case err := <-stream.Err: // whatever it is, the next stream goes on where this ends
				open = err == nil && ctx.Err() == nil
			}
		}
		if ctx.Err() == nil { // the engine was started anew, or is gone
			e.look(ctx)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// tell passes an event on.
func (e *Engine) tell(m events.Message) {
	status, err := strconv.Atoi(m.Actor.Attributes["exitCode"])
	if err != nil {
		status = -1
	}
	switch m.Action {
	case events.ActionOOM:
		e.mu.Lock()
		for _, a := range e.ears {
			if a.container == m.Actor.ID {
				a.ranOut()
			}
		}
		e.mu.Unlock()
	case events.ActionDie:
		e.died(m.Actor.ID, status)
	case events.ActionExecDie:
		e.mu.Lock()
		if a := e.ears[m.Actor.Attributes["execID"]]; a != nil {
			a.ends(status)
		}
		e.mu.Unlock()
	}
}

// died tells of the end of a container, and of all that ran in it.
func (e *Engine) died(container string, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, a := range e.ears {
		switch {
		case a.container != container:
		case id == container:
			a.ends(status)
		default: // the kernel kills what is left in a namespace without its first process
			a.ends(killed)
		}
	}
}

// killed is the status of what SIGKILL ended.
const killed = 128 + 9

// look asks after each container of which no event may have come.
func (e *Engine) look(ctx context.Context) {
	e.mu.Lock()
	containers := map[string]bool{}
	for _, a := range e.ears {
		containers[a.container] = true
	}
	e.mu.Unlock()
	for id := range containers {
		got, err := e.client.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		switch {
		case cerrdefs.IsNotFound(err):
			e.died(id, killed)
		case err == nil && got.Container.State != nil && (got.Container.State.Status == "exited" || got.Container.State.Status == "dead"):
			e.died(id, got.Container.State.ExitCode)
		}
	}
}

// ends tells of the end, once.
func (a *ear) ends(status int) {
	select {
	case a.died <- status:
	default:
	}
}

// ranOut tells of the want of memory; under the engine's lock.
func (a *ear) ranOut() {
	select {
	case <-a.oom:
	default:
	}
	a.oom <- time.Now()
}
