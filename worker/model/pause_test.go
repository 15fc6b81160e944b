package model_test

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// pausing starts a model worker in a bubble.
func pausing(t *testing.T, test func(*testing.T, *worker.Worker, worker.Pauser)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, _ := start(t, &model.Launcher{})
		p, ok := worker.PauserOf(w.Port)
		if !ok {
			t.Fatal("it can't be paused")
		}
		test(t, w, p)
		_ = w.Port.Kill()
		<-w.Port.Done()
	})
}

func TestAPausedModelGoesOnWhereItWas(t *testing.T) {
	const at, until = time.Second, 10 * time.Second
	for name, c := range map[string]struct {
		request       worker.Request
		begins, wants time.Duration
	}{
		"computing":       {worker.Request{Command: "burn", Args: map[string]any{"cpu_s": 2}}, 0, 11 * time.Second},
		"waiting":         {worker.Request{Command: "sleep", Args: map[string]any{"s": 2}}, 0, 10 * time.Second},
		"waiting longer":  {worker.Request{Command: "sleep", Args: map[string]any{"s": 12}}, 0, 12 * time.Second},
		"sent meanwhile":  {worker.Request{Command: "burn", Args: map[string]any{"cpu_s": 2}}, 2 * time.Second, 12 * time.Second},
		"done before":     {worker.Request{Command: "burn", Args: map[string]any{"cpu_s": .5}}, 0, 500 * time.Millisecond},
		"sent afterwards": {worker.Request{Command: "ping"}, until, until},
	} {
		t.Run(name, func(t *testing.T) {
			pausing(t, func(t *testing.T, w *worker.Worker, p worker.Pauser) {
				begin := time.Now()
				time.AfterFunc(at, func() { _ = p.Pause(bg) })
				time.AfterFunc(at+time.Second, func() { _ = p.Pause(bg) }) // twice is once
				time.AfterFunc(until-time.Nanosecond, func() { _ = p.Unpause(bg) })
				time.AfterFunc(until+time.Second/2, func() { _ = p.Unpause(bg) })
				time.Sleep(c.begins)
				if _, err := w.Call(bg, c.request); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin).Round(time.Millisecond); took != c.wants {
					t.Errorf("it was done after %v, want %v", took, c.wants)
				}
				time.Sleep(time.Minute)
				if _, err := w.Call(bg, worker.Request{Command: "ping"}); err != nil {
					t.Errorf("the call after it: %v", err)
				}
			})
		})
	}
}

func TestAPausedModelCanBeKilled(t *testing.T) {
	for name, request := range map[string]worker.Request{
		"at rest":        {},
		"computing":      {Command: "burn", Args: map[string]any{"cpu_s": 2}},
		"done meanwhile": {Command: "sleep", Args: map[string]any{"s": .5}},
	} {
		for how, end := range map[string]func(worker.Port){
			"at once":           func(p worker.Port) { _ = p.Kill() },
			"as it takes long":  func(p worker.Port) { closeWithin(p, time.Second) },
			"asked, and killed": func(p worker.Port) { go closeWithin(p, time.Hour); synctest.Wait(); _ = p.Kill() },
		} {
			pausing(t, func(t *testing.T, w *worker.Worker, p worker.Pauser) {
				if request.Command != "" {
					go func() { _, _ = w.Call(bg, request) }()
					synctest.Wait()
				}
				_ = p.Pause(bg)
				time.Sleep(time.Second)
				begin := time.Now()
				end(w.Port)
				<-w.Port.Done()
				if took := time.Since(begin); took > time.Second || w.Port.Exit().Signal != syscall.SIGKILL {
					t.Errorf("%s, %s: it ended after %v: %v", name, how, took, w.Port.Exit())
				}
				if err := p.Pause(bg); err == nil {
					t.Error("it is gone, and was paused")
				}
			})
		}
	}
}

// Whether it was done before or will be afterwards is open then; it is done once.
func TestAModelMayBePausedTheMomentItIsDone(t *testing.T) {
	for range 30 {
		for _, r := range []worker.Request{{Command: "burn", Args: map[string]any{"cpu_s": 1}}, {Command: "sleep", Args: map[string]any{"s": 1}}} {
			pausing(t, func(t *testing.T, w *worker.Worker, p worker.Pauser) {
				begin := time.Now()
				time.AfterFunc(time.Second, func() { _ = p.Pause(bg) })
				time.AfterFunc(10*time.Second, func() { _ = p.Unpause(bg) })
				if _, err := w.Call(bg, r); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took != time.Second && took != 10*time.Second {
					t.Errorf("%s: it was done after %v", r.Command, took)
				}
				time.Sleep(10 * time.Second)
				if _, err := w.Call(bg, worker.Request{Command: "ping"}); err != nil {
					t.Errorf("%s: the call after it: %v", r.Command, err)
				}
			})
		}
	}
}

func TestAModelThatIsToCrashWhilePausedDoesOnceItGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := start(t, &model.Launcher{Profile: func(int) model.Profile {
			return model.Profile{DieAged: &worker.Exit{Code: 7}, DieAge: time.Second}
		}})
		p, _ := worker.PauserOf(w.Port)
		_ = p.Pause(bg)
		time.Sleep(10 * time.Second)
		select {
		case <-w.Port.Done():
			t.Error("it ended while it was paused")
		default:
		}
		_ = p.Unpause(bg)
		<-w.Port.Done()
		if e := w.Port.Exit(); e.Code != 7 {
			t.Errorf("it ended by %v", e)
		}
	})
}

func TestAModelIsPausedWhileItBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		l := &model.Launcher{Profile: func(int) model.Profile { return model.Profile{BootCPU: 2 * time.Second} }}
		port, err := l.Launch(bg, "w1")
		if err != nil {
			t.Fatal(err)
		}
		p, _ := worker.PauserOf(port)
		time.AfterFunc(time.Second, func() { _ = p.Pause(bg) })
		time.AfterFunc(10*time.Second, func() { _ = p.Unpause(bg) })
		if _, err := worker.Start(bg, already{port}, "w1"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 11*time.Second {
			t.Errorf("it was ready after %v, want 11s", took)
		}
		_ = port.Kill()
		<-port.Done()
	})
}

func TestAModelThatWasAskedToEndWhilePausedEndsOnceItGoesOn(t *testing.T) {
	pausing(t, func(t *testing.T, w *worker.Worker, p worker.Pauser) {
		_ = p.Pause(bg)
		go closeWithin(w.Port, time.Hour)
		time.Sleep(time.Minute)
		select {
		case <-w.Port.Done():
			t.Fatal("it ended while it was paused")
		default:
		}
		_ = p.Unpause(bg)
		<-w.Port.Done()
		if e := w.Port.Exit(); e != (worker.Exit{}) {
			t.Errorf("it ended by %v", e)
		}
	})
}

func closeWithin(p worker.Port, d time.Duration) {
	ctx, cancel := context.WithTimeout(bg, d)
	defer cancel()
	_ = p.Close(ctx)
}
