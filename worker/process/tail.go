package process

import (
	"io"
	"sync"
)

// tailSize is how much of a worker's stderr is kept, in bytes.
const tailSize = 64 << 10

// A tail keeps the last tailSize bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// fill reads until the end of r, or until a deadline ends it.
func (t *tail) fill(r io.Reader) {
	var buf [4 << 10]byte
	for {
		n, err := r.Read(buf[:])
		t.Write(buf[:n])
		if err != nil {
			return
		}
	}
}
