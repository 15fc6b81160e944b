package reference

import (
	"container/heap"
	"time"

	"github.com/butfor/butfor/harness/cpu"
)

// A loop has things happen in the order of their times.
type loop struct {
	now     time.Duration
	machine *cpu.Machine
	agenda  agenda
	set     uint64
	spare   []timer
	last    func() // what is to be done once all that comes at this instant has; nil: nothing
}

// Of what is due at one instant, what gets done goes before what comes, and that
// before what is cut short: no pool could do better.
type rank int

const (
	done rank = iota
	comes
	hurts
	cut
)

// A timer is something that will happen, unless it is taken off.
type timer struct {
	at   time.Duration
	rank rank
	nth  uint64 // of those that were set
	do   func()
}

// at has something happen.
func (l *loop) at(when time.Duration, r rank, do func()) *timer {
	l.set++
	if len(l.spare) == 0 {
		l.spare = make([]timer, 32) // one by one they would take half of all the time
	}
	t := &l.spare[0]
	l.spare = l.spare[1:]
	*t = timer{at: when, rank: r, nth: l.set, do: do}
	heap.Push(&l.agenda, t)
	return t
}

// off takes it off again; it may be nil, or have happened.
func (t *timer) off() {
	if t != nil {
		t.do = nil
	}
}

// turn goes on until over says so, or nothing will happen any more.
func (l *loop) turn(over func() bool) {
	for !over() {
		for len(l.agenda) > 0 && l.agenda[0].do == nil {
			heap.Pop(&l.agenda)
		}
		next, ok := l.machine.Next()
		if len(l.agenda) > 0 && (!ok || l.agenda[0].at < next) {
			next, ok = l.agenda[0].at, true
		}
		if do := l.last; do != nil && (!ok || next > l.now) {
			l.last = nil
			do()
			continue
		}
		if !ok {
			return
		}
		l.now = next
		l.machine.Advance(next) // does what threads that ended are to be followed by
		if len(l.agenda) > 0 && l.agenda[0].at <= l.now {
			if t := heap.Pop(&l.agenda).(*timer); t.do != nil {
				t.do()
			}
		}
	}
}

// An agenda is a heap of timers.
type agenda []*timer

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a agenda) Less(i, j int) bool {
	switch {
	case a[i].at != a[j].at:
		return a[i].at < a[j].at
	case a[i].rank != a[j].rank:
		return a[i].rank < a[j].rank
	}
	return a[i].nth < a[j].nth
}
func (a *agenda) Push(t any) { *a = append(*a, t.(*timer)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	t := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	return t
}
