// Package cpu holds the model of a machine's cores and of who gets how much of
// them: no clock, no goroutine and no lock, just arithmetic that its caller
// moves on. What runs on the cores, and in whose time, belongs elsewhere.
//
// Cores are shared the way Linux does it, as if they could be cut as finely as
// one likes: max-min fairly by weight between the groups of each level, then
// between the threads inside a group. A thread gets at most one core, a group at
// most what its threads can use, its Cores and its Quota.
//
//	m := cpu.New(cpu.Config{Cores: 2})
//	for range 8 { // eight workers, each in a session of its own
//		m.Group(cpu.GroupConfig{}).Start(300*time.Millisecond, func() { fmt.Println(m.Now()) })
//	}
//	for at, ok := m.Next(); ok; at, ok = m.Next() {
//		m.Advance(at) // prints 1.2s eight times
//	}
//
// Inside, changes come at fractions of a nanosecond; what can be seen is rounded
// up to a whole one, so that errors don't add up however many threads there were.
// The same calls give the same times, to the last bit and on any kind of
// processor, and it makes no difference in how many steps time is advanced.
package cpu

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Forever is the demand of a thread that computes until it is cancelled: a hog.
const Forever = time.Duration(math.MaxInt64)

// Config is what a machine is made of.
type Config struct {
	Cores float64
	// Outside is the load from outside over time, by rising At. A bucket holds
	// until the next one begins, the last one for good.
	Outside []Bucket
	// Frozen takes Load.Runnable as it was recorded, whatever the load is given
	// now. Else a load that slept some of the time is runnable the longer the
	// less it gets.
	Frozen bool
}

// Check says what New would refuse.
func (c Config) Check() error {
	if bad(c.Cores) {
		return fmt.Errorf("cpu: %v cores", c.Cores)
	}
	for i, b := range c.Outside {
		if err := b.Check(); err != nil {
			return fmt.Errorf("bucket %d: %w", i, err)
		}
		if i > 0 && b.At <= c.Outside[i-1].At {
			return fmt.Errorf("cpu: bucket %d begins at %v, not after the one before it, at %v", i, b.At, c.Outside[i-1].At)
		}
	}
	return nil
}

// bad figures are those that nothing can have: NaN, infinity, less than none.
func bad(f float64) bool { return !(f >= 0) || math.IsInf(f, 0) }

// A Machine shares its cores and keeps its own time, which begins at 0. One
// goroutine at a time may use it and what belongs to it.
type Machine struct {
	root   Group
	cores  float64
	stolen float64
	frozen bool

	outside []Bucket // yet to come
	loaded  []*Group // that have loads
	was     []*Group // spare room for the next loaded
	paths   map[string]*Group

	now time.Duration
	at  instant // all accounts are settled up to here; at most now
	// The plan: what will change next if nobody interferes.
	stale bool
	next  instant
	step  float64       // from at to next; +Inf for never
	due   time.Duration // next, rounded up

	starts    uint64
	finite    int       // threads that have an end
	ended     []*Thread // whose done is still to be called
	advancing bool
}

// New makes a machine whose time is 0. It panics if c.Check finds something.
func New(c Config) *Machine {
	if err := c.Check(); err != nil {
		panic(err)
	}
	m := &Machine{cores: c.Cores, frozen: c.Frozen, outside: c.Outside, stale: true}
	m.root = Group{m: m, weight: 1, cores: math.Inf(1), slot: idle}
	m.begin()
	return m
}

// Root is the group that all others are in. Its own threads compete with them.
func (m *Machine) Root() *Group { return &m.root }

// Group is Root().Group.
func (m *Machine) Group(c GroupConfig) *Group { return m.root.Group(c) }

// Now is the time of the last Advance, or in a done that of its thread's end.
func (m *Machine) Now() time.Duration { return m.now }

// Next is when Advance should be called if nothing happens before: a thread
// ends or a rate changes then. It may be Now. ok is false while no thread will
// ever end, as far as is known now.
func (m *Machine) Next() (at time.Duration, ok bool) {
	m.plan()
	if len(m.ended) > 0 {
		return m.now, true
	}
	if m.finite == 0 || math.IsInf(m.step, 1) {
		return 0, false
	}
	return m.due, true
}

// Advance moves time on and calls the done of each thread that ended, with Now
// at its end: the earlier first, of those at one instant the one that was
// started first. A done may do anything but call Advance. It panics if time
// would go back.
func (m *Machine) Advance(to time.Duration) {
	if m.advancing {
		panic("cpu: Advance was called by a done")
	}
	if to < m.now {
		panic(fmt.Errorf("cpu: advance to %v, but it is %v already", to, m.now))
	}
	m.advancing = true
	defer func() { m.advancing = false }()
	for m.tell(); m.pending(to); m.tell() {
		m.now = m.due
		for m.pending(m.now) {
			m.change()
		}
	}
	m.now = to
}

// tell calls the done of those that ended.
func (m *Machine) tell() {
	if len(m.ended) > 1 {
		slices.SortFunc(m.ended, func(a, b *Thread) int {
			if a.nth < b.nth {
				return -1
			}
			return 1
		})
	}
	for len(m.ended) > 0 {
		t := m.ended[0]
		m.ended = m.ended[:copy(m.ended, m.ended[1:])]
		if done := t.done; done != nil {
			t.done = nil
			done()
		}
	}
}

// pending is true if something changes until then.
func (m *Machine) pending(then time.Duration) bool {
	m.plan()
	return !math.IsInf(m.step, 1) && m.due <= then
}

// settle closes the accounts at now, before somebody changes what holds from
// now on.
func (m *Machine) settle() { m.settleAt(instant{ns: int64(m.now)}) }

func (m *Machine) settleAt(then instant) {
	if d := then.since(m.at); d > 0 {
		m.plan()
		m.root.pass(d, then)
		m.at = then
	}
	m.stale = true
}

// change does what is planned next.
func (m *Machine) change() {
	slack := m.slack(m.step)
	within := m.step + slack
	m.settleAt(m.next)
	m.root.change(within, slack)
	m.begin()
}

// plan gives everybody a rate and finds out what will change first.
func (m *Machine) plan() {
	if !m.stale {
		return
	}
	m.stale = false
	m.step = math.Inf(1)
	m.root.demand()
	m.root.grant(min(max(0, m.cores-m.stolen), m.root.want), false)
	if len(m.outside) > 0 {
		m.step = min(m.step, instant{ns: int64(m.outside[0].At)}.since(m.at))
	}
	if m.step > float64(math.MaxInt64-m.at.ns)/2 {
		m.step = math.Inf(1)
		return
	}
	m.next = m.at.plus(m.step).snap(m.slack(m.step))
	m.due = m.next.ceil()
}

// slack is how far off the computed time of a change that is step from now may
// be, in nanoseconds: it grows with time, as the last bits of a float do. What
// comes closer together than that comes at once.
func (m *Machine) slack(step float64) float64 { return 1e-5 + float64(2e-15*(float64(m.at.ns)+step)) }
