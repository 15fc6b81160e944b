package wire

import (
	"reflect"
	"testing"
	"time"
)

func TestAnOrderIsReadBackAndTheRequestStaysTheSame(t *testing.T) {
	request := Request{ID: 3, Command: "echo", Args: map[string]any{"n": 7.5, "fault": "its own"}, Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Evidence: true}
	plain, err := AppendRequest(nil, request)
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := OrderIn(plain); ok {
		t.Errorf("without an order there is %+v", o)
	}
	for _, o := range []Order{{Exit: 1}, {Exit: 255, After: 300*time.Millisecond + 1}} {
		frame := o.In(plain)
		if got, ok := OrderIn(frame); !ok || got != o {
			t.Errorf("%s: got %+v, %v, want %+v", frame, got, ok, o)
		}
		if got, err := ParseRequest(frame); err != nil || !reflect.DeepEqual(got, request) {
			t.Errorf("%s: got %+v, %v, want %+v", frame, got, err, request)
		}
	}
}

func TestWhatIsNoOrderIsNone(t *testing.T) {
	for _, frame := range []string{``, `{}`, `{"fault":`, `{"fault":7,"id":1}`, `{"fault":{"exit":"one"},"id":1}`, `{"fault":{},"id":1}`, `{"fault":null,"id":1}`, `{"id":1,"fault":{"exit":1}}`} {
		if o, ok := OrderIn([]byte(frame)); ok {
			t.Errorf("%s: got %+v", frame, o)
		}
	}
}
