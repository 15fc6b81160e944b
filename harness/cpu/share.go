package cpu

import "math"

// A leaf is n threads of one weight that compete in a group. Each sleeps sleep
// seconds for every second of CPU it gets, so the less they get, the more of
// them are runnable: given a share s of a core each, n/(1+s·sleep) are.
type leaf struct {
	n, weight, sleep float64
	cores            float64 // the most that they can use together
}

// most is what the threads take of cores that nobody else wants.
func (l *leaf) most() float64 { return min(l.cores, l.n/(1+l.sleep)) }

// tangent is what the threads take at a level of cores for a unit of weight, as
// the straight line that touches it there: base + slope·level.
func (l *leaf) tangent(level float64) (base, slope float64) {
	s := level * l.weight
	if s >= 1 {
		return l.most(), 0
	}
	stretch := 1 + float64(s*l.sleep)
	if l.n*s >= l.cores*stretch {
		return l.cores, 0
	}
	slope = l.n * l.weight / (stretch * stretch)
	if l.sleep == 0 {
		return 0, slope
	}
	return l.n * s * s * l.sleep / (stretch * stretch), slope
}

// demand finds out what the group and all in it could use.
func (g *Group) demand() {
	g.sum = float64(len(g.threads))
	for i := range g.loads {
		g.sum += g.loads[i].most()
	}
	for _, k := range g.kids {
		k.demand()
		g.sum += k.want
	}
	g.want = min(g.sum, g.cores)
	if g.throttled {
		g.want = 0
	}
}

// grant hands rate cores to the group, shares them out, and notes when this
// will have to change.
func (g *Group) grant(rate float64, held bool) {
	held = held || g.throttled
	g.rate, g.held = rate, held
	level := g.level()
	g.share = min(1, level)
	g.finish, g.spent = math.Inf(1), math.Inf(1)
	if len(g.threads) > 0 {
		g.planFinish()
	}
	if g.quota > 0 {
		g.planPeriod()
	}
	for _, k := range g.kids {
		k.grant(min(level*k.weight, k.want), held)
	}
}

// level is how many cores a unit of weight gets in the group: the one at which
// what all take adds up to the rate. What each takes bends only downwards as the level
// rises, so a step along the tangents from below never goes too far; without
// loads that react it is the well-known filling with water, and ends exact.
func (g *Group) level() float64 {
	if g.rate >= g.sum {
		return math.Inf(1)
	}
	level := 0.0
	for range steps {
		base, slope := 0.0, 0.0
		if n := float64(len(g.threads)); level < 1 {
			slope = n
		} else {
			base = n
		}
		for i := range g.loads {
			b, s := g.loads[i].tangent(level)
			base += b
			slope += s
		}
		for _, k := range g.kids {
			if level*k.weight < k.want {
				slope += k.weight
			} else {
				base += k.want
			}
		}
		if slope == 0 {
			return math.Inf(1)
		}
		higher := (g.rate - base) / slope
		if !(higher > level*(1+1e-15)) {
			return level
		}
		level = higher
	}
	return level
}

// steps are more than any level has been seen to take; one that took them all
// would be a little low, which is no harm.
const steps = 200

// planFinish finds out when the first thread of the group ends.
func (g *Group) planFinish() {
	first := g.threads[0].goal
	if first.ns == math.MaxInt64 {
		return
	}
	switch left := first.since(g.served); {
	case left <= 0:
		g.finish = 0
	case g.share > 0:
		g.finish = left / g.share
	}
	g.m.step = min(g.m.step, g.finish)
}

// planPeriod finds out when the group's budget is spent or filled again. While
// it takes less than its quota neither matters.
func (g *Group) planPeriod() {
	m := g.m
	left := instant{ns: int64(g.ends)}.since(m.at)
	switch {
	case g.throttled:
		m.step = min(m.step, left)
	case g.rate > 0 && g.budget/g.rate < left-m.slack(left):
		g.spent = max(0, g.budget/g.rate)
		m.step = min(m.step, g.spent)
	case g.rate > g.quota:
		m.step = min(m.step, left)
	}
}
