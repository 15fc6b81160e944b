package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/butfor/butfor/worker/wire"
)

// A Worker is a far side that said hello. Its calls go one after another:
// Call is for one goroutine at a time, everything else for anybody.
type Worker struct {
	ID           string
	Port         Port
	Capabilities []string      // what the hello offered
	StartedIn    time.Duration // from launch to hello

	calls    int64  // sent so far
	salt     uint64 // of the ids of its calls
	buf      []byte
	doubt    bool
	answered bool
}

// Start launches a worker and waits for its hello: a success reply to id 0
// whose result.status is "ok". Anything else, and the end of ctx, is a
// *StartError. ctx bounds launch and hello together and is absolute: nothing
// that the worker sends prolongs it. A start that fails returns once the
// process is gone.
func Start(ctx context.Context, l Launcher, id string) (*Worker, error) {
	begin := time.Now()
	port, err := l.Launch(ctx, id)
	if err != nil {
		return nil, &StartError{Worker: id, Phase: "launch", Elapsed: time.Since(begin), Err: err}
	}
	w := &Worker{ID: id, Port: port, buf: make([]byte, 0, bufferFirst)}
	if w.Capabilities, err = w.hello(ctx); err != nil {
		e := &StartError{Worker: id, Phase: "hello", Elapsed: time.Since(begin), Info: port.Info(), Err: err}
		e.Exit = end(port, err)
		e.Info.Stderr = port.Info().Stderr
		return nil, e
	}
	salt := fnv.New64a()
	salt.Write([]byte(id))
	w.StartedIn, w.salt = time.Since(begin), salt.Sum64()
	return w, nil
}

func (w *Worker) hello(ctx context.Context) (capabilities []string, err error) {
	if w.buf, err = wire.AppendRequest(w.buf, wire.Hello(w.ID, time.Now())); err != nil {
		return nil, err
	}
	if err := w.Port.Send(ctx, w.buf); err != nil {
		return nil, err
	}
	frame, err := w.Port.Recv(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := wire.ParseReply(frame)
	if err != nil {
		return nil, err
	}
	capabilities, err = wire.CheckHello(reply)
	if err == nil && unasked(w.Port) {
		return nil, ErrUnasked
	}
	return capabilities, err
}

// exitPatience is how long a worker whose port ended may take to be reaped
// before it counts as alive. Its end-of-file comes microseconds before that.
const exitPatience = 100 * time.Millisecond

// end makes sure that the far side of a failed port is gone, and says how it
// went if it went by itself: also if that took so long that it was killed on its way.
func end(port Port, cause error) (exit *Exit) {
	gone := Gone(cause)
	if gone {
		patience := time.NewTimer(exitPatience)
		defer patience.Stop()
		select {
		case <-port.Done():
			e := port.Exit()
			return &e
		case <-patience.C:
		}
	}
	port.Kill()
	<-port.Done()
	if e := port.Exit(); gone && e.Signal != syscall.SIGKILL {
		return &e
	}
	return nil
}

// Gone says whether a port's error means that its far side has ended.
func Gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrGone)
}

// ErrGone is what Send returns once nobody reads any more.
var ErrGone = errors.New("worker is gone")

// A StartError says why a start failed. It unwraps to its cause: the ctx's
// error for a deadline, what Launch returned, a *wire.MessageError or
// *wire.FrameError for a hello that was none, io.EOF for a worker that died.
type StartError struct {
	Worker  string
	Phase   string // launch or hello
	Elapsed time.Duration
	Info    Info  // as it was when the start failed
	Exit    *Exit // nil if it did not end by itself
	Err     error
}

func (e *StartError) Unwrap() error { return e.Err }

func (e *StartError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "worker %s: ", e.Worker)
	switch {
	case e.Phase == "launch":
		fmt.Fprintf(&b, "launch failed: %v", e.Err)
	case errors.Is(e.Err, context.DeadlineExceeded):
		fmt.Fprintf(&b, "no hello within %s (on CPU %s, waited for a CPU %s)", short(e.Elapsed), short(e.Info.CPU), short(e.Info.RunDelay))
	case errors.Is(e.Err, context.Canceled):
		fmt.Fprintf(&b, "start cancelled after %s", short(e.Elapsed))
	case e.Exit != nil:
		fmt.Fprintf(&b, "ended before its hello, after %s: %v", short(e.Elapsed), e.Exit)
	case Gone(e.Err):
		fmt.Fprintf(&b, "closed its port before its hello, after %s", short(e.Elapsed))
	default:
		fmt.Fprintf(&b, "no hello, after %s: %v", short(e.Elapsed), e.Err)
	}
	quoteStderr(&b, e.Info.Stderr)
	return b.String()
}

// quoteStderr adds the last line of what a worker wrote.
func quoteStderr(b *strings.Builder, stderr string) {
	stderr = strings.TrimSpace(stderr)
	if i := strings.LastIndexByte(stderr, '\n'); i >= 0 {
		stderr = stderr[i+1:]
	}
	const most = 200 // bytes
	if len(stderr) > most {
		stderr = strings.ToValidUTF8(stderr[:most], "") + "…"
	}
	if stderr != "" {
		fmt.Fprintf(b, "; stderr: %s", stderr)
	}
}

// short rounds a duration to what a person reads.
func short(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
