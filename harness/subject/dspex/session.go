package dspex

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/butfor/butfor/harness/subject"
)

// table is the ETS table of sessions. It belongs to a process, and goes with it.
type table struct {
	bugs switches
	pool *process

	mu    sync.Mutex
	owner *process
	rows  map[string]*session
}

// session is a row of the table.
type session struct {
	calls  int
	values map[string]any // what was put into it, where workers keep nothing
}

// row is that of a session; nil if there is none. Under the lock.
func (t *table) row(id string) *session {
	if t.owner == nil || !t.owner.alive() {
		return nil
	}
	return t.rows[id]
}

// track counts a call of a session, by a client who may be the first.
func (t *table) track(by *process, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owner == nil || !t.owner.alive() {
		t.rows, t.owner = map[string]*session{}, t.pool
		if t.bugs.on(TableOwnerDies) {
			t.owner = by
		}
	}
	row := t.rows[id]
	if row == nil {
		row = &session{values: map[string]any{}}
		t.rows[id] = row
	}
	if t.bugs.on(CounterOverwritten) {
		row.calls = 0
	}
	row.calls++
}

// carry makes of a call about a session's state one that any worker can answer:
// what there is goes along, and comes back.
func (t *table) carry(call subject.Call) subject.Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	values := map[string]any{}
	if row := t.row(call.Session); row != nil {
		values = row.values
	}
	args := map[string]any{}
	maps.Copy(args, call.Args)
	key, _ := args["key"].(string)
	switch call.Command {
	case "put":
	case "get":
		value, found := values[key]
		args["found"], args["value"] = found, value
	case "list":
		args["keys"] = append([]string{}, slices.Sorted(maps.Keys(values))...)
	default:
		return call
	}
	call.Command, call.Args = "echo", args
	return call
}

// keep stores what a session has put, once a worker has said that it may.
func (t *table) keep(call subject.Call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if row := t.row(call.Session); row != nil && call.Command == "put" {
		key, _ := call.Args["key"].(string)
		row.values[key] = call.Args["value"]
	}
}

// SessionCalls is how many calls a session has made, by the pool's table; known is
// false if it has no such session.
func (p v2) SessionCalls(id string) (calls int, known bool) {
	p.sessions.mu.Lock()
	defer p.sessions.mu.Unlock()
	row := p.sessions.row(id)
	if row == nil {
		return 0, false
	}
	return row.calls, true
}

// EndSession ends a session. Its workers may never hear of it (findings:
// session-leak).
func (p v2) EndSession(ctx context.Context, id string) error {
	p.sessions.mu.Lock()
	delete(p.sessions.rows, id)
	p.sessions.mu.Unlock()
	if p.bugs.on(SessionLeak) {
		return nil
	}
	_, err := p.as(ctx, "", func(me *process) (subject.Reply, error) {
		p.self.watch(me, &id)
		defer p.self.unwatch(&id)
		me.send(p.self, endSession{me, id})
		x, err := me.receive(ctx, anything, patience{})
		if x, dead := x.(down); dead {
			err = fmt.Errorf("end of session %s: %s is dead: %w", id, p.self.name, x.reason)
		}
		return subject.Reply{}, err
	})
	return err
}
