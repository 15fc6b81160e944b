package model

import (
	"errors"
	"io"
	"sync"

	"github.com/butfor/butfor/worker/wire"
)

// A pipe is one way of a port, and takes whatever is put in: frames, as long as
// nothing else is, and bytes from then on. One goroutine at a time may wait for what
// comes out.
type pipe struct {
	mu    sync.Mutex
	items []item
	ended bool          // no more comes: what is missing of a frame never will
	some  chan struct{} // room for one: something has come since it was last empty

	frames *wire.Reader // of the bytes; nil as long as there were none
}

// An item is the payload of a frame, or bytes as they are.
type item struct {
	bytes []byte
	raw   bool
}

func newPipe() pipe { return pipe{some: make(chan struct{}, 1)} }

// put puts in a frame.
func (p *pipe) put(payload []byte) { p.add(item{bytes: payload}, nil) }

// write puts in bytes.
func (p *pipe) write(b []byte) { p.add(item{b, true}, nil) }

// add puts it in. What comes then has come about once anybody can take it out: else it
// would be a matter of luck whether whoever does finds that so.
func (p *pipe) add(it item, then func()) {
	p.mu.Lock()
	if it.raw && p.frames == nil {
		p.frames = wire.NewReader((*source)(p), 0)
	}
	p.items = append(p.items, it)
	if then != nil {
		then()
	}
	p.mu.Unlock()
	select {
	case p.some <- struct{}{}:
	default:
	}
}

// errNothing means that nothing has come that is a frame.
var errNothing = errors.New("nothing has come")

// take gives the first of the frames. Its error is errNothing, or what a reader of the
// bytes says.
func (p *pipe) take() (frame []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frames != nil {
		return p.frames.ReadFrame()
	}
	if it, ok := p.next(); ok {
		return it.bytes, nil
	}
	return nil, errNothing
}

// last gives what is left once nothing more comes, then io.EOF.
func (p *pipe) last() (frame []byte, err error) {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	if frame, err = p.take(); errors.Is(err, errNothing) {
		err = io.EOF
	}
	return frame, err
}

func (p *pipe) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.items) == 0 && (p.frames == nil || p.frames.Buffered() == 0)
}

// next takes the first item out; under the mutex.
func (p *pipe) next() (it item, ok bool) {
	if len(p.items) == 0 {
		return item{}, false
	}
	it = p.items[0]
	last := copy(p.items, p.items[1:])
	p.items[last] = item{}
	p.items = p.items[:last]
	return it, true
}

// source is what the frame reader sees; under the mutex.
type source pipe

func (s *source) Read(b []byte) (int, error) {
	p := (*pipe)(s)
	it, ok := p.next()
	switch {
	case ok && !it.raw:
		it = item{wire.AppendFrame(nil, it.bytes), true}
	case !ok && p.ended:
		return 0, io.EOF
	case !ok:
		return 0, errNothing
	}
	n := copy(b, it.bytes)
	if n < len(it.bytes) {
		it.bytes = it.bytes[n:]
		p.items = append([]item{it}, p.items...)
	}
	return n, nil
}
