package virtual

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// stepMost is the most virtual time that lies between two releases. It is there
// so that what two steps arm never fires at one instant, whose order would be
// nobody's; and small, so that no figure hangs on it.
const stepMost = time.Microsecond

// livelockAfter is how many steps a run may take while something is always to
// be done at once. Work that waits for nothing for so long never will.
const livelockAfter = 1_000_000

// A schedule decides who runs in a bubble. Goroutines park at named points; the
// driver waits until everybody is parked, blocked or asleep, sorts the parked
// by name, and lets the strategy pick who goes on. So the order of what is seen
// at the points is a matter of the seed alone.
type schedule struct {
	pick Strategy
	most int           // steps without a pause
	cost *rand.Rand    // of the time between two releases
	bell chan struct{} // rung for the driver when somebody parks while it waits

	mu        sync.Mutex
	arrived   []*parked // since the driver last looked
	visits    map[place]int
	spare     []*parked
	asleep    bool // the driver waits for the bell
	over      bool // nobody parks any more
	ambiguous string

	parked  []*parked // the driver's alone
	choices []int
}

// A place is one goroutine at one point. A pool that is ill may have two at one,
// such as two callers with one worker: then whoever came first goes first, and
// only if both came at one instant is their order nobody's choice.
type place struct{ who, at string }

// parked is a goroutine at a point; nth counts the visits to that place.
type parked struct {
	place
	nth  int
	came time.Time
	wake chan struct{} // room for one
}

// newSchedule makes a schedule. It is called inside the bubble.
func newSchedule(seed uint64, pick Strategy) *schedule {
	return &schedule{pick: pick, most: livelockAfter, cost: rand.New(rand.NewPCG(seed, 1)), bell: make(chan struct{}, 1), visits: map[place]int{}}
}

// point parks the caller until the driver picks it. Hold no lock here.
func (s *schedule) point(who, at string) {
	here := place{who, at}
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return
	}
	var p *parked
	if n := len(s.spare); n > 0 {
		p, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		p = &parked{wake: make(chan struct{}, 1)}
	}
	s.visits[here]++
	p.place, p.nth, p.came = here, s.visits[here], time.Now()
	s.arrived = append(s.arrived, p)
	ring := s.asleep
	s.asleep = false
	s.mu.Unlock()
	if ring {
		s.bell <- struct{}{}
	}
	<-p.wake
	s.mu.Lock()
	s.spare = append(s.spare, p)
	s.mu.Unlock()
}

// drive lets the bubble run until done is closed and nobody is parked. It says
// what went wrong with the order, if anything did.
func (s *schedule) drive(done <-chan struct{}) error {
	busy := 0 // steps since there was nothing to do
	for {
		if s.look(); len(s.parked) == 0 {
			busy = 0
			if !s.doze(done) {
				return s.broken()
			}
			continue
		}
		if busy++; busy > s.most {
			return &LivelockError{Steps: busy, Who: s.names()}
		}
		// Time moves on only once everybody else is blocked, so this is also what
		// waits for them.
		time.Sleep(1 + time.Duration(s.cost.Int64N(int64(stepMost))))
		s.look()
		s.release()
	}
}

// look takes in who has parked, once everybody else is blocked or asleep.
func (s *schedule) look() {
	synctest.Wait()
	s.mu.Lock()
	s.parked = append(s.parked, s.arrived...)
	s.arrived = s.arrived[:0]
	s.mu.Unlock()
}

// doze lets virtual time move on until somebody parks; false if the run is over.
func (s *schedule) doze(done <-chan struct{}) bool {
	s.mu.Lock()
	if len(s.arrived) > 0 {
		s.mu.Unlock()
		return true
	}
	s.asleep = true
	s.mu.Unlock()
	select {
	case <-s.bell:
		return true
	case <-done:
	}
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asleep { // somebody came at the last moment, and rang
		<-s.bell
		return true
	}
	s.over = true
	return false
}

// release lets one of the parked go on.
func (s *schedule) release() {
	slices.SortFunc(s.parked, func(a, b *parked) int {
		if c := strings.Compare(a.who, b.who); c != 0 {
			return c
		}
		if c := strings.Compare(a.at, b.at); c != 0 {
			return c
		}
		return a.nth - b.nth
	})
	for i := 1; i < len(s.parked) && s.ambiguous == ""; i++ {
		if a, b := s.parked[i-1], s.parked[i]; a.place == b.place && a.came.Equal(b.came) {
			s.ambiguous = fmt.Sprintf("%s at %s", b.who, b.at)
		}
	}
	i := s.pick(len(s.choices), s.parked)
	p := s.parked[i]
	s.parked = slices.Delete(s.parked, i, i+1)
	s.choices = append(s.choices, i)
	p.wake <- struct{}{}
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
	Steps int
	Who   []string // who was at which point when it was given up
}

func (e *LivelockError) Error() string {
	return fmt.Sprintf("livelock: %d steps and never a pause; at the end there were %s", e.Steps, strings.Join(e.Who, ", "))
}
