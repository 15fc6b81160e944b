package pool

import "time"

// Stat is a snapshot of a pool: how it stands, and counters since New. Workers
// that Close ends are in none of them.
type Stat struct {
	Size, Overflow               int // as configured
	Idle, Busy, Starting, Ending int // workers; together never more than Size+Overflow
	Tended                       int // workers that the pool itself has something to do with; likewise
	Waiting                      int // callers in line
	Sessions                     int // that have not ended

	Checkouts    int64         // workers handed out
	Waited       int64         // callers that had to stand in line
	WaitTime     time.Duration // that they stood there, together
	GaveUp       int64         // callers that left the line empty-handed, by themselves or sent home
	Refused      int64         // callers that found the line full
	Starts       int64         // begun
	StartsFailed int64
	StartTime    time.Duration // of those that succeeded, together
	Deaths       int64         // workers that ended by themselves
	Replaced     int64         // workers in doubt, ended by the pool
	Reaped       int64         // overflow workers ended because idle
	Recycled     int64         // old workers ended

	SessionsLost    int64 // with their workers
	SessionsExpired int64 // ended because nobody used them
}

// Stat tells how the pool stands.
func (p *Pool) Stat() Stat {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.snapshot()
}

func (p *Pool) snapshot() Stat {
	s := p.stat
	s.Size, s.Overflow = p.cfg.Size, p.cfg.Overflow
	s.Idle, s.Busy, s.Starting, s.Ending = p.n[idle], p.n[busy], p.n[starting], p.n[ending]
	s.Tended = p.n[tended]
	s.Waiting = p.line.Len()
	s.Sessions = len(p.sessions)
	return s
}
