package dspex

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

const (
	// goodbyePatience is how long a worker may take to go when it is asked to.
	goodbyePatience = time.Second
	// restLeast and restMost bound how long it takes until a start that failed is
	// begun again, where that is not at once.
	restLeast, restMost = 50 * time.Millisecond, 5 * time.Second
	// forkTime is what a start costs at the least. It keeps a start that fails
	// at once, and is begun again at once, from stopping a virtual clock.
	forkTime = time.Millisecond
)

// failures are those of starts, one after another.
type failures struct {
	n    int
	last error
	rest time.Time // until when no start is begun on demand
}

// start adds a worker to the idle ones. It runs inside the manager, which hears
// nobody meanwhile (findings: serial-start). One that fails is begun again at
// once, as NimblePool does it, and nobody is told why (findings: hot-restart);
// without that bug the error says why there is none.
func (m *nimble) start() error {
	if time.Now().Before(m.failed.rest) {
		m.lazy++
		return m.failed.last
	}
	m.names++
	id := fmt.Sprintf("w%d", m.names) // as every other pool calls its own (findings: global-pool-conflict)
	begin := time.Now()
	w, err := m.bring(id)
	if err == nil {
		m.failed = failures{}
		m.census.Lock()
		m.all = append(m.all, w)
		m.census.Unlock()
		m.idle = append(m.idle, w)
		return nil
	}
	if left := forkTime - time.Since(begin); left > 0 {
		m.pause(left)
	}
	if m.bugs.on(HotRestart) {
		m.self.send(m.self, again{})
		return nil
	}
	rest := min(restLeast<<m.failed.n, restMost)
	m.failed = failures{min(m.failed.n+1, 10), fmt.Errorf("worker %s did not start: %w", id, err), time.Now().Add(rest)}
	if m.cfg.Lazy {
		m.lazy++
	} else {
		time.AfterFunc(rest, func() { m.self.post(again{}) })
	}
	for _, r := range m.line {
		m.refuse(r, m.failed.last)
	}
	return m.failed.last
}

// bring launches a worker and has it say hello.
func (m *nimble) bring(id string) (*slot, error) {
	if m.bugs.on(SlowStartSelfMade) {
		for _, check := range []string{"version", "import", "import again"} {
			if err := m.tryPython(id + " " + check); err != nil {
				return nil, err
			}
		}
	}
	p, err := m.open(m.self, m.launcher, id)
	if err != nil {
		return nil, err
	}
	how := patience{
		limit:   m.cfg.StartTimeout,
		deaf:    m.bugs.on(DeafStart) && !m.bugs.on(RequeueSpin), // what is posted again is not dropped
		eats:    m.bugs.on(PrewarmLeaks),
		rolling: m.bugs.on(RollingDeadline),
		requeue: m.bugs.on(RequeueSpin),
	}
	evidence, err := m.greet(p, how)
	if err != nil {
		m.discard(p)
		return nil, err
	}
	return &slot{port: p, evidence: evidence, looked: time.Now(), sessions: map[string]bool{}}, nil
}

// tryPython starts Python for nothing but to see that it starts (findings:
// slow-start-self-made).
func (m *nimble) tryPython(id string) error {
	p, err := m.open(m.self, m.launcher, id)
	if err != nil {
		return err
	}
	_, err = m.greet(p, patience{limit: m.cfg.StartTimeout})
	m.discard(p)
	return err
}

// discard ends what is not to be a worker, and waits until it is gone, lest it be alive
// beside the next one.
func (m *nimble) discard(p *port) {
	p.shut(errNormal)
	if p.orphans {
		return
	}
	late := time.NewTimer(goodbyePatience)
	defer late.Stop()
	select {
	case <-p.far.Done():
	case <-late.C:
	case <-m.self.life.Done():
	}
}

// greet says hello and waits for an answer. The original's receive has a clause
// for any message, which drops it and waits anew: whoever wants something from
// the manager meanwhile will never get it (findings: deaf-start,
// rolling-deadline). Later it posted it to itself (findings: requeue-spin).
func (m *nimble) greet(p *port, how patience) (evidence bool, err error) {
	frame, err := wire.AppendRequest(nil, wire.Hello(p.id, time.Now()))
	if err != nil {
		return false, err
	}
	if err := m.talk(p, m.self, frame); err != nil {
		return false, err
	}
	x, err := m.self.receive(m.self.life, fromPort(p), how)
	if err != nil {
		return false, fmt.Errorf("no hello: %w", err)
	}
	switch x := x.(type) {
	case data:
		return m.checkHello(x.frame)
	case exited:
		return false, fmt.Errorf("it ended before its hello: %v", x.how)
	}
	return false, nil
}

// checkHello takes any map for a hello (findings: ready-signal).
func (m *nimble) checkHello(frame []byte) (evidence bool, err error) {
	reply, err := wire.ParseReply(frame)
	if err != nil {
		return false, err
	}
	offered, err := wire.CheckHello(reply)
	if err == nil {
		return slices.Contains(offered, "evidence"), nil
	}
	var result map[string]json.RawMessage
	if isMap := json.Unmarshal(reply.Result, &result) == nil && result != nil; isMap && reply.ID == 0 && m.bugs.on(ReadySignal) {
		return false, nil
	}
	return false, err
}

// remove takes a worker out of the pool for good, inside the manager. A lazy
// pool may start another on demand, an eager one does.
func (m *nimble) remove(w *slot) {
	m.goodbye(w)
	m.census.Lock()
	m.all = slices.DeleteFunc(m.all, func(x *slot) bool { return x == w })
	m.census.Unlock()
	maps.DeleteFunc(m.homes, func(_ string, x *slot) bool { return x == w })
	if m.cfg.Lazy {
		m.lazy++
		return
	}
	m.self.send(m.self, again{})
}

func (m *nimble) goodbye(w *slot) {
	ctx, done := context.WithTimeout(m.self.life, goodbyePatience)
	defer done()
	if m.bugs.on(ShutdownIgnored) && w.port.connect(m.self) == nil {
		w.calls++
		_ = m.order(w, "shutdown", nil, (*port).command)
		_, _ = m.self.receive(ctx, exitOf(w.port), patience{limit: goodbyePatience})
	}
	w.port.dismiss(ctx, m.self)
	if m.bugs.on(SlowGoodbye) { // it is closed: who should tell of an exit
		_, _ = m.self.receive(ctx, exitOf(w.port), patience{limit: goodbyePatience})
	}
}

// exitOf wants the exit of one worker.
func exitOf(p *port) func(any) bool {
	return func(x any) bool {
		e, is := x.(exited)
		return is && e.from == p
	}
}

// gone says whether the worker has ended, or nobody can reach it any more.
func (w *slot) gone() bool {
	select {
	case <-w.port.far.Done():
		return true
	default:
		return w.port.isClosed()
	}
}

// pause has the manager do something else for so long.
func (m *nimble) pause(d time.Duration) { m.self.sleep(m.self.life, nil, true, d) }
