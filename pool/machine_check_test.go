package pool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/pool"
)

// problem notes what is not as it must be.
func (m *machine) problem(format string, args ...any) {
	m.write(func() { m.found(format, args...) })
}

// found is problem for whoever has the lock.
func (m *machine) found(format string, args ...any) {
	m.problems = append(m.problems, fmt.Sprintf(format, args...))
}

// check holds the pool against its model, once all is still.
func (m *machine) check() error {
	s := m.pool.Stat() // before the lock is taken: it may have to wait for a pool that is ill
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checkCallers(s)
	m.checkWorkers(s)
	m.checkCounters(s)
	m.checkClose()
	if !m.closing {
		m.checkEnds(s)
		m.checkStarts(s)
	}
	m.before = s
	if len(m.problems) == 0 {
		return nil
	}
	return fmt.Errorf("at %v: %s\n%+v", m.world.Now(), strings.Join(m.problems, "\n"), s)
}

func (m *machine) checkWorkers(s pool.Stat) {
	alive := m.launcher.Alive()
	if got := s.Idle + s.Busy + s.Starting + s.Tended + s.Ending; got != alive {
		m.found("%d workers are alive, the pool counts %d", alive, got)
	}
	if most := m.cfg.Size + m.cfg.Overflow; m.launcher.MostAlive() > most {
		m.found("%d were alive at once, %d are allowed", m.launcher.MostAlive(), most)
	}
	held := m.held()
	if s.Busy != held && !m.closing { // Close takes workers out of callers' hands
		m.found("%d living workers are in callers' hands, the pool counts %d", held, s.Busy)
	}
	if held > 0 {
		m.busyUntil = m.world.Now()
	}
	if w := m.cfg.StartConcurrency; w > 0 && s.Starting > w {
		m.found("%d starts are under way, %d may be", s.Starting, w)
	}
}

// checkClose says whether Close waits for what it is to wait for, and no longer.
func (m *machine) checkClose() {
	if m.closed {
		if alive := m.launcher.Alive(); alive > 0 {
			m.found("Close has returned (%v), %d workers are alive", m.closeErr, alive)
		}
		return
	}
	now := m.world.Now()
	if m.closeAt == 0 {
		return
	}
	if now > m.closeBy+ms { // all workers can be killed
		m.found("Close has not returned, its time was over at %v", m.closeBy)
	}
	if free := max(m.closeAt, m.busyUntil) + m.good.Stubborn; now > free+5*ms {
		m.found("Close has not returned, though nobody has a worker in hand since %v", m.busyUntil)
	}
}

// held counts the living workers that are in callers' hands, of which each is in
// one.
func (m *machine) held() int {
	holder := map[string]*caller{}
	for _, c := range m.callers {
		id := c.lease.Worker()
		if !c.holds() || !m.lives(id) {
			continue
		}
		if other := holder[id]; other != nil {
			m.found("%s and %s both have %s", other.id, c.id, id)
		}
		holder[id] = c
	}
	return len(holder)
}

func (m *machine) lives(id string) bool {
	for _, p := range m.launcher.Ports() {
		if p.ID == id {
			return !p.Gone()
		}
	}
	return false
}

// checkCallers says whether those wait who have to, and no others.
func (m *machine) checkCallers(s pool.Stat) {
	waiting, free := 0, 0
	first := m.round + 1              // when the first of those came who wait for any worker
	others := map[*pool.Session]int{} // and of those who wait for a session's
	for _, c := range m.callers {
		if c.waits() {
			waiting++
			if q := c.session; c.name == "" || q != nil && m.cfg.Affinity != pool.Strict {
				free++
				first = min(first, c.round)
			} else if came, ok := others[q]; !ok || c.round < came {
				others[q] = c.round
			}
			late := c.late
			if t := m.cfg.CheckoutTimeout; t > 0 {
				late = min(late, late-c.patience+t)
			}
			if c.ctx.Err() != nil || m.world.Now() > late+ms { // it asks a moment after it came
				m.found("%s waits, though it was told not to, or its time was over at %v", c.id, late)
			}
		}
	}
	for _, c := range m.callers {
		if c.waits() || c.seen {
			continue
		}
		c.seen = true
		switch id := c.lease.Worker(); {
		case c.err != nil:
			m.checkRefusal(c, s)
		case m.doubted[id] && !c.given:
			m.found("%s was given %s, which is in doubt", c.id, id)
		case c.round > first:
			m.found("%s was served before one that had come before", c.id)
		case c.session != nil && c.round > came(others, c.session, c.round):
			m.found("%s was served before one of session %s that had come before", c.id, c.name)
		}
	}
	if s.Waiting != waiting {
		m.found("%d callers wait, the pool counts %d", waiting, s.Waiting)
	}
	m.free = free
	if free > 0 && s.Idle > 0 {
		m.found("%d callers wait while %d workers are idle", free, s.Idle)
	}
	if limit := m.cfg.QueueLimit; limit != 0 && waiting > max(limit, 0) {
		m.found("%d callers wait, the limit is %d", waiting, limit)
	}
	if m.closing && waiting > 0 {
		m.found("%d callers wait for a closed pool", waiting)
	}
}

// came is when the first caller came who waits for a session's worker.
func came(first map[*pool.Session]int, q *pool.Session, otherwise int) int {
	if round, ok := first[q]; ok {
		return round
	}
	return otherwise
}

// checkRefusal says whether a caller was sent home for a reason that there was.
func (m *machine) checkRefusal(c *caller, s pool.Stat) {
	ok := false
	switch err := c.err; {
	case errors.Is(err, pool.ErrCheckoutTimeout):
		ok = m.cfg.CheckoutTimeout > 0
	case errors.Is(err, context.DeadlineExceeded):
		ok = true // it gave up by itself
	case errors.Is(err, context.Canceled):
		ok = c.ctx.Err() != nil
	case errors.Is(err, pool.ErrQueueFull):
		ok = m.cfg.QueueLimit != 0
	case errors.Is(err, pool.ErrClosed):
		ok = m.closing
	case errors.Is(err, pool.ErrSessionEnded):
		ok = m.over[c.session] || m.cfg.SessionTTL > 0
	case errors.Is(err, pool.ErrSessionLost):
		ok = m.cfg.Affinity == pool.Strict && s.SessionsLost > 0 && m.used[c.session]
	case errors.Is(err, pool.ErrSessionLimit):
		ok = m.cfg.SessionLimit > 0
	case errors.Is(err, pool.ErrUnavailable):
		ok = s.StartsFailed+s.Deaths >= 5
	}
	if !ok {
		m.found("%s was refused without a reason: %v", c.id, c.err)
	}
}

// checkCounters holds the counters against what happened.
func (m *machine) checkCounters(s pool.Stat) {
	served, refused := int64(0), int64(0)
	for _, c := range m.callers {
		if c.back && c.err == nil {
			served++
		} else if c.back {
			refused++
		}
	}
	if s.Checkouts != served {
		m.found("%d callers were served, the pool counts %d", served, s.Checkouts)
	}
	if s.GaveUp+s.Refused > refused {
		m.found("%d callers were not served, the pool counts %d and %d", refused, s.GaveUp, s.Refused)
	}
}

// checkEnds says whether workers ended for a reason that there was. Those that
// Close ends are not counted.
func (m *machine) checkEnds(s pool.Stat) {
	if n := len(m.launcher.Ports()); s.Starts != int64(n) {
		m.found("%d workers were launched, the pool counts %d", n, s.Starts)
	}
	ended := s.StartsFailed + s.Deaths + s.Replaced + s.Reaped + s.Recycled
	if left := s.Idle + s.Busy + s.Tended + s.Starting; s.Starts != ended+int64(left) {
		m.found("of %d workers %d have ended and %d are left", s.Starts, ended, left)
	}
	m.starts.Lock()
	ill := m.spoiled + m.killed
	doubted := int64(len(m.doubted)) + m.spoiled // some of which the pool itself found out
	m.starts.Unlock()
	if s.Replaced > doubted {
		m.found("%d workers were replaced, %d were in doubt", s.Replaced, doubted)
	}
	if s.SessionsLost > 0 && s.Deaths+s.Replaced == 0 {
		m.found("%d sessions were lost, though no worker was", s.SessionsLost)
	}
	if old := m.cfg.MaxCalls > 0 || m.cfg.MaxAge > 0; s.Recycled > 0 && !old {
		m.found("%d workers were recycled, none can be old", s.Recycled)
	}
	if s.StartsFailed+s.Deaths > ill {
		m.found("%d starts failed and %d workers died, %d were made to", s.StartsFailed, s.Deaths, ill)
	}
	lost := s.Deaths + s.Replaced + s.Recycled - m.before.Deaths - m.before.Replaced - m.before.Recycled
	if ready := s.Idle + s.Busy + s.Tended; s.Reaped > m.before.Reaped && int64(ready)+lost < int64(m.cfg.Size) {
		m.found("an idle worker was ended, though there are no more than %d", ready)
	}
}

// restMost is the longest that the pool rests after a start that failed, with half
// of it drawn on top.
const restMost = 7500 * ms

// checkStarts says whether a start is missing that nothing keeps from being
// begun.
func (m *machine) checkStarts(s pool.Stat) {
	if s.StartsFailed+s.Deaths > m.before.StartsFailed+m.before.Deaths {
		m.restUntil = m.world.Now() + restMost
	}
	keep := 0
	if !m.cfg.Lazy {
		keep = m.cfg.Size
	}
	for _, w := range m.warmers {
		keep = max(keep, w.n)
		if !w.back && s.Idle+s.Busy+s.Tended >= w.n {
			m.found("a caller of Warm(%d) waits", w.n)
		}
	}
	width := max(1, m.cfg.StartConcurrency) // 0: one at least
	taken := s.Idle + s.Busy + s.Tended + s.Starting + s.Ending
	if taken >= m.cfg.Size+m.cfg.Overflow || m.world.Now() <= m.restUntil || s.Starting >= width {
		return
	}
	if m.free > s.Starting {
		m.found("%d callers wait, but there are only %d starts", m.free, s.Starting)
	}
	if taken < keep {
		m.found("%d workers are ready or starting, of %d to keep", s.Idle+s.Busy+s.Starting, keep)
	}
}

// end lets everything come to its end: starts go well again, whoever holds a
// worker gives it back, whoever waits is served, the pool still has all of its
// workers, and is closed.
func (m *machine) end() error {
	m.spoil(nil)
	if err := m.drain(); err != nil {
		return err
	}
	if !m.closing {
		if err := m.probe(); err != nil {
			return err
		}
		if err := m.drain(); err != nil {
			return err
		}
		for _, name := range []string{"s0", "s1", "s2"} {
			m.endSession(name, patience)
		}
		time.Sleep(patience) // starts may be under way still
		m.settle()
		if s := m.pool.Stat(); s.Idle > m.cfg.Size {
			return fmt.Errorf("overflow is not ended though it has been idle for long: %+v", s)
		}
		m.close(time.Hour)
	}
	if err := m.until("Close returns", func() bool { return m.closed }); err != nil {
		return err
	}
	if s := m.pool.Stat(); s.Idle+s.Busy+s.Starting+s.Ending+s.Waiting != 0 {
		return fmt.Errorf("the closed pool still counts %+v", s)
	}
	return nil
}

// patience is how long anything may take that the pool does: the start of a mute
// worker is given up after a minute.
const patience = 2 * time.Minute

// probe takes workers out, one after another, until all are held at once. A pool
// that makes nobody wait, or has too little patience for a start, is asked again,
// and a worker may still die that did not start well.
func (m *machine) probe() error {
	var refusal error
	for begin := time.Now(); time.Since(begin) < patience; {
		c := m.checkout(patience, "")
		if err := m.until("a probe comes back", func() bool { return c.back }); err != nil {
			return err
		}
		m.mu.Lock()
		held := m.held()
		m.mu.Unlock()
		if held == m.cfg.Size {
			return nil
		}
		if c.err != nil {
			refusal = c.err
			time.Sleep(100 * ms)
		}
	}
	return fmt.Errorf("capacity is lost: %d workers could not be held at once; the last refusal: %v", m.cfg.Size, refusal)
}

// drain has workers given back until nobody waits or calls any more.
func (m *machine) drain() error {
	return m.until("everybody is through", func() bool {
		for {
			m.mu.Unlock()
			gave := m.giveBack(m.one(0, (*caller).rests), false)
			m.mu.Lock()
			if !gave {
				break
			}
		}
		busy := slices.ContainsFunc(m.callers, func(c *caller) bool { return c.waits() || c.calling })
		return !busy && !slices.ContainsFunc(m.warmers, func(w *warmer) bool { return !w.back })
	})
}

// until waits until something is so, but not for ever. The pool must stand as
// its model does all the while. so is called under the lock.
func (m *machine) until(what string, so func() bool) error {
	for begin := time.Now(); ; time.Sleep(10 * ms) {
		m.mu.Lock()
		done := so()
		m.mu.Unlock()
		m.settle()
		if err := m.check(); err != nil {
			return err
		}
		m.round++
		if done {
			return nil
		}
		if time.Since(begin) > patience {
			return fmt.Errorf("not within %v: %s; %+v", patience, what, m.pool.Stat())
		}
	}
}
