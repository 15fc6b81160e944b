package wire

import (
	"bytes"
	"encoding/json"
	"time"
)

// An Order asks a worker to hurt itself at a call. It is a harness's, and goes in
// front of a request's own fields, as the field fault. Only a worker that was
// started for it obeys; to any other it is a field that it does not know.
type Order struct {
	// Exit is the status to exit with in place of the reply, from 1 to 255.
	Exit int `json:"exit"`
	// After is how long after the call began, while it is executed; it exits at
	// the end of the call if that comes first. 0: before it is executed.
	After time.Duration `json:"after_ns,omitempty"`
}

// orderMark is how a request with an order begins.
const orderMark = `{"fault":`

// In puts the order into a request's payload, which is left as it was.
func (o Order) In(request []byte) []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // two integers
	}
	b := make([]byte, 0, len(orderMark)+len(text)+1+len(request))
	b = append(append(append(b, orderMark...), text...), ',')
	return append(b, request[1:]...) // without its brace
}

// OrderIn gives the order that In put into a request, and whether there is one.
func OrderIn(request []byte) (o Order, ok bool) {
	if !bytes.HasPrefix(request, []byte(orderMark)) {
		return o, false
	}
	err := json.NewDecoder(bytes.NewReader(request[len(orderMark):])).Decode(&o)
	return o, err == nil && o.Exit != 0
}
