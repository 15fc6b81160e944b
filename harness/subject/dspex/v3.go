package dspex

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// v3 is what replaced V2, without NimblePool: a dispatcher with a FIFO of idle
// workers and one of waiting calls, each worker an actor that owns its port, and for
// each call a task between the two. As nothing is done in the dispatcher, nobody
// waits for it; and as callers own nothing, nothing dies with them. Workers start
// when the pool opens, whether or not it is to be lazy.
type v3 struct {
	*node
	launcher worker.Launcher
	cfg      subject.Config
	self     *process
	opened   chan struct{}

	// The dispatcher's alone.
	names    int
	missing  int // workers that are to be started
	starting int
	first    int // starts of the pool's opening that are not over
	idle     []*agent
	line     []*job

	mu  sync.Mutex
	all []*agent
}

// An agent is a worker of V3 and the process that speaks for it. What is not the
// dispatcher's is its alone.
type agent struct {
	*process
	id       string
	ready    bool // the dispatcher's, as is id
	port     *port
	evidence bool
	calls    int64
	current  *run // nil: the worker has nothing to do
}

// job is a call on its way. What is in it beside client and call is the
// dispatcher's alone.
type job struct {
	client   *process
	call     subject.Call
	deadline time.Time // zero: none
	over     bool
}

// Messages to the dispatcher, to clients, and to workers.
type (
	submit  struct{ j *job }
	gaveUp  struct{ j *job }
	started struct {
		w   *agent
		err error
	}
	back struct {
		w     *agent
		doubt bool
	}
	taken  struct{ j *job }
	result struct {
		j     *job
		reply subject.Reply
		err   error
	}
	run struct {
		j  *job
		by *process
	}
)

var errBusy = errors.New("worker busy")

// startAgain is how long it takes until a start that failed is begun again.
const startAgain = 100 * time.Millisecond

func openV3(ctx context.Context, l worker.Launcher, cfg subject.Config, bugs switches) (subject.Pool, error) {
	p := &v3{node: newNode(ctx, cfg.Name, bugs), launcher: l, cfg: cfg, opened: make(chan struct{})}
	p.missing, p.first = cfg.Size, cfg.Size
	p.self = p.process("dispatcher of " + cfg.Name)
	p.spawn(p.self, p.dispatch)
	select {
	case <-p.opened:
	case <-ctx.Done():
	}
	if err := context.Cause(ctx); err != nil {
		p.abort(err)
		return nil, err
	}
	return p, nil
}

func (p *v3) dispatch(me *process) error {
	p.start()
	if p.bugs.on(StartedIsNotReady) {
		close(p.opened)
	}
	for {
		x, err := me.receive(me.life, anything, patience{})
		if err != nil {
			return err
		}
		switch x := x.(type) {
		case submit:
			p.line = append(p.line, x.j)
		case gaveUp:
			x.j.over = true
		case started:
			p.started(x.w, x.err)
		case back:
			p.takeBack(x.w, x.doubt)
		case down: // of a worker that is watched
			p.lost(x.ref.(*agent))
		case again:
			p.missing++
		case stop:
			for _, w := range p.all {
				me.send(w.process, x)
			}
			return errShutdown
		}
		p.start()
		p.serve()
	}
}

// start starts the workers that are missing: all at once, or as many as there are
// cores (findings: herd).
func (p *v3) start() {
	width := max(1, p.cfg.StartConcurrency)
	if p.cfg.StartConcurrency == 0 {
		width = max(1, int(p.cfg.Cores))
	}
	for ; p.missing > 0 && (p.bugs.on(Herd) || p.starting < width); p.missing-- {
		p.names++
		p.starting++
		w := &agent{id: fmt.Sprintf("w%d", p.names)}
		w.process = p.process("worker " + w.id)
		if !p.bugs.on(DeadInRotation) {
			w.watch(p.self, w)
		}
		p.mu.Lock()
		p.all = append(p.all, w)
		p.mu.Unlock()
		p.spawn(w.process, func(*process) error { return p.live(w) })
		if p.bugs.on(StartedIsNotReady) {
			p.idle = append(p.idle, w)
		}
	}
}

// started is told how a start went.
func (p *v3) started(w *agent, err error) {
	p.starting--
	w.ready = err == nil
	if w.ready && !p.bugs.on(StartedIsNotReady) {
		p.idle = append(p.idle, w)
	}
	if p.first--; p.first == 0 && !p.bugs.on(StartedIsNotReady) {
		close(p.opened)
	}
}

// takeBack has a worker that a task is done with. One that still owes an answer is
// as good as any (findings: busy-desync).
func (p *v3) takeBack(w *agent, doubt bool) {
	switch {
	case doubt && !p.bugs.on(BusyDesync):
		p.end(w)
	case w.alive(), p.bugs.on(DeadInRotation):
		p.idle = append(p.idle, w)
	}
}

// end ends a worker, which is replaced once it is gone: what watches it tells of its
// actor's end, which is sooner.
func (p *v3) end(w *agent) {
	w.unwatch(w)
	w.exit(errKilled)
	if !w.ready {
		p.lost(w)
		return
	}
	last := p.process("end of " + w.name)
	p.spawn(last, func(*process) error {
		select {
		case <-w.port.far.Done():
		case <-last.life.Done():
		}
		last.send(p.self, down{ref: w})
		return errNormal
	})
}

// lost replaces a worker that has ended, in a while if it was none yet.
func (p *v3) lost(w *agent) {
	p.idle = slices.DeleteFunc(p.idle, func(x *agent) bool { return x == w })
	p.mu.Lock()
	p.all = slices.DeleteFunc(p.all, func(x *agent) bool { return x == w })
	p.mu.Unlock()
	if !w.ready {
		time.AfterFunc(startAgain, func() { p.self.post(again{}) })
		return
	}
	p.missing++
}

// serve gives idle workers to those who wait.
func (p *v3) serve() {
	for len(p.line) > 0 && len(p.idle) > 0 {
		j := p.line[0]
		p.line = p.line[1:]
		if j.over || !j.deadline.IsZero() && !time.Now().Before(j.deadline) {
			continue
		}
		w := p.idle[0]
		p.idle = p.idle[1:]
		task := p.process("task of " + j.client.name)
		p.spawn(task, func(*process) error { return p.carryOut(task, j, w) })
	}
}

// carryOut is a task: it has a worker make a call, tells the client, and gives the
// worker back. It does not end with the client.
func (p *v3) carryOut(me *process, j *job, w *agent) error {
	me.send(j.client, taken{j})
	w.watch(me, j)
	defer w.unwatch(j)
	me.send(w.process, run{j, me})
	begin := time.Now()
	x, err := me.receive(me.life, about(j), patience{limit: p.cfg.CallTimeout})
	o := result{j: j}
	switch x := x.(type) {
	case result:
		o = x
	case down:
		o.err = fmt.Errorf("%s is dead: %w", w.name, x.reason)
	default:
		o.err = fmt.Errorf("worker %s: %s: no reply %w", w.id, j.call.Command, waited(begin, err))
	}
	me.send(j.client, o)
	me.send(p.self, back{w, err != nil})
	return errNormal
}

// about wants what is said of a call.
func about(j *job) func(any) bool {
	return func(x any) bool {
		switch x := x.(type) {
		case taken:
			return x.j == j
		case result:
			return x.j == j
		case down:
			return x.ref == j
		}
		return false
	}
}

// live is a worker's life: it starts, and makes one call at a time.
func (p *v3) live(w *agent) error {
	err := p.greet(w)
	w.send(p.self, started{w, err})
	if err != nil {
		return err
	}
	for {
		x, err := w.receive(w.life, anything, patience{})
		if err != nil {
			return err
		}
		switch x := x.(type) {
		case run:
			if err := p.ask(w, &x); err != nil {
				w.send(x.by, result{j: x.j, err: fmt.Errorf("worker %s: %s: %w", w.id, x.j.call.Command, err)})
			}
		case data:
			p.answered(w, x.frame)
		case exited:
			return fmt.Errorf("it ended: %v", x.how)
		case stop:
			ctx, done := context.WithTimeout(w.life, goodbyePatience)
			defer done()
			w.port.dismiss(ctx, w.process)
			return errShutdown
		}
	}
}

// greet launches the worker and has it say hello.
func (p *v3) greet(w *agent) (err error) {
	if w.port, err = p.open(w.process, p.launcher, w.id); err != nil {
		w.port = nil
		return err
	}
	frame, err := wire.AppendRequest(nil, wire.Hello(w.id, time.Now()))
	if err != nil {
		return err
	}
	if err := w.port.command(w.process, frame); err != nil {
		return err
	}
	said := fromPort(w.port)
	x, err := w.receive(w.life, func(x any) bool {
		_, stopped := x.(stop)
		return stopped || said(x)
	}, patience{limit: p.cfg.StartTimeout})
	if err != nil {
		return fmt.Errorf("no hello: %w", err)
	}
	d, ok := x.(data)
	if !ok {
		return errShutdown
	}
	reply, err := wire.ParseReply(d.frame)
	if err != nil {
		return err
	}
	offered, err := wire.CheckHello(reply)
	w.evidence = slices.Contains(offered, "evidence")
	return err
}

// ask sends the worker a call, unless it has one.
func (p *v3) ask(w *agent, r *run) error {
	if w.current != nil {
		return errBusy
	}
	w.calls++
	args := maps.Clone(r.j.call.Args)
	if r.j.call.Session != "" {
		if args == nil {
			args = map[string]any{}
		}
		args["session_id"] = r.j.call.Session
	}
	frame, err := wire.AppendRequest(nil, wire.Request{ID: w.calls, Command: r.j.call.Command, Args: args, Timestamp: time.Now(), Evidence: w.evidence})
	if err != nil {
		return err
	}
	w.current = r
	return w.port.command(w.process, frame)
}

// answered is told what the worker has said. What answers nothing is not looked at.
func (p *v3) answered(w *agent, frame []byte) {
	r := w.current
	reply, err := wire.ParseReply(frame)
	if r == nil || err != nil || !reply.Answers(w.calls) {
		return
	}
	w.current = nil
	o := result{j: r.j, reply: subject.Reply{Worker: w.id, Evidence: reply.Evidence}}
	if reply.Success {
		o.reply.Result = reply.Result
	} else {
		o.err = &worker.RemoteError{Worker: w.id, Command: r.j.call.Command, Type: reply.ErrorType, Message: reply.Error, Traceback: reply.Traceback}
	}
	w.send(r.by, o)
}

func (p *v3) Call(ctx context.Context, call subject.Call) (subject.Reply, error) {
	call.Args = maps.Clone(call.Args) // the caller may be gone, and use his again, when it is its turn
	return p.as(ctx, call.Client, func(me *process) (subject.Reply, error) {
		j := &job{client: me, call: call}
		begin := time.Now()
		if limit := p.cfg.CheckoutTimeout; limit > 0 {
			j.deadline = begin.Add(limit)
		}
		p.self.watch(me, j)
		defer p.self.unwatch(j)
		me.send(p.self, submit{j})
		x, err := me.receive(ctx, about(j), patience{limit: p.cfg.CheckoutTimeout})
		if _, given := x.(taken); given {
			x, err = me.receive(ctx, about(j), patience{}) // the task has a limit
		}
		if err != nil {
			me.send(p.self, gaveUp{j})
			return subject.Reply{}, fmt.Errorf("%s: no answer %w", p.self.name, waited(begin, err))
		}
		if x, dead := x.(down); dead {
			return subject.Reply{}, &deathError{p.self.name, x.reason}
		}
		o := x.(result)
		return o.reply, o.err
	})
}

// Close has the dispatcher stop, and with it the workers, all at once. Whoever has
// not ended when ctx does is killed.
func (p *v3) Close(ctx context.Context) error {
	p.closes()
	p.self.post(stop{})
	p.mu.Lock()
	ends := []*process{p.self}
	for _, w := range p.all {
		ends = append(ends, w.process)
	}
	p.mu.Unlock()
	var err error
	for _, e := range ends {
		select {
		case <-e.gone:
			continue
		case <-ctx.Done():
		case <-p.ctx.Done():
		}
		if e.alive() {
			err = errors.Join(err, fmt.Errorf("%s did not stop, and was killed: %w", e.name, context.Cause(ctx)))
		}
	}
	p.closed()
	p.busy.Wait()
	return err
}
