package wire

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// replies are payloads that are accepted, and what they say.
var replies = []struct {
	name, payload string
	want          Reply
}{
	{"success", `{"id":3,"success":true,"result":{"a":[1,2]},"timestamp":1752654605.25}`, Reply{ID: 3, Success: true, Result: json.RawMessage(`{"a":[1,2]}`), Timestamp: 1752654605.25}},
	{"result null", `{"id":3,"success":true,"result":null}`, Reply{ID: 3, Success: true, Result: json.RawMessage(`null`)}},
	{"result with space", "{\"id\":3,\"success\":true,\"result\": \n[ 1 ] \t}", Reply{ID: 3, Success: true, Result: json.RawMessage(`[ 1 ]`)}},
	{"result beyond float64", `{"id":3,"success":true,"result":1e999}`, Reply{ID: 3, Success: true, Result: json.RawMessage(`1e999`)}},
	{"error", `{"id":3,"success":false,"error":"no \"x\"","timestamp":1}`, Reply{ID: 3, Error: `no "x"`, Timestamp: 1}},
	{"error with all", `{"id":3,"success":false,"error":"","error_type":"KeyError","traceback":"a\nb","more":false}`, Reply{ID: 3, ErrorType: "KeyError", Traceback: "a\nb"}},
	{"error that has a result", `{"result":{},"id":3,"error":"e","success":false}`, Reply{ID: 3, Error: "e"}},
	{"success that has an error", `{"error":7,"error_type":[],"traceback":{},"id":3,"result":1,"success":true}`, Reply{ID: 3, Success: true, Result: json.RawMessage(`1`)}},
	{"null is missing", `{"id":3,"success":false,"error":"e","error_type":null,"traceback":null,"timestamp":null,"evidence":null,"more":null}`, Reply{ID: 3, Error: "e"}},
	{"more", `{"id":3,"success":true,"result":1,"more":true}`, Reply{ID: 3, Success: true, Result: json.RawMessage(`1`), More: true}},
	{"evidence", `{"id":3,"success":true,"result":1,"evidence":{"on_cpu_ns":5,"run_delay_ns":6,"major_faults":7,"import_ms":81.25,"x":1}}`, Reply{ID: 3, Success: true, Result: json.RawMessage(`1`), Evidence: &Evidence{OnCPU: 5, RunDelay: 6, MajorFaults: 7, Import: 81250 * time.Microsecond}}},
	{"evidence in part", `{"id":3,"success":false,"error":"e","evidence":{"run_delay_ns":6,"import_ms":null,"major_faults":null}}`, Reply{ID: 3, Error: "e", Evidence: &Evidence{RunDelay: 6}}},
	{"import to the nanosecond", `{"id":3,"success":false,"error":"e","evidence":{"import_ms":1.001}}`, Reply{ID: 3, Error: "e", Evidence: &Evidence{Import: 1001 * time.Microsecond}}},
	{"unknown fields", `{"Success":false,"RESULT":1,"x":{"id":9},"x":[],"id":3,"success":true,"result":"r"}`, Reply{ID: 3, Success: true, Result: json.RawMessage(`"r"`)}},
	{"escaped names", `{"\u0069\u0064":3,"s\u0075ccess":true,"\u0072esult":"\u0072"}`, Reply{ID: 3, Success: true, Result: json.RawMessage(`"\u0072"`)}},
}

func TestParseReplyReadsWhatIsThere(t *testing.T) {
	for _, tt := range replies {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseReply([]byte(tt.payload))
			if err != nil || !same(got, tt.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
			}
			if want, ok := oracleReply([]byte(tt.payload)); !ok || !same(got, want) {
				t.Errorf("the oracle says %+v, %v", want, ok)
			}
		})
	}
}

func TestParseReplyRefuses(t *testing.T) {
	const success = `{"id":3,"success":true,"result":1,`
	own := []refusal{
		{"no success", `{"id":3,"result":1}`, ErrMissing, ` 3: success: missing, want true or false`},
		{"success 1", `{"id":3,"success":1,"result":1}`, ErrWrongType, ` 3: success: want true or false, got 1`},
		{"success null", `{"id":3,"success":null,"result":1}`, ErrWrongType, ` 3: success: want true or false, got null`},
		{"no result", `{"id":3,"success":true,"Result":1}`, ErrMissing, ` 3: result: missing, want a value`},
		{"result twice", `{"id":3,"success":true,"result":1,"result":1}`, ErrDuplicate, `: result: given twice: 1 and 1`},
		{"no error", `{"id":3,"success":false,"result":1}`, ErrMissing, ` 3: error: missing, want a string`},
		{"error null", `{"id":3,"success":false,"error":null}`, ErrWrongType, ` 3: error: want a string, got null`},
		{"error object", `{"id":3,"success":false,"error":{}}`, ErrWrongType, ` 3: error: want a string, got {}`},
		{"error type number", `{"id":3,"success":false,"error":"","error_type":1}`, ErrWrongType, ` 3: error_type: want a string, got 1`},
		{"traceback list", `{"id":3,"success":false,"error":"","traceback":["a"]}`, ErrWrongType, ` 3: traceback: want a string, got ["a"]`},
		{"timestamp string", success + `"timestamp":"2025-07-16"}`, ErrWrongType, ` 3: timestamp: want a number, got "2025-07-16"`},
		{"timestamp too large", success + `"timestamp":1e999}`, ErrBadValue, ` 3: timestamp: want a number that a float64 can hold, got 1e999`},
		{"more string", success + `"more":"yes"}`, ErrWrongType, ` 3: more: want true or false, got "yes"`},
		{"evidence list", success + `"evidence":[1]}`, ErrWrongType, ` 3: evidence: want an object, got [1]`},
		{"evidence float", success + `"evidence":{"on_cpu_ns":1.5}}`, ErrWrongType, ` 3: evidence.on_cpu_ns: want an integer from 0, got 1.5`},
		{"evidence negative", success + `"evidence":{"run_delay_ns":-1}}`, ErrBadValue, ` 3: evidence.run_delay_ns: want an integer from 0, got -1`},
		{"evidence too large", success + `"evidence":{"major_faults":9223372036854775808}}`, ErrBadValue, ` 3: evidence.major_faults: want an integer from 0 to 9223372036854775807, got 9223372036854775808`},
		{"evidence twice in it", success + `"evidence":{"on_cpu_ns":1,"on_cpu_ns":2}}`, ErrDuplicate, ` 3: evidence.on_cpu_ns: given twice: 1 and 2`},
		{"import string", success + `"evidence":{"import_ms":"5"}}`, ErrWrongType, ` 3: evidence.import_ms: want a number, got "5"`},
		{"import negative", success + `"evidence":{"import_ms":-0.1}}`, ErrBadValue, ` 3: evidence.import_ms: want milliseconds from 0 to 1e9, got -0.1`},
		{"import too long", success + `"evidence":{"import_ms":1e10}}`, ErrBadValue, ` 3: evidence.import_ms: want milliseconds from 0 to 1e9, got 1e10`},
	}
	for _, tt := range append(own, refusals...) {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseReply([]byte(tt.payload))
			refused(t, err, tt.want, "reply"+tt.text)
			if !same(got, Reply{}) {
				t.Errorf("returned %+v", got)
			}
			if _, ok := oracleReply([]byte(tt.payload)); ok {
				t.Error("the oracle accepts it")
			}
		})
	}
}

func TestParseReplyResultIsPartOfThePayloadAndEndsWithIt(t *testing.T) {
	payload := []byte(`{"id":3,"success":true,"result":"r","timestamp":5}`)
	r, err := ParseReply(payload)
	if err != nil {
		t.Fatal(err)
	}
	payload[33] = 'R'
	if string(r.Result) != `"R"` {
		t.Errorf("a copy: %s", r.Result)
	}
	_ = append(r.Result, "overwritten"...)
	if string(payload) != `{"id":3,"success":true,"result":"R","timestamp":5}` {
		t.Errorf("appending to the result overwrote the payload: %s", payload)
	}
}

func TestParseReplyOfASmallSuccessAllocatesNothing(t *testing.T) {
	payload := []byte(benchReply)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := ParseReply(payload); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAppendReplyThenParseReplyGivesTheSame(t *testing.T) {
	for _, tt := range replies {
		t.Run(tt.name, func(t *testing.T) {
			payload, err := AppendReply([]byte("before"), tt.want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseReply(payload[len("before"):])
			if err != nil || !same(got, tt.want) {
				t.Errorf("got  %+v, %v\nwant %+v\nover %s", got, err, tt.want, payload)
			}
		})
	}
}

func TestAppendReplyWritesTheProtocolsFields(t *testing.T) {
	tests := []struct {
		name string
		r    Reply
		want string
	}{
		{"empty error", Reply{}, `{"id":0,"success":false,"error":""}`},
		{"nil result", Reply{ID: 1, Success: true, Error: "e", ErrorType: "t", Traceback: "b"}, `{"id":1,"success":true,"result":null}`},
		{"error", Reply{ID: 1, Result: json.RawMessage(`1`), Error: "e", ErrorType: "t", Traceback: "b"}, `{"id":1,"success":false,"error":"e","error_type":"t","traceback":"b"}`},
		{
			"all", Reply{ID: 1, Success: true, Result: json.RawMessage(`{"status": "ok"}`), Timestamp: 1752654605.123457, More: true, Evidence: &Evidence{OnCPU: 1, RunDelay: 2, MajorFaults: 3, Import: 4500 * time.Microsecond}},
			`{"id":1,"success":true,"result":{"status": "ok"},"timestamp":1752654605.123457,"evidence":{"on_cpu_ns":1,"run_delay_ns":2,"major_faults":3,"import_ms":4.5},"more":true}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendReply(nil, tt.r)
			if string(got) != tt.want || err != nil {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestRepliesMayNestJustAsDeepEitherWay(t *testing.T) {
	for depth, want := range map[int]error{MaxDepth - 1: nil, MaxDepth: ErrTooDeep} {
		result := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		_, err := AppendReply(nil, Reply{Success: true, Result: json.RawMessage(result)})
		if !errors.Is(err, want) {
			t.Errorf("appending a result %d deep: %v", depth, err)
		}
		_, err = ParseReply([]byte(`{"id":0,"success":true,"result":` + result + `}`))
		if !errors.Is(err, want) {
			t.Errorf("parsing a result %d deep: %v", depth, err)
		}
	}
}

func TestAppendReplyRefuses(t *testing.T) {
	tests := []struct {
		name string
		r    Reply
		want error
		text string
	}{
		{"negative id", Reply{ID: -1}, ErrBadValue, "reply: id: want an integer from 0, got -1"},
		{"result malformed", Reply{ID: 2, Success: true, Result: json.RawMessage(`{`)}, ErrMalformed, "reply 2: result: malformed JSON: ends after 1 bytes, want a key"},
		{"timestamp NaN", Reply{ID: 2, Timestamp: math.NaN()}, ErrBadValue, "reply 2: timestamp: NaN is no JSON number"},
		{"evidence negative", Reply{ID: 2, Evidence: &Evidence{MajorFaults: -1}}, ErrBadValue, "reply 2: evidence.major_faults: want an integer from 0, got -1"},
		{"import negative", Reply{ID: 2, Evidence: &Evidence{Import: -time.Second}}, ErrBadValue, "reply 2: evidence.import_ms: want milliseconds from 0 to 1e9, got -1s"},
		{"import too long", Reply{ID: 2, Evidence: &Evidence{Import: 300 * time.Hour}}, ErrBadValue, "reply 2: evidence.import_ms: want milliseconds from 0 to 1e9, got 300h0m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendReply([]byte("before"), tt.r)
			refused(t, err, tt.want, tt.text)
			if string(got) != "before" {
				t.Errorf("left %q behind", got)
			}
		})
	}
}

func TestAWorkerAnswersUnderZeroWhatItCouldNotReadTheIDOf(t *testing.T) {
	for _, c := range []struct {
		reply Reply
		want  bool
	}{
		{Reply{ID: 7, Success: true}, true},
		{Reply{ID: 7, ErrorType: "ValueError"}, true},
		{Reply{ID: 7, ErrorType: RequestError}, true},
		{Reply{ID: 0, ErrorType: RequestError}, true},
		{Reply{ID: 0, ErrorType: "ValueError"}, false},
		{Reply{ID: 0, Success: true, ErrorType: RequestError}, false},
		{Reply{ID: 6, ErrorType: RequestError}, false},
		{Reply{ID: 6, Success: true}, false},
	} {
		if got := c.reply.Answers(7); got != c.want {
			t.Errorf("%+v answers 7: %v", c.reply, got)
		}
	}
}
