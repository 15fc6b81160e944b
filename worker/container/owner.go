//go:build linux

package container

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/butfor/butfor/worker/process"
)

// An owner is the program that has a container. A pid alone is used again; a pid with
// its start is not, and both mean nothing on another machine or in another namespace
// of pids.
type owner struct {
	host, pid, start string
	token            string // of the program, as its processes carry it
	engine           string // which of its engines: each ends its own alone
}

const label = "io.butfor."

// me is this program.
func me() owner {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without it no other owner is ever found dead
	ns, _ := os.Readlink("/proc/self/ns/pid")
	return owner{
		host:   strings.TrimSpace(string(boot)) + "/" + ns,
		pid:    strconv.Itoa(os.Getpid()),
		start:  process.Began(os.Getpid()),
		token:  process.Token(),
		engine: rand.Text(),
	}
}

// labels go on each container.
func (o owner) labels() map[string]string {
	return map[string]string{label + "host": o.host, label + "pid": o.pid, label + "start": o.start, label + "token": o.token, label + "engine": o.engine}
}

func ownerOf(labels map[string]string) owner {
	return owner{labels[label+"host"], labels[label+"pid"], labels[label+"start"], labels[label+"token"], labels[label+"engine"]}
}

// dead says whether there is no such program any more. It must be of this host.
func (o owner) dead() bool {
	pid, err := strconv.Atoi(o.pid)
	return err == nil && o.start != "" && process.Began(pid) != o.start
}

// folders is what the names of our folders of sockets begin with.
const folders = "butfor-ports-"

// folder is the name of the owner's, which says whose it is.
func (o owner) folder() string {
	_, ns, _ := strings.Cut(o.host, "/")
	return folders + strings.Trim(ns, "pid:[]") + "-" + o.pid + "-" + o.start
}

// sweepFolders removes those of dead programs of this namespace of pids.
func sweepFolders() {
	here := me()
	entries, _ := os.ReadDir(os.TempDir()) // what can't be read is not ours
	for _, entry := range entries {
		f := strings.Split(strings.TrimPrefix(entry.Name(), folders), "-")
		if !strings.HasPrefix(entry.Name(), folders) || len(f) != 4 {
			continue
		}
		other := owner{host: here.host, pid: f[1], start: f[2]}
		if strings.HasPrefix(entry.Name(), other.folder()+"-") && other.dead() {
			_ = os.RemoveAll(filepath.Join(os.TempDir(), entry.Name()))
		}
	}
}

// named is a container that a list has.
type named struct {
	id, state string
	owner     owner
}

// list are the containers that carry a label.
func (e *Engine) list(ctx context.Context, with string) (all []named, err error) {
	got, err := e.client.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", with)})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	for _, c := range got.Items {
		all = append(all, named{id: c.ID, state: string(c.State), owner: ownerOf(c.Labels)})
	}
	return all, nil
}

// sweep removes the containers with a label of which is says so.
func (e *Engine) sweep(ctx context.Context, with string, is func(owner) bool) error {
	all, err := e.list(ctx, with)
	for _, n := range all {
		if is(n.owner) {
			err = errors.Join(err, e.remove(ctx, n.id))
		}
	}
	return err
}

// remove kills and removes a container, a paused one too. One that is gone already is
// no error.
func (e *Engine) remove(ctx context.Context, id string) error {
	_, err := e.client.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if cerrdefs.IsNotFound(err) || cerrdefs.IsConflict(err) { // conflict: its removal is under way
		return nil
	}
	return err
}
