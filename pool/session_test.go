package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// open gives a pool's session.
func open(t *testing.T, p *Pool, id string) *Session {
	t.Helper()
	q, err := p.Session(id)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// put leaves a value behind, and says which worker has it.
func put(t *testing.T, q *Session, value string) (worker string) {
	t.Helper()
	r, err := q.Call(context.Background(), "put", map[string]any{"key": "k", "value": value})
	if err != nil {
		t.Fatal(err)
	}
	return r.Worker
}

// get is the value that was left behind, "" if none is found.
func get(t *testing.T, q *Session) string {
	t.Helper()
	r, err := q.Call(context.Background(), "get", map[string]any{"key": "k"})
	var got struct{ Value string }
	if err := errors.Join(err, json.Unmarshal(r.Result, &got)); err != nil {
		t.Fatal(err)
	}
	return got.Value
}

// held are the sessions of which living workers hold something.
func held(l *model.Launcher) (all []string) {
	for _, p := range l.Ports() {
		if !p.Gone() {
			for _, id := range p.Sessions() {
				all = append(all, p.ID+" "+id)
			}
		}
	}
	return all
}

// port is a worker's.
func port(l *model.Launcher, id string) *model.Port {
	for _, p := range l.Ports() {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// sleepIn has a session's worker busy for a while, from now on.
func sleepIn(q *Session, d time.Duration) (done func() error) {
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { _, err = q.Call(context.Background(), "sleep", map[string]any{"s": d.Seconds()}) })
	synctest.Wait()
	return func() error {
		wg.Wait()
		return err
	}
}

func TestAStrictSessionFindsWhatItLeftBehindEachTime(t *testing.T) {
	bubble(t, Config{Size: 3}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		q := open(t, p, "s")
		at := put(t, q, "mine")
		for range 6 {
			together(p, 3, ms) // which has the workers change places
			r, err := q.Call(context.Background(), "get", map[string]any{"key": "k"})
			if err != nil || r.Worker != at || !strings.Contains(string(r.Result), "mine") {
				t.Errorf("%s of %s, %v; want what %s holds", r.Result, r.Worker, err, at)
			}
		}
	})
}

func TestNoSessionSeesWhatAnotherLeftBehind(t *testing.T) {
	for _, a := range []Affinity{Strict, Preferred, None} {
		bubble(t, Config{Size: 2, Affinity: a}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
			_ = p.Ready(context.Background())
			for i := range 6 {
				put(t, open(t, p, fmt.Sprint("s", i)), fmt.Sprint("of ", i))
			}
			for i := range 6 {
				if got, own := get(t, open(t, p, fmt.Sprint("s", i))), fmt.Sprint("of ", i); got != own && (got != "" || a == Strict) {
					t.Errorf("affinity %v: session %d finds %q", a, i, got)
				}
			}
			if r, err := p.Call(context.Background(), "list", nil); err != nil || string(r.Result) != `{"keys":[]}` {
				t.Errorf("affinity %v: without a session one sees %s, %v", a, r.Result, err)
			}
		})
	}
}

func TestNewSessionsSpreadOverTheWorkers(t *testing.T) {
	bubble(t, Config{Size: 3}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		on := map[string]int{}
		for i := range 6 {
			on[put(t, open(t, p, fmt.Sprint("s", i)), "x")]++
		}
		if on["w1"] != 2 || on["w2"] != 2 || on["w3"] != 2 {
			t.Errorf("sessions by worker: %v", on)
		}
	})
}

func TestAStrictSessionWaitsForItsWorkerAndOthersPassIt(t *testing.T) {
	bubble(t, Config{Size: 2, Overflow: 2}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		q := open(t, p, "s")
		at := put(t, q, "x")
		first := sleepIn(q, sec)
		begin := time.Now()
		second := sleepIn(q, sec)
		if r, err := p.Call(context.Background(), "echo", nil); err != nil || r.Worker == at || time.Since(begin) > 0 {
			t.Errorf("another was served by %s after %v, %v", r.Worker, time.Since(begin), err)
		}
		if err := errors.Join(first(), second()); err != nil || time.Since(begin) != 2*sec {
			t.Errorf("the session's two calls took %v, %v; want one after the other", time.Since(begin), err)
		}
		if n := len(l.Ports()); n != 2 {
			t.Errorf("%d workers were started: a start is of no use to who waits for another worker", n)
		}
	})
}

func TestCallsOfAStrictSessionAreServedInTheirOrder(t *testing.T) {
	bubble(t, Config{Size: 2, Lazy: true, Cores: 2}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		q := open(t, p, "s")
		var mu sync.Mutex
		var order []int
		on := map[string]bool{}
		var wg sync.WaitGroup
		for i := range 6 { // the first cause the start, the last find the worker busy
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 200 * ms)
				r, err := q.Call(context.Background(), "sleep", map[string]any{"s": .3})
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
				if on[r.Worker] = true; err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if !slices.IsSorted(order) || len(on) != 1 {
			t.Errorf("served in the order %v, by %v", order, on)
		}
		if n := len(l.Ports()); n != 1 {
			t.Errorf("%d workers were started for one session", n)
		}
	})
}

func TestACallerOfASessionWhoGivesUpLeavesItToTheNext(t *testing.T) {
	bubble(t, Config{Size: 2}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		a, _ := p.Checkout(context.Background())
		b, _ := p.Checkout(context.Background())
		q := open(t, p, "s")
		ctx, cancel := until(sec)
		defer cancel()
		var gave error
		var wg sync.WaitGroup
		wg.Go(func() { _, gave = q.Call(ctx, "echo", nil) })
		synctest.Wait()
		next := sleepIn(q, sec)
		time.Sleep(2 * sec)
		wg.Wait()
		a.Checkin()
		if err := next(); err != nil || !errors.Is(gave, context.DeadlineExceeded) {
			t.Errorf("the first got %v, the next %v", gave, err)
		}
		b.Checkin()
	})
}

func TestAPreferredWorkerIsTakenIfItIsIdleAndElseAnother(t *testing.T) {
	bubble(t, Config{Size: 3, Affinity: Preferred}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		q := open(t, p, "s")
		at := put(t, q, "x")
		for range 3 {
			together(p, 3, ms)
			if r, err := q.Call(context.Background(), "echo", nil); err != nil || r.Worker != at {
				t.Errorf("served by %s, %v; want %s, which is idle", r.Worker, err, at)
			}
		}
		busy := sleepIn(q, sec)
		begin := time.Now()
		r, err := q.Call(context.Background(), "echo", nil)
		if err != nil || r.Worker == at || time.Since(begin) > 0 {
			t.Errorf("served by %s after %v, %v; want another than the one that is busy", r.Worker, time.Since(begin), err)
		}
		if err := busy(); err != nil {
			t.Error(err)
		}
		if again, err := q.Call(context.Background(), "echo", nil); err != nil || again.Worker != r.Worker {
			t.Errorf("then served by %s, %v; want %s, which it was given last", again.Worker, err, r.Worker)
		}
	})
}

func TestWithoutAffinityASessionIsServedByAnyWorker(t *testing.T) {
	bubble(t, Config{Size: 3, Affinity: None}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		q := open(t, p, "s")
		on := map[string]bool{}
		for range 3 {
			on[put(t, q, "x")] = true
			anonymous, _ := p.Checkout(context.Background()) // the one that was idle last
			defer anonymous.Checkin()
		}
		if len(on) != 3 || len(held(l)) != 3 {
			t.Errorf("served by %v", on)
		}
	})
}

func TestTheEndOfASessionReachesEveryWorkerThatHoldsSomethingOfIt(t *testing.T) {
	for _, a := range []Affinity{Strict, Preferred, None} {
		bubble(t, Config{Size: 3, Affinity: a}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
			_ = p.Ready(context.Background())
			q, other := open(t, p, "s"), open(t, p, "other")
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { put(t, q, "x") })
			}
			wg.Wait()
			at := put(t, other, "stays")
			if err := q.End(context.Background()); err != nil {
				t.Error(err)
			}
			if got := held(l); !slices.Equal(got, []string{at + " other"}) {
				t.Errorf("affinity %v: after the end there are still %q", a, got)
			}
			if _, err := q.Call(context.Background(), "echo", nil); !errors.Is(err, ErrSessionEnded) {
				t.Errorf("a call after the end: %v", err)
			}
			if s := p.Stat(); s.Sessions != 1 || s.Idle != 3 || s.Replaced != 0 {
				t.Errorf("%+v", s)
			}
			if err := q.End(context.Background()); err != nil {
				t.Errorf("the second end: %v", err)
			}
		})
	}
}

func TestAnEndedSessionsNameMayBeUsedAgainAtOnce(t *testing.T) {
	for _, a := range []Affinity{Strict, Preferred, None} {
		bubble(t, Config{Size: 1, Affinity: a}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
			old := open(t, p, "s")
			put(t, old, "old")
			busy := sleepIn(old, sec)
			ctx, cancel := until(ms)
			defer cancel()
			if err := old.End(ctx); !errors.Is(err, context.DeadlineExceeded) { // its worker does something else
				t.Errorf("the end: %v", err)
			}
			again := open(t, p, "s")
			if got := get(t, again); got != "" {
				t.Errorf("affinity %v: the new session finds %q", a, got)
			}
			put(t, again, "new")
			if err := errors.Join(busy(), old.End(context.Background())); err != nil {
				t.Error(err)
			}
			if got := get(t, again); got != "new" {
				t.Errorf("affinity %v: the end of the old session left %q of the new", a, got)
			}
		})
	}
}

func TestTheEndSendsThoseInLineHomeAndLetsCallsFinish(t *testing.T) {
	bubble(t, Config{Size: 1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		q := open(t, p, "s")
		runs := sleepIn(q, sec)
		waits := sleepIn(q, sec)
		begin := time.Now()
		if err := q.End(context.Background()); err != nil || time.Since(begin) != sec {
			t.Errorf("ended after %v, %v; want when its call was done", time.Since(begin), err)
		}
		if err := waits(); !errors.Is(err, ErrSessionEnded) {
			t.Errorf("who was in line got %v", err)
		}
		if err := runs(); err != nil {
			t.Errorf("the call that ran got %v", err)
		}
	})
}

func TestASessionWhoseWorkerIsGoneIsLostAndSaysSoUntilItsEnd(t *testing.T) {
	for how, c := range map[string]struct {
		kill func(*Pool, *Session, *model.Port)
		says string
	}{
		"it died": {func(_ *Pool, _ *Session, w *model.Port) { _ = w.Kill() }, "killed by SIGKILL"},
		"a call on it was given up": {func(_ *Pool, q *Session, w *model.Port) {
			ctx, cancel := until(sec)
			defer cancel()
			_, err := q.Call(ctx, "sleep", map[string]any{"s": 5})
			if e := (*worker.CallError)(nil); !errors.Is(err, ErrSessionLost) || !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the call that was given up: %v", err)
			}
		}, "was replaced"},
		"another discarded it": {func(p *Pool, q *Session, w *model.Port) {
			a, _ := p.Checkout(context.Background())
			b, _ := p.Checkout(context.Background())
			a.Discard()
			b.Discard()
		}, "was replaced"},
	} {
		bubble(t, Config{Name: "blue", Size: 2}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
			_ = p.Ready(context.Background())
			q := open(t, p, "s")
			at := put(t, q, "x")
			c.kill(p, q, port(l, at))
			synctest.Wait()
			for _, q := range []*Session{q, open(t, p, "s")} {
				_, err := q.Call(context.Background(), "get", map[string]any{"key": "k"})
				e := (*CheckoutError)(nil)
				if !errors.Is(err, ErrSessionLost) || !errors.As(err, &e) || e.Session != "s" || !strings.Contains(err.Error(), "session s: no worker after 0s: session is lost: worker "+at) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: got %v", how, err)
				}
			}
			if s := p.Stat(); s.SessionsLost != 1 || s.Sessions != 1 {
				t.Errorf("%s: %+v", how, s)
			}
			if err := q.End(context.Background()); err != nil {
				t.Error(err)
			}
			if got := get(t, open(t, p, "s")); got != "" {
				t.Errorf("%s: the next session of the name finds %q", how, got)
			}
		})
	}
}

func TestWhoWaitsForALostWorkerIsToldAtOnce(t *testing.T) {
	bubble(t, Config{Size: 2}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		q := open(t, p, "s")
		at := put(t, q, "x")
		runs := sleepIn(q, sec)
		waits := sleepIn(q, sec)
		begin := time.Now()
		_ = port(l, at).Kill()
		err := waits()
		if !errors.Is(err, ErrSessionLost) || time.Since(begin) > 0 {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		if err := runs(); !errors.Is(err, ErrSessionLost) || !errors.As(err, new(*worker.CallError)) {
			t.Errorf("whose call was cut short: %v", err)
		}
	})
}

func TestASessionOfWhichNothingWasHeldIsNotLost(t *testing.T) {
	bubble(t, Config{Size: 2}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		q := open(t, p, "s")
		lease, err := q.Checkout(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		first := sleepIn(q, sec)
		second := sleepIn(q, sec)
		begin := time.Now()
		_ = port(l, lease.Worker()).Kill() // before anything was called
		if err := errors.Join(first(), second()); err != nil || time.Since(begin) != 2*sec {
			t.Errorf("after %v: %v; want both served by the other worker, one after another", time.Since(begin), err)
		}
		lease.Checkin()
		if s := p.Stat(); s.SessionsLost != 0 || s.Idle != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestASessionThatMayGoAnywhereIsNotLost(t *testing.T) {
	for _, a := range []Affinity{Preferred, None} {
		bubble(t, Config{Size: 2, Affinity: a}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
			_ = p.Ready(context.Background())
			q := open(t, p, "s")
			_ = port(l, put(t, q, "x")).Kill()
			synctest.Wait()
			if got := get(t, q); got != "" {
				t.Errorf("found %q", got)
			}
			if err := q.End(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestASessionEndsThatNobodyUsed(t *testing.T) {
	bubble(t, Config{Size: 2, SessionTTL: 10 * sec}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		q, never := open(t, p, "s"), open(t, p, "never used")
		put(t, q, "x")
		time.Sleep(9 * sec)
		if got := get(t, q); got != "x" {
			t.Errorf("after 9 s: %q", got)
		}
		time.Sleep(9 * sec)
		synctest.Wait()
		if s := p.Stat(); s.Sessions != 1 || s.SessionsExpired != 1 {
			t.Errorf("%+v, want the one that was never used gone", s)
		}
		if err := sleepIn(q, 30*sec)(); err != nil { // longer than it may go unused
			t.Errorf("a long call: %v", err)
		}
		time.Sleep(10*sec - 1)
		synctest.Wait()
		if got := held(l); len(got) != 1 {
			t.Errorf("%q are held at the last moment", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := held(l); len(got) != 0 {
			t.Errorf("%q are held after its time", got)
		}
		for _, q := range []*Session{q, never} {
			if _, err := q.Call(context.Background(), "echo", nil); !errors.Is(err, ErrSessionEnded) {
				t.Errorf("got %v", err)
			}
		}
		if got := get(t, open(t, p, "s")); got != "" {
			t.Errorf("one of the same name finds %q", got)
		}
	})
}

func TestSessionLimitBoundsHowManyThereAre(t *testing.T) {
	bubble(t, Config{Size: 1, SessionLimit: 2}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		a := open(t, p, "a")
		open(t, p, "b")
		if _, err := p.Session("c"); !errors.Is(err, ErrSessionLimit) {
			t.Errorf("the third: %v", err)
		}
		if got := open(t, p, "a"); got != a {
			t.Error("one that is there is not found")
		}
		_ = a.End(context.Background())
		open(t, p, "c")
		if _, err := p.Session(""); err == nil {
			t.Error("one without a name was opened")
		}
	})
}

func TestAnOverflowWorkerIsKeptWhileASessionWouldBeLostWithIt(t *testing.T) {
	for _, a := range []Affinity{Strict, Preferred} {
		bubble(t, Config{Size: 1, Overflow: 2, OverflowIdle: sec, Affinity: a}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
			var sessions []*Session
			var leases []Lease
			for i := range 3 {
				q := open(t, p, fmt.Sprint("s", i))
				lease, err := q.Checkout(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := lease.Call(context.Background(), "put", map[string]any{"key": "k", "value": "x"}); err != nil {
					t.Fatal(err)
				}
				sessions, leases = append(sessions, q), append(leases, lease)
			}
			for _, lease := range leases {
				lease.Checkin()
			}
			want := map[Affinity]int{Strict: 3, Preferred: 1}[a]
			time.Sleep(time.Hour)
			synctest.Wait()
			if n := l.Alive(); n != want {
				t.Errorf("affinity %v: %d workers are alive, want %d", a, n, want)
			}
			for _, q := range sessions {
				if err := q.End(context.Background()); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(sec)
			synctest.Wait()
			if n := l.Alive(); n != 1 {
				t.Errorf("affinity %v: %d workers are alive after the sessions' end", a, n)
			}
		})
	}
}

func TestAWorkerThatDoesNotForgetASessionIsReplaced(t *testing.T) {
	deaf := first(1, model.Profile{DeafAt: 2}, model.Profile{})
	for timeout, want := range map[time.Duration]time.Duration{0: 5 * sec, sec: sec} {
		bubble(t, Config{Size: 1, TendTimeout: timeout}, deaf, func(t *testing.T, p *Pool, l *model.Launcher) {
			q := open(t, p, "s")
			put(t, q, "x")
			begin := time.Now()
			if err := q.End(context.Background()); err != nil || time.Since(begin) != want {
				t.Errorf("ended after %v, %v; want %v", time.Since(begin), err, want)
			}
			if r, err := p.Call(context.Background(), "echo", nil); err != nil || r.Worker != "w2" {
				t.Errorf("then served by %s, %v", r.Worker, err)
			}
		})
	}
}

func TestCloseEndsSessionsToo(t *testing.T) {
	bubble(t, Config{Size: 2, SessionTTL: time.Hour}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		q, r := open(t, p, "q"), open(t, p, "r")
		put(t, q, "x")
		runs := sleepIn(r, sec)
		var wg sync.WaitGroup
		for range 2 { // while it closes, and once it is closed
			wg.Go(func() {
				if err := p.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			if _, err := q.Call(context.Background(), "echo", nil); !errors.Is(err, ErrClosed) {
				t.Errorf("call: %v", err)
			}
			if err := errors.Join(q.End(context.Background()), r.End(context.Background())); err != nil {
				t.Errorf("end: %v", err)
			}
			if _, err := p.Session("new"); !errors.Is(err, ErrClosed) {
				t.Errorf("a new one: %v", err)
			}
			if err := runs(); err != nil {
				t.Errorf("the call that ran: %v", err)
			}
			wg.Wait()
		}
	})
}

func TestASessionThatIsForgottenWhileThePoolClosesKeepsNobody(t *testing.T) {
	deaf := func(int) model.Profile { return model.Profile{DeafAt: 2} }
	bubble(t, Config{Size: 1, TendTimeout: time.Hour}, deaf, func(t *testing.T, p *Pool, l *model.Launcher) {
		q := open(t, p, "s")
		put(t, q, "x")
		var ended error
		var wg sync.WaitGroup
		wg.Go(func() { ended = q.End(context.Background()) })
		synctest.Wait()
		begin := time.Now()
		if err := p.Close(context.Background()); err != nil || time.Since(begin) > 0 {
			t.Errorf("closed after %v, %v", time.Since(begin), err)
		}
		if wg.Wait(); ended != nil {
			t.Errorf("end: %v", ended)
		}
		if s := p.Stat(); s.Replaced != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhereNobodyWaitsASessionsOwnWorkerIsNotWaitedForEither(t *testing.T) {
	bubble(t, Config{Size: 2, Lazy: true, QueueLimit: -1}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Warm(context.Background(), 1)
		q := open(t, p, "s")
		put(t, q, "x")
		runs := sleepIn(q, sec)
		if _, err := q.Call(context.Background(), "echo", nil); !errors.Is(err, ErrQueueFull) {
			t.Errorf("got %v", err)
		}
		if err := runs(); err != nil || len(l.Ports()) != 1 {
			t.Errorf("%v; %d workers were started", err, len(l.Ports()))
		}
	})
}
