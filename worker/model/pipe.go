package model

import "sync"

// A pipe is one way of a port, and takes whatever is put in. One goroutine at a
// time may wait for what comes out.
type pipe struct {
	mu     sync.Mutex
	frames [][]byte
	some   chan struct{} // room for one: something has come since it was last empty
}

func newPipe() pipe { return pipe{some: make(chan struct{}, 1)} }

func (p *pipe) put(frame []byte) {
	p.mu.Lock()
	p.frames = append(p.frames, frame)
	p.mu.Unlock()
	select {
	case p.some <- struct{}{}:
	default:
	}
}

// take gives the first of the frames, if there is one.
func (p *pipe) take() (frame []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.frames) == 0 {
		return nil, false
	}
	frame = p.frames[0]
	last := copy(p.frames, p.frames[1:])
	p.frames[last] = nil
	p.frames = p.frames[:last]
	return frame, true
}

func (p *pipe) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.frames) == 0
}
