package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"testing"
	"time"
)

// Each benchmark has a baseline beside it: the same done with encoding/json,
// or with the standard library's io.

var benchTime = time.Date(2025, 7, 16, 8, 30, 5, 123456000, time.UTC)

// benchRequest has 64 bytes of args.
var benchRequest = Request{
	ID: 12345, Command: "execute_program", Timestamp: benchTime,
	Args: map[string]any{"call_id": "c-000017", "seconds": 0.25, "size": 1024, "session_id": "s42"},
}

const benchReply = `{"id":12345,"success":true,"result":{"call_id":"c-000017","size":1024,"seconds":0.25},"timestamp":1752654605.123457}`

func BenchmarkAppendRequest64B(b *testing.B) {
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			var err error
			if buf, err = AppendRequest(buf[:0], benchRequest); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		type request struct {
			ID        int64          `json:"id"`
			Command   string         `json:"command"`
			Args      map[string]any `json:"args"`
			Timestamp string         `json:"timestamp"`
		}
		var buf bytes.Buffer
		for b.Loop() {
			buf.Reset()
			r := request{benchRequest.ID, benchRequest.Command, benchRequest.Args, benchRequest.Timestamp.Format(time.RFC3339Nano)}
			if err := json.NewEncoder(&buf).Encode(r); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(buf.Len()))
	})
}

func BenchmarkParseRequest(b *testing.B) {
	payload, err := AppendRequest(nil, benchRequest)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			if _, err := ParseRequest(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			var r struct {
				ID        int64          `json:"id"`
				Command   string         `json:"command"`
				Args      map[string]any `json:"args"`
				Timestamp time.Time      `json:"timestamp"`
			}
			if err := json.Unmarshal(payload, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppendReply(b *testing.B) {
	r, err := ParseReply([]byte(benchReply))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			if buf, err = AppendReply(buf[:0], r); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		var buf bytes.Buffer
		for b.Loop() {
			buf.Reset()
			r := envelope{ID: r.ID, Success: r.Success, Result: r.Result, Timestamp: r.Timestamp}
			if err := json.NewEncoder(&buf).Encode(r); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(buf.Len()))
	})
}

// envelope is a reply to encoding/json.
type envelope struct {
	ID        int64           `json:"id"`
	Success   bool            `json:"success"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     string          `json:"error,omitempty"`
	Timestamp float64         `json:"timestamp"`
}

func BenchmarkParseReply(b *testing.B) {
	payload := []byte(benchReply)
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			if _, err := ParseReply(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			var r envelope
			if err := json.Unmarshal(payload, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json-map", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			var r map[string]any
			if err := json.Unmarshal(payload, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkParseReplyLarge is of a result of 1 MiB of text.
func BenchmarkParseReplyLarge(b *testing.B) {
	payload, err := AppendReply(nil, Reply{ID: 7, Success: true, Result: append(append([]byte{'"'}, bytes.Repeat([]byte("some text, "), 95325)...), '"')})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			if _, err := ParseReply(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			var r envelope
			if err := json.Unmarshal(payload, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// endless repeats one frame for ever, as many of it a Read as there is room for.
type endless struct {
	frame []byte
	at    int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], e.frame[e.at:])
		n += c
		e.at = (e.at + c) % len(e.frame)
	}
	return n, nil
}

func BenchmarkReadFrame(b *testing.B) {
	sizes := []struct {
		name string
		size int
	}{{"64B", 64}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}}
	for _, s := range sizes {
		frame := AppendFrame(nil, bytes.Repeat([]byte{'x'}, s.size))
		b.Run(s.name+"/wire", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			r := NewReader(&endless{frame: frame}, 0)
			for b.Loop() {
				if _, err := r.ReadFrame(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/io-ReadFull", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			r := &endless{frame: frame}
			for b.Loop() {
				header := make([]byte, HeaderSize)
				if _, err := io.ReadFull(r, header); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(r, make([]byte, binary.BigEndian.Uint32(header))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWriteFrame(b *testing.B) {
	payload := bytes.Repeat([]byte{'x'}, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteFrame(io.Discard, payload, 0); err != nil {
			b.Fatal(err)
		}
	}
}
