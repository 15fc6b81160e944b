// Package faults has the named ways to hurt a run, one file each, and the plan
// that says which of them hurt what and when. What a run is, who runs it and what
// is made of it belongs to harness; what a worker does when it is hurt to worker.
//
// A plan is a value in Go,
//
//	faults.Plan{
//		{Fault: faults.SlowStart{CPU: 300 * time.Millisecond}, Target: faults.Target{First: 2}},
//		{Fault: faults.CPUHogs{Threads: 4}, At: faults.Clock, Until: 2 * time.Second},
//	}
//
// or a text that says the same:
//
//   - fault: slow-start
//     with: {cpu: 300ms}
//     target: {first: 2}
//   - fault: cpu-hogs
//     with: {threads: 4}
//     at: clock
//     until: 2s
//
// Under the same plan and seed the same things are hurt, in every world, and
// whatever the pool makes of it as far as it goes: lots are drawn for each start
// by its ordinal and for each call by its id.
package faults

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A Plan is the faults of a run. Several may hurt the same thing at once; where
// that can't be (two ways to end at one call), the first in the plan does.
type Plan []Entry

// An Entry is one fault of a plan. It hurts what Target is true of, within the window
// from From to Until, both counted from the moment At.
type Entry struct {
	Fault  Fault
	Target Target
	At     Trigger
	From   time.Duration
	Until  time.Duration // 0: until all faults are stopped, at the end of the workload
	Times  int           // it hurts so often at most; 0: as often as it can
	Seed   uint64        // of what is drawn; 0: the run's own, and another for each entry
	Maybe  bool          // it may find no occasion: a run in which it does not fire is as good as any
}

// A Target says which of the things that a fault is about are hurt: those that
// all its conditions are true of. The zero Target is all of them.
type Target struct {
	Starts  []int    `yaml:"starts,flow,omitempty"`  // by the ordinal of the launch, from 1: of workers
	First   int      `yaml:"first,omitempty"`        // the first so many starts; of callers, the first so many clients
	Workers []string `yaml:"workers,flow,omitempty"` // by the id that the pool gave them
	Calls   []string `yaml:"calls,flow,omitempty"`   // by id: a client's name, and with more calls than one a point and which: c3, c3.2
	Clients []string `yaml:"clients,flow,omitempty"` // by name: c1, c2 …
	Share   float64  `yaml:"share,omitempty"`        // this share of them, drawn by the seed; 0: all
}

// A Moment is what a trigger waits for.
type Moment string

// The moments.
const (
	Begin   Moment = ""      // the run's, before the pool is opened
	AtClock Moment = "clock" // the clients' clock starts
	AtStart Moment = "start" // the N-th launch of a worker is made
	AtCall  Moment = "call"  // the N-th call, of all clients', is sent to a worker
)

// A Trigger is the moment from which an entry's window is counted. The zero
// Trigger is the run's begin. As text it is clock, start 3 or call 5.
type Trigger struct {
	On Moment
	N  int // of AtStart and AtCall, from 1
}

// Clock is when the clients' clock starts.
var Clock = Trigger{On: AtClock}

// Start is when the n-th launch of a worker is made.
func Start(n int) Trigger { return Trigger{AtStart, n} }

// Call is when the n-th call is sent to a worker.
func Call(n int) Trigger { return Trigger{AtCall, n} }

func (t Trigger) String() string {
	if t.On == AtStart || t.On == AtCall {
		return fmt.Sprintf("%s %d", t.On, t.N)
	}
	return string(t.On)
}

// ParseTrigger reads what String writes.
func ParseTrigger(text string) (t Trigger, err error) {
	moment, n, counted := strings.Cut(text, " ")
	t.On = Moment(moment)
	if counted {
		if t.N, err = strconv.Atoi(n); err != nil {
			return Trigger{}, fmt.Errorf("%q names no number", text)
		}
	}
	return t, t.check()
}

func (t Trigger) check() error {
	switch t.On {
	case Begin, AtClock:
		if t.N != 0 {
			return fmt.Errorf("%q is no moment: only a start or a call has a number", fmt.Sprintf("%s %d", t.On, t.N))
		}
	case AtStart, AtCall:
		if t.N < 1 {
			return fmt.Errorf("%q is no moment: starts and calls are counted from 1", t.String())
		}
	default:
		return fmt.Errorf("%q is no moment: there are clock, start N and call N", t.On)
	}
	return nil
}

// mostName bounds what names and ids may be, in bytes.
const mostName = 200

// Check says what of a plan can't be, naming each: an error for each entry at
// fault.
func (p Plan) Check() error {
	var errs []error
	for i := range p {
		if err := p[i].check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p[i].called(i+1), err))
		}
	}
	return errors.Join(errs...)
}

// Callers are those of the plan that are about callers: what the harness does, not
// what a run's workers and machine met.
func (p Plan) Callers() (own Plan) {
	for _, e := range p {
		if about(e.Fault) == callers {
			own = append(own, e)
		}
	}
	return own
}

// Crowded says whether it has more callers come than the workload has.
func (p Plan) Crowded() bool {
	return slices.ContainsFunc(p, func(e Entry) bool { _, is := e.Fault.(CrowdFault); return is })
}

// called names an entry for people: by its place, from 1, and its fault.
func (e *Entry) called(place int) string {
	if e.Fault == nil {
		return fmt.Sprintf("fault %d", place)
	}
	return fmt.Sprintf("fault %d, %s", place, e.Fault.Name())
}

func (e *Entry) check() error {
	switch {
	case e.Fault == nil:
		return errors.New("it names no fault")
	case about(e.Fault) == nothing:
		return errors.New("it hurts nothing: it is none of the kinds that a fault can be of")
	}
	if f, err := newFault(e.Fault.Name()); err != nil {
		return err
	} else if given, want := reflect.TypeOf(e.Fault), f.Type().Elem(); given != want {
		return fmt.Errorf("it is given as a %v: it must be a %v", given, want)
	}
	if err := e.Fault.Check(); err != nil {
		return err
	}
	if _, is := e.Fault.(passing); is && e.Until == 0 {
		return errors.New("until is missing: what it hurts can do nothing before")
	}
	if err := e.Target.check(about(e.Fault)); err != nil {
		return err
	}
	if err := e.At.check(); err != nil {
		return fmt.Errorf("at: %w", err)
	}
	switch {
	case e.From < 0:
		return fmt.Errorf("from is %v: it can't be negative", e.From)
	case e.Until < 0:
		return fmt.Errorf("until is %v: it can't be negative", e.Until)
	case e.Until > 0 && e.Until <= e.From:
		return fmt.Errorf("until is %v: it must be after from, %v", e.Until, e.From)
	case e.Times < 0:
		return fmt.Errorf("times is %d: it can't be negative", e.Times)
	case e.Times > 0 && about(e.Fault) == machine:
		return errors.New("times says nothing of it: it begins once and lasts from from to until")
	}
	if _, is := e.Fault.(ClosingFault); is && (e.At != Trigger{} || e.From > 0 || e.Until > 0 || e.Times > 0) {
		return errors.New("at, from, until and times say nothing of it: it comes as the pool is closed")
	}
	return nil
}

func (t *Target) check(about kind) error {
	for _, c := range []struct {
		name string
		said bool
		of   []kind // the kinds of faults of which it says something
	}{
		{"starts", len(t.Starts) > 0, []kind{starts, calls, workers}},
		{"first", t.First != 0, []kind{starts, calls, workers, callers}},
		{"workers", len(t.Workers) > 0, []kind{starts, calls, workers}},
		{"calls", len(t.Calls) > 0, []kind{calls, callers}},
		{"clients", len(t.Clients) > 0, []kind{calls, callers}},
		{"share", t.Share != 0, []kind{starts, calls, workers, callers}},
	} {
		if c.said && !slices.Contains(c.of, about) {
			return fmt.Errorf("target.%s says nothing of it: it is about %s", c.name, about)
		}
	}
	for _, n := range t.Starts {
		if n < 1 {
			return fmt.Errorf("target.starts has %d: starts are counted from 1", n)
		}
	}
	if t.First < 0 {
		return fmt.Errorf("target.first is %d: it can't be negative", t.First)
	}
	if !(t.Share >= 0 && t.Share <= 1) { // NaN too
		return fmt.Errorf("target.share is %v: it must be above 0, and at most 1", t.Share)
	}
	for _, list := range []struct {
		name string
		all  []string
	}{{"workers", t.Workers}, {"calls", t.Calls}, {"clients", t.Clients}} {
		for _, name := range list.all {
			if name == "" || len(name) > mostName || strings.ContainsFunc(name, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N) && !strings.ContainsRune("_.-/", r) }) {
				return fmt.Errorf("target.%s has %q: a name is made of letters, digits and _ . - /", list.name, name)
			}
		}
	}
	return nil
}
