package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"testing"
	"time"
	"unicode/utf8"
)

// chopped hands out data as cuts say, one byte of cuts a Read: how many bytes
// at most, and whether with an error, together with the bytes or in their place.
type chopped struct {
	data []byte
	cuts []byte
	next int
}

func (c *chopped) Read(p []byte) (int, error) {
	var cut byte = 63
	if c.next < len(c.cuts) {
		cut = c.cuts[c.next]
		c.next++
	}
	n := min(int(cut&63)*int(cut&63), len(p), len(c.data))
	if cut&64 != 0 {
		n = min(n, 1)
	}
	copy(p, c.data[:n])
	c.data = c.data[n:]
	switch {
	case cut&128 != 0:
		return n, os.ErrDeadlineExceeded
	case len(c.data) == 0 && (n == 0 || cut&1 == 0):
		return n, io.EOF
	}
	return n, nil
}

// oracleFrames takes a stream apart at once; text says why it stops.
func oracleFrames(stream []byte, limit int) (payloads [][]byte, text string) {
	for {
		if len(stream) == 0 {
			return payloads, "EOF"
		}
		if len(stream) < HeaderSize {
			return payloads, (&FrameError{Size: -1, Got: int64(len(stream)), Err: ErrTruncated, Cause: io.ErrUnexpectedEOF}).Error()
		}
		size := int64(binary.BigEndian.Uint32(stream))
		if size > int64(limit) {
			return payloads, (&FrameError{Size: size, Limit: int64(limit), Err: ErrTooLarge}).Error()
		}
		if int64(len(stream)-HeaderSize) < size {
			return payloads, (&FrameError{Size: size, Got: int64(len(stream)), Err: ErrTruncated, Cause: io.ErrUnexpectedEOF}).Error()
		}
		payloads = append(payloads, stream[HeaderSize:HeaderSize+size])
		stream = stream[HeaderSize+size:]
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{}, []byte{}, 0)
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x02ab"), []byte{65, 128, 65, 193, 0, 1}, 2)
	f.Add([]byte("\x00\x00\x00\x03ab"), []byte{1, 1, 129}, 10)
	f.Add([]byte("\xff\xff\xff\xff"), []byte{2}, 10)
	f.Add([]byte("\x7f\xff\xff\xff12345"), []byte{8, 128}, math.MaxInt)
	f.Add(AppendFrame(AppendFrame(nil, make([]byte, 20)), make([]byte, 300)), []byte{4, 130, 65, 5, 131, 7}, 300)
	f.Fuzz(func(t *testing.T, stream, cuts []byte, limit int) {
		payloads, end := oracleFrames(stream, effective(limit))
		r := NewReader(&chopped{data: stream, cuts: cuts}, limit)
		r.buf = make([]byte, 8) // so that short inputs have large frames
		taken := 0
		for i := 0; ; i++ {
			got, err := patient(t, r, len(cuts)+1, os.ErrDeadlineExceeded, io.ErrNoProgress)
			if err != nil {
				if i != len(payloads) || err.Error() != end {
					t.Fatalf("after frame %d of %d: %v, want %s", i, len(payloads), err, end)
				}
				if left := r.Buffered(); !errors.Is(err, ErrTooLarge) && taken+left != len(stream) {
					t.Fatalf("took %d, %d are left, of %d", taken, left, len(stream))
				}
				return
			}
			if i >= len(payloads) || got == nil || !bytes.Equal(got, payloads[i]) {
				t.Fatalf("frame %d of %d: %q", i, len(payloads), got)
			}
			taken += HeaderSize + len(got)
		}
	})
}

func FuzzParseReply(f *testing.F) {
	for _, tt := range replies {
		f.Add([]byte(tt.payload))
	}
	for _, tt := range refusals {
		f.Add([]byte(tt.payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := ParseReply(payload)
		want, ok := oracleReply(payload)
		if ok != (err == nil) || !same(got, want) && ok {
			t.Fatalf("got  %+v, %v\nwant %+v, %v", got, err, want, ok)
		}
		checkError(t, err)
		if err != nil {
			return
		}
		again, err := AppendReply(nil, got)
		if err != nil {
			t.Fatal(err)
		}
		if reread, err := ParseReply(again); err != nil || !same(reread, got) {
			t.Fatalf("got  %+v, %v\nwant %+v\nover %s", reread, err, got, again)
		}
		_, _ = CheckHello(got)
	})
}

func FuzzParseRequest(f *testing.F) {
	for _, tt := range refusals {
		f.Add([]byte(tt.payload))
	}
	f.Add([]byte(`{"id":0,"command":"ping","args":{"initialization":true,"worker_id":"w"},"timestamp":"2025-07-16T08:30:05.001234+00:00"}`))
	f.Add([]byte(`{"id":7,"command":"\ud83d\ude00","args":{"a":[1,-0.5e-3,null,false,"\n"],"a":{}},"evidence":true,"timestamp":"2025-07-16T08:30:05Z","x":[]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := ParseRequest(payload)
		want, ok := oracleRequest(payload)
		if ok != (err == nil) || !same(got, want) && ok {
			t.Fatalf("got  %+v, %v\nwant %+v, %v", got, err, want, ok)
		}
		checkError(t, err)
		if err != nil {
			return
		}
		checkHead(t, payload, got)
		again, err := AppendRequest(nil, got)
		if err != nil {
			t.Fatal(err)
		}
		checkRequest(t, again, got)
	})
}

// checkError checks that an error is one of ours, and short.
func checkError(t *testing.T, err error) {
	var message *MessageError
	if err != nil && (!errors.As(err, &message) || message.Unwrap() == nil || len(err.Error()) > 500) {
		t.Fatalf("%T of %d bytes: %v", err, len(err.Error()), err)
	}
}

func FuzzAppendRequest(f *testing.F) {
	f.Add(int64(1), "exec", []byte(`{"a":[1,"b",null,true,{"c":-2.5e3}],"d":{}}`), "key", "\x00\xff\u2028", 0.5, int64(1752654605_000001), true)
	f.Add(int64(-1), "", []byte(`{}`), "", "", math.Inf(1), int64(0), false)
	f.Add(int64(0), "\"\\\n", []byte(`{"":{"":{"":[[]]}}}`), "\xed\xa0\x80", "é", 1e-7, int64(math.MaxInt64), false)
	f.Add(int64(math.MaxInt64), "ping", []byte(`[`), "x", "y", 1e300, int64(math.MinInt64), true)
	f.Fuzz(func(t *testing.T, id int64, command string, args []byte, key, s string, x float64, micros int64, evidence bool) {
		r := Request{ID: id, Command: command, Evidence: evidence, Timestamp: time.UnixMicro(micros)}
		year := r.Timestamp.UTC().Year()
		fits := id >= 0 && !math.IsNaN(x) && !math.IsInf(x, 0) && year >= 1 && year <= 9999
		r.Args = map[string]any{
			key: map[string]any{s: x, key + s: []string{s}, "other": map[string]int64{s: id}},
			"l": []any{s, x, float32(min(max(x, -1e38), 1e38)), id, nil},
		}
		var value any
		decodes := json.Unmarshal(args, &value) == nil
		if decodes && evidence {
			r.Args["args"] = value
		} else {
			r.Args["args"] = json.RawMessage(append([]byte{}, args...))
			fits = fits && utf8.Valid(args) && json.Valid(args)
		}
		fits = fits && oracleDepth(args)+2 <= MaxDepth
		payload, err := AppendRequest(nil, r)
		checkError(t, err)
		if fits != (err == nil) {
			t.Fatalf("%v, of %+v", err, r)
		}
		if fits && decodes { // else it has a number that is no float64
			checkRequest(t, payload, r)
		}
	})
}
