package model_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

func TestHabits(t *testing.T) {
	say := func(function string) worker.Request {
		return worker.Request{Command: "call", Args: map[string]any{"function": function}}
	}
	for _, c := range []struct {
		habit worker.Habit
		story func(t *testing.T, w *worker.Worker, has bool)
	}{
		{worker.Stays, func(t *testing.T, w *worker.Worker, has bool) {
			if _, err := w.Call(bg, worker.Request{Command: "shutdown"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if gone := w.Port.(*model.Port).Gone(); gone == has {
				t.Errorf("told to go, it is gone: %v", gone)
			}
		}},
		{worker.Outlives, func(t *testing.T, w *worker.Worker, has bool) {
			begin, before := time.Now(), w.Port.Info().CPU
			ctx, cancel := context.WithTimeout(bg, time.Minute)
			defer cancel()
			_ = w.Port.Close(ctx)
			after := w.Port.Info()
			used := after.CPU - before
			if log := map[bool]int64{true: 20 * 13_600_000}[has]; after.Written != log {
				t.Errorf("it has written %d bytes in a minute, want %d", after.Written, log)
			}
			if took := time.Since(begin); (took == time.Minute) != has || used != took {
				t.Errorf("it went %v after its port, with %v of CPU", took, used)
			}
		}},
		{worker.Prints, func(t *testing.T, w *worker.Worker, has bool) {
			_, err := w.Call(bg, say("builtins:print"))
			if broke := errors.Is(err, wire.ErrTooLarge); broke != has || err != nil && !broke {
				t.Errorf("it printed: %v", err)
			}
		}},
		{worker.Merges, func(t *testing.T, w *worker.Worker, has bool) {
			_, err := w.Call(bg, say("warnings:warn"))
			if broke := errors.Is(err, wire.ErrTooLarge); broke != has || err != nil && !broke {
				t.Errorf("it warned: %v", err)
			}
		}},
		{worker.Shows, func(t *testing.T, w *worker.Worker, has bool) {
			for _, id := range []string{"s2", "s1"} {
				if _, err := w.Call(bg, worker.Request{Command: "put", Args: map[string]any{"key": "of " + id, "value": 1, "session_id": id}}); err != nil {
					t.Error(err)
				}
			}
			for id, want := range map[string]string{"": `{"keys":["of s1","of s2"]}`, "s2": `{"keys":["of s2"]}`, "s3": `{"keys":[]}`} {
				if id == "" && !has {
					want = `{"keys":[]}`
				}
				if r, err := w.Call(bg, worker.Request{Command: "list", Args: map[string]any{"session_id": id}}); err != nil || string(r.Result) != want {
					t.Errorf("%q is shown %s, %v, want %s", id, r.Result, err, want)
				}
			}
		}},
		{worker.Swallows, func(t *testing.T, w *worker.Worker, has bool) {
			ctx, cancel := context.WithTimeout(bg, time.Minute)
			defer cancel()
			var remote *worker.RemoteError
			_, err := w.Call(ctx, say("builtins:object"))
			if told := errors.As(err, &remote) && remote.Type == "ResultError"; told == has {
				t.Errorf("no JSON: %v", err)
			}
			if err := w.Port.Send(bg, []byte(`{"command":"echo"`)); err != nil {
				t.Error(err)
			}
			if frame, err := w.Port.Recv(ctx); errors.Is(err, context.DeadlineExceeded) != has {
				t.Errorf("a request that is no JSON: %s, %v", frame, err)
			}
		}},
	} {
		for _, has := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				ctx := bg
				if has {
					ctx = worker.WithHabits(worker.WithHabits(bg, c.habit), "another")
				}
				w, err := worker.Start(ctx, &model.Launcher{}, "w1")
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s: %v", c.habit, slices.Contains(worker.Habits(ctx), c.habit))
				c.story(t, w, has)
				_ = w.Port.Kill()
			})
		}
	}
}

func TestAModelDividesAsPythonDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := start(t, &model.Launcher{})
		defer w.Port.Kill()
		divide := func(args ...any) (string, error) {
			r, err := w.Call(bg, worker.Request{Command: "call", Args: map[string]any{"function": "operator:truediv", "args": args}})
			return string(r.Result), err
		}
		if got, err := divide(3, 2); got != "1.5" || err != nil {
			t.Errorf("3 / 2: %s, %v", got, err)
		}
		var remote *worker.RemoteError
		if _, err := divide(1, 0); !errors.As(err, &remote) || remote.Type != "ZeroDivisionError" || remote.Message != "ZeroDivisionError: division by zero" {
			t.Errorf("1 / 0: %v", err)
		}
	})
}

func TestAnErrorThatIsDecidedIsSwallowedAsItsOwn(t *testing.T) {
	for kind, swallowed := range map[string]bool{"ResultError": true, wire.RequestError: true, "ValueError": false} {
		synctest.Test(t, func(t *testing.T) {
			l := &model.Launcher{Fate: func(model.Call) model.Fate { return model.Fate{Err: kind + ": no"} }}
			w, err := worker.Start(worker.WithHabits(bg, worker.Swallows), l, "w1")
			if err != nil {
				t.Fatal(err)
			}
			defer w.Port.Kill()
			ctx, cancel := context.WithTimeout(bg, time.Minute)
			defer cancel()
			if _, err := w.Call(ctx, worker.Request{Command: "echo"}); errors.Is(err, context.DeadlineExceeded) != swallowed {
				t.Errorf("%s: %v", kind, err)
			}
		})
	}
}

func TestAModelCallsAFunctionAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := start(t, &model.Launcher{})
		defer w.Port.Kill()
		var remote *worker.RemoteError
		if _, err := w.Call(bg, worker.Request{Command: "call", Args: map[string]any{"function": "math:sqrt"}}); !errors.As(err, &remote) || remote.Type != "ArgumentError" {
			t.Errorf("%v", err)
		}
		if r, err := w.Call(bg, worker.Request{Command: "call", Args: map[string]any{"function": "builtins:print"}}); err != nil || string(r.Result) != "null" {
			t.Errorf("%s, %v", r.Result, err)
		}
		if r, err := w.Call(bg, worker.Request{Command: "get_stats"}); err != nil || string(r.Result) != `{"worker_id":"w1","command_count":3}` {
			t.Errorf("%s, %v", r.Result, err)
		}
	})
}
