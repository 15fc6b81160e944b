package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

// A Request is what a worker is asked. Call sets ID and Timestamp.
type Request = wire.Request

// bufferFirst is how much memory there is for requests to begin with, and bufferMost
// is the largest one whose memory is used again, in bytes.
const (
	bufferFirst = 256
	bufferMost  = 1 << 20
)

// Call sends a request and waits for its reply.
//
// A handler's error comes as *RemoteError: the worker is well. So does what it says of
// a request that did not come to it as one. So it is after
// a request that can't be encoded or sent as it is (*wire.MessageError,
// *wire.FrameError) and after a ctx that had ended before. Any other error is
// a *CallError and leaves the worker in doubt: its port may still carry the
// late reply, so it must not be used again.
func (w *Worker) Call(ctx context.Context, r Request) (wire.Reply, error) {
	begin := time.Now()
	if w.doubt {
		return wire.Reply{}, w.failed(ctx, r, begin, "send", ErrDoubt)
	}
	if err := ctx.Err(); err != nil {
		return wire.Reply{}, fmt.Errorf("worker %s: %s not sent: %w", w.ID, r.Command, context.Cause(ctx))
	}
	r.ID, r.Timestamp = w.id(w.calls+1), begin
	r.Evidence = r.Evidence && slices.Contains(w.Capabilities, "evidence")
	var err error
	if w.buf, err = wire.AppendRequest(w.buf[:0], r); err != nil {
		return wire.Reply{}, err
	}
	w.calls++
	if cap(w.buf) > bufferMost { // one huge call must not keep its memory for ever
		defer func() { w.buf = nil }()
	}
	if err := w.Port.Send(ctx, w.buf); err != nil {
		if errors.Is(err, wire.ErrTooLarge) { // refused whole
			return wire.Reply{}, err
		}
		return wire.Reply{}, w.failed(ctx, r, begin, "send", err)
	}
	frame, err := w.Port.Recv(ctx)
	if err != nil {
		return wire.Reply{}, w.failed(ctx, r, begin, "reply", err)
	}
	reply, err := wire.ParseReply(frame)
	if err != nil {
		return wire.Reply{}, w.failed(ctx, r, begin, "reply", err)
	}
	if !reply.Answers(r.ID) {
		return wire.Reply{}, w.failed(ctx, r, begin, "reply", fmt.Errorf("%w: expected %d, got %d", ErrWrongID, r.ID, reply.ID))
	}
	if reply.More {
		return wire.Reply{}, w.failed(ctx, r, begin, "reply", errors.New("it announces more to come, which was not asked for"))
	}
	w.answered = true
	if !reply.Success {
		return reply, &RemoteError{Worker: w.ID, Command: r.Command, Type: reply.ErrorType, Message: reply.Error, Traceback: reply.Traceback}
	}
	return reply, nil
}

// drawn is how many bits of a request's id are drawn; above them it counts.
const drawn = 20

// id is that of the worker's nth request. No two are the same, and none can be
// told from those before: a worker that answers too often, or counts for itself,
// never hits on the next. It depends on nothing but worker and n, so that a run
// can be had again.
func (w *Worker) id(n int64) int64 {
	var lot rand.PCG
	lot.Seed(w.salt, uint64(n))
	return n<<drawn | int64(lot.Uint64()>>(64-drawn))
}

// Unasked says whether it has sent something that answers no call: it is then
// not to be called again, as whatever comes next may be taken for an answer.
// It costs a system call, and is for the goroutine that calls. A port that can't
// say so is believed.
func (w *Worker) Unasked() bool { return unasked(w.Port) }

func unasked(p Port) bool {
	l, ok := as[Listener](p)
	return ok && l.Unasked()
}

// Answered says whether it has answered a call, if only with an error. It is
// for the goroutine that calls.
func (w *Worker) Answered() bool { return w.answered }

// InDoubt says whether an earlier call left the worker in a state that nobody
// knows. It is for the goroutine that calls.
func (w *Worker) InDoubt() bool { return w.doubt }

func (w *Worker) failed(ctx context.Context, r Request, begin time.Time, phase string, err error) *CallError {
	w.doubt = true
	e := &CallError{Worker: w.ID, Command: r.Command, Phase: phase, Err: because(ctx, err)}
	if Gone(err) {
		patience := time.NewTimer(exitPatience)
		defer patience.Stop()
		select {
		case <-w.Port.Done():
			exit := w.Port.Exit()
			e.Exit = &exit
		case <-patience.C:
		}
	}
	e.Elapsed, e.Info = time.Since(begin), w.Port.Info()
	return e
}

// because adds to a ctx's error the cause that whoever ended it gave.
func because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || !errors.Is(err, ctx.Err()) || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

var (
	// ErrDoubt is what a worker in doubt answers to a further call.
	ErrDoubt = errors.New("worker is in doubt after an earlier call")
	// ErrWrongID means that a reply was not to the request that was asked.
	ErrWrongID = errors.New("reply to another request")
	// ErrUnasked means that a worker has sent more than it was asked for.
	ErrUnasked = errors.New("worker sent what nobody asked for")
)

// A RemoteError is what a command's handler raised. The worker is well.
type RemoteError struct {
	Worker, Command string
	Type            string // of the exception; "" if the worker did not say
	Message         string
	Traceback       string // "" if the worker did not say
}

func (e *RemoteError) Error() string {
	return fmt.Sprintf("worker %s: %s: %s", e.Worker, e.Command, e.Message)
}

// A CallError says why a call got no reply. It unwraps to its cause: the ctx's
// error and the cause of its end, ErrWrongID, a *wire.FrameError or
// *wire.MessageError, io.EOF or ErrGone for a worker that ended.
type CallError struct {
	Worker, Command string
	Phase           string // send or reply
	Elapsed         time.Duration
	Info            Info  // as it was when the call failed
	Exit            *Exit // nil if the worker did not end by itself
	Err             error
}

func (e *CallError) Unwrap() error { return e.Err }

// cancelled says whether its ctx was, whatever the cause that was given for that is.
func (e *CallError) cancelled() bool {
	return strings.HasPrefix(e.Err.Error(), context.Canceled.Error())
}

func (e *CallError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "worker %s: %s: ", e.Worker, e.Command)
	switch {
	case e.Exit != nil:
		fmt.Fprintf(&b, "worker ended in mid-call, after %s: %v", short(e.Elapsed), e.Exit)
	case errors.Is(e.Err, context.DeadlineExceeded) && !e.cancelled():
		fmt.Fprintf(&b, "no reply within %s (on CPU %s so far, waited for a CPU %s)", short(e.Elapsed), short(e.Info.CPU), short(e.Info.RunDelay))
		if why, told := strings.CutPrefix(e.Err.Error(), context.DeadlineExceeded.Error()+": "); told {
			fmt.Fprintf(&b, ": %s", why)
		}
	case Gone(e.Err) && !e.cancelled():
		fmt.Fprintf(&b, "worker closed its port, after %s", short(e.Elapsed))
	default:
		fmt.Fprintf(&b, "no reply, after %s: %v", short(e.Elapsed), e.Err)
	}
	quoteStderr(&b, e.Info.Stderr)
	return b.String()
}
