package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// An Order asks a worker to hurt itself at a request. It is a harness's, and goes in
// front of a request's own fields, as the field fault. Only a worker that was
// started for it obeys; to any other it is a field that it does not know.
//
// It does at most one of Exit, Signal, Hang and Close, and Say besides. Of those that
// don't end it the worker states on its stderr that it does them: see Stated.
type Order struct {
	Exit   int           `json:"exit,omitempty"`    // the status to exit with, from 1 to 255
	Hold   time.Duration `json:"hold_ns,omitempty"` // of Exit: for so long a grandchild holds the port open
	Signal int           `json:"signal,omitempty"`  // the number of a signal to die by; 11 is a true crash
	Hang   Hang          `json:"hang,omitempty"`
	Close  Side          `json:"close,omitempty"` // what it closes of its port, to live on
	// After is how long after the request began, while it is executed; it comes at
	// the end of that if that is sooner. 0: before it is executed. Of Exit and Signal.
	After time.Duration `json:"after_ns,omitempty"`
	// Replied has it come once the reply is out, not in place of it; After is counted
	// from there.
	Replied bool `json:"replied,omitempty"`
	Say     Say  `json:"say,omitzero"`
}

// Ends says whether it ends the worker.
func (o Order) Ends() bool { return o.Exit != 0 || o.Signal != 0 }

// Hang is a way to go on for ever.
type Hang string

// The ways.
const (
	Deadlock Hang = "deadlock" // it waits for a lock that it holds itself
	HeldLock Hang = "gil"      // it computes and holds the interpreter's lock: nothing else in it runs
)

// Side is a part of a port, as the worker sees it.
type Side string

// The sides.
const (
	Both Side = "both"
	In   Side = "in"  // what it reads
	Out  Side = "out" // what it writes
)

// Say is how a reply goes out. What is zero is as it should be.
type Say struct {
	ID         int64         `json:"id,omitempty"`             // the reply's, in place of the request's
	Status     string        `json:"status,omitempty"`         // that of the result, which is nothing else
	Late       time.Duration `json:"late_ns,omitempty"`        // so long after it is there
	Stderr     int           `json:"stderr,omitempty"`         // bytes to stderr, before
	Stale      bool          `json:"stale,omitempty"`          // the reply before it is said once more, in front of it
	Noise      int           `json:"noise,omitempty"`          // bytes of text in front of it
	Size       int64         `json:"size,omitempty"`           // what its header says
	Bit        int           `json:"bit,omitempty"`            // this bit of the frame is flipped, from 1
	Cut        int           `json:"cut,omitempty"`            // no more of the frame than so many bytes
	Slice      int           `json:"slice,omitempty"`          // so many bytes at a time
	Gap        time.Duration `json:"gap_ns,omitempty"`         // between those
	Again      bool          `json:"again,omitempty"`          // it is said once more ...
	AgainAfter time.Duration `json:"again_after_ns,omitempty"` // ... so long after it
}

// A Chunk is what is written at once, so long after the one before.
type Chunk struct {
	Wait  time.Duration
	Bytes []byte
}

// noise is what is printed where nobody should.
const noise = "butfor noise\n"

// Noise is so many bytes of it.
func Noise(n int) []byte { return []byte(strings.Repeat(noise, n/len(noise)+1)[:n]) }

// Chunks is how a reply goes out. before is the one before it, nil if there is none.
func (s Say) Chunks(reply, before []byte) (all []Chunk) {
	whole := AppendFrame(nil, reply)
	frame := bytes.Clone(whole)
	if s.Size != 0 {
		binary.BigEndian.PutUint32(frame, uint32(s.Size))
	}
	if at := s.Bit - 1; at >= 0 && at < 8*len(frame) {
		frame[at/8] ^= 0x80 >> (at % 8)
	}
	if s.Cut > 0 {
		frame = frame[:min(s.Cut, len(frame))]
	}
	if s.Again && s.AgainAfter <= 0 {
		frame = append(frame, whole...)
	}
	frame = append(Noise(s.Noise), frame...)
	if s.Stale && before != nil {
		frame = append(AppendFrame(nil, before), frame...)
	}
	wait := s.Late
	for slice := frame; len(slice) > 0; wait = s.Gap {
		n := len(slice)
		if s.Slice > 0 {
			n = min(n, s.Slice)
		}
		all = append(all, Chunk{wait, slice[:n]})
		slice = slice[n:]
	}
	if s.Again && s.AgainAfter > 0 {
		all = append(all, Chunk{s.AgainAfter, whole})
	}
	return all
}

// orderMark is how a request with an order begins.
const orderMark = `{"fault":`

// JSON is the order as a worker is given it.
func (o Order) JSON() []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // integers and words
	}
	return text
}

// In puts the order into a request's payload, which is left as it was.
func (o Order) In(request []byte) []byte {
	text := o.JSON()
	b := make([]byte, 0, len(orderMark)+len(text)+1+len(request))
	b = append(append(append(b, orderMark...), text...), ',')
	return append(b, request[1:]...) // without its brace
}

// OrderIn gives the order that In put into a request; nil if there is none.
func OrderIn(request []byte) *Order {
	if !bytes.HasPrefix(request, []byte(orderMark)) {
		return nil
	}
	o := &Order{}
	if err := json.NewDecoder(bytes.NewReader(request[len(orderMark):])).Decode(o); err != nil || *o == (Order{}) {
		return nil
	}
	return o
}

// What a worker writes to its stderr, with a line's end, that was started for what is no
// order, each its own: one may be hurt in several ways.
const (
	StatedImport = "butfor_worker: fault: it has imported what it was to"
	StatedDisk   = "butfor_worker: fault: its disk was as slow as it was to be"
	StatedStay   = "butfor_worker: fault: it stays when its port has ended"
)

// Stated is what a worker writes to its stderr, with a line's end, of an order to go on
// in another way than to end. It does so right before: of chunks before the last, or if
// there is but one before it waits for that. id is the request's.
func Stated(id int64) string { return "butfor_worker: fault in request " + strconv.FormatInt(id, 10) }
