package faults

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

// callID is the argument under which a harness tags its calls.
const callID = "call_id"

// Launcher gives what to launch workers with: those of the world, with the faults
// at their ports. Without a plan it is l itself.
func (i *Injector) Launcher(l worker.Launcher) worker.Launcher {
	if len(i.entries) == 0 {
		return l
	}
	return launcher{i}
}

type launcher struct{ i *Injector }

// Launch implements worker.Launcher.
func (l launcher) Launch(ctx context.Context, id string) (worker.Port, error) {
	i := l.i
	i.mu.Lock()
	i.starts++
	p := &port{i: i, id: id, start: i.starts, flight: map[int64]string{}, victims: map[string]bool{}, lasting: map[string]*lasting{}, noted: make(chan struct{})}
	p.who = fmt.Sprintf("faults of start %d", p.start)
	i.come(Start(p.start))
	x := p.thing()
	var on []*Underway
	if !i.stopped {
		on = i.course.Start(x, i.world.Now())
	}
	i.tells(id, x, on)
	for _, e := range on {
		p.on = append(p.on, &effect{entry: i.entries[e.place-1], proves: e.Fault.(StartFault).Fired, states: statement(e.Fault), at: i.world.Now()})
	}
	under := i.launchedUnder(p)
	i.mu.Unlock()

	inner, err := i.launch(ctx, id, x, on, under)
	if err != nil {
		i.refused(on, under, x, err)
		if under != nil {
			i.work.Done()
		}
		return nil, err
	}
	p.Port = inner
	i.mu.Lock()
	i.ports = append(i.ports, p)
	p.sees(Sign{Seen: Launched})
	if under != nil {
		i.lies(under, p)
	}
	i.mu.Unlock()
	if under != nil {
		i.hasSince(under, p)
		i.work.Done()
	}
	for _, e := range i.entries {
		if _, ok := e.Fault.(WorkerFault); ok {
			i.lay(e, p)
		}
	}
	go p.watch()
	return p, nil
}

// tells notes what the faults of a start tell it to take. Under the lock.
func (i *Injector) tells(id string, x Thing, on []*Underway) {
	told := &model.Demand{}
	for _, e := range on {
		if _, ok := e.Fault.(SlowStart); !ok { // what others take hangs on the machine
			told = nil
			break
		}
		var p model.Profile
		e.Alter(&p, x)
		told.CPU, told.Wait = told.CPU+p.BootCPU, told.Wait+p.BootWait
	}
	i.told[id] = append(i.told[id], told)
}

// Told is what faults have told starts to take beyond what the scenario's own do, by the
// worker's id and in the order of its launches: nil where one that hurt it does not say.
// Without a plan nobody was told anything.
func (i *Injector) Told() map[string][]*model.Demand {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.told)
}

// statement is what a worker states that has the fault of a start; "" if nothing.
func statement(f Fault) string {
	switch f := f.(type) {
	case stating:
		return f.states() + "\n"
	case greeting:
		return wire.Stated(0) + "\n"
	}
	return ""
}

// launchedUnder is a fault that lasts and lies on a worker from before its launch on; nil:
// none. Models are launched in no time. Under the lock.
func (i *Injector) launchedUnder(p *port) *lasting {
	for _, e := range i.entries {
		if _, ok := e.Fault.(launching); ok && i.real != nil {
			if l := i.claims(e, p); l != nil {
				i.work.Add(1) // until it has it, or there is no worker
				return l
			}
		}
	}
	return nil
}

// hasSince has a worker have a fault that has lain on it since before its launch. If the
// fault is over by now, who took it from the others may not have seen this worker.
func (i *Injector) hasSince(l *lasting, p *port) {
	i.has(l, p)
	i.mu.Lock()
	over := l.lasted
	i.mu.Unlock()
	if over {
		i.lift(l.entry, p)
	}
}

// refused notes that a launch has failed, and by which fault.
func (i *Injector) refused(on []*Underway, under *lasting, x Thing, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if under != nil {
		under.laid-- // on nobody
	}
	for _, e := range on {
		if f, ok := e.Fault.(refusing); ok && f.refused(err) {
			i.fires(i.entries[e.place-1], x)
			return
		}
	}
}

// launch launches a worker that has the faults of a start.
func (i *Injector) launch(ctx context.Context, id string, x Thing, on []*Underway, under *lasting) (worker.Port, error) {
	if i.model != nil {
		return i.model.LaunchWith(ctx, id, func(p *model.Profile) {
			for _, e := range on {
				e.Alter(p, x)
			}
		})
	}
	var how Launch
	if under != nil {
		how.Quota = under.Fault.(launching).quota()
	}
	if slices.ContainsFunc(i.entries, func(e *entry) bool { return e.about == calls }) {
		how.Flags = append(how.Flags, "--faults")
	}
	for _, e := range on {
		if f, ok := e.Fault.(refusing); ok {
			by, says := f.refuses()
			if by == "" && how.Refused == "" { // of several the first has its way
				return nil, says
			}
			how.Refused = cmp.Or(how.Refused, by)
		}
		how.Flags = append(how.Flags, e.Fault.(StartFault).Real(e.dose(x))...)
		if f, ok := e.Fault.(SlowDisk); ok { // a start has one
			how.Disk = f.disk()
		}
	}
	return i.real.LaunchWith(ctx, id, how)
}

// port is a worker's port with the faults at it.
type port struct {
	worker.Port
	i     *Injector
	id    string
	start int // ordinal of the launch, from 1
	who   string
	noted chan struct{} // closed once its end is noted

	// guarded by i.mu
	on      []*effect
	lasting map[string]*lasting // by the fault's name
	flight  map[int64]string    // frames that have no answer yet: calls, or ""
	nth     int                 // calls so far
	ready   bool
	sent    []string      // calls, in order
	turn    int           // goes up when it gets something to do, or has nothing more
	busy    chan struct{} // closed when it gets something to do; nil while it has
	struck  *entry        // what is ending it, or has ended it
	silent  *entry        // what keeps it from answering now
	victims map[string]bool
	gone    bool
}

// effect is a fault that was laid on a worker.
type effect struct {
	*entry
	proves func(Sign) bool
	call   string // at which it was ordered, if it was
	proved bool
	over   bool
	again  bool // it may fire again and again

	// Of an order, or of a start.
	states string        // what the worker states of it; "": nothing
	at     time.Duration // when it was given
	from   int           // which of the calls it was given at
}

// thing is what the worker is to targets.
func (p *port) thing() Thing { return Worker(p.start, p.id) }

// Unwrap gives the port below.
func (p *port) Unwrap() worker.Port { return p.Port }

// Done is closed once the faults have seen the worker's end.
func (p *port) Done() <-chan struct{} { return p.noted }

// Close implements worker.Port.
func (p *port) Close(ctx context.Context) error {
	err := p.Port.Close(ctx)
	<-p.noted
	return err
}

// Send implements worker.Port. Its caller comes from a scheduling point.
func (p *port) Send(ctx context.Context, frame []byte) error {
	r, err := wire.ParseRequest(frame)
	if err != nil {
		return p.Port.Send(ctx, frame)
	}
	order, by := p.sends(r)
	var spoils SpoilingFault
	if by != nil {
		if spoils, _ = by.Fault.(SpoilingFault); spoils != nil {
			frame = spoils.Spoil(frame)
		} else {
			frame = order.In(frame)
		}
	}
	err = p.Port.Send(ctx, frame)
	p.i.mu.Lock()
	defer p.i.mu.Unlock()
	if err != nil {
		delete(p.flight, r.ID)
	} else if spoils != nil {
		p.sees(Sign{Seen: Sent, Ready: p.ready})
	}
	return err
}

// sends notes a request, and says what is ordered at it, and by which entry; nil if none
// is about it.
func (p *port) sends(r wire.Request) (order wire.Order, by *Underway) {
	i := p.i
	i.mu.Lock()
	defer i.mu.Unlock()
	call, _ := r.Args[callID].(string)
	p.flight[r.ID] = call
	p.turn++
	if p.busy != nil {
		close(p.busy)
		p.busy = nil
	}
	switch {
	case r.ID == 0:
		p.sees(Sign{Seen: Asked})
		return order, nil
	case call == "":
		return order, nil
	}
	i.calls++
	p.nth++
	p.sent = append(p.sent, call)
	i.come(Call(i.calls))
	c := i.callers[call]
	if c != nil {
		c.held()
	}
	if hurt := cmp.Or(p.struck, p.silent); hurt != nil { // nobody can know yet
		p.victim(hurt, call)
	}
	if p.struck != nil {
		return order, nil
	}
	if i.stopped {
		return order, nil
	}
	client, nth := "", 0
	if c != nil {
		client, nth = c.Client, c.Nth
	}
	now := i.world.Now()
	if order, by = i.course.Order(p.thing().Given(call, client, nth), p.nth, now); by == nil {
		return order, nil
	}
	p.on = append(p.on, &effect{
		entry: i.entries[by.place-1], proves: by.Fault.(CallFault).Fired, call: call,
		states: wire.Stated(r.ID) + "\n", at: now, from: len(p.sent) - 1,
	})
	return order, by
}

// Recv implements worker.Port.
func (p *port) Recv(ctx context.Context) ([]byte, error) {
	frame, err := p.Port.Recv(ctx)
	p.i.mu.Lock()
	defer p.i.mu.Unlock()
	var reply wire.Reply
	unclear := err
	if err == nil {
		reply, unclear = wire.ParseReply(frame)
	}
	// A worker's end is seen by watch alone, in its turn: whether one who receives learns of
	// it, or of his own ctx that ends at the same instant, is nobody's choice.
	if err == nil || ctx.Err() == nil && !worker.Gone(err) {
		p.sees(Sign{Seen: Came, Ready: p.ready, Err: reply.Error, call: p.flight[reply.ID]})
	}
	if unclear != nil {
		return frame, err // what came is the pool's to say
	}
	maps.DeleteFunc(p.flight, func(id int64, _ string) bool { return reply.Answers(id) && !reply.More })
	if !p.ready {
		if _, err := wire.CheckHello(reply); err == nil {
			p.ready = true
			p.sees(Sign{Seen: Ready})
		}
	}
	if p.ready && len(p.flight) == 0 {
		p.rests()
	}
	return frame, nil
}

// watch sees the worker's end.
func (p *port) watch() {
	<-p.Port.Done()
	p.i.world.Point(p.who, "gone")
	i := p.i
	i.mu.Lock()
	p.gone = true
	i.ports = slices.DeleteFunc(i.ports, func(other *port) bool { return other == p })
	if p.busy != nil {
		close(p.busy)
		p.busy = nil
	}
	p.sees(Sign{Seen: Gone, Ready: p.ready, Exit: p.Exit()})
	var under []*lasting
	for _, name := range slices.Sorted(maps.Keys(p.lasting)) {
		under = append(under, p.lasting[name])
	}
	i.mu.Unlock()
	for _, l := range under {
		i.lift(l.entry, p)
	}
	close(p.noted)
}

// sees shows a sign to the faults that lie on the worker; under i.mu.
func (p *port) sees(s Sign) {
	for _, e := range p.on {
		x := p.thing()
		x.call = e.call
		if s.Stated = false; !e.proved && e.states != "" {
			s.Stated = strings.Contains(p.Port.Info().Stderr, e.states)
		}
		if !e.proved && e.proves(s) {
			e.proved = !e.again || s.Seen == Gone
			p.i.fires(e.entry, x)
			if e.again && s.call != "" {
				p.victim(e.entry, s.call)
			}
			if s.Stated {
				e.over = true
				e.first = min(e.first, e.at)
			}
			if e.call != "" {
				p.spoils(e)
			}
			if s.Seen == Gone {
				e.over = true // it was a matter of a moment
				p.ends(e.entry)
			}
		}
		if e.proved && !e.over && (s.Seen == Ready || s.Seen == Gone) {
			e.over = true
			p.i.over(e.entry, x)
		}
	}
}

// spoils notes that an order was obeyed: not only the call may have no right answer,
// but whatever the worker is sent from then on, unless the fault is mild; under i.mu.
func (p *port) spoils(e *effect) {
	calls := p.sent[e.from:]
	if _, is := e.Fault.(mild); is {
		calls = calls[:1]
	} else {
		p.struck = e.entry
	}
	for _, call := range calls {
		p.victim(e.entry, call)
	}
}

// ends notes that an entry has ended the worker, and with it the calls that it
// had; under i.mu.
func (p *port) ends(e *entry) {
	p.struck = e
	p.inHand(e)
}

// inHand notes that the calls which the worker has can't be answered because of an
// entry; under i.mu.
func (p *port) inHand(e *entry) {
	for _, id := range slices.Sorted(maps.Keys(p.flight)) {
		if call := p.flight[id]; call != "" {
			p.victim(e, call)
		}
	}
}

// victim notes that a call can't be answered; under i.mu.
func (p *port) victim(e *entry, call string) {
	if !p.victims[call] {
		p.victims[call] = true
		p.i.tell(Victim, e, Thing{worker: p.id, call: call})
	}
}

// rests begins a stretch in which the worker has nothing to do; under i.mu.
func (p *port) rests() {
	i := p.i
	p.turn++
	if i.stopped {
		return
	}
	p.busy = make(chan struct{})
	x := p.thing()
	for _, e := range i.entries {
		if f, ok := e.Fault.(IdleFault); ok && e.Hits(x) {
			turn, busy, since := p.turn, p.busy, i.world.Now()
			i.work.Go(func() { p.strike(e, f, turn, busy, since) })
		}
	}
}

// strike hurts the worker once it has rested for long enough, unless it gets
// something to do before.
func (p *port) strike(e *entry, f IdleFault, turn int, busy <-chan struct{}, since time.Duration) {
	i := p.i
	select {
	case <-e.came:
	case <-busy:
		return
	case <-i.stopping:
		return
	}
	i.mu.Lock()
	wait := max(since+f.Idle(), e.opened+e.From) - i.world.Now()
	i.mu.Unlock()
	if !i.sleep(wait, busy) {
		return
	}
	i.world.Point(fmt.Sprintf("fault %d on start %d, rest %d", e.place, p.start, turn), "strikes")
	i.mu.Lock()
	strikes := p.turn == turn && !p.gone && p.struck == nil && i.takes(e, p.thing())
	if strikes {
		p.struck = e
		p.on = append(p.on, &effect{entry: e, proves: f.Fired})
	}
	i.mu.Unlock()
	if strikes {
		f.Strike(p.Port)
	}
}

// modelOf is the model worker behind a port.
func modelOf(p worker.Port) (*model.Port, bool) { return unwrap[*model.Port](p) }
