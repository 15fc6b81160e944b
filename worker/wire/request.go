package wire

import (
	"strconv"
	"time"
)

// A Request asks a worker for something.
type Request struct {
	ID        int64          // from 0; 0 is the hello's
	Command   string         // what the worker is to do
	Args      map[string]any // what it needs for that
	Timestamp time.Time      // when it was sent, to the microsecond; zero: not said
	Evidence  bool           // the reply should state evidence; only for a worker that offered it
}

const (
	requestID = iota
	requestCommand
	requestArgs
	requestTimestamp
	requestEvidence
	requestFields
)

var requestNames = []string{"id", "command", "args", "timestamp", "evidence"}

// AppendRequest appends a request's JSON: the payload of a frame. The same
// request is always the same bytes. In strings, bytes that are not UTF-8 become
// U+FFFD. Values of other types than calls are commonly made of are written by
// encoding/json. It returns a *MessageError, and dst as it was, for a value
// that has no JSON (NaN, infinity, a channel), that nests deeper than MaxDepth
// or in a circle, for an id below 0, and for a time outside the years 1 to 9999.
func AppendRequest(dst []byte, r Request) ([]byte, error) {
	out, err := appendRequest(dst, r)
	if err != nil {
		return dst, err.of("request", max(r.ID, -1))
	}
	return out, nil
}

func appendRequest(dst []byte, r Request) ([]byte, *MessageError) {
	if r.ID < 0 {
		return dst, faulty(ErrBadValue, "want an integer from 0, got %d", r.ID).under("id")
	}
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, r.ID, 10)
	dst = append(dst, `,"command":`...)
	dst = appendString(dst, r.Command)
	dst = append(dst, `,"args":`...)
	dst, err := appendObject(dst, r.Args, 2)
	if err != nil {
		return dst, err.under("args")
	}
	if !r.Timestamp.IsZero() {
		dst = append(dst, `,"timestamp":"`...)
		if dst, err = appendTime(dst, r.Timestamp); err != nil {
			return dst, err.under("timestamp")
		}
		dst = append(dst, '"')
	}
	if r.Evidence {
		dst = append(dst, `,"evidence":true`...)
	}
	return append(dst, '}'), nil
}

// ParseRequest reads a request, as a worker must. Whatever it returns is the
// caller's own; Args has the types that encoding/json would choose. The payload
// must be UTF-8 and one JSON object, not nested deeper than MaxDepth; id,
// command and args must be there and timestamp and evidence may be (null counts
// as missing), all of the right type and none of them twice. Other fields are
// ignored, and field names are case-sensitive. A time without an offset is
// taken for UTC. An error is a *MessageError.
func ParseRequest(payload []byte) (Request, error) {
	h := Head{ID: -1}
	if err := h.parse(payload); err != nil {
		return Request{}, err.of("request", h.ID)
	}
	args, _, err := decodeObject(h.Args, 0, 2)
	if err != nil {
		return Request{}, err.under("args").of("request", h.ID)
	}
	return Request{ID: h.ID, Command: h.Command, Args: args, Timestamp: h.Timestamp, Evidence: h.Evidence}, nil
}

// appendTime writes t as Python's isoformat does for a time in UTC.
func appendTime(dst []byte, t time.Time) ([]byte, *MessageError) {
	t = t.UTC()
	if !hasISO(t) {
		return dst, faulty(ErrBadValue, "want a time in the years 1 to 9999, got %v", t)
	}
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = appendDigits(dst, year, 4)
	dst = appendDigits(append(dst, '-'), int(month), 2)
	dst = appendDigits(append(dst, '-'), day, 2)
	dst = appendDigits(append(dst, 'T'), hour, 2)
	dst = appendDigits(append(dst, ':'), minute, 2)
	dst = appendDigits(append(dst, ':'), second, 2)
	dst = appendDigits(append(dst, '.'), t.Nanosecond()/1000, 6)
	return append(dst, "+00:00"...), nil
}

// appendDigits writes the last width digits of n.
func appendDigits(dst []byte, n, width int) []byte {
	dst = append(dst, "000000"[:width]...)
	for at := len(dst) - 1; n > 0; at-- {
		dst[at] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// hasISO says whether Python too has this time.
func hasISO(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// instant reads what isoformat writes, with or without fraction and offset.
func instant(value []byte) (time.Time, *MessageError) {
	const wanted = "an ISO 8601 time in a string"
	if value[0] != '"' {
		return time.Time{}, wrongType(value, wanted)
	}
	said := unescape(make([]byte, 0, 40), value[1:len(value)-1])
	offset, ok := isoOffset(said)
	if !ok {
		return time.Time{}, badValue(value, wanted)
	}
	if len(offset) == 0 {
		said = append(said, 'Z')
	}
	var t time.Time
	err := t.UnmarshalText(said)
	t = t.UTC().Truncate(time.Microsecond)
	if err != nil || !hasISO(t) {
		return time.Time{}, badValue(value, wanted)
	}
	return t, nil
}

// isoOffset finds the offset at the end of a time. It is stricter than package
// time, which takes one-digit hours, commas and an offset of 24 hours.
func isoOffset(t []byte) (offset []byte, ok bool) {
	const shape = "0000-00-00T00:00:00"
	if len(t) < len(shape) || !shaped(t[:len(shape)], shape) {
		return nil, false
	}
	t = t[len(shape):]
	if len(t) > 0 && t[0] == '.' {
		t = t[skipDigits(t, 1):]
	}
	switch {
	case len(t) == 0, string(t) == "Z":
		return t, true
	case shaped(t, "+00:00"), shaped(t, "-00:00"):
		return t, string(t[1:3]) < "24" && t[4] < '6'
	}
	return nil, false
}

// shaped says whether t is like shape, where 0 stands for any digit.
func shaped(t []byte, shape string) bool {
	if len(t) != len(shape) {
		return false
	}
	for i, c := range t {
		if shape[i] == '0' && '0' <= c && c <= '9' || shape[i] == c {
			continue
		}
		return false
	}
	return true
}
