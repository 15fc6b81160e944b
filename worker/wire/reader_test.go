package wire

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// sampleFrames has sizes around everything that the reader decides by.
func sampleFrames() (payloads [][]byte, stream []byte) {
	const chunk = firstChunk * readBuffer
	sizes := []int{
		0, 1, 0, 63, readBuffer - HeaderSize - 1, readBuffer - HeaderSize, readBuffer - HeaderSize + 1, 5, readBuffer,
		chunk - 1, chunk, chunk + 1, 2, 2*chunk + 1, 4*chunk + 5, 7,
	}
	for i, size := range sizes {
		payload := make([]byte, size)
		for j := range payload {
			payload[j] = byte(i + j*7)
		}
		payloads = append(payloads, payload)
		stream = AppendFrame(stream, payload)
	}
	return payloads, stream
}

// patient reads a frame through errors that pass, as many as allowed.
func patient(t *testing.T, r *Reader, allowed int, passing ...error) ([]byte, error) {
	t.Helper()
	for range allowed {
		payload, err := r.ReadFrame()
		if !slices.Contains(passing, err) {
			return payload, err
		}
		if payload != nil {
			t.Fatalf("%d bytes together with %v", len(payload), err)
		}
	}
	t.Fatalf("over %d errors in a frame", allowed)
	return nil, nil
}

func TestReaderLosesNothingHoweverTheBytesCome(t *testing.T) {
	payloads, stream := sampleFrames()
	readers := []struct {
		name string
		wrap func(io.Reader) io.Reader
	}{
		{"at once", func(r io.Reader) io.Reader { return r }},
		{"byte by byte", iotest.OneByteReader},
		{"by halves", iotest.HalfReader},
		{"error with the last bytes", iotest.DataErrReader},
		{"deadline at every byte", func(r io.Reader) io.Reader { return &interrupted{r: iotest.OneByteReader(r)} }},
		{"deadline between reads", func(r io.Reader) io.Reader { return &interrupted{r: r} }},
		{"deadline with the bytes", func(r io.Reader) io.Reader { return &interrupted{r: iotest.OneByteReader(r), together: true} }},
		{"empty reads", func(r io.Reader) io.Reader { return &stutter{r: r, empty: emptyReads - 1} }},
	}
	for _, tt := range readers {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(tt.wrap(bytes.NewReader(stream)), 0)
			var kept [][]byte
			for i, want := range payloads {
				got, err := patient(t, r, len(stream)+1, os.ErrDeadlineExceeded)
				if err != nil || got == nil || !bytes.Equal(got, want) {
					t.Fatalf("frame %d of %d bytes: got %d bytes, %v", i, len(want), len(got), err)
				}
				kept = append(kept, got)
			}
			if got, err := patient(t, r, 2, os.ErrDeadlineExceeded); err != io.EOF {
				t.Errorf("after the last: %d bytes, %v", len(got), err)
			}
			if _, err := patient(t, r, 2, os.ErrDeadlineExceeded); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
			for i, want := range payloads {
				if !bytes.Equal(kept[i], want) {
					t.Errorf("frame %d was overwritten later", i)
				}
			}
		})
	}
}

// interrupted fails with a deadline before every Read, or together with its bytes.
type interrupted struct {
	r        io.Reader
	together bool
	turn     bool
}

func (i *interrupted) Read(p []byte) (int, error) {
	if i.together {
		n, err := i.r.Read(p)
		if err == nil {
			err = os.ErrDeadlineExceeded
		}
		return n, err
	}
	if i.turn = !i.turn; i.turn {
		return 0, os.ErrDeadlineExceeded
	}
	return i.r.Read(p)
}

// stutter returns nothing at all, so many times, before every Read.
type stutter struct {
	r     io.Reader
	empty int
	done  int
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.done < s.empty {
		s.done++
		return 0, nil
	}
	s.done = 0
	return s.r.Read(p)
}

func TestReaderGivesUpOnAReaderThatDoesNothing(t *testing.T) {
	r := NewReader(&stutter{r: strings.NewReader("\x00\x00\x00\x02ab"), empty: emptyReads}, 0)
	if _, err := r.ReadFrame(); err != io.ErrNoProgress {
		t.Errorf("got %v", err)
	}
	if got, err := r.ReadFrame(); string(got) != "ab" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

func TestReaderTruncatedFrame(t *testing.T) {
	large := AppendFrame(nil, make([]byte, 100_000))
	tests := []struct {
		name   string
		stream []byte
		size   int64
		text   string
	}{
		{"header", []byte{0, 0, 1}, -1, "frame cut short: 3 of 4 header bytes: unexpected EOF"},
		{"before the payload", []byte{0, 0, 1, 0}, 256, "frame cut short: 4 of 260 bytes: unexpected EOF"},
		{"in the payload", []byte{0, 0, 1, 0, 'x'}, 256, "frame cut short: 5 of 260 bytes: unexpected EOF"},
		{"large, nothing of it", large[:4], 100_000, "frame cut short: 4 of 100004 bytes: unexpected EOF"},
		{"large, some of it", large[:5000], 100_000, "frame cut short: 5000 of 100004 bytes: unexpected EOF"},
		{"large, but for a byte", large[:100_003], 100_000, "frame cut short: 100003 of 100004 bytes: unexpected EOF"},
		{"after a whole one", []byte{0, 0, 0, 1, 'x', 0}, -1, "frame cut short: 1 of 4 header bytes: unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(tt.stream), 0)
			var err error
			for err == nil {
				_, err = r.ReadFrame()
			}
			for range 2 { // and again
				var frame *FrameError
				if !errors.As(err, &frame) || frame.Size != tt.size {
					t.Fatalf("got %#v", err)
				}
				if !errors.Is(err, ErrTruncated) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
					t.Errorf("wraps the wrong things: %v", err)
				}
				if err.Error() != tt.text {
					t.Errorf("got  %v\nwant %s", err, tt.text)
				}
				_, err = r.ReadFrame()
			}
		})
	}
}

func TestReaderOversizedAndNegativeFrames(t *testing.T) {
	tests := []struct {
		name   string
		header string
		limit  int
		text   string
	}{
		{"one byte over", "\x00\x00\x00\x0b", 10, "frame of 11 bytes is over the limit of 10"},
		{"over the default", "\x04\x00\x00\x01", 0, "frame of 67108865 bytes is over the limit of 67108864"},
		{"text taken for a header", "\xca\xfe\xca\x00", 0, "frame of 3405695488 bytes is over the limit of 67108864"},
		{"negative as an int32", "\x80\x00\x00\x00", 1 << 40, "frame of 2147483648 bytes is over the limit of 2147483647"},
		{"minus one", "\xff\xff\xff\xff", -1, "frame of 4294967295 bytes is over the limit of 67108864"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			good := AppendFrame(nil, []byte("0123456789"))
			stream := string(good) + tt.header + string(good)
			r := NewReader(strings.NewReader(stream), tt.limit)
			if got, err := r.ReadFrame(); len(got) != 10 || err != nil {
				t.Fatalf("the frame before, just at the limit: %q, %v", got, err)
			}
			_, err := r.ReadFrame()
			var frame *FrameError
			if !errors.As(err, &frame) || !errors.Is(err, ErrTooLarge) || err.Error() != tt.text {
				t.Fatalf("got  %v\nwant %s", err, tt.text)
			}
			for range 3 {
				if got, again := r.ReadFrame(); got != nil || again != err {
					t.Errorf("not sticky: %q, %v", got, again)
				}
			}
		})
	}
}

func TestReaderTakesNoMemoryOnTheWordOfAHeader(t *testing.T) {
	header := []byte{0x04, 0, 0, 0} // 64 MiB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := NewReader(bytes.NewReader(header), 0).ReadFrame()
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTruncated) {
		t.Fatal(err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 4*firstChunk*readBuffer {
		t.Errorf("64 MiB promised, nothing sent: took %d bytes", took)
	}
}

// counted counts Reads.
type counted struct {
	r     io.Reader
	reads int
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	return c.r.Read(p)
}

func TestReaderNeedsOneReadAndOneAllocationForASmallFrame(t *testing.T) {
	frame := AppendFrame(nil, make([]byte, 200))
	c := &counted{r: bytes.NewReader(frame)}
	if _, err := NewReader(c, 0).ReadFrame(); err != nil || c.reads != 1 {
		t.Errorf("%d reads, %v", c.reads, err)
	}
	many := NewReader(&endless{frame: frame}, 0)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := many.ReadFrame(); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestReaderBuffered(t *testing.T) {
	stream := AppendFrame(AppendFrame(nil, []byte("first")), []byte("second"))
	r := NewReader(bytes.NewReader(append(stream, 0, 0)), 0)
	for i, want := range []int{0, 12, 2, 2} {
		if got := r.Buffered(); got != want {
			t.Errorf("after %d frames: %d bytes, want %d", i, got, want)
		}
		_, _ = r.ReadFrame()
	}

	large := AppendFrame(nil, make([]byte, 100_000))
	r = NewReader(bytes.NewReader(large[:70_000]), 0)
	if _, err := r.ReadFrame(); !errors.Is(err, ErrTruncated) || r.Buffered() != 70_000 {
		t.Errorf("within a large frame: %d bytes, want 70000 (%v)", r.Buffered(), err)
	}
}

func TestReaderReportsAnErrorAfterTheBytesItCameWith(t *testing.T) {
	two := AppendFrame(AppendFrame(nil, []byte("first")), []byte("second"))
	r := NewReader(&interrupted{r: bytes.NewReader(two), together: true}, 0)
	for _, want := range []string{"first", "second"} {
		if got, err := r.ReadFrame(); string(got) != want || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := r.ReadFrame(); err != os.ErrDeadlineExceeded {
		t.Errorf("after the bytes: %v", err)
	}
	if _, err := r.ReadFrame(); err != io.EOF {
		t.Errorf("after the error: %v", err)
	}
}

func TestReaderPassesOtherErrorsOnAsTheyAre(t *testing.T) {
	broken := errors.New("broken")
	for _, start := range []string{"", "\x00", "\x00\x00\x00\x09part", string(AppendFrame(nil, make([]byte, 9000)))[:8000]} {
		r := NewReader(io.MultiReader(strings.NewReader(start), iotest.ErrReader(broken)), 0)
		if _, err := r.ReadFrame(); err != broken {
			t.Errorf("after %d bytes: %v", len(start), err)
		}
	}
}
