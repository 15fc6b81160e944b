//go:build linux

package verdict_test

import (
	"context"
	"testing"
	"time"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// mine is anyone's own pool: a channel of places, each with a worker in it, or
// nobody yet.
type mine struct {
	launcher worker.Launcher
	free     chan *worker.Worker
}

func openMine(_ context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
	p := &mine{launcher: l, free: make(chan *worker.Worker, cfg.Size)}
	for range cfg.Size {
		p.free <- nil
	}
	return p, nil
}

func (p *mine) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	var w *worker.Worker
	select {
	case w = <-p.free:
	case <-ctx.Done():
		return subject.Reply{}, context.Cause(ctx)
	}
	defer func() { p.free <- w }()
	if w == nil {
		var err error
		if w, err = worker.Start(ctx, p.launcher, c.Client); err != nil {
			return subject.Reply{}, err
		}
	}
	r, err := w.Call(ctx, worker.Request{Command: c.Command, Args: c.Args})
	reply := subject.Reply{Result: r.Result, Worker: w.ID}
	if w.InDoubt() {
		_ = w.Port.Close(ctx)
		w = nil
	}
	return reply, err
}

func (p *mine) Close(ctx context.Context) error {
	for range cap(p.free) {
		if w := <-p.free; w != nil {
			_ = w.Port.Close(ctx)
		}
	}
	return nil
}

// cold is four callers of a pool whose workers are yet to be started.
func cold(s subject.Subject) harness.Scenario {
	return harness.Scenario{
		World:    "virtual", // or "process", on real Python workers
		Subject:  s,
		Config:   subject.Config{Size: 4, Lazy: true},
		Start:    scenario.Demand{Wait: time.Second}, // what each start asks for
		Workload: scenario.Workload{Clients: 4, Command: "echo"},
		Deadline: 3 * time.Second,
	}
}

func TestMyPoolKeepsItsDeadlineOnColdWorkers(t *testing.T) {
	harness.RunT(t, cold(subject.Subject{Name: "mine", Open: openMine}))
}
