//go:build linux

package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/process"
	"github.com/butfor/butfor/worker/wire"
)

// asked is what a worker is asked, one after another, about sessions and memory, and to end.
var asked = []struct {
	command string
	args    map[string]any
}{
	{"list", nil},
	{"get", map[string]any{"key": "a"}},
	{"put", map[string]any{"key": "a", "value": 1}},
	{"put", map[string]any{"key": "b", "value": map[string]any{"of": "s"}, "session_id": "s"}},
	{"put", map[string]any{"key": "a", "value": "s", "session_id": "s"}},
	{"put", map[string]any{"key": "a", "value": nil, "session_id": "t"}},
	{"put", map[string]any{"key": "b", "value": []any{"again"}, "session_id": "s"}},
	{"list", nil}, // not everybody's
	{"list", map[string]any{"session_id": ""}},
	{"list", map[string]any{"session_id": nil}},
	{"list", map[string]any{"session_id": "s"}},
	{"list", map[string]any{"session_id": "none"}},
	{"get", map[string]any{"key": "a"}},
	{"get", map[string]any{"key": "a", "session_id": "s"}},
	{"get", map[string]any{"key": "b", "session_id": "s"}},
	{"get", map[string]any{"key": "a", "session_id": "t"}},
	{"get", map[string]any{"key": "b", "session_id": "t"}},
	{"get", map[string]any{"session_id": "s"}},
	{"get", map[string]any{"key": ""}},
	{"get", map[string]any{"key": 1, "session_id": 2}},
	{"get", map[string]any{"key": "a", "session_id": 2}},
	{"put", map[string]any{"key": "c"}},
	{"put", map[string]any{"value": 1}},
	{"put", map[string]any{"key": "c", "value": 1, "session_id": []any{}}},
	{"list", map[string]any{"session_id": true}},
	{"create_program", map[string]any{"id": "p", "callable": "builtins:len", "session_id": "s"}},
	{"create_program", map[string]any{"id": "p", "callable": "builtins:len", "session_id": "s"}},
	{"create_program", map[string]any{"id": "p", "callable": "builtins:len", "session_id": "t"}},
	{"create_program", map[string]any{"program_id": "q", "id": "p", "callable": "builtins:len", "signature": "n", "session_id": "s"}},
	{"create_program", map[string]any{"id": "", "callable": "builtins:len"}},
	{"create_program", map[string]any{"callable": "builtins:len"}},
	{"create_program", map[string]any{"id": "p"}},
	{"create_program", map[string]any{"id": "p", "callable": "builtins:len", "session_id": 4}},
	{"cleanup_session", nil},
	{"cleanup_session", map[string]any{"session_id": ""}},
	{"cleanup_session", map[string]any{"session_id": 3}},
	{"cleanup_session", map[string]any{"session_id": "none"}},
	{"cleanup_session", map[string]any{"session_id": "s"}},
	{"cleanup_session", map[string]any{"session_id": "s"}},
	{"list", map[string]any{"session_id": "s"}},
	{"get", map[string]any{"key": "a", "session_id": "s"}},
	{"list", map[string]any{"session_id": "t"}},
	{"list", nil},
	{"reset_state", nil},
	{"list", map[string]any{"session_id": "t"}},
	{"list", nil},
	{"reset_state", map[string]any{"session_id": "t"}},
	{"alloc", map[string]any{"mb": 1.5}},
	{"alloc", map[string]any{"mb": 0}},
	{"alloc", nil},
	{"alloc", map[string]any{"mb": nil}},
	{"alloc", map[string]any{"mb": -1}},
	{"alloc", map[string]any{"mb": "1"}},
	{"alloc", map[string]any{"mb": 1 << 21}},
	{"alloc", map[string]any{"mb": true}},
	{"shutdown", nil},
}

// said is what a worker answers to all that.
func said(t *testing.T, l worker.Launcher) (all []any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	w, err := worker.Start(ctx, l, "w1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Port.Close(ctx) }()
	for _, a := range asked {
		r, err := w.Call(ctx, worker.Request{Command: a.command, Args: a.args})
		if e := (*worker.RemoteError)(nil); errors.As(err, &e) {
			all = append(all, e.Type+" said as "+e.Message)
			continue
		}
		var result any
		if err := errors.Join(err, json.Unmarshal(r.Result, &result)); err != nil {
			t.Fatalf("%s %v: %v", a.command, a.args, err)
		}
		all = append(all, result)
	}
	return all
}

func TestTheModelAnswersOfWhatItHoldsAsThePythonWorkerDoes(t *testing.T) {
	python, ours := said(t, &process.Launcher{}), said(t, &model.Launcher{})
	for i, a := range asked {
		if !reflect.DeepEqual(ours[i], python[i]) {
			t.Errorf("%d. %s %v: it says %v, the Python worker %v", i+1, a.command, a.args, ours[i], python[i])
		}
	}
}

func TestTheModelAnswersWhatIsNoRequestAsThePythonWorkerDoes(t *testing.T) {
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	for name, l := range map[string]worker.Launcher{"model": &model.Launcher{}, "python": &process.Launcher{}} {
		w, err := worker.Start(ctx, l, "w1")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			frame string
			id    int64
			says  string
		}{
			{`{"command":"echo","args":{}}`, 0, "RequestError: the request has no id; answered as id 0"},
			{`{"id":7,"command":"echo","args":{}`, 0, "RequestError: the frame is no JSON in UTF-8: "},
			{`{"id":7,"command":"echo","args":[]}`, 7, "RequestError: "},
			{`{"id":-7,"command":"echo","args":{}}`, 0, "RequestError: "},
		} {
			var r wire.Reply
			frame, err := []byte(nil), w.Port.Send(ctx, []byte(c.frame))
			if err == nil {
				frame, err = w.Port.Recv(ctx)
			}
			if err == nil {
				r, err = wire.ParseReply(frame)
			}
			asZero := strings.HasSuffix(r.Error, "; answered as id 0")
			if err != nil || r.ID != c.id || r.ErrorType != wire.RequestError || !strings.HasPrefix(r.Error, c.says) || asZero != (c.id == 0) {
				t.Errorf("%s, %s: %s, %v", name, c.frame, frame, err)
			}
		}
		if _, err := w.Call(ctx, worker.Request{Command: "echo"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = w.Port.Close(ctx)
	}
}

func TestAModelSaysOfWhichSessionsItHoldsSomething(t *testing.T) {
	l := &model.Launcher{}
	w, _ := start(t, l)
	do := func(command, session string) {
		t.Helper()
		if _, err := w.Call(bg, worker.Request{Command: command, Args: map[string]any{"session_id": session, "key": "k", "value": 1}}); err != nil {
			t.Fatal(err)
		}
	}
	do("put", "b")
	do("put", "a")
	do("get", "c") // which makes none
	do("put", "")
	if got := l.Ports()[0].Sessions(); !slices.Equal(got, []string{"", "a", "b"}) {
		t.Errorf("it holds %q", got)
	}
	do("cleanup_session", "a")
	if got := l.Ports()[0].Sessions(); !slices.Equal(got, []string{"", "b"}) {
		t.Errorf("after the end of one it holds %q", got)
	}
	_ = w.Port.Kill()
	<-w.Port.Done()
}
