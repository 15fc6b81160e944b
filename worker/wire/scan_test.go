package wire

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// grammar has texts at the edges of what JSON is.
var grammar = []string{
	`null`, `true`, `false`, `nul`, `nulL`, `truefalse`, `True`, `t`, ``, ` `, "\ufeffnull",
	`0`, `-0`, `1`, `-1`, `01`, `-01`, `+1`, `-`, `.5`, `5.`, `5.e1`, `1e5`, `1E+05`, `1e-5`, `1e`, `1e+`, `1.5e3.2`, `1_000`, `0x10`,
	`12345678901234567890123`, `1e999`, `NaN`, `Infinity`, `-Infinity`, `nan`, `1 2`, `1,`,
	`""`, `"a`, `"`, `"a" "b"`, `'a'`, `"\""`, `"\\"`, `"\/\b\f\n\r\t"`, `"\x41"`, `"\'"`, `"\u0041"`, `"\u00e`, `"\u00eg"`, `"\u00EG"`, `"\u00E9"`, `"\ud83d\ude00"`, `"\ud83d"`,
	`"\ude00\ud83d"`, `"\ud83d\u0041"`, `"\ud83dx"`, `"\ud83dxude00"`, `"\ud83d\xde00"`, `"\ud83d\nude00"`, `"\ud83d\n"`, `"\U0041"`, `"\`, `"\u`, "\"\x00\"", "\"\x1f\"", "\"\n\"", "\"\x7f\"", "\"\t\"", `"é𝄞"`, "\"\u2028\"",
	"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\"\xf4\x90\x80\x80\"", "\xff", `{"` + "\xe9" + `":1}`,
	`[]`, `[ ]`, `[1]`, `[1,2]`, `[1,]`, `[,1]`, `[1 2]`, `[1`, `[`, `]`, `[]]`, `[[]`, `[[],[[]]]`, `[1}`, ` [ 1 , "a" , null ] `,
	`{}`, `{ }`, `{"a":1}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{"a":1 "b":2}`, `{a:1}`, `{1:1}`, `{"a":1`, `{"a":`, `{"a"`, `{"`, `{`, `}`, `{}}`, `{"a":1}x`,
	"\t\n\r {\"a\" : { \"b\" : [ { } ] } } \n", "\v1", "\f1", "\u00a01", `{"a":1,"a":2}`, `{"\u0061":1}`, `// c`, `/**/1`, "1\x00",
	strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
	strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
	strings.Repeat(`{"a":`, MaxDepth) + "1" + strings.Repeat("}", MaxDepth),
	strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1),
	strings.Repeat(`[{"a":`, 1_000_000),
}

// checkGrammar says what is wrong with how the scanner takes text.
func checkGrammar(t *testing.T, text []byte) {
	t.Helper()
	err := checkRaw(text, 1)
	valid := utf8.Valid(text) && json.Valid(text)
	switch {
	case valid && oracleDepth(text) > MaxDepth:
		if err == nil || !errors.Is(err, ErrTooDeep) {
			t.Errorf("%.100q: got %v, want too deep", text, err)
		}
	case valid != (err == nil):
		t.Errorf("%.100q: got %v, encoding/json says %v", text, err, valid)
	}
}

func TestScannerHasTheGrammarOfEncodingJSON(t *testing.T) {
	for _, text := range grammar {
		checkGrammar(t, []byte(text))
	}
}

func TestScannerHasTheGrammarOfEncodingJSONAfterAnyChange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const alphabet = "{}[]\",:\\ \n0123456789+-.eEtrufalsn\x00\xc3\xa9"
	for _, text := range grammar {
		if len(text) > 10_000 {
			continue
		}
		for range 200 {
			changed := []byte(text)
			for range 1 + random.IntN(3) {
				at := random.IntN(len(changed) + 1)
				c := alphabet[random.IntN(len(alphabet))]
				switch {
				case at == len(changed):
					changed = append(changed, c)
				case random.IntN(2) == 0:
					changed[at] = c
				default:
					changed = append(changed[:at], changed[at+1:]...)
				}
			}
			checkGrammar(t, changed)
		}
	}
}

func TestDecodeSaysWhatEncodingJSONSays(t *testing.T) {
	for _, text := range grammar {
		text = strings.Trim(text, " \t\r\n")
		got, end, err := decodeValue([]byte(text), 0, 1)
		if checkRaw([]byte(text), 1) != nil {
			if err == nil && end == len(text) && utf8.ValidString(text) {
				t.Errorf("%.100q: got %v, the scanner refuses", text, got)
			}
			continue
		}
		var want any
		if wrong := json.Unmarshal([]byte(text), &want); wrong != nil {
			if err == nil {
				t.Errorf("%.100q: got %v, encoding/json says %v", text, got, wrong)
			}
			continue
		}
		if err != nil || end != len(text) || !same(got, want) {
			t.Errorf("%.100q: got %#v up to %d, %v, want %#v", text, got, end, err, want)
		}
	}
}
