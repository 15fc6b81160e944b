package subject

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/internal/leftover"
	"github.com/butfor/butfor/pool"
	"github.com/butfor/butfor/worker/model"
)

func TestMain(m *testing.M) { leftover.Main(m) }

const (
	ms  = time.Millisecond
	sec = time.Second
)

// bubble runs a test in virtual time, on a subject that is closed at its end.
// It then checks that no process is left; the bubble itself fails on a
// goroutine that is.
func bubble(t *testing.T, s Subject, cfg Config, profile func(n int) model.Profile, body func(t *testing.T, p Pool, l *model.Launcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &model.Launcher{Profile: profile}
		p, err := s.Open(t.Context(), l, cfg)
		if err != nil {
			t.Fatal(err)
		}
		body(t, p, l)
		if err := p.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := l.Alive(); n != 0 {
			t.Errorf("%d processes are left after Close", n)
		}
		if most := l.MostAlive(); most > cfg.Size+cfg.Overflow {
			t.Errorf("%d processes were alive at once, %d are allowed", most, cfg.Size+cfg.Overflow)
		}
	})
}

// boots is a profile of workers that all wait for d before their hello.
func boots(d time.Duration) func(int) model.Profile {
	return func(int) model.Profile { return model.Profile{BootWait: d} }
}

// first gives the first launch one profile and the others another.
func first(bad, good model.Profile) func(int) model.Profile {
	return func(i int) model.Profile {
		if i == 0 {
			return bad
		}
		return good
	}
}

// begun are the times of the launches, since the first event of the bubble.
func begun(l *model.Launcher, begin time.Time) (at []time.Duration) {
	for _, p := range l.Ports() {
		at = append(at, p.Begin.Sub(begin))
	}
	return at
}

// served is what became of one of several calls.
type served struct {
	after  time.Duration
	worker string
	err    error
}

// together makes n calls at once, each a sleep of d, and waits for them all.
// They are given in the order of their ends.
func together(ctx context.Context, p Pool, n int, d time.Duration) []served {
	begin := time.Now()
	out := make([]served, n)
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			r, err := p.Call(ctx, Call{Command: "sleep", Args: map[string]any{"s": d.Seconds()}})
			out[i] = served{time.Since(begin), r.Worker, err}
		})
	}
	wg.Wait()
	slices.SortFunc(out, func(a, b served) int { return int(a.after - b.after) })
	return out
}

// after are the times at which the calls ended; an error fails the test.
func after(t *testing.T, out []served) (at []time.Duration) {
	t.Helper()
	for _, s := range out {
		if s.err != nil {
			t.Errorf("a call failed: %v", s.err)
		}
		at = append(at, s.after)
	}
	return at
}

func all(d ...time.Duration) []time.Duration { return d }

func TestOursPassesEachSettingThrough(t *testing.T) {
	bg := context.Background()
	tests := map[string]func(t *testing.T){
		"Name": func(t *testing.T) {
			bubble(t, Ours(), Config{Name: "blue", Size: 1}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
				if out := together(bg, p, 1, 0); out[0].worker != "blue-w1" {
					t.Errorf("got %v", out)
				}
			})
		},
		"Size": func(t *testing.T) {
			bubble(t, Ours(), Config{Size: 3}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
				if got := after(t, together(bg, p, 4, sec)); !slices.Equal(got, all(sec, sec, sec, 2*sec)) {
					t.Errorf("served at %v", got)
				}
			})
		},
		"Overflow": func(t *testing.T) {
			bubble(t, Ours(), Config{Size: 1, Overflow: 2, Cores: 4}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
				if got := after(t, together(bg, p, 4, sec)); !slices.Equal(got, all(sec, sec, sec, 2*sec)) {
					t.Errorf("served at %v", got)
				}
			})
		},
		"QueueLimit": func(t *testing.T) {
			bubble(t, Ours(), Config{Size: 1, QueueLimit: 1}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
				p.(Warmer).Warm(bg, 1)
				out := together(bg, p, 3, sec)
				if !errors.Is(out[0].err, pool.ErrQueueFull) || out[1].err != nil || out[2].err != nil {
					t.Errorf("got %v, want one of three refused", out)
				}
			})
		},
		"StartConcurrency": func(t *testing.T) {
			begin := time.Time{}
			bubble(t, Ours(), Config{Size: 3, StartConcurrency: 1, Cores: 4}, func(int) model.Profile {
				if begin.IsZero() {
					begin = time.Now()
				}
				return model.Profile{BootWait: sec}
			}, func(t *testing.T, p Pool, l *model.Launcher) {
				p.(Warmer).Warm(bg, 3)
				if got := begun(l, begin); !slices.Equal(got, all(0, sec, 2*sec)) {
					t.Errorf("starts began at %v", got)
				}
			})
		},
		"Cores": func(t *testing.T) {
			bubble(t, Ours(), Config{Size: 8, Cores: 3}, func(int) model.Profile { return model.Profile{BootCPU: sec} }, func(t *testing.T, p Pool, l *model.Launcher) {
				time.Sleep(900 * ms) // virtual
				synctest.Wait()
				if n := len(l.Ports()); n != 3 {
					t.Errorf("%d starts began at once, want as many as cores", n)
				}
			})
		},
		"Lazy": func(t *testing.T) {
			bubble(t, Ours(), Config{Size: 2, Lazy: true}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
				synctest.Wait()
				if n := len(l.Ports()); n != 0 {
					t.Errorf("%d starts before anybody called", n)
				}
			})
			bubble(t, Ours(), Config{Size: 2}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
				synctest.Wait()
				if n := len(l.Ports()); n != 2 {
					t.Errorf("%d starts of an eager pool", n)
				}
			})
		},
		"StartTimeout": func(t *testing.T) {
			bubble(t, Ours(), Config{Size: 1, StartTimeout: 2 * sec}, first(model.Profile{Mute: true}, model.Profile{}), func(t *testing.T, p Pool, l *model.Launcher) {
				if out := together(bg, p, 1, 0); out[0].err != nil || out[0].after < 2*sec || out[0].after > 3*sec {
					t.Errorf("got %v, want a second start after 2 s", out)
				}
			})
		},
		"CheckoutTimeout": func(t *testing.T) {
			bubble(t, Ours(), Config{Size: 1, CheckoutTimeout: 2 * sec}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
				out := together(bg, p, 2, 5*sec)
				if !errors.Is(out[0].err, pool.ErrCheckoutTimeout) || out[0].after != 2*sec || out[1].err != nil {
					t.Errorf("got %v, want one that gave up after 2 s", out)
				}
			})
		},
		"CallTimeout": func(t *testing.T) {
			bubble(t, Ours(), Config{Size: 1, CallTimeout: 2 * sec}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
				if out := together(bg, p, 1, 5*sec); !errors.Is(out[0].err, context.DeadlineExceeded) || out[0].after != 2*sec {
					t.Errorf("got %v, want it cut short after 2 s", out)
				}
			})
		},
		"Options": func(t *testing.T) {
			_, err := Ours().Open(bg, &model.Launcher{}, Config{Size: 1, Options: map[string]any{"turbo": true}})
			if err == nil || !strings.Contains(err.Error(), "turbo") {
				t.Errorf("got %v, want an error that names the option", err)
			}
		},
	}
	for i := range reflect.TypeFor[Config]().NumField() {
		field := reflect.TypeFor[Config]().Field(i).Name
		test := tests[field]
		if test == nil {
			t.Errorf("no test shows that %s reaches the pool", field)
			continue
		}
		t.Run(field, test)
	}
}

func TestOursPassesItsOwnOptionsThrough(t *testing.T) {
	bg := context.Background()
	call := func(t *testing.T, p Pool, session string) Reply {
		t.Helper()
		r, err := p.Call(bg, Call{Command: "put", Args: map[string]any{"key": "k", "value": 1}, Session: session})
		if err != nil {
			t.Error(err)
		}
		return r
	}
	for name, c := range map[string]struct {
		options map[string]any
		test    func(t *testing.T, p Pool, l *model.Launcher)
	}{
		"affinity, strict by itself": {nil, func(t *testing.T, p Pool, l *model.Launcher) {
			at := call(t, p, "s").Worker
			together(bg, p, 2, ms)
			if again := call(t, p, "s").Worker; again != at {
				t.Errorf("a session goes from %s to %s", at, again)
			}
		}},
		"affinity none": {map[string]any{"affinity": "none", "seed": 7}, func(t *testing.T, p Pool, l *model.Launcher) {
			at := call(t, p, "s").Worker
			held, err := p.(Lessor).Checkout(bg) // which is idle last
			if err != nil {
				t.Fatal(err)
			}
			defer held.Checkin()
			if again := call(t, p, "s").Worker; again == at {
				t.Errorf("a session waits for %s", at)
			}
		}},
		"session_ttl": {map[string]any{"session_ttl": "1s"}, func(t *testing.T, p Pool, l *model.Launcher) {
			call(t, p, "s")
			time.Sleep(sec)
			synctest.Wait()
			for _, w := range l.Ports() {
				if held := w.Sessions(); len(held) > 0 {
					t.Errorf("%s holds %q", w.ID, held)
				}
			}
		}},
		"session_limit": {map[string]any{"session_limit": 1}, func(t *testing.T, p Pool, l *model.Launcher) {
			call(t, p, "s")
			if _, err := p.Call(bg, Call{Command: "echo", Session: "t"}); !errors.Is(err, pool.ErrSessionLimit) {
				t.Errorf("got %v", err)
			}
			if err := p.(SessionEnder).EndSession(bg, "s"); err != nil {
				t.Error(err)
			}
			call(t, p, "t")
		}},
		"ping_every and tend_timeout": {map[string]any{"ping_every": "10s", "tend_timeout": "3s"}, func(t *testing.T, p Pool, l *model.Launcher) {
			time.Sleep(13 * sec) // the first is deaf
			synctest.Wait()
			if n := len(l.Ports()); n != 3 {
				t.Errorf("%d workers were started, want one in place of the deaf one", n)
			}
		}},
		"max_calls": {map[string]any{"max_calls": 1}, func(t *testing.T, p Pool, l *model.Launcher) {
			call(t, p, "")
			synctest.Wait()
			if n := len(l.Ports()); n != 3 {
				t.Errorf("%d workers were started, want one in place of the old one", n)
			}
		}},
		"max_memory": {map[string]any{"max_memory": 1 << 20}, func(t *testing.T, p Pool, l *model.Launcher) {
			if _, err := p.Call(bg, Call{Command: "alloc", Args: map[string]any{"mb": 2}}); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if n := len(l.Ports()); n != 3 {
				t.Errorf("%d workers were started, want one in place of the large one", n)
			}
		}},
		"max_age": {map[string]any{"max_age": "1h"}, func(t *testing.T, p Pool, l *model.Launcher) {
			time.Sleep(time.Hour)
			synctest.Wait()
			if n := len(l.Ports()); n != 4 {
				t.Errorf("%d workers were started, want two in place of the old ones", n)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			profile := first(model.Profile{DeafAt: 1}, model.Profile{})
			if !strings.HasPrefix(name, "ping") {
				profile = nil
			}
			bubble(t, Ours(), Config{Size: 2, Options: c.options}, profile, func(t *testing.T, p Pool, l *model.Launcher) {
				_ = p.(Warmer).Warm(bg, 2)
				c.test(t, p, l)
			})
		})
	}
	for name, value := range map[string]any{"affinity": "loose", "max_age": 3, "max_calls": "many", "seed": -1} {
		_, err := Ours().Open(bg, &model.Launcher{}, Config{Size: 1, Options: map[string]any{name: value}})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s %v: got %v", name, value, err)
		}
	}
}

func TestOursDrawsItsRestsByItsSeed(t *testing.T) {
	rest := func(options map[string]any) (d time.Duration) {
		dies := func(n int) (p model.Profile) {
			if n < 2 {
				p.Refuse = errors.New("not now")
			}
			return p
		}
		bubble(t, Ours(), Config{Size: 1, Options: options}, dies, func(t *testing.T, p Pool, l *model.Launcher) {
			_ = p.(Warmer).Warm(context.Background(), 1)
			ports := l.Ports()
			d = ports[len(ports)-1].Begin.Sub(ports[0].Begin)
		})
		return d
	}
	none, seven := rest(nil), rest(map[string]any{"seed": 7})
	if seven <= none || seven != rest(map[string]any{"seed": 7}) || rest(map[string]any{"seed": 8}) == seven {
		t.Errorf("without a seed %v, with 7 %v", none, seven)
	}
}

func TestALostSessionSaysSoAndThenBeginsAnew(t *testing.T) {
	bubble(t, Ours(), Config{Size: 1}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
		in := func(command string) error {
			_, err := p.Call(context.Background(), Call{Command: command, Args: map[string]any{"key": "k", "value": 1}, Session: "s"})
			return err
		}
		if err := in("put"); err != nil {
			t.Fatal(err)
		}
		_ = l.Ports()[0].Kill()
		synctest.Wait()
		if err := in("get"); !errors.Is(err, pool.ErrSessionLost) {
			t.Errorf("got %v", err)
		}
		if err := in("get"); err != nil {
			t.Errorf("then got %v", err)
		}
	})
}

func TestOursSaysHowItIs(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		bubble(t, Ours(), Config{Size: 2, Lazy: lazy}, boots(sec), func(t *testing.T, p Pool, l *model.Launcher) {
			says := func(when, want string) {
				t.Helper()
				synctest.Wait()
				said := "well"
				if err := p.(HealthTeller).Health(t.Context()); err != nil {
					said = err.Error()
				}
				if said != want {
					t.Errorf("lazy %v, %s: it says %q, want %q", lazy, when, said, want)
				}
			}
			says("at first", map[bool]string{false: "0 of 2 workers are ready (starting: 2, died so far: 0)", true: "well"}[lazy])
			if err := p.(Warmer).Warm(context.Background(), 2); err != nil {
				t.Fatal(err)
			}
			says("when they are ready", "well")
			together(context.Background(), p, 2, sec)
			_ = l.Ports()[0].Kill()
			says("when one is dead", "1 of 2 workers are ready (starting: 1, died so far: 1)")
			time.Sleep(2 * sec)
			says("when it is replaced", "well")
		})
	}
}

func TestOursAsksForEvidenceAndHandsItOut(t *testing.T) {
	offers := func(int) model.Profile {
		return model.Profile{Hello: map[string]any{"status": "ok", "capabilities": []string{"evidence"}}}
	}
	bubble(t, Ours(), Config{Size: 1}, offers, func(t *testing.T, p Pool, l *model.Launcher) {
		r, err := p.Call(context.Background(), Call{Command: "burn", Args: map[string]any{"cpu_s": .5}})
		if err != nil || r.Evidence == nil || r.Evidence.OnCPU != 500*ms || string(r.Result) != `{"burnt_s":0.5}` || r.Worker != "w1" {
			t.Errorf("got %s by %q with %+v, %v", r.Result, r.Worker, r.Evidence, err)
		}
	})
}

func TestASessionGoesWithTheArguments(t *testing.T) {
	for _, s := range []Subject{Ours(), Ideal(All), Herd(), Puddle()} {
		bubble(t, s, Config{Size: 1}, nil, func(t *testing.T, p Pool, l *model.Launcher) {
			for session, want := range map[string]string{"": `{"n":7}`, "s1": `{"n":7,"session_id":"s1"}`} {
				args := map[string]any{"n": 7}
				r, err := p.Call(context.Background(), Call{Command: "echo", Args: args, Session: session})
				if err != nil || string(r.Result) != want || len(args) != 1 {
					t.Errorf("%s, session %q: %s, %v; want %s, and the caller's arguments as they were: %v", s.Name, session, r.Result, err, want, args)
				}
			}
		})
	}
}

func TestASubjectSaysWhatIsWrongWithItsSettings(t *testing.T) {
	for _, s := range []Subject{Ours(), Ideal(All), Herd(), Puddle()} {
		if p, err := s.Open(context.Background(), &model.Launcher{}, Config{Overflow: 1}); err == nil || p != nil || !strings.Contains(err.Error(), "Size") {
			t.Errorf("%s: got %v, %v; want an error that names Size", s.Name, p, err)
		}
	}
}

func TestTheSubjectsAreKnownByTheirNames(t *testing.T) {
	for want, s := range map[string]Subject{"ours": Ours(), "herd": Herd(), "ideal-cores": Ideal(Cores), "ideal-all": Ideal(All), "puddle": Puddle()} {
		if s.Name != want {
			t.Errorf("%s is called %q", want, s.Name)
		}
	}
}
