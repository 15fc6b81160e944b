//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

func TestARunSaysWhatItWasAndWhatCameOut(t *testing.T) {
	sc := on(bend(func(*bent) {}))
	sc.Seed, sc.Warm, sc.Deadline, sc.Config = 7, 1, 0, subject.Config{Size: 1, Overflow: 1} // the deadline comes from the reference
	sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": 0.03}
	r := run(t, sc)
	if r.Scenario.Name != "a test" || r.Scenario.World != "process" || r.Order != "none" || r.Seconds <= 0 || r.Hash != trace.Hash(r.Record) {
		t.Errorf("%+v", r)
	}
	ideal := r.Reference
	if ideal == nil || !strings.HasPrefix(ideal.Subject, "ideal-") || len(ideal.Served()) != 1 {
		t.Fatalf("the reference is %+v", ideal)
	}
	if want, err := deadlineFrom(ideal, 1.5); err != nil || r.Record.Deadline != want || ideal.Deadline != want || r.Scenario.Deadline != want {
		t.Errorf("the deadline is %v, of the reference %v, told as %v; want %v", r.Record.Deadline, ideal.Deadline, r.Scenario.Deadline, want)
	}
	if rec := r.Record; rec.Subject != "bent" || rec.Seed != 7 || rec.Size != 1 || rec.Overflow != 1 || rec.Cores <= 0 || rec.Patience != rec.Deadline {
		t.Errorf("the record is of %+v", *rec)
	}
	var kinds []scenario.Kind
	for _, e := range r.Record.Events {
		if !slices.Contains(kinds, e.Kind) {
			kinds = append(kinds, e.Kind)
		}
	}
	for _, k := range []scenario.Kind{
		scenario.Open, scenario.Opened, scenario.Warming, scenario.Warmed, scenario.Go, scenario.Arrive, scenario.Begin, scenario.Return, scenario.Launch, scenario.Launched,
		scenario.Send, scenario.Recv, scenario.Ready, scenario.Exit, scenario.Probing, scenario.Probed, scenario.Close, scenario.Closed,
	} {
		if !slices.Contains(kinds, k) {
			t.Errorf("no %s was recorded", k)
		}
	}

	// What the calls met stands apart from what came then.
	last := time.Duration(0)
	for _, e := range r.Record.Events {
		if e.Kind == scenario.Return && !e.Probe {
			last = max(last, e.At)
		}
	}
	through, _ := r.Record.Through()
	if load := r.Record.Environment.Load; len(load) > 0 && !slices.ContainsFunc(load, func(b scenario.Bucket) bool {
		end := b.At + b.Span
		return last-20*time.Millisecond <= end && end <= through
	}) {
		t.Errorf("no bucket ends between %v and %v: %+v", last, through, load)
	}

	// What is on disk can be judged again.
	dir := t.TempDir()
	if err := trace.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	b, err := Reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again := Judge(t.Context(), t, b); !reflect.DeepEqual(again, r.Verdict) || trace.Hash(b.Record) != r.Hash {
		t.Errorf("judged again: %+v\nwant %+v", again, r.Verdict)
	}
	nothingRuns(t)
}

// twohanded waits for two callers, sends the calls of both to its one worker,
// and then receives both answers.
type twohanded struct {
	w    *worker.Worker
	last int64
	meet chan offer
}

type offer struct {
	call subject.Call
	back chan subject.Reply
}

func openTwohanded(ctx context.Context, l worker.Launcher, _ subject.Config) (subject.Pool, error) {
	w, err := worker.Start(ctx, l, "only")
	return &twohanded{w: w, meet: make(chan offer)}, err
}

func (p *twohanded) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	if c.Command != "echo" {
		replies, err := p.exchange(ctx, c)
		return replies[0], err
	}
	mine := offer{c, make(chan subject.Reply, 1)}
	select {
	case p.meet <- mine:
		return <-mine.back, nil
	case other := <-p.meet:
		replies, err := p.exchange(ctx, c, other.call)
		other.back <- replies[1]
		return replies[0], err
	}
}

func (p *twohanded) exchange(ctx context.Context, calls ...subject.Call) ([]subject.Reply, error) {
	replies := make([]subject.Reply, len(calls))
	for _, c := range calls {
		p.last++
		frame, err := wire.AppendRequest(nil, wire.Request{ID: p.last, Command: c.Command, Args: c.Args, Timestamp: time.Now()})
		if err != nil {
			return replies, err
		}
		if err := p.w.Port.Send(ctx, frame); err != nil {
			return replies, err
		}
	}
	for i := range calls {
		frame, err := p.w.Port.Recv(ctx)
		if err != nil {
			return replies, err
		}
		r, err := wire.ParseReply(frame)
		if err != nil {
			return replies, err
		}
		replies[i] = subject.Reply{Result: r.Result, Worker: p.w.ID}
	}
	return replies, nil
}

func (p *twohanded) Close(ctx context.Context) error { return p.w.Port.Close(ctx) }

func TestARealStartThatIsCutShortAsksForWhatItWasTold(t *testing.T) {
	sc := on(subject.Ours())
	sc.Start, sc.Faults = scenario.Demand{Wait: 100 * time.Millisecond}, faults.Plan{{Fault: faults.SlowStart{Wait: 5 * time.Second}, Target: faults.Target{First: 1}}}
	sc.Config.StartTimeout, sc.Deadline = 200*time.Millisecond, 300*time.Millisecond
	fill(&sc)
	r, err := stage(t.Context(), t, sc, sc.Subject, true)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range r.Environment.Starts {
		if slow := s.Asks != nil && s.Asks.Wait >= 5100*time.Millisecond; slow != (i == 0) {
			t.Errorf("start %d, of which the first was told to be slow: %+v, asks for %v", i, s, s.Asks)
		}
	}
}

// Each subject breaks one promise, on purpose, and in no other way differs from
// our own pool.
func TestASubjectIsConvictedOfWhatItDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		subject  func(t *testing.T) subject.Subject
		scenario func(sc *Scenario)
		tells    []string // of the reason
		safety   []string // nothing but these; nil: none
	}{
		"leaves a goroutine": {
			subject: func(t *testing.T) subject.Subject {
				release := released(t)
				return bend(func(*bent) { go leaky(release) })
			},
			tells:  []string{"left behind after Close: 1 goroutines in ", "harness.leaky"},
			safety: []string{"left behind"},
		},
		"leaves a goroutine of a call": {
			subject: func(t *testing.T) subject.Subject {
				release := released(t)
				return bend(func(b *bent) {
					b.call = func(ctx context.Context, p subject.Pool, c subject.Call) (subject.Reply, error) {
						if c.Command == "echo" {
							go leaky(release)
						}
						return p.Call(ctx, c)
					}
				})
			},
			tells:  []string{"left behind after Close: 1 goroutines in ", "harness.leaky"},
			safety: []string{"left behind"},
		},
		"leaves a process": {
			subject: func(t *testing.T) subject.Subject {
				return subject.Subject{Name: "bent", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
					p, err := straight(context.WithoutCancel(ctx), l, cfg)
					if err != nil {
						return nil, err
					}
					t.Cleanup(func() { p.Close(context.Background()) })
					return bent{Pool: p, close: func(context.Context, subject.Pool) error { return nil }}, nil
				}}
			},
			tells:  []string{"left behind after Close: process "},
			safety: []string{"left behind"},
		},
		"leaves a process that somebody else started for it": {
			subject: func(t *testing.T) subject.Subject {
				orders := make(chan func()) // whoever carries them out does not belong to the run
				t.Cleanup(func() { close(orders) })
				go func() {
					for carryOut := range orders {
						carryOut()
					}
				}()
				return subject.Subject{Name: "bent", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
					launched := make(chan error)
					orders <- func() { _, err := l.Launch(ctx, "stray"); launched <- err }
					if err := <-launched; err != nil {
						return nil, err
					}
					return straight(ctx, l, cfg)
				}}
			},
			scenario: func(sc *Scenario) { sc.Config.Overflow = 1 },
			tells:    []string{"left behind after Close: process "},
			safety:   []string{"left behind"},
		},
		"answers with another call's answer": {
			subject: func(*testing.T) subject.Subject {
				return bend(func(b *bent) {
					var before *subject.Reply
					b.call = func(ctx context.Context, p subject.Pool, c subject.Call) (subject.Reply, error) {
						r, err := p.Call(ctx, c)
						if before == nil {
							before = &r
						}
						return *before, err
					}
				})
			},
			scenario: func(sc *Scenario) { sc.Workload.Calls = 2 },
			tells:    []string{"a wrong answer: c1.2 was given what no worker had answered to it", "1 of 2 calls missed"},
			safety:   []string{"a wrong answer"},
		},
		"answers out of thin air": {
			subject: func(*testing.T) subject.Subject {
				return bend(func(b *bent) {
					b.call = func(ctx context.Context, p subject.Pool, c subject.Call) (subject.Reply, error) {
						if c.Command == "echo" {
							return subject.Reply{Result: []byte(`{"n":7,"call_id":"c1"}`)}, nil
						}
						return p.Call(ctx, c)
					}
				})
			},
			tells:  []string{"a wrong answer: c1"},
			safety: []string{"a wrong answer"},
		},
		"sends two calls to one worker": {
			subject:  func(*testing.T) subject.Subject { return subject.Subject{Name: "bent", Open: openTwohanded} },
			scenario: func(sc *Scenario) { sc.Workload.Clients = 2 },
			tells:    []string{"one worker in two hands: only was sent c"},
			safety:   []string{"one worker in two hands"},
		},
		"loses a call": {
			subject: func(t *testing.T) subject.Subject {
				release := released(t)
				return bend(func(b *bent) {
					b.call = func(ctx context.Context, p subject.Pool, c subject.Call) (subject.Reply, error) {
						if c.Command == "echo" {
							<-release
						}
						return p.Call(ctx, c)
					}
				})
			},
			scenario: func(sc *Scenario) { sc.Warm, sc.Patience = 1, 50*time.Millisecond },
			tells:    []string{"a lost call: c1 did not come back, also after its time was over"},
			safety:   []string{"a lost call", "left behind"},
		},
		"loses its capacity": {
			subject: func(t *testing.T) subject.Subject {
				return bend(func(b *bent) {
					b.call = func(ctx context.Context, p subject.Pool, c subject.Call) (subject.Reply, error) {
						if c.Command != "echo" {
							return p.Call(ctx, c)
						}
						lease, err := p.(subject.Lessor).Checkout(ctx)
						if err != nil {
							return subject.Reply{}, err
						}
						return lease.Call(ctx, c) // and keeps it
					}
				})
			},
			scenario: func(sc *Scenario) {
				sc.Config.Size = 2
				sc.Recovery = 2 * time.Second
			},
			tells:  []string{"capacity lost for good: ", "the size is 2"},
			safety: []string{"capacity lost", "a stop that took too long"}, // it waits for the worker
		},
		"starts more than it may": {
			subject: func(*testing.T) subject.Subject {
				return subject.Subject{Name: "bent", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
					cfg.Size += 2
					p, err := straight(ctx, l, cfg)
					if err == nil {
						err = p.(subject.Warmer).Warm(ctx, cfg.Size)
					}
					return p, err
				}}
			},
			scenario: func(sc *Scenario) { sc.Config.Overflow = 1 },
			tells:    []string{"more alive than allowed: 3 with w", ", 2 are allowed"},
			safety:   []string{"more alive"},
		},
		"panics in Call": {
			subject: func(*testing.T) subject.Subject {
				return bend(func(b *bent) {
					b.call = func(context.Context, subject.Pool, subject.Call) (subject.Reply, error) { panic("boom") }
				})
			},
			tells:  []string{"1 of 1 calls missed the deadline of 30.00 s (1 got no answer: panic: boom)"},
			safety: []string{"capacity lost"},
		},
		"panics in Open": {
			subject: func(*testing.T) subject.Subject {
				return subject.Subject{Name: "bent", Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) { panic("boom") }}
			},
			tells: []string{"(1 got no answer: the pool did not open: panic: boom)", "serves all by"},
		},
		"panics in Close": {
			subject: func(*testing.T) subject.Subject {
				return bend(func(b *bent) {
					b.close = func(ctx context.Context, p subject.Pool) error { p.Close(ctx); panic("boom") }
				})
			},
			tells:  []string{"a stop that failed: Close: panic: boom"},
			safety: []string{"a stop that failed"},
		},
		"does not return from Close": {
			subject: func(t *testing.T) subject.Subject {
				release := released(t)
				return bend(func(b *bent) {
					b.close = func(ctx context.Context, p subject.Pool) error { p.Close(ctx); leaky(release); return nil }
				})
			},
			tells:  []string{"a stop that took too long: Close: it did not return", "harness.leaky"},
			safety: []string{"a stop that took too long", "left behind"},
		},
		"panics in Warm": {
			subject: func(*testing.T) subject.Subject {
				return subject.Subject{Name: "bent", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
					p, err := straight(ctx, l, cfg)
					return warming{bent{Pool: p}}, err
				}}
			},
			scenario: func(sc *Scenario) { sc.Warm = 1 },
			tells:    []string{"a pool that could not be warmed: panic: boom"},
			safety:   []string{"a pool that could not be warmed"},
		},
		"gives an error that panics": {
			subject: func(*testing.T) subject.Subject {
				return bend(func(b *bent) {
					b.call = func(context.Context, subject.Pool, subject.Call) (subject.Reply, error) {
						return subject.Reply{}, (*panicky)(nil)
					}
				})
			},
			tells:  []string{"1 of 1 calls missed the deadline of 30.00 s (1 got no answer: panic: "},
			safety: []string{"capacity lost"},
		},
		"does not open, and says why": {
			subject: func(*testing.T) subject.Subject {
				return subject.Subject{Name: "bent", Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
					return nil, errors.New("no licence")
				}}
			},
			tells: []string{"(1 got no answer: the pool did not open: no licence)", "ideal pool"},
		},
		"gives neither a pool nor an error": {
			subject: func(*testing.T) subject.Subject {
				return subject.Subject{Name: "bent", Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) { return nil, nil }}
			},
			tells: []string{"the pool did not open: ", "neither a pool nor an error", "ideal pool"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc := on(c.subject(t))
			if c.scenario != nil {
				c.scenario(&sc)
			}
			r := run(t, sc)
			// What rests on the harness's own bounds is not held against a
			// subject on a machine that was too busy to keep them.
			others := r.Record.Environment.Outside()
			if r.Record.Late > time.Second/4 {
				others = append(others, fmt.Sprintf("timers were up to %v late", r.Record.Late))
			}
			if r.Word == scenario.Inconclusive && len(others) > 0 {
				t.Skip("the machine is too busy to say:", strings.Join(others, "; "))
			}
			if r.Word != scenario.Architectural {
				t.Errorf("%s, want architectural", r.Word)
			}
			for _, want := range c.tells {
				if !strings.Contains(r.Reason, want) {
					t.Errorf("the reason lacks %q: %s", want, r.Reason)
				}
			}
			for _, s := range r.Safety {
				if !slices.ContainsFunc(c.safety, func(rule string) bool { return strings.HasPrefix(s, rule) }) {
					t.Errorf("accused of %q too", s)
				}
			}
			for _, rule := range c.safety {
				if rule == "a stop that took too long" && len(others) > 0 {
					continue // beside them it may be their doing
				}
				if !slices.ContainsFunc(r.Safety, func(s string) bool { return strings.HasPrefix(s, rule) }) {
					t.Errorf("broken: %q, want %q", r.Safety, c.safety)
				}
			}
		})
	}
}

// released ends what a subject leaves behind on purpose, with the test.
func released(t *testing.T) <-chan struct{} {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	return release
}

// warming is a pool that can't warm.
type warming struct{ bent }

func (warming) Warm(context.Context, int) error { panic("boom") }

// panicky is an error that can't even say what it is.
type panicky struct{ text string }

func (p *panicky) Error() string { return p.text }

func leaky(release <-chan struct{}) { <-release }

func TestAPoolWithNothingBentIsSound(t *testing.T) {
	var mu sync.Mutex
	var told []string
	s := subject.Subject{Name: "bent", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		p, err := straight(ctx, l, cfg)
		return watchful{bent{Pool: p}, func(client string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, client)
		}}, err
	}}
	sc := on(s)
	sc.Config.Size = 2
	sc.Workload = scenario.Workload{
		Clients: 5, Arrive: scenario.Poisson, Every: 10 * time.Millisecond, Calls: 2, Think: time.Millisecond, Mortal: true, Command: "echo", Args: map[string]any{"n": 7},
	}
	r := run(t, sc)
	if r.Word != scenario.Sound || len(r.Record.Served()) != 10 || r.Reference != nil {
		t.Errorf("%s: %s; served %d of 10, reference %v", r.Word, r.Reason, len(r.Record.Served()), r.Reference)
	}
	slices.Sort(told)
	if want := []string{"c1", "c2", "c3", "c4", "c5"}; !slices.Equal(told, want) {
		t.Errorf("the pool was told of the deaths of %q, want %q", told, want)
	}
	died := map[string]int{}
	for i, e := range r.Record.Events {
		switch {
		case e.Kind == scenario.ClientDied:
			died[e.Client] = i
		case e.Client != "" && !e.Probe && died[e.Client] > 0:
			t.Errorf("%s did something after its death: %+v", e.Client, e)
		}
	}
	if len(died) != 5 {
		t.Errorf("%d deaths were recorded, want 5", len(died))
	}
	nothingRuns(t)
}

func TestAClientThatDiesInMidCallIsExcused(t *testing.T) {
	var told []string
	s := subject.Subject{Name: "bent", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		p, err := straight(ctx, l, cfg)
		return watchful{bent{Pool: p}, func(client string) { told = append(told, client); panic("boom") }}, err
	}}
	sc := on(s)
	sc.Warm = 1
	sc.Workload = scenario.Workload{Clients: 1, Calls: 2, DieAfter: 50 * time.Millisecond, Command: "sleep", Args: map[string]any{"s": 3600}}
	r := run(t, sc)
	calls := r.Record.Calls()
	if len(calls) != 1 || !calls[0].Excused || calls[0].Missed || calls[0].Err == "" {
		t.Errorf("got %+v, want one call, cut short and excused", calls)
	}
	if r.Word != scenario.Sound {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	if !slices.Equal(told, []string{"c1"}) {
		t.Errorf("the pool was told of %q", told)
	}
	if died := events(r.Record, scenario.ClientDied); len(died) != 2 || died[0].Err != "" || died[1].Err != "panic: boom" {
		t.Errorf("recorded as %+v, want that the pool panicked when it was told", died)
	}
}

func TestEachBadScenarioIsRefusedByTheNameOfItsField(t *testing.T) {
	for field, change := range map[string]func(sc *Scenario){
		"Subject.Open":     func(sc *Scenario) { sc.Subject.Open = nil },
		"config.size":      func(sc *Scenario) { sc.Config.Size = 0 },
		"warm":             func(sc *Scenario) { sc.Warm = 2 },
		"workload.clients": func(sc *Scenario) { sc.Workload.Clients = 0 },
		"workload.command": func(sc *Scenario) { sc.Workload.Command = "" },
		"workload.every":   func(sc *Scenario) { sc.Workload.Arrive = scenario.Rate },
		"deadline":         func(sc *Scenario) { sc.Deadline = -1 },
		`"the moon"`:       func(sc *Scenario) { sc.World = "the moon" },
	} {
		opened := false
		sc := on(subject.Subject{Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
			opened = true
			return nil, nil
		}})
		change(&sc)
		if _, err := Run(t.Context(), sc); err == nil || !strings.Contains(err.Error(), field) || opened {
			t.Errorf("%s: got %v; opened: %v", field, err, opened)
		}
	}
}

// A run that is stopped says so, soon, and leaves nothing.
func TestARunCanBeStoppedAtAnyTime(t *testing.T) {
	t.Parallel()
	forever := on(subject.Subject{})
	forever.Workload = scenario.Workload{Clients: 3, Arrive: scenario.Rate, Every: time.Hour, Command: "sleep", Args: map[string]any{"s": 3600}}
	forever.Config.Size = 2
	forever.Deadline = time.Hour
	for name, s := range map[string]func(stop func(), release <-chan struct{}) opener{
		"while it opens": func(stop func(), _ <-chan struct{}) opener {
			return func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
				stop()
				<-ctx.Done()
				return nil, ctx.Err()
			}
		},
		"while it opens, and will not stop": func(stop func(), release <-chan struct{}) opener {
			return func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
				stop()
				leaky(release)
				return nil, nil
			}
		},
		"in mid-call": func(stop func(), _ <-chan struct{}) opener {
			return bend(func(b *bent) {
				b.call = func(ctx context.Context, p subject.Pool, c subject.Call) (subject.Reply, error) {
					defer time.AfterFunc(20*time.Millisecond, stop).Stop() // any time will do
					return p.Call(ctx, c)
				}
			}).Open
		},
		"in a call that will not stop": func(stop func(), release <-chan struct{}) opener {
			return bend(func(b *bent) {
				b.call = func(ctx context.Context, p subject.Pool, c subject.Call) (subject.Reply, error) {
					stop()
					leaky(release)
					return subject.Reply{}, nil
				}
			}).Open
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			why := errors.New("enough")
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			release := make(chan struct{})
			defer close(release)
			sc := forever
			var seen seen
			sc.Subject = subject.Subject{Name: "bent", Open: s(func() { stop(why) }, release), Wrap: seen.wrap}
			done := make(chan error, 1)
			go func() { _, err := Run(ctx, sc); done <- err }()
			select {
			case err := <-done:
				if !errors.Is(err, why) || !strings.Contains(err.Error(), "a test, bent: stopped") {
					t.Errorf("got %v, want that it was stopped, and why", err)
				}
			case <-time.After(watchdog):
				t.Fatalf("Run did not return within %v", watchdog)
			}
			if n := seen.alive(); n > 0 {
				t.Errorf("%d workers are alive", n)
			}
		})
	}
}

func TestAWrapThatPanicsIsAnErrorOfTheRun(t *testing.T) {
	sc := on(subject.Ours())
	sc.Subject.Wrap = func(worker.Launcher) worker.Launcher { panic("boom") }
	if _, err := Run(t.Context(), sc); err == nil || !strings.Contains(err.Error(), "Subject.Wrap: panic: boom") {
		t.Errorf("got %v", err)
	}
}

func TestARunIsNotBegunUnderAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, deadline := range []time.Duration{0, long} {
		sc := on(subject.Ours())
		sc.Deadline = deadline
		if _, err := Run(ctx, sc); !errors.Is(err, context.Canceled) {
			t.Errorf("deadline %v: got %v", deadline, err)
		}
	}
	nothingRuns(t)
}

func TestWithoutADeadlineTheReferenceMustServeSomething(t *testing.T) {
	sc := on(subject.Ours())
	sc.Deadline = 0
	sc.Workload.Command = "no such command"
	_, err := Run(t.Context(), sc)
	if err == nil || !strings.Contains(err.Error(), "it served none of 1 calls") || !strings.Contains(err.Error(), "no such command") || !strings.Contains(err.Error(), "name a deadline") {
		t.Errorf("got %v", err)
	}
	nothingRuns(t)
}

func TestTheBetterOfTwoReferencesCounts(t *testing.T) {
	record := func(took ...time.Duration) *scenario.Record {
		r := &scenario.Record{Deadline: time.Hour}
		for i, d := range took {
			id := fmt.Sprint(i)
			r.Events = append(r.Events, scenario.Event{Kind: scenario.Arrive, Call: id}, scenario.Event{At: d, Kind: scenario.Return, Call: id})
			if d == 0 {
				r.Events[len(r.Events)-1].Err = "no"
			}
		}
		return r
	}
	for _, c := range []struct {
		a, b []time.Duration
		want bool
	}{
		{[]time.Duration{1, 3}, []time.Duration{2, 4}, true}, // the last served earlier
		{[]time.Duration{2, 4}, []time.Duration{1, 3}, false},
		{[]time.Duration{5, 9}, []time.Duration{1, 0}, true}, // more served
		{[]time.Duration{1, 0}, []time.Duration{5, 9}, false},
		{[]time.Duration{1, 2}, []time.Duration{1, 2}, false},
		{[]time.Duration{0}, []time.Duration{0}, false},
	} {
		if got := better(record(c.a...), record(c.b...)); got != c.want {
			t.Errorf("%v is better than %v: %v", c.a, c.b, got)
		}
	}
	for _, c := range []struct {
		r    *scenario.Record
		want time.Duration
	}{
		{record(2*time.Second, 4*time.Second, 0), 6 * time.Second},                        // 1.5 times the last served
		{record(time.Millisecond, 10*time.Millisecond), 10*time.Millisecond + leastSlack}, // what noise may take
	} {
		if d, err := deadlineFrom(c.r, 1.5); err != nil || d != c.want {
			t.Errorf("got %v, %v; want %v", d, err, c.want)
		}
	}
}

func TestWhatAScenarioLeavesOpenIsFilledIn(t *testing.T) {
	sc := Scenario{Start: scenario.Demand{CPU: time.Second, Wait: 2 * time.Second}}
	fill(&sc)
	if sc.World != "process" || sc.Slack != 1.5 || sc.Workload.Arrive != scenario.Burst || sc.Workload.Calls != 1 || sc.Recovery != 10*time.Second {
		t.Errorf("%+v", sc)
	}
	sc = Scenario{World: "w", Slack: 2, Recovery: time.Minute, Workload: scenario.Workload{Arrive: scenario.Rate, Calls: 3}}
	fill(&sc)
	if sc.World != "w" || sc.Slack != 2 || sc.Workload.Arrive != scenario.Rate || sc.Workload.Calls != 3 || sc.Recovery != time.Minute {
		t.Errorf("%+v", sc)
	}
	for _, c := range []struct{ patience, deadline, want time.Duration }{{3, 2, 3}, {0, 2, 2}, {0, 0, time.Minute}} {
		if got := (&Scenario{Patience: c.patience, Deadline: c.deadline}).GivesUp(); got != c.want {
			t.Errorf("patience %v, deadline %v: callers give up after %v, want %v", c.patience, c.deadline, got, c.want)
		}
	}
}

func TestASwarmIsDrawnFromTheSeedBesideWhatThePlanSays(t *testing.T) {
	drawn := func(seed uint64) Scenario {
		sc := mixed(0)
		sc.Subject, sc.Seed, sc.Swarm, sc.Faults = subject.Ours(), seed, 5, faults.Plan{{Fault: faults.GiveUp{}}}
		fill(&sc)
		return sc
	}
	all := map[string]bool{}
	for seed := range seeds(t, 40) {
		sc := drawn(seed)
		if err := sc.Check(); err != nil || sc.Swarm != 0 || len(sc.Faults) != 6 || sc.Faults[0].Maybe {
			t.Fatalf("seed %d: %+v, %v", seed, sc.Faults, err)
		}
		for _, e := range sc.Faults[1:] {
			if strings.HasPrefix(e.Fault.Name(), "harness-") || !e.Maybe {
				t.Errorf("seed %d: it has drawn %+v", seed, e)
			}
		}
		if !reflect.DeepEqual(drawn(seed).Faults, sc.Faults) {
			t.Errorf("seed %d: drawn again it is another", seed)
		}
		text, err := sc.Faults.Text()
		if err != nil {
			t.Fatal(err)
		}
		all[string(text)] = true
	}
	if len(all) < int(seeds(t, 40)) {
		t.Errorf("there are %d plans for %d seeds", len(all), seeds(t, 40))
	}
}

func TestRunTPassesASoundRun(t *testing.T) {
	sc := on(subject.Ours())
	sc.Name = ""
	if r := RunT(t, sc); r.Word != scenario.Sound || r.Scenario.Name != t.Name() {
		t.Errorf("%q: %s: %s", r.Scenario.Name, r.Word, r.Reason)
	}
}

// trialVariable has the tests below run in a process of their own, where they
// fail as they should.
const trialVariable = "BUTFOR_TEST_OF_RUNT"

func TestTrialOfAnUnsoundSubject(t *testing.T) {
	if os.Getenv(trialVariable) == "" {
		t.Skip("run by TestRunTFailsAnUnsoundRun")
	}
	sc := on(subject.Subject{Name: "bent", Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
		return nil, errors.New("no licence")
	}})
	r := RunT(t, sc)
	fmt.Println("after it:", r.Word)
}

func TestARunThatWouldNeverEndIsToldWithThePlace(t *testing.T) {
	const stacks = `goroutine 7 [runnable, synctest bubble 5]:
github.com/butfor/butfor/harness/world/virtual.(*schedule).point(...)
	/src/harness/world/virtual/schedule.go:90 +0x1
github.com/butfor/butfor/internal/point.At(...)
	/src/internal/point/point.go:9 +0x1
github.com/butfor/butfor/pool.(*Pool).wait(0xc0001, {0x1, 0x2})
	/src/pool/pool.go:553 +0x1c
created by github.com/butfor/butfor/harness.(*clients).run in goroutine 5
	/src/harness/clients.go:50 +0x2

goroutine 8 [sleep, synctest bubble 5]:
time.Sleep(0x1)
	/go/src/runtime/time.go:1 +0x1
created by example.com/mine.New in goroutine 5
	/src/mine.go:1 +0x2

goroutine 9 [select, synctest bubble 5]:
example.com/mine.(*Pool).tend(...)
	/src/mine.go:20 +0x2`
	const at = "; it is in example.com/mine.(*Pool).tend at /src/mine.go:20, github.com/butfor/butfor/pool.(*Pool).wait at /src/pool/pool.go:553"
	for mechanism, err := range map[string]error{
		"livelock": &virtual.LivelockError{Steps: 9, Who: []string{"c1 at looks"}, Stacks: stacks},
		"deadlock": fmt.Errorf("a run: %w", &virtual.StuckError{Stacks: stacks}),
	} {
		r, ok := endless(Scenario{}, err)
		if !ok || r.Mechanism != mechanism || r.Word != scenario.Architectural || !strings.HasPrefix(r.Reason, err.Error()) || !strings.HasSuffix(r.Reason, at) {
			t.Errorf("%s: %v, %s: %s", mechanism, ok, r.Word, r.Reason)
		}
	}
	var many []string
	for _, name := range []string{"e", "b", "a", "b", "d", "c"} { // one place twice
		many = append(many, fmt.Sprintf("goroutine 7 [select, synctest bubble 5]:\nexample.com/mine.%s(...)\n\t/src/mine.go:1 +0x1", name))
	}
	r, _ := endless(Scenario{}, &virtual.StuckError{Stacks: strings.Join(many, "\n\n")})
	if want := "; it is in example.com/mine.a at /src/mine.go:1, example.com/mine.b at /src/mine.go:1, example.com/mine.c at /src/mine.go:1, 2 more"; !strings.HasSuffix(r.Reason, want) {
		t.Errorf("of many places: %s", r.Reason)
	}
	if r, _ := endless(Scenario{}, &virtual.StuckError{}); r.Reason != virtual.ErrStuck.Error() {
		t.Errorf("without a stack: %s", r.Reason)
	}
	if _, ok := endless(Scenario{}, errors.New("another")); ok {
		t.Error("another error ends no run so")
	}
}

func TestTrialOfABadScenario(t *testing.T) {
	if os.Getenv(trialVariable) == "" {
		t.Skip("run by TestRunTFailsAnUnsoundRun")
	}
	RunT(t, Scenario{})
	fmt.Println("after a bad one")
}

func TestTrialOfAStandstill(t *testing.T) {
	if os.Getenv(trialVariable) == "" {
		t.Skip("run by TestRunTFailsAnUnsoundRun")
	}
	sc := on(subject.Subject{Name: "held", Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
		return nil, waitForAMutex()
	}})
	sc.World = virtual.Name
	Trial{Patience: time.Second}.Run(t, sc)
}

func TestRunTFailsAnUnsoundRun(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestTrialOf", "-test.timeout", watchdog.String())
	cmd.Env = append(os.Environ(), trialVariable+"=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"--- FAIL: TestTrialOfAnUnsoundSubject", "butfor: architectural: 1 of 1 calls missed", "no licence", "after it: architectural",
		"--- FAIL: TestTrialOfABadScenario", "butfor: the scenario has no subject",
		"--- FAIL: TestTrialOfAStandstill", "butfor: inconclusive: the run stood still for 1s of real time: a goroutine (sync.Mutex.Lock) in", "harness.waitForAMutex at",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "after a bad one") {
		t.Errorf("the test went on after an error of the lab:\n%s", out)
	}
}
