package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What a FrameError or MessageError wraps.
var (
	ErrTooLarge  = errors.New("too large")            // a frame or message over its limit
	ErrTruncated = errors.New("frame cut short")      // the stream ended, or a write failed, within a frame
	ErrNotUTF8   = errors.New("not UTF-8")            // a payload that is not UTF-8
	ErrMalformed = errors.New("malformed JSON")       // a payload or raw value that is not one JSON value of the kind wanted
	ErrTooDeep   = errors.New("too deep")             // a value nested over MaxDepth, or cyclic
	ErrDuplicate = errors.New("field given twice")    // a field of the protocol that occurs twice in one object
	ErrMissing   = errors.New("field missing")        // a field that the protocol requires
	ErrWrongType = errors.New("field of wrong type")  // a field whose value is not of the type that the protocol requires
	ErrBadValue  = errors.New("field of wrong value") // a field of the right type, whose value can't be
)

// A FrameError says why a frame can't be read or written. It wraps ErrTooLarge
// or ErrTruncated and, of a frame cut short, what cut it: io.ErrUnexpectedEOF,
// or the error of the writer.
type FrameError struct {
	Size  int64 // bytes of payload that the header promises; -1 where the header itself was cut short
	Got   int64 // of a frame cut short: bytes that passed, the header's included
	Limit int64 // bytes of payload allowed
	Err   error // ErrTooLarge or ErrTruncated
	Cause error // what cut it short; else nil
}

func (e *FrameError) Error() string {
	switch {
	case errors.Is(e.Err, ErrTooLarge):
		return fmt.Sprintf("frame of %d bytes is over the limit of %d", e.Size, e.Limit)
	case e.Size < 0:
		return fmt.Sprintf("frame cut short: %d of %d header bytes: %v", e.Got, HeaderSize, e.Cause)
	default:
		return fmt.Sprintf("frame cut short: %d of %d bytes: %v", e.Got, HeaderSize+e.Size, e.Cause)
	}
}

func (e *FrameError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Cause}
}

// A MessageError says what is wrong with a message. It wraps one of this
// package's errors, or what encoding/json says of a value of the caller's own
// type.
type MessageError struct {
	Message string // "request", "reply" or "hello"
	ID      int64  // the message's id; -1 where it is not known
	Field   string // the field at fault, as "id" or "args.points[3].x"; "" for the message as a whole
	Problem string // what was wanted and what came
	Err     error
}

func (e *MessageError) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.ID >= 0 {
		b.WriteByte(' ')
		b.WriteString(strconv.FormatInt(e.ID, 10))
	}
	if e.Field != "" {
		b.WriteString(": ")
		b.WriteString(shorten(e.Field))
	}
	b.WriteString(": ")
	b.WriteString(e.Problem)
	return b.String()
}

func (e *MessageError) Unwrap() error { return e.Err }

// faulty is a MessageError in the making: what is wrong and where below the
// value at hand. Its field grows towards the front on its way up.
func faulty(err error, format string, args ...any) *MessageError {
	return &MessageError{ID: -1, Problem: fmt.Sprintf(format, args...), Err: err}
}

// under names the member or element that e was found in.
func (e *MessageError) under(member string) *MessageError {
	switch {
	case e.Field == "" || e.Field[0] == '[':
		e.Field = member + e.Field
	default:
		e.Field = member + "." + e.Field
	}
	return e
}

// of names the message that e was found in.
func (e *MessageError) of(message string, id int64) *MessageError {
	e.Message, e.ID = message, id
	return e
}

// memberName is key as it stands in a path.
func memberName(key string) string {
	for _, c := range key {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return strconv.Quote(key)
		}
	}
	if key == "" {
		return `""`
	}
	return key
}

const quoteMax = 80 // bytes of foreign text that an error quotes

// shorten cuts the middle out of a text that is too long for an error.
func shorten(s string) string {
	if len(s) <= quoteMax {
		return s
	}
	head, tail := quoteMax/2, len(s)-quoteMax/2
	for !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return s[:head] + "…" + s[tail:]
}
