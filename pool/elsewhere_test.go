package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

// What went wrong with other pools, in ten versions of one of them above all, has findings
// of its own (findings: crash-storm and those after it). Here is shown of ours what these
// don't: more ways to crash, all of the nested limits, what becomes of a pool whose
// namesake ends. What only processes can show is in worker/process.

func TestAfterACrashStormThePoolHasItsSizeAgain(t *testing.T) {
	for name, crash := range map[string]model.Profile{
		"in the first call":    {DieAtCall: 1},
		"before the hello":     {DieAtHello: &worker.Exit{Code: 1}},
		"soon after the hello": {DieAged: &worker.Exit{Code: 1}, DieAge: 10 * ms},
		"not launched":         {Refuse: errors.New("no memory")},
	} {
		for _, cfg := range []Config{{Size: 4}, {Size: 4, Lazy: true}, {Size: 2, Overflow: 2, PingEvery: sec, MaxAge: 10 * sec, Seed: 7}} {
			bubble(t, cfg, first(40, crash, model.Profile{}), func(t *testing.T, p *Pool, l *model.Launcher) {
				begin := time.Now()
				for !over(l) { // callers go on calling all the while
					together(p, 6, 10*ms)
					time.Sleep(10 * ms)
				}
				if d := time.Since(begin); d > 5*time.Minute {
					t.Errorf("%s: 40 starts took %v", name, d)
				}
				time.Sleep(restMost * 3 / 2) // the last rest
				out := together(p, 4, sec)
				for _, s := range out {
					if s.err != nil {
						t.Errorf("%s: after the storm: %v", name, s.err)
					}
				}
				if n := workers(out); n != 4 {
					t.Errorf("%s: %d workers serve four callers", name, n)
				}
			})
		}
	}
}

// over says whether the storm is: the first forty are gone. One that is idle waits for
// the call in which it ends.
func over(l *model.Launcher) bool {
	ports := l.Ports()
	return len(ports) >= 40 && !slices.ContainsFunc(ports[:40], func(p *model.Port) bool { return !p.Gone() })
}

// spied is a launcher whose ports note what passes.
type spied struct {
	*model.Launcher
	mu    sync.Mutex
	early []string // what was sent to a worker before it had said hello
}

type spiedPort struct {
	worker.Port
	id    string
	of    *spied
	sent  int
	hello bool
}

func (l *spied) Launch(ctx context.Context, id string) (worker.Port, error) {
	port, err := l.Launcher.Launch(ctx, id)
	return &spiedPort{Port: port, id: id, of: l}, err
}

func (p *spiedPort) Send(ctx context.Context, frame []byte) error {
	p.of.mu.Lock()
	if p.sent++; p.sent > 1 && !p.hello {
		p.of.early = append(p.of.early, p.id+" "+string(frame))
	}
	p.of.mu.Unlock()
	return p.Port.Send(ctx, frame)
}

// Recv implements worker.Port.
func (p *spiedPort) Recv(ctx context.Context) ([]byte, error) {
	frame, err := p.Port.Recv(ctx)
	if err != nil {
		return frame, err
	}
	r, err := wire.ParseReply(frame)
	if err != nil {
		return frame, err
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.hello = p.hello || r.ID == 0 && r.Success
	return frame, nil
}

func TestNobodyIsReadyBeforeItsHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &spied{Launcher: &model.Launcher{Profile: func(n int) model.Profile { return model.Profile{BootWait: time.Duration(n+1) * sec} }}}
		p, err := New(context.Background(), l, Config{Size: 3, StartConcurrency: 3, PingEvery: 100 * ms, SessionTTL: sec})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close(context.Background())
		begin := time.Now()
		var ready time.Duration
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := p.Ready(context.Background()); err != nil {
				t.Error(err)
			}
			ready = time.Since(begin)
		})
		if out := together(p, 3, 100*ms); failures(out) > 0 || last(out) != 1300*ms {
			t.Errorf("got %v, want all served by the one that is ready", out)
		}
		if wg.Wait(); ready != 3*sec || len(l.early) > 0 {
			t.Errorf("ready after %v, and before a hello was sent: %q", ready, l.early)
		}
	})
}

func TestOfNestedDeadlinesTheInnermostEndsFirstAndSaysSo(t *testing.T) {
	mute := func(int) model.Profile { return model.Profile{Mute: true} }
	for name, c := range map[string]struct {
		cfg      Config
		profile  func(int) model.Profile
		patience time.Duration // of the caller
		hold     time.Duration // somebody has the worker for so long
		after    time.Duration
		says     func(err error) bool
	}{
		"the start's, then the line's": {Config{Size: 1, Lazy: true, StartTimeout: sec, CheckoutTimeout: 1500 * ms}, mute, 10 * sec, 0, 1500 * ms, func(err error) bool {
			e := (*worker.StartError)(nil)
			return errors.Is(err, ErrCheckoutTimeout) && errors.As(err, &e) && errors.Is(e, context.DeadlineExceeded) && e.Elapsed == sec
		}},
		"the line's": {Config{Size: 1, CheckoutTimeout: 2 * sec, CallTimeout: 3 * sec}, nil, 10 * sec, time.Minute, 2 * sec, func(err error) bool {
			return errors.Is(err, ErrCheckoutTimeout)
		}},
		"the call's, from when it has a worker": {Config{Size: 1, CheckoutTimeout: 2 * sec, CallTimeout: 3 * sec}, nil, 10 * sec, 1500 * ms, 4500 * ms, func(err error) bool {
			e := (*worker.CallError)(nil)
			return errors.As(err, &e) && errors.Is(err, context.DeadlineExceeded) && e.Elapsed == 3*sec
		}},
		"the caller's, in line": {Config{Size: 1, CheckoutTimeout: 2 * sec, CallTimeout: 3 * sec}, nil, sec, time.Minute, sec, func(err error) bool {
			return errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrCheckoutTimeout)
		}},
		"the caller's, in its call": {Config{Size: 1, CheckoutTimeout: 2 * sec, CallTimeout: 3 * sec}, nil, 2 * sec, 0, 2 * sec, func(err error) bool {
			e := (*worker.CallError)(nil)
			return errors.As(err, &e) && e.Elapsed == 2*sec
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, c.cfg, c.profile, func(t *testing.T, p *Pool, l *model.Launcher) {
				if c.hold > 0 {
					held, err := p.Checkout(context.Background())
					if err != nil {
						t.Fatal(err)
					}
					var wg sync.WaitGroup
					defer wg.Wait()
					wg.Go(func() {
						time.Sleep(c.hold)
						held.Checkin()
					})
				}
				ctx, cancel := until(c.patience)
				defer cancel()
				begin := time.Now()
				_, err := p.Call(ctx, "sleep", map[string]any{"s": 100})
				if d := time.Since(begin); d != c.after || err == nil || !c.says(err) {
					t.Errorf("after %v: %v", d, err)
				}
			})
		})
	}
}

func TestTwoPoolsOfOneNameHaveNothingToDoWithEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &model.Launcher{} // which may be the same too
		var pools []*Pool
		for range 2 {
			p, err := New(context.Background(), l, Config{Name: "workers", Size: 2, SessionTTL: time.Hour, PingEvery: sec, MaxAge: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			_ = p.Ready(context.Background())
			pools = append(pools, p)
		}
		for i, p := range pools {
			put(t, open(t, p, "s"), fmt.Sprint("of pool ", i))
		}
		for i, p := range pools {
			if got := get(t, open(t, p, "s")); got != fmt.Sprint("of pool ", i) {
				t.Errorf("the session of pool %d finds %q", i, got)
			}
		}
		if out := slices.Concat(together(pools[0], 2, sec), together(pools[1], 2, sec)); failures(out) > 0 || last(out) != sec {
			t.Errorf("got %v", out)
		}
		_ = l.Ports()[0].Kill() // the first pool's
		synctest.Wait()
		if err := pools[0].Close(context.Background()); err != nil {
			t.Error(err)
		}
		if s := pools[1].Stat(); l.Alive() != 2 || s.Idle != 2 || s.Deaths+s.SessionsLost != 0 || s.Sessions != 1 {
			t.Errorf("after the end of the other: %d are alive, %+v", l.Alive(), s)
		}
		if got := get(t, open(t, pools[1], "s")); got != "of pool 1" {
			t.Errorf("after the end of the other its session finds %q", got)
		}
		if err := pools[1].Close(context.Background()); err != nil || l.Alive() != 0 {
			t.Errorf("%v, %d are alive", err, l.Alive())
		}
	})
}

func TestPoolsSideBySideBeginTheirStartsOnTheirOwnCores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &model.Launcher{Profile: func(int) model.Profile { return model.Profile{BootCPU: sec} }}
		for range 2 {
			p, err := New(context.Background(), l, Config{Name: "workers", Size: 4, Cores: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close(context.Background())
		}
		for i := range 4 {
			time.Sleep(900 * ms)
			synctest.Wait()
			if n := len(l.Ports()); n != 2*(i+1) {
				t.Errorf("%d starts after %v, want one at a time and pool", n, time.Duration(i)*sec+900*ms)
			}
			time.Sleep(100 * ms)
		}
	})
}

// All durations are of the pool's own clock, which never goes back. The first worker's is
// far behind it, and the second one's far before.
func TestAWorkerWhoseClockIsWrongMakesNoDurationNegative(t *testing.T) {
	bubble(t, Config{Size: 1, CallTimeout: 2 * sec, CheckoutTimeout: sec, SessionTTL: 10 * sec, MaxAge: time.Hour, PingEvery: time.Minute}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		echo := func() {
			if _, err := p.Call(context.Background(), "echo", nil); err != nil {
				t.Error(err)
			}
		}
		echo()
		put(t, open(t, p, "s"), "x")
		held, _ := p.Checkout(context.Background())
		_, err := p.Checkout(context.Background())
		if e := (*CheckoutError)(nil); !errors.As(err, &e) || e.Waited != sec {
			t.Errorf("in line: %v", err)
		}
		_, err = held.Call(context.Background(), "sleep", map[string]any{"s": 10})
		if e := (*worker.CallError)(nil); !errors.As(err, &e) || e.Elapsed != 2*sec {
			t.Errorf("in the call: %v", err)
		}
		held.Checkin()
		time.Sleep(2 * sec) // the next one starts
		echo()
		time.Sleep(8 * sec)
		synctest.Wait()
		if s := p.Stat(); s.WaitTime != sec || s.StartTime != 2*sec || s.Sessions != 0 || s.Recycled != 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := p.Stat(); s.Recycled != 1 || s.Idle+s.Starting != 1 {
			t.Errorf("an hour later: %+v", s)
		}
	})
}
