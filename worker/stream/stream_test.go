//go:build linux

package stream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/stream"
	"github.com/butfor/butfor/worker/wire"
)

// half is the sending direction of a socket.
type half struct{ *net.UnixConn }

func (h half) Close() error { return h.CloseWrite() }

// socket is a stream over a socket, and its far side.
func socket(t *testing.T) (*stream.Stream, *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		ends[i] = c.(*net.UnixConn)
		t.Cleanup(func() { _ = c.Close() })
	}
	return stream.New(ends[0], half{ends[0]}, 0, func() {}), ends[1]
}

func write(t *testing.T, far io.Writer, frame string) {
	t.Helper()
	if err := wire.WriteFrame(far, []byte(frame), 0); err != nil {
		t.Fatal(err)
	}
}

func TestACancelledReceiveLosesNothing(t *testing.T) {
	s, far := socket(t)
	var whole bytes.Buffer
	if err := wire.WriteFrame(&whole, []byte("one"), 0); err != nil {
		t.Fatal(err)
	}
	for i, b := range whole.Bytes() {
		if i == whole.Len()-1 {
			break
		}
		if _, err := far.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		received := make(chan error)
		go func() {
			_, err := s.Recv(ctx)
			received <- err
		}()
		cancel()
		if err := <-received; !errors.Is(err, context.Canceled) {
			t.Fatalf("after byte %d: %v", i, err)
		}
	}
	if _, err := far.Write(whole.Bytes()[whole.Len()-1:]); err != nil {
		t.Fatal(err)
	}
	if frame, err := s.Recv(t.Context()); err != nil || string(frame) != "one" {
		t.Errorf("got %q, %v", frame, err)
	}
}

func TestWhatHadArrivedIsReceivedAfterTheEnd(t *testing.T) {
	s, far := socket(t)
	write(t, far, "one")
	if !s.Unasked() {
		t.Error("what came is not seen")
	}
	if frame, err := s.Recv(t.Context()); err != nil || string(frame) != "one" {
		t.Errorf("got %q, %v", frame, err)
	}
	if s.Unasked() {
		t.Error("something comes that was received")
	}
	write(t, far, "two")
	write(t, far, "three")
	s.End() // far still holds its end
	for _, want := range []string{"two", "three"} {
		if frame, err := s.Recv(t.Context()); err != nil || string(frame) != want {
			t.Errorf("got %q, %v; want %q", frame, err, want)
		}
	}
	if _, err := s.Recv(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("then %v", err)
	}
	if err := s.Send(t.Context(), []byte("x")); !errors.Is(err, worker.ErrGone) {
		t.Errorf("a send: %v", err)
	}
}

// A socket whose far side goes with something unread is reset.
func TestAFarSideThatHadNotReadAllOfOursIsGoneAndNoMore(t *testing.T) {
	s, far := socket(t)
	if err := s.Send(t.Context(), []byte("unread")); err != nil {
		t.Fatal(err)
	}
	write(t, far, "last words")
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	frame, err := s.Recv(t.Context())
	for err == nil && string(frame) == "last words" {
		frame, err = s.Recv(t.Context())
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v", frame, err)
	}
	if err := s.Send(t.Context(), []byte("x")); !errors.Is(err, worker.ErrGone) {
		t.Errorf("a send: %v", err)
	}
}

func TestTheFarSideIsToldThatNothingMoreComesAndCanStillAnswer(t *testing.T) {
	s, far := socket(t)
	s.CloseSend()
	if n, err := far.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("it read %d, %v", n, err)
	}
	write(t, far, "last words")
	if frame, err := s.Recv(t.Context()); err != nil || string(frame) != "last words" {
		t.Errorf("got %q, %v", frame, err)
	}
}
