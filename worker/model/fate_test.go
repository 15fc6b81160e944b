package model_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

var bg = context.Background()

const sec = time.Second

// start gives a worker, and how long it took to be ready.
func start(t *testing.T, l *model.Launcher) (*worker.Worker, time.Duration) {
	t.Helper()
	begin := time.Now()
	w, err := worker.Start(bg, l, "w1")
	if err != nil {
		t.Fatal(err)
	}
	return w, time.Since(begin)
}

func TestACallMeetsTheFateThatIsDecided(t *testing.T) {
	dies := &worker.Exit{Code: 7}
	for _, c := range []struct {
		name    string
		command string
		args    map[string]any
		fate    func(model.Call) model.Fate
		took    time.Duration
		result  string
		err     string // the handler's
		exit    *worker.Exit
	}{
		{"what it asks for by itself, and more", "sleep", map[string]any{"s": 2}, func(c model.Call) model.Fate {
			return model.Fate{Demand: model.Demand{Wait: c.Asked.Wait + sec, CPU: sec}}
		}, 4 * sec, `{"slept_s":2}`, "", nil},
		{"CPU in place of waiting", "burn", map[string]any{"cpu_s": 2}, func(c model.Call) model.Fate {
			return model.Fate{Demand: model.Demand{CPU: c.Asked.CPU / 2}}
		}, sec, `{"burnt_s":2}`, "", nil},
		{"an error", "ping", nil, func(model.Call) model.Fate {
			return model.Fate{Demand: model.Demand{Wait: sec}, Err: "ValueError: no"}
		}, sec, "", "ValueError: no", nil},
		{"a command that the model does not know", "predict", nil, func(c model.Call) model.Fate {
			if c.Asked != (model.Demand{}) || c.Command != "predict" {
				t.Errorf("asked for %+v", c)
			}
			return model.Fate{Demand: model.Demand{Wait: sec}}
		}, sec, "null", "", nil},
		{"a function that the model does not know", "call", map[string]any{"function": "math:hypot"}, func(model.Call) model.Fate {
			return model.Fate{Demand: model.Demand{CPU: sec}}
		}, sec, "null", "", nil},
		{"a function that it knows", "call", map[string]any{"function": "operator:truediv", "args": []any{1, 2}}, func(model.Call) model.Fate {
			return model.Fate{}
		}, 0, "0.5", "", nil},
		{"death once it has had its demand", "sleep", map[string]any{"s": 2}, func(model.Call) model.Fate {
			return model.Fate{Demand: model.Demand{CPU: sec}, Dies: dies}
		}, sec, "", "", dies},
	} {
		synctest.Test(t, func(t *testing.T) {
			id := ""
			l := &model.Launcher{Fate: func(call model.Call) model.Fate { id = call.ID; return c.fate(call) }}
			w, _ := start(t, l)
			defer w.Port.Kill()
			args := map[string]any{"call_id": "c1"}
			for k, v := range c.args {
				args[k] = v
			}
			begin := time.Now()
			r, err := w.Call(bg, worker.Request{Command: c.command, Args: args})
			if took := time.Since(begin); took != c.took || id != "c1" {
				t.Errorf("%s: %s took %v, want %v", c.name, id, took, c.took)
			}
			remote, failed := (*worker.RemoteError)(nil), (*worker.CallError)(nil)
			switch {
			case c.exit != nil:
				if !errors.As(err, &failed) || failed.Exit == nil || *failed.Exit != *c.exit {
					t.Errorf("%s: got %v, want exit %v", c.name, err, *c.exit)
				}
			case c.err != "":
				if !errors.As(err, &remote) || remote.Message != c.err {
					t.Errorf("%s: got %v, want %s", c.name, err, c.err)
				}
			case err != nil || string(r.Result) != c.result:
				t.Errorf("%s: got %s, %v, want %s", c.name, r.Result, err, c.result)
			}
		})
	}
}

func TestAModelThatNobodyDecidesForKnowsNoOtherCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := start(t, &model.Launcher{})
		defer w.Port.Kill()
		if _, err := w.Call(bg, worker.Request{Command: "predict"}); err == nil {
			t.Error("it answered")
		}
	})
}

func TestAStartMayEndInDeathOnceItHasHadItsDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exit := worker.Exit{Code: -1, Signal: syscall.SIGSEGV}
		l := &model.Launcher{Profile: func(int) model.Profile {
			return model.Profile{BootCPU: sec, BootWait: sec, DieBooted: &exit}
		}}
		p, err := l.Launch(bg, "w1")
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		<-p.Done() // nobody said hello
		if took := time.Since(begin); took != 2*sec || p.Exit() != exit {
			t.Errorf("it ended after %v: %v", took, p.Exit())
		}
	})
}

func TestAWorkerOfAgeDiesWhateverItDoes(t *testing.T) {
	exit := worker.Exit{Code: 3}
	for name, busy := range map[string]func(w *worker.Worker){
		"at rest": func(*worker.Worker) {},
		"in a call": func(w *worker.Worker) {
			_, _ = w.Call(bg, worker.Request{Command: "sleep", Args: map[string]any{"s": 60}})
		},
		"on a CPU": func(w *worker.Worker) {
			_, _ = w.Call(bg, worker.Request{Command: "burn", Args: map[string]any{"cpu_s": 60}})
		},
		"told to go": func(w *worker.Worker) { time.Sleep(sec); _ = w.Port.Kill() },
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &model.Launcher{Profile: func(int) model.Profile {
				return model.Profile{BootWait: sec, DieAged: &exit, DieAge: 5 * sec}
			}}
			begin := time.Now()
			w, _ := start(t, l)
			go busy(w)
			<-w.Port.Done()
			if told := name == "told to go"; !told && (time.Since(begin) != 5*sec || w.Port.Exit() != exit) || told && time.Since(begin) != 2*sec {
				t.Errorf("%s: it ended after %v: %v", name, time.Since(begin), w.Port.Exit())
			}
		})
	}
}

func TestLaunchesAreCountedWhetherTheyComeAboutOrNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := []int{}
		no := errors.New("no")
		l := &model.Launcher{Profile: func(n int) model.Profile {
			seen = append(seen, n)
			if n == 1 {
				return model.Profile{Refuse: no}
			}
			return model.Profile{}
		}}
		calledOff, cancel := context.WithCancel(bg)
		cancel()
		for i, ctx := range []context.Context{calledOff, bg, bg} {
			p, err := l.Launch(ctx, "w1")
			if (err == nil) != (i == 2) {
				t.Errorf("launch %d: %v", i, err)
			}
			if p != nil {
				_ = p.Kill()
				<-p.Done()
			}
		}
		if len(seen) != 2 || seen[0] != 1 || seen[1] != 2 {
			t.Errorf("profiles of %v were asked for, want 1 and 2", seen)
		}
	})
}

func TestAModelKnowsEachFunctionThatItNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := start(t, &model.Launcher{})
		defer w.Port.Kill()
		for _, function := range append([]string{"math:hypot"}, model.Functions...) {
			_, err := w.Call(bg, worker.Request{Command: "call", Args: map[string]any{"function": function}})
			if unknown := err != nil && strings.Contains(err.Error(), "a model has no"); unknown != (function == "math:hypot") {
				t.Errorf("%s: %v", function, err)
			}
		}
	})
}
