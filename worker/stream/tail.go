//go:build linux

package stream

import (
	"io"
	"sync"
)

// tailSize is how much of a worker's stderr is kept, in bytes.
const tailSize = 64 << 10

// A Tail keeps the last 64 KiB written to it. Its methods may be called concurrently.
type Tail struct {
	mu  sync.Mutex
	buf []byte
	all int64 // bytes that were ever written
}

// Write implements io.Writer; it never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all += int64(len(b))
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

// String is what it keeps.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// Written is how many bytes were ever written to it.
func (t *Tail) Written() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all
}

// Fill reads until the end of r, or until a deadline ends it.
func (t *Tail) Fill(r io.Reader) {
	var buf [4 << 10]byte
	for {
		n, err := r.Read(buf[:])
		_, _ = t.Write(buf[:n])
		if err != nil {
			return
		}
	}
}
