package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"
)

const (
	// DefaultLimit is how many bytes of payload a frame may have where nothing
	// else is said.
	DefaultLimit = 64 << 20
	// HeaderSize is how many bytes come before the payload: its length, big-endian.
	HeaderSize = 4
	// MaxLimit is the largest limit there is: a length over it would be
	// negative to a reader that takes it for an int32.
	MaxLimit = math.MaxInt32
)

// AppendFrame appends the payload's header and the payload. It panics if the
// payload is over MaxLimit, which no header can say.
func AppendFrame(dst, payload []byte) []byte {
	return append(appendHeader(dst, len(payload)), payload...)
}

func appendHeader(dst []byte, size int) []byte {
	if size > MaxLimit {
		panic(fmt.Sprintf("wire: a frame of %d bytes has no header", size))
	}
	return binary.BigEndian.AppendUint32(dst, uint32(size))
}

// WriteFrame writes header and payload with a single Write. A payload over
// limit bytes (0: DefaultLimit) is refused with a *FrameError before anything
// is written. If the Write fails with part of the frame gone, the stream is
// spoilt, and the error is a *FrameError that wraps ErrTruncated and the
// writer's own; if it fails with nothing gone, the error is the writer's.
// Safe for concurrent use as far as w is.
func WriteFrame(w io.Writer, payload []byte, limit int) error {
	limit = effective(limit)
	if len(payload) > limit {
		return &FrameError{Size: int64(len(payload)), Limit: int64(limit), Err: ErrTooLarge}
	}
	buf := writeBuffers.Get().(*[]byte)
	frame := AppendFrame((*buf)[:0], payload)
	n, err := w.Write(frame)
	if err == nil && n < len(frame) {
		err = io.ErrShortWrite
	}
	if err != nil && n > 0 {
		err = &FrameError{
			Size: int64(len(payload)), Got: int64(n), Limit: int64(limit),
			Err: ErrTruncated, Cause: err,
		}
	}
	if cap(frame) <= writeBufferMax {
		*buf = frame
		writeBuffers.Put(buf)
	}
	return err
}

// writeBuffers saves WriteFrame an allocation a frame, large ones excepted.
var writeBuffers = sync.Pool{New: func() any { return new([]byte) }}

const writeBufferMax = 64 << 10

// effective is the limit that a caller's number means.
func effective(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxLimit)
}
