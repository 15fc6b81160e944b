//go:build linux

package harness

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/internal/leftover"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "32"); err != nil { // they mostly wait
		panic(err)
	}
	if os.Getenv(trialVariable) == "" {
		leftover.Main(m)
	}
	os.Exit(m.Run()) // a test run by a test, to see it fail
}

// watchdog bounds what takes seconds. It is no deadline of anything under
// test: a machine can't be so slow that it matters.
const watchdog = time.Minute

// long is a deadline that nobody misses by being slow.
const long = 30 * time.Second

// bent is a pool of ours that does one thing in its own way.
type bent struct {
	subject.Pool
	call  func(ctx context.Context, straight subject.Pool, c subject.Call) (subject.Reply, error)
	close func(ctx context.Context, straight subject.Pool) error
}

func (b bent) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	if b.call != nil {
		return b.call(ctx, b.Pool, c)
	}
	return b.Pool.Call(ctx, c)
}

func (b bent) Close(ctx context.Context) error {
	if b.close != nil {
		return b.close(ctx, b.Pool)
	}
	return b.Pool.Close(ctx)
}

// watchful is one that hears of dead clients.
type watchful struct {
	bent
	died func(client string)
}

func (w watchful) ClientDied(client string) { w.died(client) }

type opener = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error)

// straight opens our own pool.
func straight(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
	return subject.Ours().Open(ctx, l, cfg)
}

// bend is a subject whose pool has something bent after it was opened.
func bend(how func(b *bent)) subject.Subject {
	return subject.Subject{Name: "bent", Open: func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		p, err := straight(ctx, l, cfg)
		if err != nil {
			return nil, err
		}
		b := bent{Pool: p}
		how(&b)
		return b, nil
	}}
}

// seen keeps the ports that a subject launched.
type seen struct {
	mu    sync.Mutex
	ports []worker.Port
}

func (s *seen) add(p worker.Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports = append(s.ports, p)
}

// alive is how many of them have not ended.
func (s *seen) alive() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.ports {
		select {
		case <-p.Done():
		default:
			n++
		}
	}
	return n
}

func (s *seen) wrap(l worker.Launcher) worker.Launcher { return seer{l, s} }

type seer struct {
	worker.Launcher
	seen *seen
}

func (s seer) Launch(ctx context.Context, id string) (worker.Port, error) {
	p, err := s.Launcher.Launch(ctx, id)
	if err == nil {
		s.seen.add(p)
	}
	return p, err
}

// on is a scenario of one call to a subject with one worker, that nobody is
// late for.
func on(s subject.Subject) Scenario {
	return Scenario{
		Name:     "a test",
		Subject:  s,
		Config:   subject.Config{Size: 1},
		Workload: scenario.Workload{Clients: 1, Command: "echo", Args: map[string]any{"n": 7}},
		Deadline: long,
		Recovery: long,
		Contract: &anything,
	}
}

// anything is a contract that no machine which runs tests breaks: what comes out
// otherwise is then the subject's doing.
var anything = scenario.Contract{Cores: 0.1, Start: scenario.Demand{CPU: long, Wait: long}, Call: scenario.Demand{CPU: long}, Outside: 1e6, Crashes: 1e6, Mute: 1e6, Recovery: long}

// run runs a scenario, and checks that it leaves no worker behind.
func run(t *testing.T, sc Scenario) Result {
	t.Helper()
	var s seen
	sc.Subject.Wrap = s.wrap
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	r, err := Run(ctx, sc)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.alive(); n > 0 {
		t.Errorf("%d workers are alive after Run", n)
	}
	return r
}

// nothingRuns checks that no worker of this program is alive. Not for parallel
// tests.
func nothingRuns(t *testing.T) {
	t.Helper()
	left, err := process.Census(process.Token(), "")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// events are those of a kind.
func events(r *scenario.Record, k scenario.Kind) (found []scenario.Event) {
	for _, e := range r.Events {
		if e.Kind == k {
			found = append(found, e)
		}
	}
	return found
}
