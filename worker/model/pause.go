package model

import (
	"context"
	"time"

	"github.com/butfor/butfor/worker"
)

// Pause implements worker.Pauser: it computes nothing and does nothing that would be
// its turn, also to end as its port does, until Unpause. Time goes on for it.
func (p *Port) Pause(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return worker.ErrGone
	}
	p.paused = true
	p.pauses++
	if p.computing {
		had, _, _ := p.cpu.Used()
		if p.left = p.wants - (had - p.before); p.left > 0 { // else it is told just now
			p.cpu.Stop()
		}
	}
	return nil
}

// Unpause implements worker.Pauser: it goes on in its turn, unless it was paused again.
func (p *Port) Unpause(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.paused {
		return nil
	}
	nth := p.pauses
	p.inTurn("unpaused", func() {
		if p.paused && p.pauses == nth {
			p.resume()
		}
	})
	return nil
}

// resume has it go on.
func (p *Port) resume() {
	p.paused = false
	if p.computing && p.left > 0 {
		p.burn(p.left)
	}
	p.catchUp()
	p.next()
}

// postponed says whether something has to wait until it goes on.
func (p *Port) postponed(do func()) bool {
	if p.paused {
		p.later = append(p.later, do)
	}
	return p.paused
}

// catchUp does what had to wait, in the order in which it came.
func (p *Port) catchUp() {
	for len(p.later) > 0 && !p.paused {
		do := p.later[0]
		p.later = p.later[1:]
		do()
	}
}

// burn computes.
func (p *Port) burn(d time.Duration) {
	p.computing, p.wants = true, d
	p.before, _, _ = p.cpu.Used()
	p.cpu.Burn(d, p.computed)
}
