package faults

import (
	"fmt"
	"strings"
	"time"
)

// An Extra is a caller that is none of the workload's, with one call.
type Extra struct {
	Name  string        // its own, and its call's
	Waits time.Duration // for an answer; 0: as long as callers of the workload

	came func()
}

// Came is told that its call has come to the pool.
func (x Extra) Came() {
	if x.came != nil {
		x.came()
	}
}

// Extra is the nth caller that comes by the entry of a CrowdFault, from 1, and when it
// comes, since the run began: no sooner than the clients' clock, which started at
// clock. false: there are no more. Whether one comes within the window Takes says.
func (e *Underway) Extra(nth int, clock time.Duration) (x Extra, at time.Duration, comes bool) {
	f := e.Fault.(CrowdFault)
	begins, _, _ := e.Window()
	after, comes := f.Comes(nth)
	return Extra{Name: fmt.Sprint(e.crowd(), nth), Waits: f.Waits()}, max(begins, clock) + after, comes
}

// crowd is how the names of those begin that come by the entry.
func (e *Underway) crowd() string { return fmt.Sprintf("%s%d.", e.Fault.Name(), e.alike) }

// Waits is how long a caller waits for its answer that a plan has come, by its name; 0:
// as long as callers of the workload.
func (p Plan) Waits(caller string) time.Duration {
	for _, e := range p.Course(0) {
		if f, ok := e.Fault.(CrowdFault); ok && strings.HasPrefix(caller, e.crowd()) {
			return f.Waits()
		}
	}
	return 0
}

// thing is what it is to targets and windows.
func (x Extra) thing() Thing { return Making(x.Name, x.Name, 0, Arrived) }

// Late are the callers who come too late: while the pool closes, or once it has closed.
// It may be asked after Stop.
func (i *Injector) Late(closed bool) (all []Extra) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, e := range i.entries {
		f, ok := e.Fault.(ClosingFault)
		if !ok {
			continue
		}
		from, to := 0, 0
		if closing, after := f.Late(); closed {
			from, to = closing, closing+after
		} else {
			to = closing
		}
		for nth := from + 1; nth <= to; nth++ {
			e.laid++
			all = append(all, i.extra(e, Extra{Name: fmt.Sprint(e.crowd(), nth)}))
		}
	}
	return all
}

// extra has a caller tell when it has come.
func (i *Injector) extra(e *entry, x Extra) Extra {
	x.came = func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.fires(e, x.thing())
	}
	return x
}

// Calls says who makes the calls of callers that are none of the workload's: call is
// to return once that is back, or never will be. It is to be said before the clock
// starts.
func (i *Injector) Calls(call func(Extra)) { i.call = call }

// crowd is the life of a fault that has more callers come. Each of them comes to a
// scheduling point of its own before it does anything.
func (i *Injector) crowd(e *entry) {
	for _, moment := range []<-chan struct{}{e.came, i.clock} {
		select {
		case <-moment:
		case <-i.stopping:
			return
		}
	}
	for nth := 1; ; nth++ {
		i.mu.Lock()
		x, at, comes := e.Extra(nth, i.started)
		wait := at - i.world.Now()
		i.mu.Unlock()
		if !comes || !i.sleep(wait, nil) {
			return
		}
		i.mu.Lock()
		comes = i.takes(e, x.thing())
		i.mu.Unlock()
		if !comes {
			return
		}
		x = i.extra(e, x)
		i.work.Go(func() { i.call(x) })
	}
}
