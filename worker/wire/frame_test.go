package wire

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// writer takes room bytes, then fails, and counts the calls.
type writer struct {
	bytes.Buffer
	room  int
	fail  error // nil: cuts short without a word
	calls int
}

func (w *writer) Write(p []byte) (int, error) {
	w.calls++
	if len(p) <= w.room {
		return w.Buffer.Write(p)
	}
	n, _ := w.Buffer.Write(p[:w.room])
	return n, w.fail
}

func TestAppendFrameIsBigEndianLengthThenPayload(t *testing.T) {
	got := AppendFrame([]byte("before"), bytes.Repeat([]byte{'x'}, 258))
	want := "before\x00\x00\x01\x02" + strings.Repeat("x", 258)
	if string(got) != want {
		t.Errorf("got %q", got)
	}
}

func TestAppendFrameRefusesALengthThatNoHeaderCanSay(t *testing.T) {
	if got := appendHeader(nil, MaxLimit); string(got) != "\x7f\xff\xff\xff" {
		t.Errorf("header of MaxLimit: %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	size := MaxLimit
	appendHeader(nil, size+1)
}

func TestWriteFrameIsOneWrite(t *testing.T) {
	for _, size := range []int{0, 1, 64, 4096, writeBufferMax, 1 << 20} {
		w := &writer{room: 2 << 20}
		payload := bytes.Repeat([]byte{'x'}, size)
		if err := WriteFrame(w, payload, 0); err != nil {
			t.Fatal(err)
		}
		if w.calls != 1 || !bytes.Equal(w.Bytes(), AppendFrame(nil, payload)) {
			t.Errorf("%d bytes: %d calls, %d bytes written", size, w.calls, w.Len())
		}
	}
}

func TestWriteFrameRefusesOverTheLimitBeforeWriting(t *testing.T) {
	tests := []struct{ size, limit int }{{11, 10}, {DefaultLimit + 1, 0}, {DefaultLimit + 1, -1}}
	for _, tt := range tests {
		w := &writer{}
		err := WriteFrame(w, make([]byte, tt.size), tt.limit)
		var frame *FrameError
		if !errors.Is(err, ErrTooLarge) || !errors.As(err, &frame) || frame.Size != int64(tt.size) {
			t.Errorf("size %d, limit %d: %v", tt.size, tt.limit, err)
		}
		if w.calls != 0 {
			t.Errorf("size %d: %d writes", tt.size, w.calls)
		}
	}
	if err := WriteFrame(&writer{room: 14}, make([]byte, 10), 10); err != nil {
		t.Errorf("just at the limit: %v", err)
	}
}

func TestWriteFrameSaysWhetherTheStreamIsSpoilt(t *testing.T) {
	tests := []struct {
		name   string
		w      writer
		want   error
		spoilt bool
		text   string
	}{
		{"nothing gone", writer{fail: os.ErrDeadlineExceeded}, os.ErrDeadlineExceeded, false, "i/o timeout"},
		{"in the header", writer{room: 3, fail: os.ErrDeadlineExceeded}, os.ErrDeadlineExceeded, true, "frame cut short: 3 of 14 bytes: i/o timeout"},
		{"in the payload", writer{room: 13, fail: io.ErrClosedPipe}, io.ErrClosedPipe, true, "frame cut short: 13 of 14 bytes: io: read/write on closed pipe"},
		{"without a word", writer{room: 5}, io.ErrShortWrite, true, "frame cut short: 5 of 14 bytes: short write"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := WriteFrame(&tt.w, make([]byte, 10), 0)
			if !errors.Is(err, tt.want) || errors.Is(err, ErrTruncated) != tt.spoilt || err.Error() != tt.text {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWriteFrameAllocatesNothingForSmallFrames(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops at random under the race detector")
	}
	payload := make([]byte, 512)
	if n := testing.AllocsPerRun(100, func() { _ = WriteFrame(io.Discard, payload, 0) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
