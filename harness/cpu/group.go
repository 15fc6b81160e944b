package cpu

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A GroupConfig is how a scheduling group competes with its siblings.
type GroupConfig struct {
	// Path names the group, from the one it is made in down, by slashes: a load
	// of that path is in it too. Without one it is a new group that no load can
	// be in, and so are the groups inside it.
	Path string
	// Weight against the siblings; 0 is 1, which is cpu.weight 100, cpu.shares
	// 1024 and autogroup nice 0.
	Weight float64
	// Cores are the most it may use at any instant, as a cpuset has it; 0: all.
	Cores float64
	// Quota is how many cores it may use on average over a Period: a budget of
	// Quota × Period, and once it is spent nothing until the next period, as
	// Linux's bandwidth control has it. Here a period begins when something in the
	// group becomes runnable, or when the last one ends. 0: no quota.
	Quota  float64
	Period time.Duration // 0: 100 ms
	// First is how long a period lasts that begins with the group's becoming
	// runnable, or with a new quota; 0: as long as the others.
	First time.Duration
}

const (
	period    = 100 * time.Millisecond // Linux's own choice
	periodMin = time.Millisecond       // and what it refuses
	budgetMin = time.Microsecond
)

// Check says what Group would refuse.
func (c GroupConfig) Check() error {
	switch {
	case bad(c.Weight):
		return fmt.Errorf("cpu: group %q: weight %v", c.Path, c.Weight)
	case bad(c.Cores):
		return fmt.Errorf("cpu: group %q: %v cores", c.Path, c.Cores)
	}
	if c.First < 0 {
		return fmt.Errorf("cpu: group %q: a first period of %v", c.Path, c.First)
	}
	return checkQuota(c.Quota, c.Period)
}

func checkQuota(quota float64, p time.Duration) error {
	if p == 0 {
		p = period
	}
	if bad(quota) || p < periodMin || quota > 0 && quota*float64(p) < float64(budgetMin) {
		return fmt.Errorf("cpu: quota %v in a period of %v: it takes %v of CPU and a period of %v at least", quota, p, budgetMin, periodMin)
	}
	return nil
}

// A Group is what Linux shares cores between: a session, a container, or a
// group of them.
type Group struct {
	m             *Machine
	up            *Group
	path          string
	weight, cores float64
	quota         float64
	period, first time.Duration

	threads []*Thread // the one that ends first in front
	loads   []leaf
	kids    []*Group // those in which something is runnable
	slot    int      // in up.kids, or idle

	served    instant // what a thread would have had that was here from the beginning
	heldBack  instant // how long it was throttled, or a group that it is in
	budget    float64
	ends      time.Duration // when the period does
	throttled bool
	throttles int // how often it became so

	// Of the plan.
	sum, want, rate float64 // what those in it could use, what it may have of that, what it gets
	share           float64 // what each of its threads gets
	held            bool    // throttled, or in a group that is
	finish, spent   float64 // from at until the first thread ends or the budget is spent; +Inf for never
}

// idle is the slot of a group in which nothing is runnable.
const idle = -1

// Group makes a group inside g. If there is one of that path already it is that
// one, with the weight and the limits of c from now on. It panics if c.Check
// finds something.
func (g *Group) Group(c GroupConfig) *Group {
	if err := c.Check(); err != nil {
		panic(err)
	}
	if c.Cores == 0 {
		c.Cores = math.Inf(1)
	}
	if c.Period == 0 {
		c.Period = period
	}
	g.m.settle()
	k := g.child()
	if path := strings.Trim(c.Path, "/"); path != "" {
		k = g.descend(path)
	}
	k.SetWeight(c.Weight)
	k.cores, k.first = c.Cores, c.First
	if c.Quota != k.quota || c.Quota > 0 && c.Period != k.period {
		k.SetQuota(c.Quota, c.Period)
	}
	return k
}

func (g *Group) child() *Group {
	return &Group{m: g.m, up: g, weight: 1, cores: math.Inf(1), slot: idle}
}

// descend finds the group of that path below g, making what isn't there.
func (g *Group) descend(path string) *Group {
	m, full := g.m, path
	if g.up != nil {
		full = g.path + "/" + path
	}
	named := g.up == nil || g.path != ""
	if k := m.paths[full]; k != nil && named {
		return k
	}
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		g = g.descend(path[:i])
	}
	k := g.child()
	if named {
		if m.paths == nil {
			m.paths = map[string]*Group{}
		}
		k.path = full
		m.paths[full] = k
	}
	return k
}

// SetWeight changes the weight from now on; 0 is 1.
func (g *Group) SetWeight(weight float64) {
	if bad(weight) {
		panic(fmt.Errorf("cpu: group %q: weight %v", g.path, weight))
	}
	if weight == 0 {
		weight = 1
	}
	if weight != g.weight {
		g.m.settle()
		g.weight = weight
	}
}

// SetQuota changes the quota from now on; 0 takes it away, a period of 0 is
// 100 ms. A period begins with it, and the budget is full as it is in Linux.
func (g *Group) SetQuota(quota float64, p time.Duration) {
	if err := checkQuota(quota, p); err != nil {
		panic(err)
	}
	if p == 0 {
		p = period
	}
	g.m.settle()
	g.quota, g.period, g.throttled = quota, p, false
	g.ends = g.m.now
	if g.slot != idle {
		g.beginPeriod()
	}
}

// Throttles is in how many periods so far a quota has kept the group from running.
func (g *Group) Throttles() int { return g.throttles }

func (g *Group) beginPeriod() {
	if now := time.Duration(g.m.at.ns); g.quota > 0 && now >= g.ends {
		g.ends = now + cmp.Or(g.first, g.period)
		g.budget = g.quota * float64(g.period)
		g.throttled = false
	}
}

// wake puts the group among those that compete, once something in it does.
func (g *Group) wake() {
	if g.slot != idle {
		return
	}
	g.slot = 0
	g.beginPeriod()
	if up := g.up; up != nil {
		g.slot = len(up.kids)
		up.kids = append(up.kids, g)
		up.wake()
	}
}

// sleep takes it away again once nothing in it does.
func (g *Group) sleep() {
	if g.slot == idle || len(g.threads)+len(g.loads)+len(g.kids) > 0 {
		return
	}
	if up := g.up; up != nil {
		last := len(up.kids) - 1
		up.kids[g.slot] = up.kids[last]
		up.kids[g.slot].slot = g.slot
		up.kids[last] = nil
		up.kids = up.kids[:last]
		up.sleep()
	}
	g.slot = idle
}

// pass lets d nanoseconds go by, until then, in which all rates are as planned.
func (g *Group) pass(d float64, then instant) {
	switch {
	case g.held:
		g.heldBack = g.heldBack.plus(d)
	case len(g.threads) > 0:
		g.served = g.served.plus(float64(g.share * d))
	}
	if g.quota > 0 {
		g.budget -= float64(g.rate * d)
		if then.ns >= int64(g.ends) { // more than one may have gone by: see planPeriod
			p := int64(g.period)
			g.ends += time.Duration((then.ns-int64(g.ends))/p*p + p)
			into := then.since(instant{ns: int64(g.ends) - p})
			g.budget = float64(g.quota*float64(p)) - float64(g.rate*into)
			g.throttled = false
		}
	}
	for _, k := range g.kids {
		k.pass(d, then)
	}
}

// change does what was planned to happen within so many nanoseconds.
func (g *Group) change(within, slack float64) {
	if g.spent <= within {
		g.budget, g.throttled = 0, true
		g.throttles++
	}
	for i := len(g.kids) - 1; i >= 0; i-- { // from the end: a kid may leave
		g.kids[i].change(within, slack)
	}
	if g.finish <= within {
		g.served = g.threads[0].goal
		n := 1
		for n < len(g.threads) && g.threads[n].goal.since(g.served) <= slack {
			n++
		}
		for _, t := range g.threads[:n] {
			t.stop(t.demand)
			g.m.ended = append(g.m.ended, t)
		}
		g.threads = slices.Delete(g.threads, 0, n)
		g.sleep()
	}
}
