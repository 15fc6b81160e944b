package wire

import (
	"fmt"
	"time"
)

// Hello is the first request to a worker, by which it proves that it is ready.
func Hello(workerID string, at time.Time) Request {
	return Request{
		ID:        0,
		Command:   "ping",
		Args:      map[string]any{"initialization": true, "worker_id": workerID},
		Timestamp: at,
	}
}

// CheckHello says whether r answers the hello: a success, of id 0, whose
// result is an object with the status "ok". Then it returns what the worker
// offers beyond the first protocol: the strings in the list
// result.capabilities, nil if there is no such list. Else the error, a
// *MessageError, says what is wrong and quotes what came instead.
func CheckHello(r Reply) (capabilities []string, err error) {
	capabilities, wrong := checkHello(r)
	if wrong != nil {
		return nil, wrong.of("hello", r.ID)
	}
	return capabilities, nil
}

func checkHello(r Reply) ([]string, *MessageError) {
	if !r.Success {
		said := fmt.Sprintf("%q", shorten(r.Error))
		if r.ErrorType != "" {
			said = shorten(r.ErrorType) + ": " + said
		}
		return nil, faulty(ErrBadValue, "want true, got the error %s", said).under("success")
	}
	if r.ID != 0 {
		return nil, faulty(ErrBadValue, "want 0, got %d", r.ID).under("id")
	}
	values, err := helloResult(r.Result[skipSpace(r.Result, 0):])
	if err != nil {
		return nil, err.under("result")
	}
	status, err := text(values[helloStatus])
	if err == nil && status != "ok" {
		err = badValue(values[helloStatus], `"ok"`)
	}
	if err != nil {
		return nil, err.under("result.status")
	}
	var capabilities []string
	list := elements{data: values[helloCapabilities], depth: 3}
	for list.next() {
		if s, err := text(list.skip()); err == nil {
			capabilities = append(capabilities, s)
		}
	}
	return capabilities, nil
}

const (
	helloStatus = iota
	helloCapabilities
	helloFields
)

var helloNames = []string{"status", "capabilities"}

func helloResult(result []byte) (values [helloFields][]byte, err *MessageError) {
	if err = isUTF8(result); err != nil {
		return values, err
	}
	if err = object(result); err != nil {
		return values, err
	}
	err = collect(result, 2, helloNames, values[:])
	return values, err
}
