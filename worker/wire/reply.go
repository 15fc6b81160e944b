package wire

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// A Reply is a worker's answer to the request of the same id.
type Reply struct {
	ID        int64           // the request's
	Success   bool            // Result counts; else Error, ErrorType and Traceback
	Result    json.RawMessage // any JSON value, null too; nil for an error
	Error     string          // what went wrong; may be empty
	ErrorType string          // its class in Python, where the worker says it
	Traceback string          // where the worker says it
	Timestamp float64         // seconds since 1970, of the worker's clock; 0: not said
	Evidence  *Evidence       // nil where the worker states none
	More      bool            // further replies to the same request follow
}

// Evidence is what a worker states of the call that it answers, or of its own
// start. On the wire: {"on_cpu_ns":int, "run_delay_ns":int, "major_faults":int,
// "import_ms":float}.
type Evidence struct {
	OnCPU       time.Duration // its threads were running
	RunDelay    time.Duration // its threads were runnable, and waited for a CPU
	MajorFaults int64         // page faults that waited for a disk
	Import      time.Duration // of the start alone: what importing took
}

// RequestError is the ErrorType of an answer to what is no request.
const RequestError = "RequestError"

// Answers says whether it answers the request of that id, which is the first that has
// no answer yet. A worker that could not read which id a request has says so under 0,
// the hello's.
func (r *Reply) Answers(id int64) bool {
	return r.ID == id || r.ID == 0 && !r.Success && r.ErrorType == RequestError
}

const (
	replyID = iota
	replySuccess
	replyResult
	replyError
	replyTimestamp
	replyErrorType
	replyTraceback
	replyEvidence
	replyMore
	replyFields
)

var replyNames = []string{
	"id", "success", "result", "error", "timestamp", "error_type", "traceback", "evidence", "more",
}

// ParseReply reads a reply. Result is part of payload, not a copy: it is valid
// as long as payload is left alone. The payload must be UTF-8 and one JSON
// object, not nested deeper than MaxDepth; id and success must be there, result
// in a success and error in an error; the other fields may be (null counts as
// missing). All of them must be of the right type, none may come twice, and
// field names are case-sensitive. Other fields are ignored, and so are result
// in an error, and error, error_type and traceback in a success. An error is a
// *MessageError.
func ParseReply(payload []byte) (Reply, error) {
	r := Reply{ID: -1}
	if err := r.parse(payload); err != nil {
		return Reply{}, err.of("reply", r.ID)
	}
	return r, nil
}

func (r *Reply) parse(payload []byte) *MessageError {
	if err := isUTF8(payload); err != nil {
		return err
	}
	var values [replyFields][]byte
	if err := collect(payload, 1, replyNames, values[:]); err != nil {
		return err
	}
	id, err := count(values[replyID])
	if err != nil {
		return err.under("id")
	}
	r.ID = id
	if r.Success, err = boolean(values[replySuccess]); err != nil {
		return err.under("success")
	}
	if r.Success {
		if r.Result = values[replyResult]; r.Result == nil {
			return missing("a value").under("result")
		}
	} else if err = r.parseError(&values); err != nil {
		return err
	}
	if v := values[replyTimestamp]; !absent(v) {
		if r.Timestamp, err = number(v); err != nil {
			return err.under("timestamp")
		}
	}
	if v := values[replyEvidence]; !absent(v) {
		if r.Evidence, err = parseEvidence(v); err != nil {
			return err.under("evidence")
		}
	}
	if v := values[replyMore]; !absent(v) {
		if r.More, err = boolean(v); err != nil {
			return err.under("more")
		}
	}
	return nil
}

func (r *Reply) parseError(values *[replyFields][]byte) (err *MessageError) {
	if r.Error, err = text(values[replyError]); err != nil {
		return err.under("error")
	}
	if v := values[replyErrorType]; !absent(v) {
		if r.ErrorType, err = text(v); err != nil {
			return err.under("error_type")
		}
	}
	if v := values[replyTraceback]; !absent(v) {
		if r.Traceback, err = text(v); err != nil {
			return err.under("traceback")
		}
	}
	return nil
}

// AppendReply appends a reply's JSON: the payload of a frame. Of a success
// Error, ErrorType and Traceback are left out, of an error Result; a nil Result
// is null. Empty optional fields are left out. It returns a *MessageError, and
// dst as it was, for an id or evidence below 0, a timestamp that is no number,
// and a Result that is not one JSON value.
func AppendReply(dst []byte, r Reply) ([]byte, error) {
	out, err := appendReply(dst, r)
	if err != nil {
		return dst, err.of("reply", max(r.ID, -1))
	}
	return out, nil
}

func appendReply(dst []byte, r Reply) (_ []byte, err *MessageError) {
	if r.ID < 0 {
		return dst, faulty(ErrBadValue, "want an integer from 0, got %d", r.ID).under("id")
	}
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, r.ID, 10)
	dst = append(dst, `,"success":`...)
	dst = strconv.AppendBool(dst, r.Success)
	if r.Success {
		dst = append(dst, `,"result":`...)
		if dst, err = appendRaw(dst, r.Result, 2); err != nil {
			return dst, err.under("result")
		}
	} else {
		dst = append(dst, `,"error":`...)
		dst = appendString(dst, r.Error)
		if r.ErrorType != "" {
			dst = append(dst, `,"error_type":`...)
			dst = appendString(dst, r.ErrorType)
		}
		if r.Traceback != "" {
			dst = append(dst, `,"traceback":`...)
			dst = appendString(dst, r.Traceback)
		}
	}
	if r.Timestamp != 0 {
		dst = append(dst, `,"timestamp":`...)
		if dst, err = appendFloat(dst, r.Timestamp, 64); err != nil {
			return dst, err.under("timestamp")
		}
	}
	if r.Evidence != nil {
		dst = append(dst, `,"evidence":`...)
		if dst, err = appendEvidence(dst, *r.Evidence); err != nil {
			return dst, err.under("evidence")
		}
	}
	if r.More {
		dst = append(dst, `,"more":true`...)
	}
	return append(dst, '}'), nil
}

// importMax is how many milliseconds of import there may be: so few that a
// float64 has each of their nanoseconds.
const importMax = 1e9

var evidenceNames = []string{"on_cpu_ns", "run_delay_ns", "major_faults", "import_ms"}

// parseEvidence takes a figure that is missing for 0.
func parseEvidence(value []byte) (*Evidence, *MessageError) {
	if err := object(value); err != nil {
		return nil, err
	}
	var values [4][]byte
	if err := collect(value, 2, evidenceNames, values[:]); err != nil {
		return nil, err
	}
	var counts [3]int64
	for i := range counts {
		if absent(values[i]) {
			continue
		}
		n, err := count(values[i])
		if err != nil {
			return nil, err.under(evidenceNames[i])
		}
		counts[i] = n
	}
	e := &Evidence{
		OnCPU:       time.Duration(counts[0]),
		RunDelay:    time.Duration(counts[1]),
		MajorFaults: counts[2],
	}
	if v := values[3]; !absent(v) {
		ms, err := number(v)
		if err != nil {
			return nil, err.under("import_ms")
		}
		if ms < 0 || ms > importMax {
			return nil, badValue(v, "milliseconds from 0 to 1e9").under("import_ms")
		}
		e.Import = time.Duration(math.Round(ms * 1e6))
	}
	return e, nil
}

func appendEvidence(dst []byte, e Evidence) ([]byte, *MessageError) {
	counts := [3]int64{int64(e.OnCPU), int64(e.RunDelay), e.MajorFaults}
	for i, n := range counts {
		if n < 0 {
			return dst, faulty(ErrBadValue, "want an integer from 0, got %d", n).under(evidenceNames[i])
		}
	}
	if e.Import < 0 || e.Import > importMax*time.Millisecond {
		return dst, faulty(ErrBadValue, "want milliseconds from 0 to 1e9, got %v", e.Import).under("import_ms")
	}
	for i, n := range counts {
		dst = append(dst, "{,,"[min(i, 1)], '"')
		dst = append(dst, evidenceNames[i]...)
		dst = append(dst, '"', ':')
		dst = strconv.AppendInt(dst, n, 10)
	}
	dst = append(dst, `,"import_ms":`...)
	dst, err := appendFloat(dst, float64(e.Import)/1e6, 64)
	return append(dst, '}'), err
}
