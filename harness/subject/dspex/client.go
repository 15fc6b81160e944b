package dspex

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// limits are how long a call waits for a worker, and then for its answer; 0 is
// for ever.
type limits struct{ checkout, call time.Duration }

// execute makes one call in the process me: check-out, request, reply and
// check-in. This is what V2 moved out of the coordinator and into the callers
// (findings: concurrent-when-warm).
func (m *nimble) execute(ctx context.Context, me *process, call subject.Call, lim limits) (subject.Reply, error) {
	r := &request{client: me, session: call.Session}
	w, err := m.checkOut(ctx, r, lim.checkout)
	if err != nil {
		return subject.Reply{}, err
	}
	reply, err := m.ask(ctx, me, w, call, lim.call)
	var python *worker.RemoteError
	switch {
	case err == nil:
	case errors.As(err, &python) && call.Session == "" && m.bugs.on(ErrorCrashesClient):
		// The anonymous call's receive has no clause for an error. The manager
		// hears of the death.
		me.exit(errors.New("no case clause matching an error"))
		return subject.Reply{}, fmt.Errorf("%w: %v", me.obituary(), err) //nolint:errorlint // whoever asks must not find the Python error: he died of it
	case errors.As(err, &python):
	case m.bugs.on(LateReply) && w.strikes < strikesMost-1 && !w.gone():
		w.strikes++
	default: // the worker is in doubt
		me.send(m.self, cancel{r: r})
		return subject.Reply{}, err
	}
	if !m.bugs.on(LongLivedWorkers) && w.port.connect(m.self) == nil {
		w.port.unlink(me)
	}
	to := m.self
	if m.bugs.on(CheckinToNowhere) {
		to = me
	}
	me.send(to, checkin{r, err != nil})
	return reply, err
}

// strikesMost is how many failures end a worker that is given back after each.
const strikesMost = 3

// checkOut asks the manager for a worker, and tells it if the caller gives up.
// A manager that dies, or is dead, is noticed at once.
func (m *nimble) checkOut(ctx context.Context, r *request, limit time.Duration) (*slot, error) {
	if limit > 0 {
		r.deadline = time.Now().Add(limit)
	}
	begin := time.Now()
	m.self.watch(r.client, r)
	defer m.self.unwatch(r)
	r.client.send(m.self, checkout{r})
	x, err := r.client.receive(ctx, func(x any) bool {
		switch x := x.(type) {
		case granted:
			return x.r == r
		case refused:
			return x.r == r
		case down:
			return x.ref == r
		}
		return false
	}, patience{limit: limit})
	if err != nil {
		r.client.send(m.self, cancel{r: r, unused: true})
		return nil, fmt.Errorf("check-out: no worker %w", waited(begin, err))
	}
	switch x := x.(type) {
	case granted:
		return x.w, nil
	case refused:
		return nil, fmt.Errorf("check-out: no worker: %w", x.why)
	case down:
		return nil, fmt.Errorf("check-out: %w", &deathError{m.self.name, x.reason})
	}
	return nil, nil
}

// ask sends the request and waits for the reply, in the client's process.
func (m *nimble) ask(ctx context.Context, me *process, w *slot, call subject.Call, limit time.Duration) (subject.Reply, error) {
	w.calls++
	args := call.Args
	if call.Session != "" {
		if args = maps.Clone(args); args == nil {
			args = map[string]any{}
		}
		args["session_id"] = call.Session
		w.sessions[call.Session] = true
	}
	id := w.port.id
	frame, err := wire.AppendRequest(nil, wire.Request{ID: w.calls, Command: call.Command, Args: args, Timestamp: time.Now(), Evidence: w.evidence})
	if err != nil {
		return subject.Reply{}, err
	}
	if err := m.talk(w.port, me, frame); err != nil {
		return subject.Reply{}, fmt.Errorf("worker %s: %s: %w", id, call.Command, err)
	}
	begin := time.Now()
	x, err := me.receive(ctx, fromPort(w.port), patience{limit: limit})
	if err != nil {
		return subject.Reply{}, fmt.Errorf("worker %s: %s: no reply %w", id, call.Command, waited(begin, err))
	}
	if x, gone := x.(exited); gone {
		return subject.Reply{}, fmt.Errorf("worker %s: %s: ended in mid-call: %v", id, call.Command, x.how)
	}
	reply, err := wire.ParseReply(x.(data).frame)
	switch {
	case err != nil:
		return subject.Reply{}, fmt.Errorf("worker %s: %s: %w", id, call.Command, err)
	case !reply.Answers(w.calls):
		return subject.Reply{}, fmt.Errorf("worker %s: %s: reply to another request: expected %d, got %d", id, call.Command, w.calls, reply.ID)
	case !reply.Success:
		return subject.Reply{Worker: id, Evidence: reply.Evidence}, &worker.RemoteError{Worker: id, Command: call.Command, Type: reply.ErrorType, Message: reply.Error, Traceback: reply.Traceback}
	}
	return subject.Reply{Result: reply.Result, Worker: id, Evidence: reply.Evidence}, nil
}

// waited words why a receive failed. A caller's deadline and the pool's own
// limit are often the same instant: they read alike, so that it is no matter
// which of them is seen first.
func waited(begin time.Time, err error) error {
	if errors.Is(err, errTimeout) {
		err = context.DeadlineExceeded
	}
	return fmt.Errorf("within %v: %w", time.Since(begin).Round(time.Millisecond), err)
}
