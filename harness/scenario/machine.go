package scenario

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/harness/cpu"
)

// Config is the machine that the environment was met on, as the model of cores
// has it, without the run's own workers: see Group.
//
// The load is either frozen or reacts. Frozen it wants in each bucket what it
// wanted in the recording; threads that slept get no more of the CPU than they
// had, as they were through with their work: how long they could run and waited
// hangs on how busy the machine was. A load that reacts is taken from a second to
// either side of each bucket, so that one that works and sleeps in turns is known
// for that, and sleeps less if it gets less. A replay should come to the same with
// both. Beyond the last bucket the load goes on as it was on average in its last
// second.
//
// What goes before all others takes its cores away: the realtime classes, and
// what was used unseen, averaged likewise.
func (e *Environment) Config(frozen bool) cpu.Config {
	if p := e.prepared; p.of(e) {
		return p.config(frozen)
	}
	return e.config(frozen)
}

// Prepare works out once what all replays of the environment ask for alike. It is
// for whoever replays it often, before anybody else uses it. A copy whose load, or
// rivals, or cores are replaced afterwards is none the worse for it.
func (e *Environment) Prepare() {
	p := &prepared{load: e.Load, rivals: e.Rivals, cores: e.Cores, err: e.checkMachine()}
	if p.err == nil {
		p.reacting, p.frozen = lasting(e.config(false)), lasting(e.config(true))
	}
	e.prepared = p
}

// prepared is what was worked out for a load of these rivals on so many cores.
type prepared struct {
	load             []Bucket
	rivals           []Rival
	cores            float64
	err              error // why it can't be replayed; there are no configs then
	reacting, frozen cpu.Config
}

// of says whether it was worked out for what the environment has now.
func (p *prepared) of(e *Environment) bool {
	return p != nil && p.err == nil && p.cores == e.Cores && same(p.load, e.Load) && same(p.rivals, e.Rivals)
}

func same[T any](a, b []T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

func (p *prepared) config(frozen bool) cpu.Config {
	if frozen {
		return p.frozen
	}
	return p.reacting
}

func (e *Environment) config(frozen bool) cpu.Config {
	c := cpu.Config{Cores: e.Cores, Frozen: frozen}
	all := e.series()
	loads := make([]turns, len(all))
	n := len(e.Load)
	for i, b := range e.Load {
		for _, at := range cuts(all, i) {
			for r := range all {
				switch there := all[r].there[i]; {
				case at < there.from || at >= there.to:
					loads[r] = turns{}
				case frozen:
					loads[r] = all[r].by[i].frozen()
				default:
					loads[r] = all[r].around(i)
				}
			}
			c.Outside = append(c.Outside, e.bucket(b.At+at, b.Stolen+e.unseen(i-around, i+around), loads))
		}
	}
	if n > 0 {
		var stolen mean
		for _, b := range e.Load[max(0, n-around):] {
			stolen.add(b.Stolen, b.Span)
		}
		for r := range all {
			loads[r] = all[r].mean(n-around, n-1)
			if frozen {
				loads[r] = loads[r].frozen()
			}
		}
		end := e.Load[n-1].At + e.Load[n-1].Span
		c.Outside = append(c.Outside, e.bucket(end, stolen.value()+e.unseen(n-around, n-1), loads))
	}
	return c
}

// lasting is the same load without what makes no difference to the machine: what
// threads had that never sleep, and buckets that go on as the one before.
func lasting(c cpu.Config) cpu.Config {
	all := c.Outside
	c.Outside = nil
	for _, b := range all {
		for i := range b.Loads {
			if l := &b.Loads[i]; c.Frozen || !l.Sleeps() {
				l.Threads, l.OnCPU = l.Runnable, 0
			}
		}
		if n := len(c.Outside); n == 0 || !alike(c.Outside[n-1], b) {
			c.Outside = append(c.Outside, b)
		}
	}
	return c
}

// alike says whether two buckets have the same load.
func alike(a, b cpu.Bucket) bool {
	return a.Stolen == b.Stolen && slices.EqualFunc(a.Loads, b.Loads, func(a, b cpu.Load) bool {
		return a.Path == b.Path && a.Nice == b.Nice && a.Cores == b.Cores && a.Runnable == b.Runnable && a.Threads == b.Threads && a.OnCPU == b.OnCPU && slices.Equal(a.Weights, b.Weights)
	})
}

// around is for how many buckets to either side a load is looked at to tell
// whether it works in turns: a second, at the usual five buckets a second. A
// load that was away for longer has ended and begun again.
const around = 5

// turns are what a rival's threads wanted and had, of a bucket or on average:
// those that never slept, and the others.
type turns struct{ busy, others part }

type part struct {
	threads, runnable, cpu float64
	most                   float64 // cores that they get at most; 0: as many as they can use
}

func (t turns) threads() float64  { return t.busy.threads + t.others.threads }
func (t turns) runnable() float64 { return t.busy.runnable + t.others.runnable }

// awake is the part of the time that threads run or wait of which it is not
// certain that they sleep at all.
const awake = 0.9

func (t turns) frozen() turns {
	if o := &t.others; o.runnable < awake*o.threads {
		o.most = o.cpu
		if o.cpu == 0 {
			o.runnable = 0
		}
	}
	return t
}

// A series is one rival over the buckets.
type series struct {
	env   *Environment
	by    []turns    // bucket, while it was there
	there []presence // of a bucket, for how long it was
	first []int      // of the stretch of buckets without a long gap that a bucket is in; -1: in none
	last  []int
}

// A presence is the part of a bucket in which a load was there, since its begin.
type presence struct{ from, to time.Duration }

// cuts are when in a bucket a rival comes or goes, and its begin.
func cuts(all []series, i int) []time.Duration {
	at := []time.Duration{0}
	for r := range all {
		if s := all[r].there[i]; s.from > 0 {
			at = append(at, s.from)
		} else if s.to < all[r].env.Load[i].Span {
			at = append(at, s.to)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

func (e *Environment) series() []series {
	all := make([]series, len(e.Rivals))
	for r := range all {
		all[r] = series{env: e, by: make([]turns, len(e.Load)), there: make([]presence, len(e.Load)), first: make([]int, len(e.Load)), last: make([]int, len(e.Load))}
	}
	for i, b := range e.Load {
		for _, l := range b.Load {
			busy := part{threads: float64(l.Busy), runnable: min(float64(l.Busy), l.Runnable), cpu: l.BusyCPU}
			t := &all[l.Rival].by[i]
			t.busy = t.busy.plus(busy)
			t.others = t.others.plus(part{threads: float64(l.Threads - l.Busy), runnable: l.Runnable - busy.runnable, cpu: l.CPU - busy.cpu})
		}
	}
	for r := range all {
		all[r].stretch()
		all[r].edges()
	}
	return all
}

func (s *series) stretch() {
	n := len(s.by)
	for i := range n {
		s.first[i], s.last[i] = -1, -1
	}
	for i := 0; i < n; {
		if s.by[i].threads() == 0 {
			i++
			continue
		}
		end := i // the last named, as far as the next is near enough
		for j := i + 1; j < n && j-end <= around; j++ {
			if s.by[j].threads() > 0 {
				end = j
			}
		}
		for j := i; j <= end; j++ {
			s.first[j], s.last[j] = i, end
		}
		i = end + 1
	}
}

// edges finds when in its bucket a load came that never sleeps, or went: it was there for
// as long as its threads ran or waited. Else all who come at once would seem to have been
// there since the last look, each with a share of its own.
func (s *series) edges() {
	for i, b := range s.env.Load {
		s.there[i].to = b.Span
	}
	was := slices.Clone(s.by)
	for i, b := range s.env.Load {
		first, last := s.first[i], s.last[i]
		if first < 0 || first == last || i != first && i != last {
			continue
		}
		next := was[min(i+1, last)]
		if i == last {
			next = was[i-1]
		}
		n := next.busy.threads
		share := was[i].runnable() / n // of the bucket; no number, or more than all, where it does not go on so
		d := time.Duration(share * float64(b.Span))
		if !(share > 0 && share < awake) || d <= 0 || was[i].threads() > n || was[i].busy.threads > 0 { // who was there throughout has no edge
			continue
		}
		used := (was[i].busy.cpu + was[i].others.cpu) / share
		s.by[i] = turns{busy: part{threads: n, runnable: n, cpu: min(n, used)}}
		if i == first {
			s.there[i].from = b.Span - d
		} else {
			s.there[i].to = d
		}
	}
}

// around is the load on average in the buckets to either side that belong
// together.
func (s *series) around(i int) turns {
	if s.first[i] < 0 {
		return turns{}
	}
	return s.mean(max(s.first[i], i-around), min(s.last[i], i+around))
}

// mean has what the threads wanted and had on average from one bucket to another.
// Only as many are busy as were in each: who is busy in some works in turns. Of
// those there are as many as there were in any.
func (s *series) mean(from, to int) (t turns) {
	from = max(0, from)
	var runnable, used, busyUsed mean
	steady, threads := math.Inf(1), 0.
	for i := from; i <= to; i++ {
		steady = min(steady, s.by[i].busy.threads)
		threads = max(threads, s.by[i].threads())
	}
	for i := from; i <= to; i++ {
		b, span := s.by[i], s.there[i].to-s.there[i].from
		runnable.add(b.runnable(), span)
		used.add(b.busy.cpu+b.others.cpu, span)
		if steady > 0 {
			busyUsed.add(b.busy.cpu*steady/b.busy.threads, span)
		}
	}
	t.busy = part{threads: steady, runnable: min(steady, runnable.value()), cpu: min(busyUsed.value(), used.value())}
	t.others = part{threads: threads - steady, runnable: runnable.value() - t.busy.runnable, cpu: used.value() - t.busy.cpu}
	return t
}

func (p part) plus(q part) part {
	return part{threads: p.threads + q.threads, runnable: p.runnable + q.runnable, cpu: p.cpu + q.cpu}
}

// A mean is over time.
type mean struct{ sum, over float64 }

func (m *mean) add(v float64, span time.Duration) {
	m.sum += float64(v * span.Seconds())
	m.over += span.Seconds()
}

func (m *mean) value() float64 {
	if m.over == 0 {
		return 0
	}
	return m.sum / m.over
}

// unseen is what was used unseen on average from one bucket to another.
func (e *Environment) unseen(from, to int) float64 {
	var m mean
	for i := max(0, from); i <= min(to, len(e.Load)-1); i++ {
		m.add(e.Load[i].Unseen, e.Load[i].Span)
	}
	return max(0, m.value())
}

// bucket is the load of all rivals, each by its place in Rivals.
func (e *Environment) bucket(at time.Duration, stolen float64, loads []turns) cpu.Bucket {
	b := cpu.Bucket{At: at, Stolen: max(0, stolen)}
	caps := e.pinned(loads)
	for r, t := range loads {
		p := e.Rivals[r].Place
		if p.Policy == Realtime {
			b.Stolen += t.busy.cpu + t.others.cpu
			continue
		}
		for _, part := range []part{t.busy, t.others} {
			if part.runnable <= 0 {
				continue
			}
			l := cpu.Load{Path: path(p.Path), Nice: p.Nice, Cores: part.most, Runnable: part.runnable, Threads: part.threads, OnCPU: part.cpu}
			if caps[r] > 0 {
				if c := caps[r] * part.runnable / t.runnable(); l.Cores == 0 || c < l.Cores {
					l.Cores = c
				}
			}
			for _, g := range p.Path {
				w := g.Weight
				if w == 0 {
					w = 1
				}
				l.Weights = append(l.Weights, w)
			}
			if p.Policy == Idle { // threads of a weight that no nice has: as a group that weighs as much as they do
				l.Nice = 0
				l.Path = strings.TrimPrefix(fmt.Sprintf("%s/:idle%d", l.Path, r), "/")
				l.Weights = append(l.Weights, idleWeight*t.threads())
			}
			b.Loads = append(b.Loads, l)
		}
	}
	return b
}

// idleWeight is Linux's WEIGHT_IDLEPRIO.
const idleWeight = 3. / 1024

// path is how the model names a group. It takes slashes for its own.
func path(groups []Group) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = strings.ReplaceAll(g.Name, "/", ":")
	}
	return strings.Join(names, "/")
}

// pinned says how many cores each rival may use: 0 for all. The model knows no
// cores that several groups have to share, so rivals bound to the same ones have
// them dealt out here: as much as each wants, in equal parts where that is too
// much.
func (e *Environment) pinned(loads []turns) []float64 {
	caps := make([]float64, len(loads))
	sets := map[string][]int{}
	for r := range loads {
		if cpus := e.Rivals[r].CPUs; len(cpus) > 0 && loads[r].runnable() > 0 && e.Rivals[r].Policy != Realtime {
			key := fmt.Sprint(cpus)
			sets[key] = append(sets[key], r)
		}
	}
	for _, who := range sets {
		slices.SortStableFunc(who, func(a, b int) int {
			return cmp.Compare(loads[a].runnable(), loads[b].runnable())
		})
		left := float64(len(e.Rivals[who[0]].CPUs))
		for i, r := range who {
			part := left / float64(len(who)-i)
			caps[r] = part
			left -= min(part, loads[r].runnable())
		}
	}
	return caps
}

// Group makes, on a machine of the environment's, the group of one worker's
// threads: where those of the recorded workers were, with the weights and the
// quotas that they had. Workers that had a group each get one each; those that
// shared one share it here too.
//
// Workers that a set of cores holds together are put into one more group around
// them all, which weighs as much as they did: the model knows no set of cores
// that several groups share.
func (e *Environment) Group(m *cpu.Machine) *cpu.Group {
	if len(e.Rivals) > 0 {
		for _, groups := range e.limited() {
			descend(m.Root(), groups)
		}
	}
	g := m.Root()
	if len(e.Workers) == 0 {
		if e.Quota.Cores > 0 {
			g = g.Group(cpu.GroupConfig{Path: ":workers", Quota: e.Quota.Cores, Period: e.Quota.Period, First: e.Quota.First})
		}
		return g.Group(cpu.GroupConfig{})
	}
	place := e.Workers[0]
	if n := len(place.CPUs); n > 0 {
		g = g.Group(cpu.GroupConfig{Path: ":pinned", Cores: float64(n), Weight: float64(len(e.Workers))})
	}
	n := len(place.Path)
	if e.together() {
		return descend(g, place.Path)
	}
	own := place.Path[n-1]
	own.Name = "" // a new one
	return descend(g, append(slices.Clone(place.Path[:n-1]), own))
}

// limited are the paths on which a rival is under a quota, each once.
func (e *Environment) limited() (paths [][]Group) {
	at := map[string]int{}
	for _, r := range e.Rivals {
		if !slices.ContainsFunc(r.Path, func(g Group) bool { return g.Quota.Cores > 0 }) {
			continue
		}
		name := path(r.Path)
		if i, ok := at[name]; ok {
			paths[i] = r.Path // the last that was known
			continue
		}
		at[name] = len(paths)
		paths = append(paths, r.Path)
	}
	return paths
}

// together says whether the workers were all in one group: with the program
// that started them, in one container, or in none at all, their threads beside the
// topmost groups. Else each leads a session.
func (e *Environment) together() bool {
	first := e.Workers[0].Path
	if len(first) == 0 {
		return true
	}
	name := path(first)
	for _, r := range e.Rivals {
		if r.Harness && path(r.Path) == name {
			return true
		}
	}
	for _, w := range e.Workers {
		if path(w.Path) != name {
			return false
		}
	}
	return !first[len(first)-1].Session() && (len(e.Starts) > 1 || e.Workers[0].Processes > 1)
}

// descend finds or makes the groups of a path, with their weights and quotas.
func descend(g *cpu.Group, groups []Group) *cpu.Group {
	for i, in := range groups {
		g = g.Group(in.config(path(groups[i : i+1])))
	}
	return g
}

func (g Group) config(name string) cpu.GroupConfig {
	return cpu.GroupConfig{Path: name, Weight: g.Weight, Quota: g.Quota.Cores, Period: g.Quota.Period, First: g.Quota.First}
}
