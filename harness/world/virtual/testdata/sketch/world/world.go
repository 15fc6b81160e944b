// Package world runs a scenario against a subject in virtual time.
package world

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/world/virtual/testdata/sketch/cct"
	"github.com/butfor/butfor/harness/world/virtual/testdata/sketch/cpu"
	"github.com/butfor/butfor/harness/world/virtual/testdata/sketch/subject"
	"github.com/butfor/butfor/harness/world/virtual/testdata/sketch/worker"
)

// Env is all of the environment that a replay needs.
type Env struct {
	Name   string
	Cores  float64
	Hogs   []cpu.Hogs
	Box    cpu.Box
	Worker worker.Profile
}

// Caller makes one call at At, and gives up after Patience.
type Caller struct {
	At, Patience time.Duration
	Call         subject.Call
}

// Scenario is settings and workload; the environment comes apart.
type Scenario struct {
	Name    string
	Cfg     subject.Config
	Callers []Caller
}

// Same makes n callers alike, all at once.
func Same(n int, patience time.Duration, command string, args map[string]any) []Caller {
	cs := make([]Caller, n)
	for i := range cs {
		cs[i] = Caller{0, patience, subject.Call{Command: command, Args: args}}
	}
	return cs
}

// Options are the run's, not the scenario's.
type Options struct {
	Seed   uint64
	Step   time.Duration // see cct.Sched
	Free   bool          // no schedule control at all
	Replay []int         // recorded choices instead of the seed
	Keep   bool
}

// Result is what was seen at the edges.
type Result struct {
	Open      time.Duration   // until the pool was open
	Done      []time.Duration // a call's time from arrival to its end
	Err       []error
	Starts    int
	Left      int // workers alive after Close
	Virtual   time.Duration
	Hash      string
	Steps     int
	Ambiguous int
	Choices   []int
	Trace     []string
}

// Served counts the calls that succeeded.
func (r Result) Served() (n int) {
	for _, err := range r.Err {
		if err == nil {
			n++
		}
	}
	return n
}

// Late is true if a call failed.
func (r Result) Late() bool { return r.Served() < len(r.Err) }

// T is the completion time of the last call; a failed one counts as never.
func (r Result) T(never time.Duration) (t time.Duration) {
	for i, d := range r.Done {
		if r.Err[i] != nil {
			return never
		}
		t = max(t, d)
	}
	return t
}

func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "served %d/%d, %d starts, open %.3f:", r.Served(), len(r.Done), r.Starts, r.Open.Seconds())
	for i, d := range r.Done {
		mark := ""
		if r.Err[i] != nil {
			mark = "✗"
		}
		fmt.Fprintf(&b, " %.3f%s", d.Seconds(), mark)
	}
	return b.String()
}

// Run runs once, in a bubble of its own.
func Run(t *testing.T, sub subject.Subject, sc Scenario, env Env, o Options) (r Result) {
	synctest.Test(t, func(*testing.T) { r = run(sub, sc, env, o) })
	return r
}

func run(sub subject.Subject, sc Scenario, env Env, o Options) (r Result) {
	start := time.Now()
	var s *cct.Sched
	if !o.Free {
		pick := cct.Random(o.Seed)
		if o.Replay != nil {
			pick = cct.Replay(o.Replay)
		}
		s = cct.New(o.Seed, pick, o.Step)
		s.Keep = o.Keep
	}
	m := &worker.Model{CPU: cpu.New(env.Cores, env.Hogs...), Sched: s, Profile: env.Worker, Seed: o.Seed}
	if env.Box.Quota > 0 {
		box := env.Box
		m.Box = &box
	}
	// Subjects get a context of the bubble: when it ends, they must.
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		pool, err := sub.Open(ctx, m, sc.Cfg)
		r.Open = time.Since(start)
		r.Done = make([]time.Duration, len(sc.Callers))
		r.Err = make([]error, len(sc.Callers))
		if err == nil {
			var wg sync.WaitGroup
			for i, c := range sc.Callers {
				wg.Go(func() {
					time.Sleep(c.At)
					who := fmt.Sprintf("c%02d", i)
					t0 := time.Now()
					s.Point(who, "call")
					ctx, cancel := context.WithTimeout(ctx, c.Patience)
					defer cancel()
					_, r.Err[i] = pool.Call(ctx, c.Call)
					r.Done[i] = time.Since(t0)
					s.Point(who, fmt.Sprint("return ", r.Err[i]))
				})
			}
			wg.Wait()
			r.Virtual = time.Since(start)
			r.Starts = m.Starts()
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			pool.Close(ctx)
			cancel()
		}
		cancel()
		r.Left = m.End()
	}()
	if s == nil {
		<-done
		return r
	}
	s.Run(done)
	r.Hash, r.Steps, r.Ambiguous, r.Choices, r.Trace = s.Hash(), len(s.Choices), s.Ambiguous, s.Choices, s.Trace
	return r
}
