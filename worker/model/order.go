package model

import (
	"strings"
	"syscall"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// What follows is done under the port's mutex, but for what takes it.

// obeys sets about the order at the begin of its request; true if that is not executed
// then.
func (p *Port) obeys() bool {
	order := p.order
	if order == nil || order.Replied {
		return false
	}
	exit, ends := exitOf(order)
	switch {
	case ends && order.After <= 0:
		p.dies(exit)
	case ends:
		p.ordered = time.AfterFunc(order.After, func() { p.crash(exit) })
		return false
	case order.Hang != "" || order.Close != "":
		p.do(Demand{}, p.hangs)
	default:
		return false
	}
	return true
}

// exitOf is how an order ends a worker; false if it does not, or there is none.
func exitOf(order *wire.Order) (worker.Exit, bool) {
	if order == nil {
		return worker.Exit{}, false
	}
	if order.Signal != 0 {
		return worker.Exit{Code: -1, Signal: syscall.Signal(order.Signal)}, true
	}
	return worker.Exit{Code: order.Exit}, order.Ends()
}

// says puts out the reply's frame in the way that was ordered, and does then what else
// was.
func (p *Port) says(frame []byte) {
	order := p.order
	chunks := []wire.Chunk{{Bytes: wire.AppendFrame(nil, frame)}}
	if order.Say != (wire.Say{}) {
		p.writes(string(wire.Noise(order.Say.Stderr)))
		chunks = order.Say.Chunks(frame, p.last)
	}
	p.last = frame
	said := order.Say != (wire.Say{})
	states := func() {
		if said && len(chunks) == 1 {
			p.states()
			said = false
		}
	}
	states()
	var next func()
	next = func() {
		for len(chunks) > 0 {
			c := chunks[0]
			if c.Wait > 0 {
				chunks[0].Wait = 0
				p.do(Demand{Wait: c.Wait}, next)
				return
			}
			states()
			chunks = chunks[1:]
			if len(chunks) == 0 && order.Replied {
				p.out.add(item{c.Bytes, true}, p.replied)
				return
			}
			p.out.write(c.Bytes)
		}
		if order.Replied {
			p.replied()
		}
	}
	next()
}

// replied has it do what it was ordered to do once its reply is out.
func (p *Port) replied() {
	exit, ends := exitOf(p.order)
	switch {
	case ends && p.order.After <= 0:
		p.end(exit)
	case ends:
		p.ordered = time.AfterFunc(p.order.After, func() { p.crash(exit) })
	default:
		p.hangs()
	}
}

// hangs has it go on for ever, or close what it is to close of its port.
func (p *Port) hangs() {
	switch order := p.order; {
	case order.Hang == wire.Deadlock:
		p.states()
		p.busy = true
	case order.Hang == wire.HeldLock:
		p.states()
		p.outlives = true
		p.do(Demand{CPU: outlived}, func() {})
	case order.Close == wire.In:
		p.states()
		p.deaf.Store(true)
		p.profile.Stubborn = Forever
		p.busy = true
	case order.Close != "":
		p.states()
		p.end(worker.Exit{Code: -1, Signal: syscall.SIGKILL, HungUp: true}) // by whoever owns a real one's port
	}
}

// states has it say on its stderr that it obeys an order.
func (p *Port) states() { p.writes(wire.Stated(p.head.ID) + "\n") }

// writes has it write to its stderr, of which the last is kept.
func (p *Port) writes(text string) {
	p.written.Add(int64(len(text)))
	var before string
	if said := p.stderr.Load(); said != nil {
		before = *said
	}
	if text = before + text; len(text) > stderrMost {
		text = strings.Clone(text[len(text)-stderrMost:])
	}
	p.stderr.Store(&text)
}

// stderrMost is how much of it is kept, in bytes, as of a real worker.
const stderrMost = 64 << 10
