package wire

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

type (
	named  string
	point  struct{ X, Y float64 }
	linked struct {
		Name string
		Next *linked `json:",omitempty"`
		Up   *linked `json:"-"`
		up   *linked
	}
	tree    struct{ Children []tree }
	nest    []nest
	wrapped struct {
		*linked
		Raw json.RawMessage
	}
	quiet struct{ self *quiet } // says itself what its JSON is
	byPtr struct{ Ring *linked }
)

func (q quiet) MarshalJSON() ([]byte, error)  { return []byte(`"quiet"`), nil }
func (b *byPtr) MarshalJSON() ([]byte, error) { return []byte(`"by pointer"`), nil }

// values are of every kind that an arg may have.
func values() map[string]any {
	up := &linked{Name: "child"}
	up.Up, up.up = up, up
	q := quiet{}
	q.self = &q
	b := &byPtr{&linked{}}
	b.Ring.Next = b.Ring
	number := 5
	return map[string]any{
		"nil": nil, "true": true, "false": false, "string": "é\x00\x1f\x7f\u2028\"\\/<>&\b\f\n\r\t😀", "invalid": "a\xffb\xc3", "empty": "",
		"float": 0.1, "small": 1e-7, "tiny": 5e-324, "large": 1e21, "huge": math.MaxFloat64, "whole": 3.0, "minus zero": math.Copysign(0, -1),
		"f32": float32(0.1), "f32 small": float32(1e-7), "f32 large": float32(1e21), "f32 huge": float32(math.MaxFloat32),
		"int": -1, "i8": int8(-128), "i16": int16(-1 << 15), "i32": int32(-1 << 31), "i64": int64(math.MinInt64),
		"uint": uint(1), "u8": uint8(255), "u16": uint16(1<<16 - 1), "u32": uint32(1<<32 - 1), "u64": uint64(math.MaxUint64),
		"raw": json.RawMessage(" {\"a\" : [1, \"\\ud83d\"]}\n"), "raw nil": json.RawMessage(nil),
		"map": map[string]any{"b": 1, "a": map[string]any{}, "\xff": 2, "": 3}, "map nil": map[string]any(nil), "many": many(20),
		"list": []any{1, "a", nil, []any{}}, "list nil": []any(nil), "strings": []string{"a", "", "\xff"}, "strings nil": []string(nil), "strings empty": []string{},
		"named": named("n"), "duration": time.Second, "time": time.Unix(0, 5).UTC(), "number": json.Number("1e5"), "pointer": &number,
		"bytes": []byte("abc"), "ints": []int{1, 2}, "array": [2]bool{true}, "typed map": map[int]string{2: "b", 1: "a"}, "typed lists": [][]string{{"a"}, nil},
		"struct": point{1, 2}, "structs": []point{{1, 2}}, "up": up, "wrapped": wrapped{linked: up, Raw: json.RawMessage(`[1]`)}, "tree": tree{[]tree{{}, {}}},
		"quiet": q, "by pointer": b, "by address": &[]byPtr{*b}, "nil pointer": (*linked)(nil),
	}
}

func many(n int) map[string]any {
	m := map[string]any{}
	for i := range n {
		m[strings.Repeat("k", i)] = i
	}
	return m
}

func TestAppendValueSaysWhatEncodingJSONSays(t *testing.T) {
	for name, value := range values() {
		got, wrong := appendValue(nil, value, 2)
		if wrong != nil {
			t.Errorf("%s: %v", name, wrong)
			continue
		}
		if err := checkRaw(got, 2); err != nil {
			t.Errorf("%s: wrote %s: %v", name, got, err)
		}
		want, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var gotValue, wantValue any
		if json.Unmarshal(got, &gotValue) != nil || json.Unmarshal(want, &wantValue) != nil || !same(gotValue, wantValue) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestAppendRequestWritesTheSameBytesEveryTime(t *testing.T) {
	first, err := AppendRequest(nil, Request{Args: values()})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, _ := AppendRequest(nil, Request{Args: values()})
		if string(again) != string(first) {
			t.Fatalf("%s\n%s", first, again)
		}
	}
}

// anything is a random value, levels deep at most.
func anything(random *rand.Rand, levels int) any {
	switch random.IntN(9 + 3*min(levels, 1)) {
	case 0:
		return nil
	case 1:
		return random.IntN(2) == 0
	case 2:
		return random.Int64() >> random.IntN(64)
	case 3:
		return random.Uint64() >> random.IntN(64)
	case 4:
		return math.Ldexp(random.Float64()-0.5, random.IntN(200)-100)
	case 5:
		return float32(math.Ldexp(random.Float64()-0.5, random.IntN(100)-50))
	case 6:
		return anyString(random)
	case 7:
		return []string{anyString(random), anyString(random)}
	case 8:
		return point{random.Float64(), 1}
	case 9:
		list := make([]any, random.IntN(5))
		for i := range list {
			list[i] = anything(random, levels-1)
		}
		return list
	default:
		return anyObject(random, levels-1)
	}
}

func anyObject(random *rand.Rand, levels int) map[string]any {
	object := map[string]any{}
	for range random.IntN(12) {
		object[anyString(random)] = anything(random, levels)
	}
	return object
}

func anyString(random *rand.Rand) string {
	var b strings.Builder
	for range random.IntN(6) {
		switch random.IntN(4) {
		case 0:
			b.WriteByte(byte(random.IntN(256)))
		case 1:
			b.WriteRune(rune(random.IntN(0x110000)))
		default:
			b.WriteByte(byte(' ' + random.IntN(95)))
		}
	}
	return b.String()
}

func TestAppendRequestThenAnyParserGivesTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		r := Request{
			ID: random.Int64(), Command: anyString(random), Args: anyObject(random, 3), Evidence: random.IntN(2) == 0,
			Timestamp: time.UnixMicro(random.Int64N(4e15)).UTC(),
		}
		payload, err := AppendRequest(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		checkRequest(t, payload, r)
	}
}

// checkRequest compares what ParseRequest and encoding/json read from payload
// with what encoding/json makes of r.
func checkRequest(t *testing.T, payload []byte, r Request) {
	t.Helper()
	got, err := ParseRequest(payload)
	if err != nil {
		t.Fatalf("%v\nover %s", err, payload)
	}
	want := Request{ID: r.ID, Evidence: r.Evidence, Timestamp: r.Timestamp.UTC().Truncate(time.Microsecond)}
	there(t, r.Command, &want.Command)
	there(t, r.Args, &want.Args)
	if r.Args == nil {
		want.Args = map[string]any{}
	}
	if !same(got, want) {
		t.Fatalf("got  %+v\nwant %+v\nover %s", got, want, payload)
	}
	if read, ok := oracleRequest(payload); !ok || !same(read, want) {
		t.Fatalf("encoding/json reads %+v, %v\nwant %+v\nover %s", read, ok, want, payload)
	}
}

// there is what becomes of from by way of encoding/json.
func there(t *testing.T, from, to any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAppendRequestRefusesWhatNeverEnds(t *testing.T) {
	circle := map[string]any{}
	circle["a"], circle["b"] = circle, circle
	list := []any{nil, nil}
	list[1] = list
	ring := &linked{}
	ring.Next = ring
	type pointer *pointer
	var self pointer
	self = &self

	var deepMap, deepList, deepTyped any
	var deepStrings any = []string{"a"}
	for range MaxDepth - 1 { // with the message and args one level too deep
		deepMap = map[string]any{"a": deepMap}
		deepList = []any{deepList}
		deepTyped = []any{deepTyped}
	}
	for range MaxDepth - 2 {
		deepStrings = []any{deepStrings}
	}
	deepTyped = struct{ V any }{deepTyped.([]any)[0]}
	deepNest := nest{}
	for range 5 * MaxDepth {
		deepNest = nest{{}, deepNest}
	}
	long := &linked{}
	for range 2_000_000 {
		long = &linked{Next: long}
	}
	tests := []struct {
		name  string
		value any
	}{
		{"map in itself", circle}, {"list in itself", list}, {"struct in itself", ring}, {"pointer to itself", self},
		{"deep map", deepMap}, {"deep list", deepList}, {"deep in a struct", deepTyped}, {"deep strings", deepStrings}, {"deep lists of their own", deepNest}, {"long list", long},
		{"deep raw", json.RawMessage(strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth))},
		{"in a struct in itself", point3{map[string]any{"a": circle}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendRequest(nil, Request{Args: map[string]any{"x": tt.value}})
			var message *MessageError
			if !errors.As(err, &message) || !errors.Is(err, ErrTooDeep) || !strings.HasPrefix(message.Field, "args.x") || len(got) > 0 {
				t.Errorf("got %.200v, %d bytes", err, len(got))
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

type point3 struct{ V any }

func TestAppendRequestTakesWhatIsJustNotTooDeep(t *testing.T) {
	deepest := Request{Args: map[string]any{}}
	for range MaxDepth - 2 {
		deepest.Args = map[string]any{"a": deepest.Args}
	}
	payload, err := AppendRequest(nil, deepest)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseRequest(payload); err != nil || !same(got, deepest) {
		t.Errorf("parsing it: %v", err)
	}
}

func TestAppendRequestPassesOnWhatEncodingJSONRefuses(t *testing.T) {
	for name, value := range map[string]any{
		"channel": make(chan int), "function": func() {}, "number": json.Number("1x"), "NaN in a struct": point{math.NaN(), 0}, "raw in a struct": wrapped{Raw: json.RawMessage("x")},
	} {
		_, err := AppendRequest(nil, Request{ID: 5, Args: map[string]any{"x": []any{value}}})
		var message *MessageError
		if !errors.As(err, &message) || message.Field != "args.x[0]" || message.ID != 5 || message.Unwrap() == nil || !strings.HasPrefix(message.Problem, "json: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := AppendRequest(nil, Request{Args: map[string]any{"x": wrapped{Raw: json.RawMessage("\"\xff\"")}}})
	if !errors.Is(err, ErrNotUTF8) {
		t.Errorf("raw bytes in a struct that are not UTF-8: %v", err)
	}
}
