package wire

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	readBuffer = 4 << 10 // frames up to this size, header included, come with one Read
	firstChunk = 16      // times that much memory is what a larger frame gets before it has come
	emptyReads = 100     // Reads in a row without bytes or an error, before io.ErrNoProgress
)

// A Reader takes frames off a stream. It is for one goroutine at a time.
type Reader struct {
	r     io.Reader
	limit int
	buf   []byte // of readBuffer bytes; buf[start:end] has been read and not taken
	start int
	end   int
	large []byte // what has come of a payload that is too large for buf; nil if there is none
	size  int    // the length that large will have
	held  error  // came together with bytes: to be returned when they are used up
	bad   error  // the stream can't be read any further
}

// NewReader reads frames of up to limit bytes of payload (0: DefaultLimit)
// from r. It may read ahead: nobody else should read from r.
func NewReader(r io.Reader, limit int) *Reader {
	return &Reader{r: r, limit: effective(limit), buf: make([]byte, readBuffer)}
}

// Buffered is how many bytes have been read that belong to no frame returned
// so far, headers included.
func (r *Reader) Buffered() int {
	n := r.end - r.start
	if r.large != nil {
		n += HeaderSize + len(r.large)
	}
	return n
}

// ReadFrame returns the payload of the next frame, which is the caller's to
// keep. A frame without bytes gives an empty payload: to refuse it is left to
// the messages.
//
// An error of the underlying reader is returned as it is and loses nothing:
// the next call goes on where this one stopped, so that a deadline may pass in
// the midst of a frame. At the end of the stream the error is io.EOF between
// frames, and within one a *FrameError that wraps ErrTruncated and
// io.ErrUnexpectedEOF. A header over the limit gives a *FrameError that wraps
// ErrTooLarge, now and ever after: where the next frame begins is not known.
//
// Memory for a payload is taken as its bytes come, never on the word of its
// header.
func (r *Reader) ReadFrame() ([]byte, error) {
	if r.bad != nil {
		return nil, r.bad
	}
	if r.large == nil {
		payload, err := r.readSmall()
		if err != nil || r.large == nil {
			return payload, err
		}
	}
	return r.readLarge()
}

// readSmall returns the next frame if it fits into the buffer; otherwise it
// moves what has come of it to r.large.
func (r *Reader) readSmall() ([]byte, error) {
	for r.end-r.start < HeaderSize {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	length := int64(binary.BigEndian.Uint32(r.buf[r.start:]))
	if length > int64(r.limit) {
		r.bad = &FrameError{Size: length, Limit: int64(r.limit), Err: ErrTooLarge}
		return nil, r.bad
	}
	size := int(length)
	if HeaderSize+size > len(r.buf) {
		r.size = size
		r.large = make([]byte, 0, min(size, firstChunk*len(r.buf)))
		r.large = append(r.large, r.buf[r.start+HeaderSize:r.end]...)
		r.start, r.end = 0, 0
		return nil, nil
	}
	for r.end-r.start < HeaderSize+size {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	payload := make([]byte, size)
	copy(payload, r.buf[r.start+HeaderSize:])
	r.start += HeaderSize + size
	return payload, nil
}

// readLarge reads what is left of the payload straight into its place.
func (r *Reader) readLarge() ([]byte, error) {
	for len(r.large) < r.size {
		if len(r.large) == cap(r.large) {
			grown := make([]byte, len(r.large), min(r.size, 2*cap(r.large)))
			copy(grown, r.large)
			r.large = grown
		}
		n, err := r.read(r.large[len(r.large):cap(r.large)])
		r.large = r.large[:len(r.large)+n]
		if err != nil {
			return nil, err
		}
	}
	payload := r.large
	r.large = nil
	return payload, nil
}

// fill reads once into the buffer, and makes room for that first.
func (r *Reader) fill() error {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	n, err := r.read(r.buf[r.end:])
	r.end += n
	return err
}

// read returns bytes or an error, never both and never neither. An error that
// comes together with bytes is held until they are used up.
func (r *Reader) read(p []byte) (int, error) {
	err := r.held
	r.held = nil
	for range emptyReads {
		if err != nil {
			return 0, r.ended(err)
		}
		var n int
		n, err = r.r.Read(p)
		if n > 0 {
			r.held = err
			return n, nil
		}
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, r.ended(err)
}

// ended says what an error means at this place in the stream.
func (r *Reader) ended(err error) error {
	got := r.Buffered()
	if !errors.Is(err, io.EOF) || got == 0 {
		return err
	}
	cut := &FrameError{
		Size: -1, Got: int64(got), Limit: int64(r.limit),
		Err: ErrTruncated, Cause: io.ErrUnexpectedEOF,
	}
	switch {
	case r.large != nil:
		cut.Size = int64(r.size)
	case got >= HeaderSize:
		cut.Size = int64(binary.BigEndian.Uint32(r.buf[r.start:]))
	}
	return cut
}
