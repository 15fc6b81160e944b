package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestHelloIsThePingOfIDZero(t *testing.T) {
	at := time.Unix(1, 0)
	want := Request{Command: "ping", Args: map[string]any{"initialization": true, "worker_id": "w1"}, Timestamp: at}
	if got := Hello("w1", at); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestCheckHelloAccepts(t *testing.T) {
	tests := []struct {
		name, result string
		want         []string
	}{
		{"bare", `{"status":"ok"}`, nil},
		{"original", ` {"status": "ok", "python_version": "3.12", "uptime": 0.1, "Status": "x"} `, nil},
		{"ours", `{"status":"ok","capabilities":["evidence","cancel"]}`, []string{"evidence", "cancel"}},
		{"none", `{"status":"ok","capabilities":[]}`, nil},
		{"offers not understood", `{"capabilities":["a",1,["b"],null,"c\n"],"status":"\u006fk"}`, []string{"a", "c\n"}},
		{"no list", `{"capabilities":{"evidence":true},"status":"ok"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := CheckHello(Reply{Success: true, Result: json.RawMessage(tt.result)})
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestCheckHelloSaysWhatIsWrong(t *testing.T) {
	result := func(s string) Reply { return Reply{Success: true, Result: json.RawMessage(s)} }
	tests := []struct {
		name string
		r    Reply
		want error
		text string
	}{
		{"still loading", result(`{"status":"loading"}`), ErrBadValue, `hello 0: result.status: want "ok", got "loading"`},
		{"status in capitals", result(`{"status":"OK"}`), ErrBadValue, `hello 0: result.status: want "ok", got "OK"`},
		{"any other map", result(`{"ok":true}`), ErrMissing, `hello 0: result.status: missing, want a string`},
		{"status true", result(`{"status":true}`), ErrWrongType, `hello 0: result.status: want a string, got true`},
		{"status twice", result(`{"status":"loading","status":"ok"}`), ErrDuplicate, `hello 0: result.status: given twice: "loading" and "ok"`},
		{"a word", result(` "ok"`), ErrWrongType, `hello 0: result: want an object, got "ok"`},
		{"null", result(`null`), ErrWrongType, `hello 0: result: want an object, got null`},
		{"nothing", result(``), ErrMissing, `hello 0: result: missing, want an object`},
		{"malformed", result(`{"status":"ok"}}`), ErrMalformed, `hello 0: result: malformed JSON: '}' at byte 15, want nothing after the object`},
		{"not UTF-8", result("{\"status\":\"\xff\"}"), ErrNotUTF8, `hello 0: result: not UTF-8: byte 0xff at 11`},
		{"another id", Reply{ID: 3, Success: true, Result: json.RawMessage(`{"status":"ok"}`)}, ErrBadValue, `hello 3: id: want 0, got 3`},
		{"error", Reply{Error: "no module\n"}, ErrBadValue, `hello 0: success: want true, got the error "no module\n"`},
		{"error of a type", Reply{ID: 4, Error: "no", ErrorType: "ImportError"}, ErrBadValue, `hello 4: success: want true, got the error ImportError: "no"`},
		{"long error", Reply{Error: strings.Repeat("é", 100)}, ErrBadValue, `hello 0: success: want true, got the error "` + strings.Repeat("é", 20) + "…" + strings.Repeat("é", 20) + `"`},
		{"long status", result(`{"status":"` + strings.Repeat("é", 100) + `"}`), ErrBadValue, `hello 0: result.status: want "ok", got "` + strings.Repeat("é", 19) + "…" + strings.Repeat("é", 19) + `"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := CheckHello(tt.r)
			refused(t, err, tt.want, tt.text)
			if got != nil {
				t.Errorf("offers %q", got)
			}
		})
	}
}
