package wire

import "testing"

func TestAHeadIsARequestWhoseArgumentsAreText(t *testing.T) {
	const args = `{ "a" : "x\n", "n":-2.5e3, "a":"\u00e9", "o":{"a":"deep","n":1}, "big":1e999, "\u0062":"b" }`
	payload := []byte(` {"id":7,"args":` + args + `,"command":"echo","evidence":true,"timestamp":"2025-07-16T08:30:05Z"}`)
	h, err := ParseHead(payload)
	if err != nil || h.ID != 7 || h.Command != "echo" || string(h.Args) != args || !h.Evidence || h.Timestamp.Second() != 5 {
		t.Fatalf("got %+v, %v", h, err)
	}
	for name, want := range map[string]string{"a": "é", "b": "b", "n": "", "o": "", "none": ""} {
		if got := h.Text(name); got != want {
			t.Errorf("text %s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"n": "-2.5e3", "o": `{"a":"deep","n":1}`, "big": "1e999", "none": ""} {
		if got := string(h.Raw(name)); got != want {
			t.Errorf("raw %s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]float64{"n": -2500, "a": 0, "o": 0, "big": 0, "none": 0} {
		if got := h.Number(name); got != want {
			t.Errorf("number %s: %v, want %v", name, got, want)
		}
	}
}

func TestParseHeadRefusesWhatParseRequestDoes(t *testing.T) {
	for _, tt := range refusals {
		_, want := ParseRequest([]byte(tt.payload))
		h, err := ParseHead([]byte(tt.payload))
		if err == nil || err.Error() != want.Error() || !same(h, Head{}) {
			t.Errorf("%s: got %+v, %v, want %v", tt.payload, h, err, want)
		}
	}
}

// checkHead checks that the head of a request's payload says what the request does.
func checkHead(t *testing.T, payload []byte, r Request) {
	t.Helper()
	h, err := ParseHead(payload)
	if err != nil || h.ID != r.ID || h.Command != r.Command || !h.Timestamp.Equal(r.Timestamp) || h.Evidence != r.Evidence {
		t.Fatalf("got %+v, %v, want %+v", h, err, r)
	}
	for name, arg := range r.Args {
		text, _ := arg.(string)
		number, _ := arg.(float64)
		if h.Text(name) != text || h.Number(name) != number {
			t.Fatalf("argument %q is %q and %v, want %#v", name, h.Text(name), h.Number(name), arg)
		}
	}
}
