package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

// A far is the far side of a port without a process: answer says what it sends
// upon a request.
type far struct {
	worker.Port // nil: what is not below is not asked for
	answer      func(r wire.Request) []wire.Reply
	ids         []int64
	out         [][]byte
}

func (f *far) Launch(context.Context, string) (worker.Port, error) { return f, nil }

func (f *far) Send(_ context.Context, frame []byte) error {
	r, err := wire.ParseRequest(frame)
	if err != nil {
		return err
	}
	replies := []wire.Reply{{ID: r.ID, Success: true, Result: []byte(`{"status":"ok"}`)}}
	if r.ID != 0 {
		f.ids = append(f.ids, r.ID)
		if f.answer != nil {
			replies = f.answer(r)
		}
	}
	for _, reply := range replies {
		frame, err := wire.AppendReply(nil, reply)
		if err != nil {
			return err
		}
		f.out = append(f.out, frame)
	}
	return nil
}

func (f *far) Recv(context.Context) (frame []byte, err error) {
	if len(f.out) == 0 {
		return nil, io.ErrNoProgress
	}
	frame, f.out = f.out[0], f.out[1:]
	return frame, nil
}

func (f *far) Info() worker.Info { return worker.Info{} }

func start(t *testing.T, l worker.Launcher, id string) *worker.Worker {
	t.Helper()
	w, err := worker.Start(t.Context(), l, id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestIDsOfRequestsNeverMeetAndCanNotBeTold(t *testing.T) {
	const calls = 2000
	var runs [3]*far
	for i, id := range []string{"w1", "w1", "w2"} {
		runs[i] = &far{}
		w := start(t, runs[i], id)
		for range calls {
			if _, err := w.Call(t.Context(), worker.Request{Command: "echo"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(runs[0].ids, runs[1].ids) {
		t.Error("the same worker's ids are others in another run: it can't be had again")
	}
	met, near := 0, 0
	for i := range calls - 1 {
		a, b := runs[0].ids[i], runs[0].ids[i+1]
		if b <= a || b >= 1<<53 {
			t.Fatalf("call %d: id %d after %d", i+2, b, a)
		}
		if b-a < 1000 {
			near++
		}
		if a == runs[2].ids[i] {
			met++
		}
	}
	if near > 10 || met > 10 {
		t.Errorf("of %d ids %d come soon after the one before, %d are those of another worker", calls, near, met)
	}
}

// Its counter is one ahead of ours from its second answer on.
func TestAWorkerThatCountsForItselfAndIsOneAheadIsNotBelieved(t *testing.T) {
	f := &far{answer: func(r wire.Request) []wire.Reply {
		reply := wire.Reply{ID: r.ID, Success: true, Result: []byte(`1`)}
		next := reply
		next.ID++
		return []wire.Reply{reply, next}
	}}
	w := start(t, f, "w1")
	if _, err := w.Call(t.Context(), worker.Request{Command: "echo"}); err != nil {
		t.Fatal(err)
	}
	if r, err := w.Call(t.Context(), worker.Request{Command: "echo"}); !errors.Is(err, worker.ErrWrongID) {
		t.Errorf("the second call got %+v, %v", r, err)
	}
}

// wrapped is a port with another around it, as a recorder's is.
type wrapped struct{ worker.Port }

func (w wrapped) Unwrap() worker.Port { return w.Port }

func TestWhatAWorkerSentUnaskedIsSeenThroughWrappers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &model.Launcher{Profile: func(n int) model.Profile { return model.Profile{TwiceAt: 2} }}
		w := start(t, l, "w1")
		defer func() { w.Port.Close(context.Background()) }()
		w.Port = wrapped{wrapped{w.Port}}
		for i, want := range []bool{false, true} {
			if _, err := w.Call(t.Context(), worker.Request{Command: "echo"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := w.Unasked(); got != want {
				t.Errorf("after call %d: %v", i+1, got)
			}
		}
	})
	if w := start(t, &far{}, "w1"); w.Unasked() {
		t.Error("a port that can't say is not believed")
	}
}

func TestAWorkerThatSaysHelloTwiceIsNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &model.Launcher{Profile: func(n int) model.Profile { return model.Profile{TwoHellos: true} }}
		_, err := worker.Start(t.Context(), l, "w1")
		if e := new(worker.StartError); !errors.As(err, &e) || !errors.Is(err, worker.ErrUnasked) || l.Alive() != 0 {
			t.Errorf("got %v with %d alive", err, l.Alive())
		}
	})
}

// A slow is a port whose far side has closed it, and takes long to be gone: until it
// is killed.
type slow struct {
	far
	exit worker.Exit
	done chan struct{}
}

func (s *slow) Launch(context.Context, string) (worker.Port, error) { return s, nil }
func (s *slow) Recv(context.Context) ([]byte, error)                { return nil, io.EOF }
func (s *slow) Done() <-chan struct{}                               { return s.done }
func (s *slow) Exit() worker.Exit                                   { return s.exit }
func (s *slow) Kill() error                                         { close(s.done); return nil }

func TestAStartSaysHowItsWorkerEndedAlsoIfThatTookLong(t *testing.T) {
	killed := worker.Exit{Code: -1, Signal: syscall.SIGKILL}
	for _, exit := range []worker.Exit{{Code: 71}, {Code: -1, Signal: syscall.SIGSEGV}, killed} {
		synctest.Test(t, func(t *testing.T) {
			_, err := worker.Start(t.Context(), &slow{exit: exit, done: make(chan struct{})}, "w1")
			e := new(worker.StartError)
			if !errors.As(err, &e) || exit != killed && (e.Exit == nil || *e.Exit != exit) || exit == killed && e.Exit != nil {
				t.Errorf("%v: got %v", exit, err)
			}
		})
	}
}

func TestAWorkerThatCouldNotReadARequestSaysSoAndIsCalledAgain(t *testing.T) {
	f := &far{}
	w := start(t, f, "w1")
	f.answer = func(wire.Request) []wire.Reply {
		return []wire.Reply{{Error: "RequestError: the request has no id", ErrorType: wire.RequestError}}
	}
	var told *worker.RemoteError
	if _, err := w.Call(t.Context(), worker.Request{Command: "echo"}); !errors.As(err, &told) || told.Type != wire.RequestError || w.InDoubt() {
		t.Errorf("%v, in doubt: %v", err, w.InDoubt())
	}
	f.answer = nil
	if _, err := w.Call(t.Context(), worker.Request{Command: "echo"}); err != nil {
		t.Error(err)
	}
}

func TestACallThatWasGivenUpSaysWhatFor(t *testing.T) {
	bored := errors.New("nobody wants it any more")
	for name, c := range map[string]struct {
		give func(context.Context) (context.Context, context.CancelFunc)
		is   error
		says string
	}{
		"late": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
			context.DeadlineExceeded, "worker w1: sleep: no reply within 1s (on CPU 0s so far, waited for a CPU 0s)",
		},
		"late, with a cause": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeoutCause(ctx, time.Second, bored)
			},
			context.DeadlineExceeded, "worker w1: sleep: no reply within 1s (on CPU 0s so far, waited for a CPU 0s): nobody wants it any more",
		},
		"cancelled with a cause": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(bored) })
				return ctx, func() { cancel(nil) }
			},
			context.Canceled, "worker w1: sleep: no reply, after 1s: context canceled: nobody wants it any more",
		},
		"cancelled with a cause that is an error of ports": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(fmt.Errorf("theirs: %w", io.EOF)) })
				return ctx, func() { cancel(nil) }
			},
			context.Canceled, "worker w1: sleep: no reply, after 1s: context canceled: theirs: EOF",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, &model.Launcher{}, "w1")
				ctx, cancel := c.give(t.Context())
				defer cancel()
				_, err := w.Call(ctx, worker.Request{Command: "sleep", Args: map[string]any{"s": 2.}})
				if err == nil || err.Error() != c.says {
					t.Errorf("%v\nwant %s", err, c.says)
				}
				if caused := errors.Is(err, bored); !errors.Is(err, c.is) || caused != strings.Contains(c.says, bored.Error()) {
					t.Errorf("%v is %v: %v; is its cause: %v", err, c.is, errors.Is(err, c.is), caused)
				}
				_ = w.Port.Kill()
				<-w.Port.Done()
			})
		})
	}
}
