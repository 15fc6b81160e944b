package dspex

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

const (
	// goodbyePatience is how long a worker may take to go when it is asked to.
	goodbyePatience = time.Second
	// forkTime is what a start costs at the least. It keeps a start that fails
	// at once, and is begun again at once, from stopping a virtual clock.
	forkTime = time.Millisecond
)

// start adds a worker to the idle ones. It runs inside the manager, which hears
// nobody meanwhile (findings: serial-start). One that fails is begun again at
// once, as NimblePool does it, and nobody is told why (findings: hot-restart).
func (m *nimble) start() {
	m.names++
	id := fmt.Sprintf("w%d", m.names) // as every other pool calls its own (findings: global-pool-conflict)
	begin := time.Now()
	if p, err := m.open(m.self, m.launcher, id); err == nil {
		if evidence, ready := m.greet(p); ready {
			m.idle = append(m.idle, &slot{port: p, evidence: evidence})
			return
		}
		p.shut(errNormal)
	}
	if left := forkTime - time.Since(begin); left > 0 {
		m.self.sleep(m.self.life, nil, true, left)
	}
	m.self.send(m.self, again{})
}

// greet says hello and waits for an answer. The original's receive has a clause
// for any message, which drops it and waits anew: whoever wants something from
// the manager meanwhile will never get it (findings: deaf-start,
// rolling-deadline).
func (m *nimble) greet(p *port) (evidence, ready bool) {
	frame, err := wire.AppendRequest(nil, wire.Hello(p.id, time.Now()))
	if err != nil || m.talk(p, m.self, frame) != nil {
		return false, false
	}
	how := patience{m.cfg.StartTimeout, m.bugs.on(DeafStart), m.bugs.on(RollingDeadline)}
	x, err := m.self.receive(m.self.life, fromPort(p), how)
	if err != nil {
		return false, false
	}
	if x, isData := x.(data); isData {
		return m.checkHello(x.frame)
	}
	return false, false // it ended
}

// checkHello takes any map for a hello (findings: ready-signal).
func (m *nimble) checkHello(frame []byte) (evidence, ready bool) {
	reply, err := wire.ParseReply(frame)
	if err != nil {
		return false, false
	}
	offered, err := wire.CheckHello(reply)
	if err == nil {
		return slices.Contains(offered, "evidence"), true
	}
	var result map[string]json.RawMessage
	isMap := json.Unmarshal(reply.Result, &result) == nil && result != nil
	return false, isMap && reply.ID == 0 && m.bugs.on(ReadySignal)
}

// remove takes a worker out of the pool for good, inside the manager. A lazy
// pool may start another on demand, an eager one does.
func (m *nimble) remove(w *slot) {
	m.goodbye(w)
	if m.cfg.Lazy {
		m.lazy++
		return
	}
	m.self.send(m.self, again{})
}

func (m *nimble) goodbye(w *slot) {
	ctx, done := context.WithTimeout(m.self.life, goodbyePatience)
	defer done()
	w.port.dismiss(ctx)
}
