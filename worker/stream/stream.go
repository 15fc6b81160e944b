//go:build linux

// Package stream carries frames over what a launcher has to a worker, pipes or a
// socket: it lets the end of a ctx end a wait without loss, and keeps what had
// arrived when the worker is gone. What a worker is, and when it has ended, belongs
// to the launchers.
package stream

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// An In is where frames come from: a pipe's or a socket's end that Go's netpoller
// knows.
type In interface {
	io.ReadCloser
	syscall.Conn
	SetReadDeadline(time.Time) error
}

// An Out is where they go. To close it is to tell the far side that nothing more
// comes; of a socket that is to shut one direction down.
type Out interface {
	io.WriteCloser
	SetWriteDeadline(time.Time) error
}

// A Stream is both. One goroutine may send and one receive at a time; everything
// else may be called by anybody at any time.
type Stream struct {
	limit int    // of a payload, in bytes; 0: wire's own
	cut   func() // called once a frame was cut short

	sendMu sync.Mutex // one sender
	out    Out

	recvMu sync.Mutex // one receiver, or End
	in     In
	rest   []byte // what End found; read once in is closed
	frames *wire.Reader

	wakeMu sync.Mutex // guards the deadlines
	dead   bool       // they are past, for good
	ended  chan struct{}
}

// New makes a stream, which owns both ends. cut is called when a frame was cut
// short: what follows would be read as the rest of it.
func New(in In, out Out, limit int, cut func()) *Stream {
	s := &Stream{in: in, out: out, limit: limit, cut: cut, ended: make(chan struct{})}
	s.frames = wire.NewReader((*source)(s), limit)
	return s
}

// source is what the frame reader sees: the end itself, then what End found in it.
type source Stream

func (s *source) Read(b []byte) (int, error) {
	n, err := s.in.Read(b)
	switch {
	case errors.Is(err, syscall.ECONNRESET): // a socket's far side that had not read all of ours
		return n, io.EOF
	case !closed(err):
		return n, err
	case len(s.rest) == 0:
		return 0, io.EOF
	}
	n = copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// closed says whether an error is that of a file or a socket which was closed here.
func closed(err error) bool { return errors.Is(err, os.ErrClosed) || errors.Is(err, net.ErrClosed) }

// interruptible runs an operation so that the end of ctx ends it.
func (s *Stream) interruptible(ctx context.Context, set func(time.Time) error, do func() error) error { // set fails on a closed end alone, where it is not needed
	if ctx.Done() == nil {
		return do()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ran := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = set(past)
		close(ran)
	})
	err := do()
	if !stop() {
		<-ran
		s.wakeMu.Lock()
		if !s.dead {
			_ = set(time.Time{})
		}
		s.wakeMu.Unlock()
	}
	return err
}

var past = time.Unix(1, 0)

// Send writes one frame, as worker.Port has it.
func (s *Stream) Send(ctx context.Context, frame []byte) error {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	err := s.interruptible(ctx, s.out.SetWriteDeadline, func() error {
		return wire.WriteFrame(s.out, frame, s.limit)
	})
	if errors.Is(err, wire.ErrTruncated) {
		s.cut()
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), closed(err), errors.Is(err, os.ErrDeadlineExceeded):
		return worker.ErrGone
	}
	return err
}

// Recv waits for a frame, as worker.Port has it.
func (s *Stream) Recv(ctx context.Context) (frame []byte, err error) {
	for {
		s.recvMu.Lock()
		err = s.interruptible(ctx, s.in.SetReadDeadline, func() (err error) {
			frame, err = s.frames.ReadFrame()
			return err
		})
		s.recvMu.Unlock()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return frame, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		select { // End woke us and takes what is left
		case <-s.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Unasked says whether something has come that nobody has received yet.
func (s *Stream) Unasked() bool {
	if !s.recvMu.TryLock() { // somebody waits for it
		return false
	}
	defer s.recvMu.Unlock()
	if s.frames.Buffered() > 0 {
		return true
	}
	came := false
	raw, err := s.in.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, _ := unix.Poll(fds[:], 0)
			came = n > 0 && fds[0].Revents&unix.POLLIN != 0
		})
	}
	return came && err == nil
}

// CloseSend tells the far side that nothing more comes. A Send under way is ended,
// not awaited.
func (s *Stream) CloseSend() {
	s.wakeMu.Lock()
	_ = s.out.SetWriteDeadline(past)
	s.wakeMu.Unlock()
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	_ = s.out.Close()
}

// End is called once, when the far side is gone: it ends whoever waits, also
// where an offspring of the far side still holds its end, and keeps what had
// arrived for those who receive.
func (s *Stream) End() {
	s.wakeMu.Lock()
	s.dead = true
	_ = s.out.SetWriteDeadline(past)
	_ = s.in.SetReadDeadline(past)
	s.wakeMu.Unlock()
	s.sendMu.Lock()
	_ = s.out.Close()
	s.sendMu.Unlock()
	s.recvMu.Lock()
	s.rest = Arrived(s.in)
	_ = s.in.Close()
	s.recvMu.Unlock()
	close(s.ended)
}

// Arrived takes what an end holds now, without waiting for more.
func Arrived(in In) (b []byte) {
	_ = in.SetReadDeadline(time.Time{})
	raw, err := in.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Read(func(fd uintptr) bool {
		var buf [32 << 10]byte
		// A pipe holds 64 KiB unless told otherwise; a writer that is still
		// there must not keep us.
		for len(b) < 1<<20 {
			n, err := syscall.Read(int(fd), buf[:])
			if err == syscall.EINTR {
				continue
			}
			if n <= 0 {
				break
			}
			b = append(b, buf[:n]...)
		}
		return true
	})
	return b
}
