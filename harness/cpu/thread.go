package cpu

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A Thread wants a set time of CPU, and is runnable until it has had it.
type Thread struct {
	group  *Group
	nth    uint64 // of all that were started
	demand time.Duration
	done   func()

	begin time.Duration
	from  instant // group.served at its begin
	goal  instant // and at its end
	held  instant // group.heldBack at its begin

	stopped              bool
	wall, had, throttled time.Duration // once it is stopped
}

// Start starts a thread that wants d of CPU from now on, or Forever. Advance
// calls done, if there is one, at its end.
func (g *Group) Start(d time.Duration, done func()) *Thread {
	if d < 0 {
		panic(fmt.Errorf("cpu: group %q: a thread that wants %v", g.path, d))
	}
	m := g.m
	m.settle()
	m.starts++
	t := &Thread{group: g, nth: m.starts, demand: d, done: done, begin: m.now, from: g.served, goal: g.served, held: g.heldBack}
	if d < Forever-time.Duration(g.served.ns) {
		t.goal.ns += int64(d)
		m.finite++
	} else {
		t.goal = instant{ns: math.MaxInt64}
	}
	i := len(g.threads)
	for i > 0 && t.goal.since(g.threads[i-1].goal) < 0 {
		i--
	}
	g.threads = slices.Insert(g.threads, i, t)
	g.wake()
	return t
}

// stop closes the thread's account.
func (t *Thread) stop(had time.Duration) {
	g := t.group
	t.wall = g.m.now - t.begin
	t.had = min(had, t.wall)
	t.throttled = min(instant{}.plus(g.heldBack.since(t.held)).round(), t.wall-t.had)
	t.stopped = true
	if t.goal.ns != math.MaxInt64 {
		g.m.finite--
	}
}

// Cancel ends the thread now. Its done is not called, unless it was already or
// is being called: then Cancel returns false.
func (t *Thread) Cancel() bool {
	if t.stopped {
		untold := slices.Contains(t.group.m.ended, t)
		t.done = nil
		return untold
	}
	g := t.group
	g.m.settle()
	t.stop(t.Had())
	t.done = nil
	i := slices.Index(g.threads, t)
	g.threads = slices.Delete(g.threads, i, i+1)
	g.sleep()
	g.m.stale = true // Had made a plan, with t in it
	return true
}

// since is the time between the last settled account and now, and what the
// thread's group gets of it.
func (t *Thread) open() (had, held float64) {
	g := t.group
	g.m.plan()
	d := instant{ns: int64(g.m.now)}.since(g.m.at)
	had, held = g.served.since(t.from), g.heldBack.since(t.held)
	if g.held {
		held += d
	} else {
		had += float64(g.share * d)
	}
	return had, held
}

// Had is the CPU that it has had so far.
func (t *Thread) Had() time.Duration {
	if t.stopped {
		return t.had
	}
	had, _ := t.open()
	return min(instant{}.plus(had).round(), t.demand, t.group.m.now-t.begin)
}

// Throttled is how long a quota has kept it from running so far.
func (t *Thread) Throttled() time.Duration {
	if t.stopped {
		return t.throttled
	}
	_, held := t.open()
	return min(instant{}.plus(held).round(), t.group.m.now-t.begin-t.Had())
}

// Waited is how long it was runnable but not running so far, throttling apart:
// its run-queue delay. With Had and Throttled it adds up to its age.
func (t *Thread) Waited() time.Duration {
	if t.stopped {
		return t.wall - t.had - t.throttled
	}
	return t.group.m.now - t.begin - t.Had() - t.Throttled()
}
