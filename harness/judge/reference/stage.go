package reference

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/cpu"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker/model"
)

// A stage is what all members find alike.
type stage struct {
	sc       *scenario.Scenario
	env      *scenario.Environment
	cores    cpu.Config
	arrivals []arrival
	names    []string        // of the clients
	ids      [][]string      // of their calls
	steps    []scenario.Step // by their place among a client's calls
	asks     []model.Call    // what they ask for, but for their ids
	victims  map[string]bool
	workers  []string                 // what they are called
	there    map[string]time.Duration // when the calls came elsewhere, at the soonest here
}

// id is what the nth worker is called, from 0.
func (s *stage) id(n int) string {
	for len(s.workers) <= n {
		s.workers = append(s.workers, fmt.Sprintf("w%d", len(s.workers)+1))
	}
	return s.workers[n]
}

// An arrival is a client's, or that of a caller beside the workload's; in the order in
// which they come to the pool.
type arrival struct {
	client int           // from 0; below 0: it is none of the workload's
	at     time.Duration // since the clients' clock started
	extra  faults.Extra
}

// beside is the arrival of a caller that is none of the workload's.
func beside(x faults.Extra, at time.Duration) arrival { return arrival{client: -1, at: at, extra: x} }

// call is the first that it makes.
func (s *stage) call(a arrival) string {
	if a.client < 0 {
		return a.extra.Name
	}
	return s.ids[a.client][0]
}

func set(sc *scenario.Scenario) (*stage, error) {
	w := &sc.Workload
	switch {
	case sc.Config.Size < 1 || sc.Config.Overflow < 0:
		return nil, fmt.Errorf("reference: a pool of %d and %d workers", sc.Config.Size, sc.Config.Overflow)
	case w.Clients < 1:
		return nil, fmt.Errorf("reference: there are %d clients", w.Clients)
	}
	s := &stage{sc: sc, env: sc.Meets(), victims: map[string]bool{}}
	if err := s.env.Check(); err != nil {
		return nil, err
	}
	s.cores = s.env.Config(sc.Frozen)
	for i, at := range w.Arrivals(sc.Seed) {
		s.arrivals = append(s.arrivals, arrival{client: i, at: at})
		ids := make([]string, w.Each())
		for n := range ids {
			ids[n] = w.Call(i+1, n+1)
		}
		s.names, s.ids = append(s.names, w.Client(i+1)), append(s.ids, ids)
	}
	for _, x := range w.Extra {
		s.arrivals = append(s.arrivals, beside(faults.Extra{Name: x.Name, Waits: x.Waits}, x.At))
	}
	s.order(s.arrivals)
	for nth := range w.Each() {
		step := w.Step(nth + 1)
		s.steps = append(s.steps, step)
		s.asks = append(s.asks, model.Call{Command: step.Command, Asked: model.Demand(step.Asks())})
	}
	for _, id := range s.env.Victims {
		s.victims[id] = true
	}
	return s, nil
}

// play is one member's run.
func (s *stage) play(p Policy) []scenario.Call {
	r := s.open(p)
	r.turn(func() bool { return r.left == 0 })
	return r.calls
}

// open begins one.
func (s *stage) open(p Policy) *run {
	r := &run{stage: s, policy: p, clock: -1, demands: s.sc.Demands(), loop: loop{machine: cpu.New(s.cores)}}
	r.calls = make([]scenario.Call, 0, len(s.ids)*len(s.asks))
	r.made = make([]call, cap(r.calls))
	r.left = len(s.ids)
	r.others()
	r.plan.Course = s.sc.Plan().Course(s.sc.Seed)
	if at := s.env.Opens; at > 0 {
		r.at(at, comes, r.opens)
	} else {
		r.opens()
	}
	return r
}

// A run is one member's time on the stage.
type run struct {
	*stage
	loop
	policy  Policy
	demands *scenario.Demands
	pool    pool
	plan    plan
	calls   []scenario.Call // that have come
	made    []call          // by their place in calls
	left    int             // clients that are not through
	clock   time.Duration   // when theirs started; below 0: it has not
	warming *timer          // while the clients wait for that: when they wait no longer
}

// opens has the pool open, when it is its turn.
func (r *run) opens() {
	r.moment(faults.Trigger{})
	if r.sc.Warm == 0 {
		r.begin() // the clients' clock waits for no launch
	}
	r.open()
	if r.sc.Warm > 0 {
		r.warm()
	}
}

// others have the run's other pools want their CPU when they did.
func (r *run) others() {
	groups := map[int]*cpu.Group{}
	for _, s := range r.env.Others {
		if s.CPU == 0 {
			continue
		}
		if groups[s.Worker] == nil {
			groups[s.Worker] = r.env.Group(r.machine)
		}
		r.at(s.Begin, hurts, func() { groups[s.Worker].Start(s.CPU, nil) })
	}
}

// warm has workers ready before the clients come.
func (r *run) warm() {
	r.pool.keep = max(r.pool.keep, r.sc.Warm)
	r.warming = r.at(cmp.Or(r.sc.Came, r.now+r.sc.Warms()), comes, func() {
		r.warming = nil
		r.begin()
	})
	r.start()
	r.warmed()
}

// warmed has the clients come once as many are ready as they wait for.
func (r *run) warmed() {
	if t := r.warming; t != nil && r.pool.alive-r.pool.starting >= r.sc.Warm {
		t.off()
		r.warming = nil
		r.begin()
	}
}

// begin starts the clients' clock.
func (r *run) begin() {
	r.moment(faults.Clock)
	r.clock = r.now
	arrivals := r.arrivals
	if len(r.plan.crowds) > 0 {
		arrivals = slices.Clone(arrivals)
		for _, e := range r.plan.crowds {
			arrivals = append(arrivals, r.crowd(e)...)
		}
		r.order(arrivals)
	}
	r.come(arrivals)
}

// come has callers come at their times.
func (r *run) come(arrivals []arrival) {
	clients := make([]client, len(arrivals))
	for i, a := range arrivals {
		c := &clients[i]
		c.run, c.nth, c.extra = r, a.client, a.extra
		r.at(r.clock+a.at, comes, c.come)
	}
}

// crowd are the callers that come by an entry of a plan.
func (r *run) crowd(e *faults.Underway) (all []arrival) {
	for nth := 1; ; nth++ {
		x, at, more := e.Extra(nth, r.clock)
		if !more || !e.Takes(faults.Making(x.Name, x.Name, 0, faults.Arrived), at) {
			return all
		}
		all = append(all, beside(x, at-r.clock))
	}
}
