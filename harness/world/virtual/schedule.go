package virtual

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// stepMost is the most virtual time that lies between two releases. It is there
// so that what two steps arm never fires at one instant, whose order would be
// nobody's; and small, so that no figure hangs on it. It is an even number of
// nanoseconds: what is armed in one step for times that differ by one is kept apart
// from all that is armed in another.
const stepMost = time.Microsecond

// livelockAfter is how many steps a run may take while something is always to
// be done at once. Work that waits for nothing for so long never will.
const livelockAfter = 1_000_000

// A schedule decides who runs in a bubble. Goroutines park at named points; the
// driver waits until everybody is parked, blocked or asleep, sorts the parked
// by name, and lets the strategy pick who goes on. So the order of what is seen
// at the points is a matter of the seed alone.
type schedule struct {
	pick  Strategy
	most  int         // steps without a pause
	alarm *time.Timer // wakes the driver that dozes: a step after somebody has parked, or once the run is through

	mu      sync.Mutex
	arrived []*parked      // since the driver last looked
	visits  map[uint64]int // by a hash of the place
	spare   []*parked
	cost    *rand.Rand    // of the time between two releases
	asleep  bool          // the driver dozes, and nothing has set its alarm yet
	woken   time.Time     // when it was last set,
	stepped bool          // and whether to a step later
	through bool          // the run is: nothing more is begun
	owed    time.Duration // for which nobody is to go on
	longest time.Duration // for which nobody did
	over    bool          // nobody parks any more

	// The driver's alone.
	parked    []*parked // by name
	choices   []int
	ambiguous string
}

// A place is one goroutine at one point. A pool that is ill may have two at one,
// such as two callers with one worker: then whoever came first goes first, and
// only if both came at one instant is their order nobody's choice.
type place struct{ who, at string }

// parked is a goroutine at a point, or who has none and waits for his turn; nth
// counts the visits to that place.
type parked struct {
	place
	then  func() // of who has no goroutine
	nth   int
	came  time.Time
	lot   uint64 // of the drawn-th visit
	drawn int
	wake  chan struct{} // room for one
}

// newSchedule makes a schedule. It is called inside the bubble.
func newSchedule(seed uint64, pick Strategy) *schedule {
	s := &schedule{pick: pick, most: livelockAfter, cost: rand.New(rand.NewPCG(seed, 1)), alarm: time.NewTimer(time.Hour), visits: map[uint64]int{}}
	s.alarm.Stop()
	return s
}

// point parks the caller until the driver picks it. Hold no lock here.
func (s *schedule) point(who, at string) {
	p := s.park(who, at, nil)
	if p == nil {
		return
	}
	<-p.wake
	s.mu.Lock()
	s.spare = append(s.spare, p)
	s.mu.Unlock()
}

// turn has the driver call then once it has picked it.
func (s *schedule) turn(who, at string, then func()) {
	if s.park(who, at, then) == nil {
		go then() // its caller may hold a lock
	}
}

// park parks somebody; nil once nobody is any more.
func (s *schedule) park(who, at string, then func()) (p *parked) {
	key := scenario.Lot(0, who, at, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil
	}
	if n := len(s.spare); n > 0 {
		p, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		p = &parked{wake: make(chan struct{}, 1)}
	}
	s.visits[key]++
	p.place, p.nth, p.came, p.drawn, p.then = place{who, at}, s.visits[key], time.Now(), 0, then
	s.arrived = append(s.arrived, p)
	if s.asleep {
		s.wake(s.step())
	}
	return p
}

// wake sets the alarm of the driver, which dozes. It is called with the lock held.
func (s *schedule) wake(after time.Duration) {
	s.asleep, s.woken, s.stepped = false, time.Now(), after > 0
	s.alarm.Reset(after)
}

// step is how much time lies between this release and the one before. It is called
// with the lock held.
func (s *schedule) step() time.Duration {
	return 2 * time.Duration(1+s.cost.Int64N(int64(stepMost/2)))
}

// finish says that the run is through.
func (s *schedule) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.through = true
	if s.asleep {
		s.wake(0)
	}
}

// finished says whether it is.
func (s *schedule) finished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.through
}

// drive lets the bubble run until it is through and nobody is parked. It says what
// went wrong with the order, if anything did.
func (s *schedule) drive() error {
	busy := 0 // steps since there was nothing to do
	for {
		paused, over := s.pass()
		if over {
			return s.broken()
		}
		if paused {
			busy = 0
		}
		s.look()
		if d := s.owes(); d > 0 {
			time.Sleep(d)
			s.look()
		}
		if busy++; busy > s.most {
			return &LivelockError{Steps: busy, Who: s.names(), Stacks: stacks(bubbleOf())}
		}
		s.release()
	}
}

// stall has nobody go on for so long.
func (s *schedule) stall(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed, s.longest = max(s.owed, d), max(s.longest, d)
}

// owes is for how long nobody is to go on now.
func (s *schedule) owes() (d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, s.owed = s.owed, 0
	return d
}

// stalled is for how long nobody went on at most.
func (s *schedule) stalled() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.longest
}

// look takes in who has parked, once everybody else is blocked or asleep: there
// may be others whose time was up just now.
func (s *schedule) look() {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.arrived {
		s.enlist(p)
	}
	s.arrived = s.arrived[:0]
}

// enlist puts one of the parked where its name belongs.
func (s *schedule) enlist(p *parked) {
	i := len(s.parked)
	for i > 0 && p.before(s.parked[i-1]) {
		i--
	}
	s.parked = slices.Insert(s.parked, i, p)
	if i > 0 && s.ambiguous == "" {
		if q := s.parked[i-1]; q.place == p.place && q.came.Equal(p.came) {
			s.ambiguous = fmt.Sprintf("%s at %s", p.who, p.at)
		}
	}
}

// before says who comes first by name.
func (p *parked) before(q *parked) bool {
	if c := strings.Compare(p.who, q.who); c != 0 {
		return c < 0
	}
	if c := strings.Compare(p.at, q.at); c != 0 {
		return c < 0
	}
	return p.nth < q.nth
}

// pass lets a step of time go by once somebody has parked. As time moves on only once
// everybody else is blocked, this is also what waits for them. It says whether it had
// to wait for somebody to park, and whether the run is over.
func (s *schedule) pass() (paused, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parked)+len(s.arrived) == 0 && !s.through {
		began := time.Now()
		s.asleep = true
		s.mu.Unlock()
		<-s.alarm.C
		s.mu.Lock()
		if paused = s.woken.After(began); s.stepped {
			return paused, false
		}
	}
	if len(s.parked)+len(s.arrived) == 0 {
		s.mu.Unlock()
		synctest.Wait() // somebody may still be on the way
		s.mu.Lock()
		if s.over = len(s.arrived) == 0; s.over {
			return paused, true
		}
	}
	d := s.step()
	s.mu.Unlock()
	time.Sleep(d)
	s.mu.Lock()
	return paused, false
}

// release lets one of the parked go on.
func (s *schedule) release() {
	i := s.pick(len(s.choices), s.parked)
	p := s.parked[i]
	s.parked = slices.Delete(s.parked, i, i+1)
	s.choices = append(s.choices, i)
	if p.then == nil {
		p.wake <- struct{}{}
		return
	}
	p.then()
	s.mu.Lock()
	s.spare = append(s.spare, p)
	s.mu.Unlock()
}

func (s *schedule) names() (names []string) {
	for _, p := range s.parked {
		names = append(names, p.who+" at "+p.at)
	}
	return names
}

// broken says that the order was not the schedule's alone.
func (s *schedule) broken() error {
	if s.ambiguous == "" {
		return nil
	}
	return fmt.Errorf("two goroutines were called %s at once: their order was nobody's choice", s.ambiguous)
}

// A LivelockError says that a run went on for ever without waiting for anything.
type LivelockError struct {
	Steps  int
	Who    []string // who was at which point when it was given up
	Stacks string   // of all goroutines of the run then, as the runtime dumps them
}

func (e *LivelockError) Error() string {
	return fmt.Sprintf("livelock: %d steps and never a pause; at the end there were %s", e.Steps, strings.Join(e.Who, ", "))
}
