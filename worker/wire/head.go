package wire

import (
	"encoding/json"
	"time"
)

// A Head is a Request whose arguments are still as they stand in the text: enough
// for whoever only looks on, and for a model of a worker.
type Head struct {
	ID        int64
	Command   string
	Args      json.RawMessage // one object; part of the payload
	Timestamp time.Time
	Evidence  bool
}

// ParseHead reads a request as ParseRequest does, but that it takes any number in
// its arguments, also one that no float64 can hold. Args is part of payload, not a
// copy. An error is a *MessageError.
func ParseHead(payload []byte) (Head, error) {
	h := Head{ID: -1}
	if err := h.parse(payload); err != nil {
		return Head{}, err.of("request", h.ID)
	}
	return h, nil
}

func (h *Head) parse(payload []byte) *MessageError {
	if err := isUTF8(payload); err != nil {
		return err
	}
	var values [requestFields][]byte
	if err := collect(payload, 1, requestNames, values[:]); err != nil {
		return err
	}
	id, err := count(values[requestID])
	if err != nil {
		return err.under("id")
	}
	h.ID = id
	if h.Command, err = text(values[requestCommand]); err != nil {
		return err.under("command")
	}
	h.Args = values[requestArgs]
	if err = object(h.Args); err != nil {
		return err.under("args")
	}
	if v := values[requestTimestamp]; !absent(v) {
		if h.Timestamp, err = instant(v); err != nil {
			return err.under("timestamp")
		}
	}
	if v := values[requestEvidence]; !absent(v) {
		if h.Evidence, err = boolean(v); err != nil {
			return err.under("evidence")
		}
	}
	return nil
}

// Text is the argument of that name; "" if it is no string, or not there.
func (h *Head) Text(name string) string {
	if v := h.arg(name); len(v) > 0 && v[0] == '"' {
		return unquote(v)
	}
	return ""
}

// Number is the argument of that name; 0 if it is no number that a float64 can
// hold, or not there.
func (h *Head) Number(name string) float64 {
	if v := h.arg(name); len(v) > 0 {
		if f, err := number(v); err == nil {
			return f
		}
	}
	return 0
}

// Raw is the argument of that name as it stands in the text, which it is part of;
// nil if there is none.
func (h *Head) Raw(name string) json.RawMessage { return h.arg(name) }

// arg is the last argument of that name, as it stands in the text; nil if there is
// none.
func (h *Head) arg(name string) (last []byte) {
	o := members{data: h.Args, depth: 2}
	for o.next() {
		found := string(o.key) == name
		if value := o.skip(); found {
			last = value
		}
	}
	return last
}
