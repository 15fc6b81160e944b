package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

func TestAppendRequestWritesTheProtocolsFields(t *testing.T) {
	at := time.Date(2025, 7, 16, 10, 30, 5, 1234567, time.FixedZone("", 2*3600))
	tests := []struct {
		name string
		r    Request
		want string
	}{
		{"nothing said", Request{}, `{"id":0,"command":"","args":{}}`},
		{"hello", Hello("w3", at), `{"id":0,"command":"ping","args":{"initialization":true,"worker_id":"w3"},"timestamp":"2025-07-16T08:30:05.001234+00:00"}`},
		{
			"call", Request{ID: math.MaxInt64, Command: `a"b`, Args: map[string]any{"z": 1, "a": []any{nil, 0.5}, "é": "\x01<"}, Evidence: true},
			`{"id":9223372036854775807,"command":"a\"b","args":{"a":[null,0.5],"z":1,"é":"\u0001<"},"evidence":true}`,
		},
		{"year 1", Request{Timestamp: time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)}, `{"id":0,"command":"","args":{},"timestamp":"0001-01-01T00:00:00.000001+00:00"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendRequest([]byte("before"), tt.r)
			if string(got) != "before"+tt.want || err != nil {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestAppendRequestRefuses(t *testing.T) {
	tests := []struct {
		name string
		r    Request
		want error
		text string
	}{
		{"negative id", Request{ID: -7}, ErrBadValue, "request: id: want an integer from 0, got -7"},
		{"NaN", Request{ID: 3, Args: map[string]any{"x": math.NaN()}}, ErrBadValue, "request 3: args.x: NaN is no JSON number"},
		{"infinity in an array", Request{ID: 3, Args: map[string]any{"x y": []any{1, map[string]any{"z": math.Inf(-1)}}}}, ErrBadValue, `request 3: args."x y"[1].z: -Inf is no JSON number`},
		{"float32 infinity", Request{ID: 3, Args: map[string]any{"": float32(math.Inf(1))}}, ErrBadValue, `request 3: args."": +Inf is no JSON number`},
		{"raw garbage", Request{ID: 3, Args: map[string]any{"x": json.RawMessage(`{"a":1} x`)}}, ErrMalformed, "request 3: args.x: malformed JSON: 'x' at byte 8, want nothing after the value"},
		{"raw nothing", Request{ID: 3, Args: map[string]any{"x": json.RawMessage{}}}, ErrMalformed, "request 3: args.x: malformed JSON: ends after 0 bytes, want a value"},
		{"raw not UTF-8", Request{ID: 3, Args: map[string]any{"x": json.RawMessage("\"a\xff\"")}}, ErrNotUTF8, "request 3: args.x: not UTF-8: byte 0xff at 2"},
		{"year 10000", Request{ID: 3, Timestamp: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, ErrBadValue, "request 3: timestamp: want a time in the years 1 to 9999, got 10000-01-01 00:00:00 +0000 UTC"},
		{"year 0", Request{ID: 3, Timestamp: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}, ErrBadValue, "request 3: timestamp: want a time in the years 1 to 9999, got 0000-01-01 00:00:00 +0000 UTC"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendRequest([]byte("before"), tt.r)
			refused(t, err, tt.want, tt.text)
			if string(got) != "before" {
				t.Errorf("left %q behind", got)
			}
		})
	}
}

// refused checks that err is a *MessageError with this text that wraps want.
func refused(t *testing.T, err, want error, text string) {
	t.Helper()
	var message *MessageError
	if !errors.As(err, &message) || !errors.Is(err, want) {
		t.Fatalf("got %v (%T), want it to wrap %v", err, err, want)
	}
	if err.Error() != text {
		t.Errorf("got  %v\nwant %s", err, text)
	}
}

func TestAppendRequestOfASmallCallAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 1024)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := AppendRequest(buf, benchRequest); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestParseRequestReadsWhatIsThere(t *testing.T) {
	at := time.Date(2025, 7, 16, 8, 30, 5, 1234000, time.UTC)
	second := at.Truncate(time.Second)
	tests := []struct {
		name, payload string
		want          Request
	}{
		{"the least", `{"id":0,"command":"","args":{}}`, Request{Args: map[string]any{}}},
		{"space and order", " { \"args\" : { } ,\n\"command\":\"ping\",\t\"id\" : 9223372036854775807 } \r\n", Request{ID: math.MaxInt64, Command: "ping", Args: map[string]any{}}},
		{"args", `{"id":1,"command":"x","args":{"a":[1,"b",null,true,{"c":-2.5e3}],"d":{}}}`, Request{ID: 1, Command: "x", Args: map[string]any{"a": []any{1.0, "b", nil, true, map[string]any{"c": -2500.0}}, "d": map[string]any{}}}},
		{"key twice in args: the last", `{"id":1,"command":"x","args":{"a":1,"a":{"b":1},"a":2}}`, Request{ID: 1, Command: "x", Args: map[string]any{"a": 2.0}}},
		{"escapes", `{"\u0069d":1,"comm\u0061nd":"\ud83d\ude00\ud83dx\/","args":{"\n":"\u0000"}}`, Request{ID: 1, Command: "😀\uFFFDx/", Args: map[string]any{"\n": "\x00"}}},
		{"unknown fields, also twice", `{"ID":-1,"Id":"x","x":1,"x":2,"id":1,"command":"","args":{}}`, Request{ID: 1, Args: map[string]any{}}},
		{"evidence", `{"id":1,"command":"","args":{},"evidence":true}`, Request{ID: 1, Args: map[string]any{}, Evidence: true}},
		{"null is missing", `{"id":1,"command":"","args":{},"evidence":null,"timestamp":null}`, Request{ID: 1, Args: map[string]any{}}},
		{"isoformat", `{"id":1,"command":"","args":{},"timestamp":"2025-07-16T08:30:05.001234+00:00"}`, Request{ID: 1, Args: map[string]any{}, Timestamp: at}},
		{"offset, nanoseconds", `{"id":1,"command":"","args":{},"timestamp":"2025-07-16T10:30:05.001234999+02:00"}`, Request{ID: 1, Args: map[string]any{}, Timestamp: at}},
		{"Elixir's", `{"id":1,"command":"","args":{},"timestamp":"2025-07-16T08:30:05.001234Z"}`, Request{ID: 1, Args: map[string]any{}, Timestamp: at}},
		{"no offset", `{"id":1,"command":"","args":{},"timestamp":"2025-07-16T08:30:05.001234"}`, Request{ID: 1, Args: map[string]any{}, Timestamp: at}},
		{"no fraction", `{"id":1,"command":"","args":{},"timestamp":"2025-07-16T08:30:05"}`, Request{ID: 1, Args: map[string]any{}, Timestamp: second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRequest([]byte(tt.payload))
			if err != nil || !same(got, tt.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
			}
			if want, ok := oracleRequest([]byte(tt.payload)); !ok || !same(got, want) {
				t.Errorf("the oracle says %+v, %v", want, ok)
			}
		})
	}
}

// refusal is a payload that a parser refuses, and how.
type refusal struct {
	name, payload string
	want          error
	text          string // behind the name of the message
}

// refusals has what both parsers refuse alike.
var refusals = []refusal{
	{"empty", ``, ErrMalformed, `: malformed JSON: ends after 0 bytes, want an object`},
	{"truncated", `{"id":1,"comm`, ErrMalformed, `: malformed JSON: ends after 13 bytes, want the end of a string`},
	{"non-JSON", `id=1`, ErrMalformed, `: malformed JSON: 'i' at byte 0, want an object`},
	{"JSON, no object", `[{"id":1}]`, ErrMalformed, `: malformed JSON: '[' at byte 0, want an object`},
	{"trailing garbage", `{"id":1}{"id":2}`, ErrMalformed, `: malformed JSON: '{' at byte 8, want nothing after the object`},
	{"trailing zero", "{\"id\":1}\x00", ErrMalformed, `: malformed JSON: '\x00' at byte 8, want nothing after the object`},
	{"byte order mark", "\ufeff{}", ErrMalformed, `: malformed JSON: '\ufeff' at byte 0, want an object`},
	{"non-UTF-8", "{\"id\":1,\"x\":\"\xe9\"}", ErrNotUTF8, `: not UTF-8: byte 0xe9 at 13`},
	{"UTF-16", "{\x00\"\x00\xff", ErrNotUTF8, `: not UTF-8: byte 0xff at 4`},
	{"NaN", `{"id":1,"x":NaN}`, ErrMalformed, `: malformed JSON: 'N' at byte 12, want a value`},
	{"minus infinity", `{"id":1,"x":-Infinity}`, ErrMalformed, `: malformed JSON: 'I' at byte 13, want a digit`},
	{"nested deep", `{"x":` + strings.Repeat("[", MaxDepth), ErrTooDeep, `: nested over 512 levels deep, or cyclic`},
	{"no id", `{"ID":1}`, ErrMissing, `: id: missing, want an integer from 0`},
	{"id twice", `{"id":1,"\u0069d":2}`, ErrDuplicate, `: id: given twice: 1 and 2`},
	{"id null", `{"id":null}`, ErrWrongType, `: id: want an integer from 0, got null`},
	{"id string", `{"id":"1"}`, ErrWrongType, `: id: want an integer from 0, got "1"`},
	{"id 1.0", `{"id":1.0}`, ErrWrongType, `: id: want an integer from 0, got 1.0`},
	{"id 1e2", `{"id":1e2}`, ErrWrongType, `: id: want an integer from 0, got 1e2`},
	{"id negative", `{"id":-1}`, ErrBadValue, `: id: want an integer from 0, got -1`},
	{"id minus zero", `{"id":-0}`, ErrBadValue, `: id: want an integer from 0, got -0`},
	{"id too large", `{"id":9223372036854775808}`, ErrBadValue, `: id: want an integer from 0 to 9223372036854775807, got 9223372036854775808`},
	{"id long", `{"id":[` + strings.Repeat("1,", 100) + `1]}`, ErrWrongType, `: id: want an integer from 0, got [` + strings.Repeat("1,", 19) + "1…" + strings.Repeat("1,", 19) + `1]`},
}

func TestParseRequestRefuses(t *testing.T) {
	own := []refusal{
		{"no command", `{"id":1,"args":{}}`, ErrMissing, ` 1: command: missing, want a string`},
		{"command null", `{"id":1,"command":null,"args":{}}`, ErrWrongType, ` 1: command: want a string, got null`},
		{"command number", `{"id":1,"command":5,"args":{}}`, ErrWrongType, ` 1: command: want a string, got 5`},
		{"no args", `{"id":1,"command":""}`, ErrMissing, ` 1: args: missing, want an object`},
		{"args null", `{"id":1,"command":"","args":null}`, ErrWrongType, ` 1: args: want an object, got null`},
		{"args list", `{"id":1,"command":"","args":[]}`, ErrWrongType, ` 1: args: want an object, got []`},
		{"args twice", `{"id":1,"command":"","args":{},"args":{}}`, ErrDuplicate, `: args: given twice: {} and {}`},
		{"number in args too large", `{"id":1,"command":"","args":{"a":[0,1e999]}}`, ErrBadValue, ` 1: args.a[1]: want a number that a float64 can hold, got 1e999`},
		{"evidence string", `{"id":1,"command":"","args":{},"evidence":"true"}`, ErrWrongType, ` 1: evidence: want true or false, got "true"`},
		{"timestamp float", `{"id":1,"command":"","args":{},"timestamp":1752654605.1}`, ErrWrongType, ` 1: timestamp: want an ISO 8601 time in a string, got 1752654605.1`},
		{"timestamp no time", `{"id":1,"command":"","args":{},"timestamp":"now"}`, ErrBadValue, ` 1: timestamp: want an ISO 8601 time in a string, got "now"`},
		{"timestamp in year 0", `{"id":1,"command":"","args":{},"timestamp":"0001-01-01T00:00:00+10:00"}`, ErrBadValue, ` 1: timestamp: want an ISO 8601 time in a string, got "0001-01-01T00:00:00+10:00"`},
	}
	for _, tt := range append(own, refusals...) {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRequest([]byte(tt.payload))
			refused(t, err, tt.want, "request"+tt.text)
			if !same(got, Request{}) {
				t.Errorf("returned %+v", got)
			}
			if _, ok := oracleRequest([]byte(tt.payload)); ok {
				t.Error("the oracle accepts it")
			}
		})
	}
}

func TestParseRequestReadsTimesAsPythonWouldWriteThem(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const alphabet = "0123456789:-+.,TZ z"
	for _, stamp := range []string{"2025-07-16T08:30:05.001234+00:00", "2024-02-29T23:59:59Z", "0001-01-01T00:00:00.5", "9999-12-31T23:59:59.999999-23:59", "2025-01-01T00:00:00+24:00", "2025-01-01T00:00:00+23:60", "2025-07-16", "Z", ""} {
		for range 3000 {
			changed := []byte(stamp)
			for range random.IntN(3) {
				at := random.IntN(len(changed) + 1)
				c := alphabet[random.IntN(len(alphabet))]
				if at == len(changed) || random.IntN(5) == 0 {
					changed = slices.Insert(changed, at, c)
				} else if random.IntN(5) == 0 {
					changed = slices.Delete(changed, at, at+1)
				} else {
					changed[at] = c
				}
			}
			payload := fmt.Appendf(nil, `{"id":1,"command":"","args":{},"timestamp":"%s"}`, changed)
			got, err := ParseRequest(payload)
			if want, ok := oracleRequest(payload); ok != (err == nil) || ok && !same(got, want) {
				t.Errorf("%s: got %v, %v, want %v, %v", changed, got.Timestamp, err, want.Timestamp, ok)
			}
		}
	}
}

func TestParseRequestKeepsNothingOfThePayload(t *testing.T) {
	payload := []byte(`{"id":1,"command":"exec","args":{"key":"value","list":["x"]}}`)
	got, err := ParseRequest(payload)
	if err != nil {
		t.Fatal(err)
	}
	clear(payload)
	want := Request{ID: 1, Command: "exec", Args: map[string]any{"key": "value", "list": []any{"x"}}}
	if !same(got, want) {
		t.Errorf("got %+v", got)
	}
}
