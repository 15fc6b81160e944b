package dspex

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/butfor/butfor/harness/subject"
)

// A mailbox keeps an actor's messages in the order in which they came. Several
// goroutines may receive from one, as the calls do that a client makes at
// once: each takes only what it wants.
type mailbox struct {
	mu    sync.Mutex
	queue []any
	bells []chan struct{} // one a receiver, with room for one ring
}

func (m *mailbox) put(x any) {
	m.mu.Lock()
	m.queue = append(m.queue, x)
	bells := slices.Clone(m.bells)
	m.mu.Unlock()
	for _, bell := range bells {
		select {
		case bell <- struct{}{}:
		default: // rung already
		}
	}
}

// take removes the first message that is wanted. foreign is the number of
// unwanted ones before it, or of all if none is wanted; deaf drops these.
func (m *mailbox) take(want func(any) bool, deaf bool) (x any, foreign int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.queue, want)
	if at < 0 {
		foreign = len(m.queue)
		if deaf {
			m.queue = nil
		}
		return nil, foreign, false
	}
	x = m.queue[at]
	if deaf {
		m.queue = m.queue[at+1:]
	} else {
		m.queue = slices.Delete(m.queue, at, at+1)
	}
	return x, at, true
}

func (m *mailbox) listen() chan struct{} {
	bell := make(chan struct{}, 1)
	m.mu.Lock()
	m.bells = append(m.bells, bell)
	m.mu.Unlock()
	return bell
}

func (m *mailbox) hush(bell chan struct{}) {
	m.mu.Lock()
	m.bells = slices.DeleteFunc(m.bells, func(b chan struct{}) bool { return b == bell })
	m.mu.Unlock()
}

// patience is how a receive waits.
type patience struct {
	limit   time.Duration // 0: for ever
	deaf    bool          // drops what it does not want (findings: deaf-start)
	rolling bool          // the limit begins anew at each unwanted message (findings: rolling-deadline)
}

// errTimeout is what a receive answers when its limit is reached.
var errTimeout = errors.New("timeout")

// receive is Erlang's receive … after: it waits for a message that is wanted
// and leaves the others where they are. It fails with errTimeout, with the
// cause of ctx, or, if the process is dead, with the reason. The order is
// fixed: the dead receive nothing, then a message goes before ctx, and ctx
// before the limit.
func (p *process) receive(ctx context.Context, want func(any) bool, how patience) (any, error) {
	bell := p.box.listen()
	defer p.box.hush(bell)
	until, seen := time.Now().Add(how.limit), 0
	for {
		if p.life.Err() != nil {
			return nil, p.obituary()
		}
		x, foreign, ok := p.box.take(want, how.deaf)
		if ok {
			return p.afford(x)
		}
		if err := context.Cause(ctx); err != nil {
			if errors.Is(err, subject.ErrClientDied) {
				p.exit(errKilled)
			}
			return nil, err
		}
		if foreign > seen {
			p.pay() // to find that nothing of it is wanted
			if how.rolling {
				until = time.Now().Add(how.limit)
			}
		}
		if !how.deaf { // else they are gone
			seen = foreign
		}
		left := time.Until(until)
		if how.limit > 0 && left <= 0 {
			return nil, errTimeout
		}
		p.sleep(ctx, bell, how.limit > 0, left)
	}
}

// receiveCost is what a message costs an actor, at the least. In a bubble time
// moves on only when everybody waits: so whoever was woken by one message has
// done what he does about it before the actor looks at the next one, and their
// order is no matter of chance. One that it does not want costs it as much.
const receiveCost = time.Microsecond

func (p *process) pay() {
	if p.cost > 0 {
		p.sleep(p.life, nil, true, p.cost)
	}
}

func (p *process) afford(x any) (any, error) {
	if p.pay(); !p.alive() {
		return nil, p.obituary()
	}
	return x, nil
}

// sleep waits until there may be something to decide, and decides nothing.
func (p *process) sleep(ctx context.Context, bell <-chan struct{}, limited bool, left time.Duration) {
	var after <-chan time.Time // nil: for ever
	if limited {
		timer := time.NewTimer(left)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-bell:
	case <-after:
	case <-ctx.Done():
	case <-p.life.Done():
	}
}

func anything(any) bool { return true }
