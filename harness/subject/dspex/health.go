package dspex

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

const (
	// takeOverTime is how long the manager takes to have a port change hands, once it has
	// asked who is alive: it looks into it, writes a log and connects. Clients that end at
	// once are faster.
	takeOverTime = 20 * time.Microsecond
	// lookEvery is how long a worker goes unpinged, and lookPatience how long its
	// answer is waited for (findings: health-blocks-pool).
	lookEvery, lookPatience = 30 * time.Second, 5 * time.Second
	// lookAfterEvery is between two looks at the idle workers.
	lookAfterEvery = 500 * time.Millisecond
	// cleanUpPatience is how long a worker may take to forget a session.
	cleanUpPatience = time.Second
)

// Health says that all is well, whatever is (findings: health-check-constant). One that
// checks asks the server in front of the manager, which looks at the workers itself.
func (p v2) Health(context.Context) error {
	switch {
	case p.bugs.on(HealthCheckConstant):
		return nil
	case !p.self.alive():
		return p.self.obituary()
	}
	return p.missing()
}

// missing says how many workers do not live that are to: of an eager pool all, of a
// lazy one those that it has started.
func (m *nimble) missing() error {
	m.census.Lock()
	defer m.census.Unlock()
	living, want := 0, max(m.eager, len(m.all))
	for _, w := range m.all {
		if !w.gone() {
			living++
		}
	}
	if living < want {
		return fmt.Errorf("%d of %d workers live", living, want)
	}
	return nil
}

// order sends a worker a command from the manager.
func (m *nimble) order(w *slot, command string, args map[string]any, by func(*port, *process, []byte) error) error {
	frame, err := wire.AppendRequest(nil, wire.Request{ID: w.calls, Command: command, Args: args, Timestamp: time.Now()})
	if err != nil {
		return err
	}
	return by(w.port, m.self, frame)
}

// ping sends a ping of which nobody hears again.
func (m *nimble) ping(w *slot, by func(*port, *process, []byte) error) {
	w.calls++
	_ = m.order(w, "ping", nil, by)
}

// look pings a worker and waits for an answer, inside the manager. It comes to the
// client, whose port it is still.
func (m *nimble) look(w *slot) {
	m.ping(w, (*port).command)
	_, _ = m.self.receive(m.self.life, fromPort(w.port), patience{limit: lookPatience})
	w.looked = time.Now()
}

// lookAfter is the timer of a health check that checks something.
func (m *nimble) lookAfter(me *process) error {
	for me.alive() && m.self.alive() {
		me.sleep(m.self.life, nil, true, lookAfterEvery)
		me.send(m.self, checkup{})
	}
	return errNormal
}

// replaceDead removes the idle workers that have ended. An eager pool starts
// others.
func (m *nimble) replaceDead() {
	for _, w := range slices.Clone(m.idle) {
		if w.gone() {
			m.idle = slices.DeleteFunc(m.idle, func(x *slot) bool { return x == w })
			m.remove(w)
		}
	}
}

// endSession has all workers forget a session that has been on them: those that
// are idle now, and the others once they are.
func (m *nimble) endSession(id string) {
	delete(m.homes, id)
	for _, w := range m.all {
		if slices.Contains(m.idle, w) {
			m.cleanUp(w, id)
		} else {
			w.ended = append(w.ended, id)
		}
	}
}

func (m *nimble) cleanUp(w *slot, id string) {
	if !w.sessions[id] || w.port.connect(m.self) != nil {
		return
	}
	delete(w.sessions, id)
	w.calls++
	if m.order(w, "cleanup_session", map[string]any{"session_id": id}, (*port).command) == nil {
		_, _ = m.self.receive(m.self.life, fromPort(w.port), patience{limit: cleanUpPatience})
	}
}
