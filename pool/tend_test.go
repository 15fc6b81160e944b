package pool

import (
	"context"
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

// pinged is how many calls each worker has taken, in the order of their starts.
func pinged(l *model.Launcher) (calls []int) {
	for _, p := range l.Ports() {
		calls = append(calls, p.Calls())
	}
	return calls
}

func TestAnIdleWorkerThatIsDeafIsReplacedBeforeAnybodyNeedsIt(t *testing.T) {
	deaf := first(1, model.Profile{DeafAt: 2}, model.Profile{BootWait: sec})
	bubble(t, Config{Size: 1, PingEvery: 10 * sec, TendTimeout: 2 * sec}, deaf, func(t *testing.T, p *Pool, l *model.Launcher) {
		if _, err := p.Call(context.Background(), "echo", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12*sec - 1)
		synctest.Wait()
		if s := p.Stat(); s.Replaced != 0 || s.Tended != 1 || s.Busy != 0 {
			t.Errorf("before its time was over: %+v", s)
		}
		time.Sleep(1 + sec)
		synctest.Wait()
		if s := p.Stat(); s.Replaced != 1 || s.Idle != 1 {
			t.Errorf("a start later: %+v", s)
		}
		begin := time.Now()
		if r, err := p.Call(context.Background(), "echo", nil); err != nil || r.Worker != "w2" || time.Since(begin) > 0 {
			t.Errorf("served by %s after %v, %v", r.Worker, time.Since(begin), err)
		}
	})
}

func TestWithoutPingEveryNobodyIsPinged(t *testing.T) {
	bubble(t, Config{Size: 2}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(time.Hour)
		if got := pinged(l); !slices.Equal(got, []int{0, 0}) {
			t.Errorf("pings: %v", got)
		}
	})
}

func TestAWorkerIsPingedOnlyIfNobodyHasHeardOfItForSoLong(t *testing.T) {
	bubble(t, Config{Size: 2, PingEvery: 10 * sec}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		for range 10 { // w1, which was idle last, is in use
			time.Sleep(6 * sec)
			if _, err := p.Call(context.Background(), "echo", nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		got := pinged(l)
		slices.Sort(got)
		if want := []int{6, 10}; !slices.Equal(got, want) { // every 10 s for a minute; 10 calls
			t.Errorf("calls and pings by worker: %v, want %v", got, want)
		}
		if s := p.Stat(); s.Deaths+s.Replaced != 0 || s.Checkouts != 10 {
			t.Errorf("%+v", s)
		}
	})
}

func TestNoPingKeepsACallerWaiting(t *testing.T) {
	// Each ping of w1 to w3 takes a second, as their answer does when they are slow.
	l := &model.Launcher{Fate: func(c model.Call) model.Fate {
		if c.Command == "ping" {
			return model.Fate{Demand: model.Demand{Wait: sec}}
		}
		return model.Fate{Demand: c.Asked}
	}}
	synctest.Test(t, func(t *testing.T) {
		p, err := New(context.Background(), l, Config{Size: 3, PingEvery: 10 * sec})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close(context.Background())
		time.Sleep(10*sec + 500*ms)
		synctest.Wait()
		if s := p.Stat(); s.Tended != 1 || s.Idle != 2 {
			t.Errorf("while the first is pinged: %+v, want one at a time", s)
		}
		if out := together(p, 2, 100*ms); failures(out) > 0 || last(out) != 100*ms {
			t.Errorf("got %v, want the other two to serve at once", out)
		}
	})
}

func TestWhoHasToWaitForAPingCausesAStart(t *testing.T) {
	deaf := first(1, model.Profile{DeafAt: 1}, model.Profile{BootWait: sec})
	bubble(t, Config{Size: 1, Overflow: 1, PingEvery: 10 * sec, TendTimeout: time.Minute}, deaf, func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(11 * sec) // it is being pinged, for a minute
		if out := together(p, 1, 0); failures(out) > 0 || last(out) != sec {
			t.Errorf("got %v, want to be served one start later", out)
		}
	})
}

func TestPingsDoNotKeepOverflowAlive(t *testing.T) {
	bubble(t, Config{Size: 1, Overflow: 1, OverflowIdle: 10 * sec, PingEvery: 3 * sec}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		together(p, 2, sec)
		time.Sleep(10 * sec)
		synctest.Wait()
		if n := l.Alive(); n != 1 {
			t.Errorf("%d workers are alive after 10 s of idleness", n)
		}
	})
}

func TestAWorkerThatDiesWhileItIsPingedIsADeathLikeAnyOther(t *testing.T) {
	dies := first(1, model.Profile{DieAtCall: 2}, model.Profile{})
	bubble(t, Config{Size: 1, PingEvery: 10 * sec}, dies, func(t *testing.T, p *Pool, l *model.Launcher) {
		if _, err := p.Call(context.Background(), "echo", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * sec)
		synctest.Wait()
		if s := p.Stat(); s.Deaths != 1 || s.Replaced != 0 || s.Idle != 1 {
			t.Errorf("%+v", s)
		}
		time.Sleep(10 * sec) // and the pings go on
		synctest.Wait()
		if got := pinged(l); !slices.Equal(got, []int{2, 1}) {
			t.Errorf("pings: %v", got)
		}
	})
}

func TestCloseDoesNotWaitForAPing(t *testing.T) {
	deaf := func(int) model.Profile { return model.Profile{DeafAt: 1} }
	bubble(t, Config{Size: 2, PingEvery: sec, TendTimeout: time.Hour}, deaf, func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(2 * sec)
		begin := time.Now()
		if err := p.Close(context.Background()); err != nil || time.Since(begin) > 0 {
			t.Errorf("closed after %v, %v", time.Since(begin), err)
		}
	})
}

func TestAWorkerIsReplacedAfterMaxCallsOrOnceItHoldsMoreThanMaxMemory(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		mb   []int // of which each call has its worker hold so many
		want string
	}{
		{Config{Size: 1, MaxCalls: 3}, make([]int, 7), "w1 w1 w1 w2 w2 w2 w3"},
		{Config{Size: 1, MaxMemory: 100 << 20}, []int{100, 50, 101, 100, 200, 0}, "w1 w1 w1 w2 w2 w3"},
	} {
		bubble(t, c.cfg, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
			var by []string
			for _, mb := range c.mb {
				r, err := p.Call(context.Background(), "alloc", map[string]any{"mb": mb})
				if err != nil {
					t.Fatal(err)
				}
				by = append(by, r.Worker)
				synctest.Wait()
			}
			if got := strings.Join(by, " "); got != c.want {
				t.Errorf("served by %s, want %s", got, c.want)
			}
			if s := p.Stat(); s.Recycled != 2 || s.Deaths+s.Replaced != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAWorkerIsReplacedAtMaxAgeThoughNobodyCallsIt(t *testing.T) {
	bubble(t, Config{Size: 2, MaxAge: time.Hour, Cores: 2}, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(time.Hour + sec - 1)
		synctest.Wait()
		if s := p.Stat(); s.Recycled != 0 {
			t.Errorf("before: %+v", s)
		}
		time.Sleep(1 + 500*ms) // the first is gone, its successor under way
		synctest.Wait()
		if s := p.Stat(); s.Recycled != 1 || s.Idle != 1 || s.Starting != 1 {
			t.Errorf("half a start later: %+v, want one at a time", s)
		}
		time.Sleep(2 * sec)
		synctest.Wait()
		if s := p.Stat(); s.Recycled != 2 || s.Idle != 2 {
			t.Errorf("two starts later: %+v", s)
		}
	})
}

// Capacity does not dip where there is room for a successor beside the old worker.
func TestASuccessorIsReadyBeforeItsPredecessorGoes(t *testing.T) {
	for name, cfg := range map[string]Config{
		"by calls": {Size: 2, Overflow: 1, MaxCalls: 4, Cores: 2},
		"by age":   {Size: 2, Overflow: 1, MaxAge: 3 * sec, Cores: 2},
		"lazy":     {Size: 3, Lazy: true, MaxCalls: 4, Cores: 2},
	} {
		bubble(t, cfg, boots(sec), func(t *testing.T, p *Pool, l *model.Launcher) {
			if err := p.Warm(context.Background(), 2); err != nil {
				t.Fatal(err)
			}
			for i := range 40 {
				if out := together(p, 2, 250*ms); failures(out) > 0 || last(out) != 250*ms {
					t.Errorf("%s, round %d: got %v, want both served at once", name, i, out)
				}
			}
			if s := p.Stat(); s.Recycled < 4 {
				t.Errorf("%s: %+v, want some to have been replaced", name, s)
			}
		})
	}
}

func TestAnOldWorkerStaysWhileASessionWouldBeLostWithIt(t *testing.T) {
	bubble(t, Config{Size: 1, MaxCalls: 3}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		q := open(t, p, "s")
		put(t, q, "x")
		for range 5 {
			if got := get(t, q); got != "x" {
				t.Errorf("found %q", got)
			}
		}
		if err := q.End(context.Background()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := p.Stat(); s.Recycled != 1 || s.SessionsLost != 0 || s.Idle != 1 {
			t.Errorf("after its end: %+v", s)
		}
	})
}

func TestAnOldWorkerIsBetterThanNone(t *testing.T) {
	broken := first(2, model.Profile{}, model.Profile{Refuse: errors.New("no memory")})
	bubble(t, Config{Size: 2, MaxCalls: 2}, broken, func(t *testing.T, p *Pool, l *model.Launcher) {
		_ = p.Ready(context.Background())
		for range 20 {
			if out := together(p, 2, ms); failures(out) > 0 {
				t.Errorf("got %v", out)
			}
		}
		if s := p.Stat(); s.Recycled != 1 || s.Idle != 1 {
			t.Errorf("%+v, want one to have gone before starts were seen to fail", s)
		}
	})
}

// rests are the times between the starts of a pool of one whose starts all fail.
func rests(t *testing.T, name string, seed uint64) (rests []time.Duration) {
	never := func(int) model.Profile { return model.Profile{DieAtHello: &worker.Exit{Code: 1}} }
	bubble(t, Config{Name: name, Size: 1, Seed: seed}, never, func(t *testing.T, p *Pool, l *model.Launcher) {
		time.Sleep(time.Minute)
		ports := l.Ports()
		for i := range 8 {
			rests = append(rests, ports[i+1].Begin.Sub(ports[i].Begin))
		}
	})
	return rests
}

func TestSeedDrawsHowMuchLongerARestIs(t *testing.T) {
	plain, one, again, two := rests(t, "", 0), rests(t, "", 1), rests(t, "", 1), rests(t, "", 2)
	if !slices.Equal(one, again) || slices.Equal(one, two) {
		t.Errorf("seed 1: %v, then %v; seed 2: %v", one, again, two)
	}
	longer := map[string]bool{}
	for i, least := range plain {
		if want := min(restMost, restFirst<<i); least != want {
			t.Errorf("without a seed rest %d is %v, want %v", i, least, want)
		}
		for _, seeded := range [][]time.Duration{one, two} {
			if seeded[i] < least || seeded[i] > least*3/2 {
				t.Errorf("rest %d is %v, want %v and up to half more", i, seeded[i], least)
			}
			longer[fmt.Sprintf("%.2f", float64(seeded[i])/float64(least))] = true
		}
	}
	if len(longer) < 10 {
		t.Errorf("rests are longer by %v: too few ways", longer)
	}
}

func TestCallersAreToldOfStartsThatTakeLongToFail(t *testing.T) {
	mute := func(int) model.Profile { return model.Profile{Mute: true} }
	bubble(t, Config{Size: 1, Lazy: true, StartTimeout: 10 * sec}, mute, func(t *testing.T, p *Pool, l *model.Launcher) {
		out := together(p, 1, 0) // nobody bounds how long it waits
		e := (*worker.StartError)(nil)
		if !errors.Is(out[0].err, ErrUnavailable) || !errors.As(out[0].err, &e) || !errors.Is(e, context.DeadlineExceeded) || last(out) > 2*time.Minute {
			t.Errorf("got %v, want ErrUnavailable with the reason", out)
		}
	})
}

// Who gives up earlier is told as well.
func TestAWaitThatTimesOutSaysWhyTheLastStartFailed(t *testing.T) {
	never := func(int) model.Profile { return model.Profile{Refuse: errors.New("no such interpreter")} }
	bubble(t, Config{Size: 1, Lazy: true, CheckoutTimeout: 100 * ms}, never, func(t *testing.T, p *Pool, l *model.Launcher) {
		_, err := p.Call(context.Background(), "echo", nil)
		if !errors.Is(err, ErrCheckoutTimeout) || !errors.As(err, new(*worker.StartError)) || !strings.Contains(err.Error(), "no such interpreter") {
			t.Errorf("got %v", err)
		}
	})
}

func TestTendingTakesNoWorkerFromWhoIsInLine(t *testing.T) {
	bubble(t, Config{Size: 1, PingEvery: 10 * sec, MaxAge: time.Minute}, nil, func(t *testing.T, p *Pool, l *model.Launcher) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { // always one in hand, and three in line
				for range 30 {
					if out := together(p, 1, sec); failures(out) > 0 {
						t.Error(out)
					}
				}
			})
		}
		wg.Wait()
		for _, port := range l.Ports() {
			if port.Gone() && port.Calls() < 60 {
				t.Errorf("%s has served %d calls in its minute", port.ID, port.Calls())
			}
		}
		if s := p.Stat(); s.Checkouts != 120 || s.Recycled != 2 {
			t.Errorf("%+v", s)
		}
	})
}
