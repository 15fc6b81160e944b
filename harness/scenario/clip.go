package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Clip is E∧C: a scenario with an environment to replay, with each demand, each
// bucket of outside load and each fault clipped to what the contract allows. It is the
// smallest change that takes the excess away: what was inside stays as it was.
//
// excess says, each in a sentence, what was beyond the contract by more than the
// error of measurement; none: the environment was inside.
func (c *Contract) Clip(sc Scenario) (clipped Scenario, excess []string) {
	e := *sc.Replay
	k := clipping{Contract: c, env: &e}
	sc.Cores = max(sc.Cores, c.Cores)
	k.machine()
	k.quotas()
	k.load()
	k.crashes()
	k.starts(sc.Start)
	sc.Start = k.start(sc.Start)
	k.calls(&sc.Workload)
	k.tell()
	sc.Replay = &e
	return sc, k.excess
}

// A clipping is under way: env is a copy, but for what is below its surface.
type clipping struct {
	*Contract
	env          *Environment
	excess       []string
	starting     Demand // the most by which starts were over, CPU and wait apart
	calling      Demand
	spared       int // workers that do not die after all
	mute, silent int // starts without a hello: all, and those that are let be
}

func (k *clipping) over(format string, args ...any) {
	k.excess = append(k.excess, fmt.Sprintf(format, args...))
}

// What is nearer to the contract than that was not measured as beyond it.
const (
	clipTime  = 10 * time.Millisecond // or clipShare of what is allowed, whichever is more
	clipShare = 0.05
	clipLoad  = 0.05 // threads or cores, on average
)

func beyond(x, most time.Duration) bool {
	return x > most+max(clipTime, time.Duration(clipShare*float64(most)))
}

// machine sees to the cores that there are.
func (k *clipping) machine() {
	e := k.env
	if e.Cores < k.Cores {
		k.over("there were %.2g cores, the contract has %.2g", e.Cores, k.Cores)
		e.Cores = k.Cores
	}
	spare := e.Cores - k.Cores
	e.Load = slices.Clone(e.Load)
	var stolen mean
	for i := range e.Load {
		b := &e.Load[i]
		stolen.add(max(0, b.Stolen-spare), b.Span)
		b.Stolen = min(b.Stolen, spare)
	}
	if s := stolen.value(); s > clipLoad {
		k.over("%.2f of the contract's %.2g cores were stolen", s, k.Cores)
	}
}

// quotas lifts those below what the contract has to that: all its cores for a group
// of all workers, one for a worker's own.
func (k *clipping) quotas() {
	e := k.env
	most := k.Cores
	if len(e.Workers) > 0 && !e.together() {
		most = min(most, 1)
	}
	tightest := 0.0
	lift := func(q Quota) Quota {
		if q.Cores > 0 && q.Cores < most*(1-clipShare) {
			if tightest == 0 || q.Cores < tightest {
				tightest = q.Cores
			}
			return Quota{Cores: most, Period: q.Period, First: q.First}
		}
		return q
	}
	e.Quota = lift(e.Quota)
	e.Workers = slices.Clone(e.Workers)
	for i := range e.Workers {
		path := slices.Clone(e.Workers[i].Path)
		for n := range path {
			path[n].Quota = lift(path[n].Quota)
		}
		e.Workers[i].Path = path
	}
	if tightest > 0 {
		k.over("the workers were under a quota of %.2g cores, the contract has %.2g", tightest, k.Cores)
	}
}

// load makes each bucket's load from outside as much lighter as it was too heavy.
func (k *clipping) load() {
	var excess mean
	most := 0.0
	hidden := make([]float64, len(k.env.Load)) // a single bucket says nothing of it
	for i := range hidden {
		hidden[i] = k.env.unseen(i-around, i+around)
	}
	for i, unseen := range hidden {
		b := &k.env.Load[i]
		sum := unseen
		for _, l := range b.Load {
			sum += l.Runnable
		}
		most = max(most, sum)
		excess.add(max(0, sum-k.Outside), b.Span)
		if sum <= k.Outside {
			continue
		}
		share := k.Outside / sum
		b.Unseen = share * unseen
		loads := make([]Load, 0, len(b.Load))
		for _, l := range b.Load {
			if l = l.lighter(share); l.Runnable > 0 {
				loads = append(loads, l)
			}
		}
		b.Load = loads
	}
	if over := excess.value(); over > clipLoad {
		k.over("others wanted up to %.1f cores at once, %.1f more on average than the contract's %.2g", most, over, k.Outside)
	}
}

// lighter is a load of which a share is left. What is left gets all that it wants,
// if it can: a contract is not made easier than it is.
func (l Load) lighter(share float64) Load {
	busy := int(share * float64(l.Busy))
	if l.Busy > 0 {
		l.BusyCPU = min(float64(busy), l.BusyCPU)
	}
	l.Busy = busy
	l.Runnable *= share
	l.CPU = min(l.CPU, l.Runnable)
	l.BusyCPU = min(l.BusyCPU, l.CPU)
	return l
}

// crashes lets only as many workers die as the contract has die, the first ones.
func (k *clipping) crashes() {
	e := k.env
	type crash struct {
		at    time.Duration
		death int // its place in Deaths; -1: a launch was refused
		start int
	}
	var all []crash
	for i, d := range e.Deaths {
		all = append(all, crash{d.At, i, d.Worker})
	}
	for i, s := range e.Starts {
		if s.Refused != "" {
			all = append(all, crash{s.Begin, -1, i})
		}
	}
	if len(all) <= k.Crashes {
		return
	}
	slices.SortStableFunc(all, func(a, b crash) int { return cmp.Compare(a.at, b.at) })
	k.spared = len(all) - k.Crashes
	k.over("%d workers died, the contract has %d die", len(all), k.Crashes)
	e.Starts, e.Calls = slices.Clone(e.Starts), maps.Clone(e.Calls)
	spared := map[int]bool{}
	for _, c := range all[k.Crashes:] {
		s := &e.Starts[c.start]
		if c.death < 0 {
			s.Refused, s.Cut, s.Demand = "", true, Demand{}
			continue
		}
		spared[c.death] = true
		if s.Died {
			s.Died, s.Cut, s.Spared = false, true, true
		}
		k.survive(e.Deaths[c.death])
	}
	var deaths []Death
	for i, d := range e.Deaths {
		if !spared[i] {
			deaths = append(deaths, d)
		}
	}
	e.Deaths = deaths
}

// survive takes back what a death did to the calls in the worker's hands.
func (k *clipping) survive(d Death) {
	for id, spans := range k.env.Calls {
		if !slices.ContainsFunc(spans, func(s Span) bool { return s.Died && s.Worker == d.Worker }) {
			continue
		}
		spans = slices.Clone(spans)
		for i := range spans {
			if s := &spans[i]; s.Died && s.Worker == d.Worker {
				s.Died, s.Cut, s.Spared = false, true, true
			}
		}
		k.env.Calls[id] = spans
		k.env.Victims = slices.DeleteFunc(slices.Clone(k.env.Victims), func(victim string) bool { return victim == id })
	}
}

// starts clips what starts ask for. One that was cut short asks for at least what
// it was seen to; where nothing says how much that is, it is the contract's most.
func (k *clipping) starts(byDefault Demand) {
	e := k.env
	e.Starts = slices.Clone(e.Starts)
	longest := time.Duration(0)
	for _, s := range e.Starts {
		if s.Whole() {
			longest = max(longest, s.CPU+s.Wait)
		}
	}
	for i := range e.Starts {
		s := &e.Starts[i]
		if s.Refused != "" || s.Died || s.Asks != nil {
			s.Demand = k.start(s.Demand)
			if s.Asks != nil {
				asks := k.start(*s.Asks)
				s.Asks = &asks
			}
			continue
		}
		if seen := s.CPU + s.Wait; s.Cut && seen > 0 && seen > longest && seen >= byDefault.CPU+byDefault.Wait {
			if !s.Spared && (beyond(s.CPU, k.Start.CPU) || beyond(s.Wait, k.Start.Wait)) {
				if k.mute++; k.mute <= k.Mute {
					k.silent++
					continue
				}
			}
			s.Cut, s.Mute = false, false
			s.Demand = Demand{CPU: max(s.CPU, byDefault.CPU), Wait: max(s.Wait, k.Start.Wait)}
		}
		s.Demand = k.start(s.Demand)
	}
	e.Further = slices.Clone(e.Further)
	for i := range e.Further { // nobody met them: they are no excess
		s := &e.Further[i]
		s.Refused, s.Died = "", false
		s.CPU, s.Wait = min(s.CPU, k.Start.CPU), min(s.Wait, k.Start.Wait)
	}
}

func (k *clipping) start(d Demand) Demand { return clip(d, k.Start, &k.starting) }

// clip is a demand with no more of either than there may be.
func clip(d, most Demand, over *Demand) Demand {
	if beyond(d.CPU, most.CPU) {
		over.CPU = max(over.CPU, d.CPU)
	}
	if beyond(d.Wait, most.Wait) {
		over.Wait = max(over.Wait, d.Wait)
	}
	return Demand{CPU: min(d.CPU, most.CPU), Wait: min(d.Wait, most.Wait)}
}

// calls clips what calls ask for, also those that were never made.
func (k *clipping) calls(w *Workload) {
	most := k.Call
	if most.Wait == 0 {
		most.Wait = never
	}
	all := make(map[string][]Span, len(k.env.Calls))
	for id, spans := range k.env.Calls {
		spans = slices.Clone(spans)
		for i := range spans {
			spans[i].Demand = clip(spans[i].Demand, most, &k.calling)
		}
		all[id] = spans
	}
	for nth := 1; nth <= w.Each(); nth++ {
		step := w.Step(nth)
		d := clip(step.Asks(), most, &k.calling)
		if d == step.Asks() || len(k.env.Starts) == 0 {
			continue
		}
		for client := 1; client <= w.Clients; client++ {
			if id := w.Call(client, nth); len(all[id]) == 0 {
				all[id] = []Span{{Command: step.Command, Demand: d}}
			}
		}
	}
	k.env.Calls = all
}

// tell says of demands and of starts without a hello what was over.
func (k *clipping) tell() {
	for _, d := range []struct {
		what, of   string
		over, most time.Duration
	}{
		{"starts", "CPU", k.starting.CPU, k.Start.CPU}, {"starts", "waiting", k.starting.Wait, k.Start.Wait},
		{"calls", "CPU", k.calling.CPU, k.Call.CPU}, {"calls", "waiting", k.calling.Wait, k.Call.Wait},
	} {
		if d.over > 0 {
			k.over("%s asked for up to %.2f s of %s, the contract has %.2f s", d.what, d.over.Seconds(), d.of, d.most.Seconds())
		}
	}
	if k.mute > k.silent {
		k.over("%d starts said no hello in the time that the contract gives them, it has %d of these", k.mute, k.Mute)
	}
}
