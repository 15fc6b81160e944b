package faults

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// An Injector carries out a plan in one run. Wrap the world's launcher, Begin,
// tell it when the clients' clock starts and of each call that arrives, and Stop.
// Its methods may be called concurrently. What it does is noted right after a
// scheduling point.
type Injector struct {
	world    World
	model    Model // nil in a world of real processes
	real     Real  // nil in a world of models
	note     func(Event)
	entries  []*entry
	course   Course         // of the same
	call     func(Extra)    // see Calls
	clock    chan struct{}  // closed when the clients' clock starts
	stopping chan struct{}  // closed by Stop
	work     sync.WaitGroup // whoever is to end with Stop

	mu      sync.Mutex // guards what follows, the entries' counts and the ports
	stopped bool
	started time.Duration // the clients' clock
	starts  int
	told    map[string][]*model.Demand // by the worker's id
	calls   int
	ports   []*port
	callers map[string]*Caller // by the id of their call
}

// entry is one of the plan with what came of it.
type entry struct {
	*Underway               // guarded by Injector.mu, but for what never changes
	came      chan struct{} // closed at its trigger

	// guarded by Injector.mu
	fired       int
	first, last time.Duration // of its firing; first is -1 before
	failed      error         // why it could not be begun
	lasting     bool          // a fault of workers: it is laid on those that are launched now
	lasted      bool          // ... and no more
}

// EventKind is what an event says.
type EventKind int

// The kinds.
const (
	Fired  EventKind = iota // it has fired, or one that lasts has begun
	Over                    // one that lasts has ended
	Victim                  // a call can't be answered because of it
)

// An Event is something that a fault did.
type Event struct {
	Kind   EventKind
	Place  int // of the entry in the plan, from 1
	Fault  string
	Worker string
	Call   string
	Client string
}

// A Report is what became of one entry of a plan.
type Report struct {
	Place int           `json:"place"` // in the plan, from 1
	Fault string        `json:"fault"`
	Laid  int           `json:"laid"`     // on so many things: starts, calls, workers, callers
	Fired int           `json:"fired"`    // so often, proved
	First time.Duration `json:"first_ns"` // when it first fired, or one that lasts began, proved or not, since the run began; -1: never
	Last  time.Duration `json:"last_ns"`  // when it last did, or the last of it was over
	// Why is why it did not fire, if it did not.
	Why string `json:"why,omitempty"`
	// Maybe says that it was not bound to.
	Maybe bool `json:"maybe,omitempty"`
}

// String names the entry for people.
func (r Report) String() string { return fmt.Sprintf("fault %d, %s", r.Place, r.Fault) }

// ErrUnavailable is what New gives where the world can't have a fault of the plan.
var ErrUnavailable = errors.New("can't be had here")

// New makes an injector of a plan that passes Check. seed is the run's; note is
// given what the faults do. It fails where the world can't have one of the faults,
// and says what is missing: nothing has been begun then.
func New(p Plan, seed uint64, w World, note func(Event)) (*Injector, error) {
	i := &Injector{world: w, note: note, stopping: make(chan struct{}), clock: make(chan struct{}), callers: map[string]*Caller{}, told: map[string][]*model.Demand{}}
	i.model, _ = w.(Model)
	i.real, _ = w.(Real)
	if len(p) > 0 && i.model == nil && i.real == nil {
		return nil, fmt.Errorf("faults: no fault can be had in this world")
	}
	for _, e := range p.Course(seed) {
		if un, is := e.Fault.(Unmodelled); is && i.model != nil {
			return nil, fmt.Errorf("%s %w: %s", e.called(e.place), ErrUnavailable, un.Unmodelled())
		}
		if needy, ok := e.Fault.(Needy); ok && i.model == nil {
			if err := needy.Needs(i.real); err != nil {
				return nil, fmt.Errorf("%s %w: %w", e.called(e.place), ErrUnavailable, err)
			}
		}
		i.entries = append(i.entries, &entry{Underway: e, came: make(chan struct{}), first: -1})
		i.course = append(i.course, e)
	}
	return i, nil
}

// Any says whether there is anything in the plan.
func (i *Injector) Any() bool { return len(i.entries) > 0 }

// Begin is called before the pool is opened.
func (i *Injector) Begin() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, e := range i.entries {
		switch f := e.Fault.(type) {
		case MachineFault:
			i.work.Go(func() { i.lastOnMachine(e, f) })
		case WorkerFault:
			i.work.Go(func() { i.lastOnWorkers(e) })
		case CrowdFault:
			i.work.Go(func() { i.crowd(e) })
		}
	}
	i.come(Trigger{})
}

// Clock is called when the clients' clock starts.
func (i *Injector) Clock() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.started = i.world.Now()
	close(i.clock)
	i.come(Clock)
}

// come opens the windows of those that waited for a moment; under the lock.
func (i *Injector) come(t Trigger) {
	for _, e := range i.entries {
		if e.Comes(t, i.world.Now()) {
			close(e.came)
		}
	}
}

// Stop ends all faults and returns once they are over, and who is being launched under one
// is there. No more are begun. What was already laid on a worker's start or call may still
// come about, and the calls of who has come are waited for.
func (i *Injector) Stop() {
	i.mu.Lock()
	if !i.stopped {
		i.stopped = true
		close(i.stopping)
	}
	i.mu.Unlock()
	i.work.Wait()
}

// Report says what became of each entry, in the order of the plan.
func (i *Injector) Report() []Report {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []Report
	for _, e := range i.entries {
		r := Report{Place: e.place, Fault: e.Fault.Name(), Laid: e.laid, Fired: e.fired, First: e.first, Last: e.last, Maybe: e.Maybe}
		if e.fired == 0 {
			r.Why = e.why()
		}
		all = append(all, r)
	}
	return all
}

// why says why an entry did not fire.
func (e *entry) why() string {
	_, late := e.Fault.(ClosingFault)
	switch {
	case late:
		return "the pool was not closed"
	case e.failed != nil:
		return "it could not be begun: " + e.failed.Error()
	case e.opened < 0:
		return fmt.Sprintf("its moment, %s, never came", e.At)
	case e.laid > 0 && e.about == machine:
		return "it did nothing as long as it lasted"
	case e.laid > 0:
		return fmt.Sprintf("it was laid on %d of the %s, and nothing came of it", e.laid, e.about)
	case e.about == machine:
		return "the run was over before it"
	case e.about == crowd:
		return "nobody came within its window"
	}
	return fmt.Sprintf("none of the %s that it is meant for came within its window", e.about)
}

// takes says whether an entry hurts a thing now, and counts it; under the lock.
func (i *Injector) takes(e *entry, x Thing) bool {
	return !i.stopped && e.Takes(x, i.world.Now())
}

// fires counts a firing and notes it; under the lock.
func (i *Injector) fires(e *entry, x Thing) {
	e.fired++
	i.began(e, x)
}

// began notes that an entry has taken effect; under the lock.
func (i *Injector) began(e *entry, x Thing) {
	now := i.world.Now()
	e.last = max(e.last, now)
	if e.first < 0 {
		e.first = now
	}
	i.tell(Fired, e, x)
}

// over notes that something that lasted is over; under the lock.
func (i *Injector) over(e *entry, x Thing) {
	e.last = max(e.last, i.world.Now())
	i.tell(Over, e, x)
}

func (i *Injector) tell(k EventKind, e *entry, x Thing) {
	i.note(Event{Kind: k, Place: e.place, Fault: e.Fault.Name(), Worker: x.worker, Call: x.call, Client: x.client})
}

// begins waits until an entry's window opens, and goes through a scheduling
// point; false if the faults were stopped before.
func (i *Injector) begins(e *entry) bool {
	select {
	case <-e.came:
	case <-i.stopping:
		return false
	}
	i.mu.Lock()
	wait := e.opened + e.From - i.world.Now()
	i.mu.Unlock()
	if !i.sleep(wait, nil) {
		return false
	}
	i.world.Point(fmt.Sprintf("fault %d", e.place), "begins")
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.stopped
}

// ends waits until it closes, or until the faults are stopped, and goes through
// another.
func (i *Injector) ends(e *entry) {
	if e.Until > 0 {
		i.mu.Lock()
		wait := e.opened + e.Until - i.world.Now()
		i.mu.Unlock()
		i.sleep(wait, nil)
	} else {
		<-i.stopping
	}
	i.world.Point(fmt.Sprintf("fault %d", e.place), "ends")
}

// sleep waits; false if the faults were stopped, or cut was closed, before. Where
// there is nothing to wait for, nothing comes before.
func (i *Injector) sleep(d time.Duration, cut <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-cut:
	case <-i.stopping:
	}
	return false
}

// lastOnMachine is the life of a fault of the machine.
func (i *Injector) lastOnMachine(e *entry, f MachineFault) {
	if !i.begins(e) {
		return
	}
	var end func() int
	var err error
	if i.model != nil {
		end = f.Model(i.model)
	} else {
		end, err = f.Real(i.real)
	}
	i.mu.Lock()
	e.laid++
	if e.failed = err; err == nil {
		i.began(e, Thing{})
	}
	i.mu.Unlock()
	if err != nil {
		return
	}
	i.ends(e)
	n := end()
	i.mu.Lock()
	defer i.mu.Unlock()
	e.fired += n
	i.over(e, Thing{})
}

// lastOnWorkers is the life of a fault of workers that lasts. Those that are
// launched meanwhile get it at their launch.
func (i *Injector) lastOnWorkers(e *entry) {
	begins := i.begins(e)
	i.mu.Lock()
	e.lasting = begins
	ports := slices.Clone(i.ports)
	i.mu.Unlock()
	if begins {
		for _, p := range ports {
			i.lay(e, p)
		}
		i.ends(e)
	}
	i.mu.Lock()
	e.lasting, e.lasted = false, true
	ports = slices.Clone(i.ports)
	i.mu.Unlock()
	for _, p := range ports {
		i.lift(e, p)
	}
}

// lay lays a fault that lasts on a worker, if it is meant for it.
func (i *Injector) lay(e *entry, p *port) {
	var l *lasting
	i.mu.Lock()
	if e.lasting {
		l = i.claims(e, p)
	}
	if l != nil {
		i.lies(l, p)
	}
	i.mu.Unlock()
	if l != nil {
		i.has(l, p)
	}
}

// claims has a fault that lasts lie on a worker, if it is meant for it now and none of its
// name does; under the lock.
func (i *Injector) claims(e *entry, p *port) *lasting {
	name := e.Fault.Name()
	if p.gone || p.lasting[name] != nil || !i.takes(e, p.thing()) {
		return nil
	}
	l := &lasting{entry: e, ready: make(chan struct{})}
	p.lasting[name] = l
	return l
}

// lies notes that a fault lies on a worker, and what comes of that; under the lock.
func (i *Injector) lies(l *lasting, p *port) {
	e, f := l.entry, l.Fault
	i.began(e, p.thing())
	if _, ok := f.(silencing); ok {
		p.silent = e
		p.inHand(e)
	}
	if f, ok := f.(RefusingFault); ok {
		p.on = append(p.on, &effect{entry: e, proves: f.Fired, again: true})
	}
}

// has has a worker have a fault that lies on it.
func (i *Injector) has(l *lasting, p *port) {
	f := l.Fault.(WorkerFault)
	var err error
	if i.model != nil {
		if far, ok := modelOf(p.Port); ok {
			l.end = f.(ModelledWorkerFault).Model(i.model, far)
		} else {
			err = fmt.Errorf("worker %s is no model", p.id)
		}
	} else {
		l.end, err = f.Real(i.real, p.Port)
	}
	close(l.ready)
	if err != nil {
		i.mu.Lock()
		defer i.mu.Unlock()
		select {
		case <-p.Port.Done(): // it went before it could be had
		default:
			l.failed = err
		}
	}
}

// lift takes it away from a worker, if it is on it.
func (i *Injector) lift(e *entry, p *port) {
	name := e.Fault.Name()
	i.mu.Lock()
	l := p.lasting[name]
	if l == nil || l.entry != e {
		i.mu.Unlock()
		return
	}
	delete(p.lasting, name)
	if p.silent == e {
		p.silent = nil
	}
	i.mu.Unlock()
	<-l.ready
	n := 0
	if l.end != nil {
		n = l.end()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	e.fired += n
	i.over(e, p.thing())
}

// lasting is a fault that lasts, on one worker.
type lasting struct {
	*entry
	ready chan struct{} // closed once end is there, if it is to be
	end   func() int
}

// unwrap goes down a port's wrappings until is true of what it finds.
func unwrap[T worker.Port](p worker.Port) (found T, ok bool) {
	for p != nil {
		if found, ok = p.(T); ok {
			return found, true
		}
		wrapped, is := p.(interface{ Unwrap() worker.Port })
		if !is {
			break
		}
		p = wrapped.Unwrap()
	}
	return found, false
}
