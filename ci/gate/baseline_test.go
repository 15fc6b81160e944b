package gate

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
)

const written = `{
"format": "butfor baseline",
"version": 1,
"results": [
{"finding":"cold","variant":"all at once","subject":"ours","world":"virtual","verdict":"sound","latent":[],"calls":2,"served":[1,2],"deadline":5,"unit":"boots","tolerance":0.01},
{"finding":"cold","variant":"“a” & <b>","subject":"V1","world":"process","seed":18446744073709551615,"verdict":"architectural","mechanism":"executing","safety":["a lost answer"],"calls":2,"served":[1.235],"deadline":5,"unit":"boots","tolerance":0.15}
]
}
`

func TestABaselineIsALineAResult(t *testing.T) {
	one, two := result("virtual"), result("process")
	latent(0)(&one)
	two.Variant, two.Subject, two.Seed = "“a” & <b>", "V1", 1<<64-1
	unsafely("a lost answer")(&two)
	two.Mechanism, two.Served = "executing", []float64{0.61728}
	b := baseline(t, one, two)
	text, err := b.Text()
	if err != nil || string(text) != written {
		t.Errorf("%v:\n%s\nwant\n%s", err, text, written)
	}
	again, err := Parse(text)
	if err != nil || !reflect.DeepEqual(again, b) {
		t.Errorf("%v: read as\n%+v\nwant\n%+v", err, again, b)
	}
	if changes, err := Compare(again, []report.Line{one, two}, everything, true); err != nil || changes[0].Kind != Same || changes[1].Kind != Same {
		t.Errorf("%+v, %v", changes, err)
	}
	if b, err := Parse(nothing(t)); err != nil || len(b.Results) > 0 {
		t.Errorf("of nothing: %+v, %v", b, err)
	}
}

func nothing(t *testing.T) []byte {
	t.Helper()
	text, err := Baseline{}.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestABaselineMayBeWrittenByHand(t *testing.T) {
	b, err := Parse([]byte(`# what we agreed to
format: butfor baseline
version: 1
results:
- {finding: mine, subject: ours, world: process, verdict: sound, calls: 1, served: [2], unit: s, tolerance: 0.5}
- finding: mine
  subject: V1
  world: process
  verdict: architectural
  latent: [{corner: slow starts, missed: 3}]
`))
	if err != nil || len(b.Results) != 2 || b.Results[0].Tolerance != 0.5 || b.Results[1].Latent[0].Missed != 3 || b.Results[0].Latent != nil || b.Results[1].Verdict != scenario.Architectural {
		t.Errorf("%+v, %v", b, err)
	}
	b.Results[0].Calls, b.Results[0].Served = 2, []Figure{Figure(math.Copysign(0, -1)), 1e-7} // neither is written so
	text, err := b.Text()
	if again, err := Parse(text); err != nil || again.Results[0].Served[1] != 1e-7 {
		t.Errorf("%+v, %v", again, err)
	}
	if err != nil || !strings.Contains(string(text), `"served":[0,0.0000001]`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestWhatIsWrongWithABaselineIsToldByLineAndKey(t *testing.T) {
	change := func(from, to string) string {
		if !strings.Contains(written, from) {
			t.Fatalf("%q is not in it", from)
		}
		return strings.Replace(written, from, to, 1)
	}
	for text, want := range map[string]string{
		"":                                      "it is empty",
		"[1]":                                   "line 1: it is no baseline: it does not say format",
		"3":                                     "line 1: it is no baseline: it does not say format",
		"name: a package\nversion: 3":           "line 1: it is no baseline: it does not say format",
		change("butfor baseline", "shipping"):   `line 2: it is no baseline: its format is "shipping", not "butfor baseline"`,
		change(`"version": 1,`, ""):             "line 1: the baseline does not say its version",
		change(`"version": 1`, `"version": 99`): "line 3: version is 99: the baseline is of a newer butfor, this one reads up to 1",
		// What a newer one has besides is no matter.
		change(`"version": 1`, `"version": 2, "owner": "we"`):        "line 3: version is 2: the baseline is of a newer butfor",
		change(`"version": 1`, `"version": 0`):                       "line 3: version is 0: it must be 1",
		change(`"version": 1`, `"version": one`):                     `line 3: version is "one": it must be an integer`,
		change(`"version": 1`, `"version": 1, "owner": "we"`):        `line 3: "owner" is no key: there are format, results, version`,
		written[:len(written)*2/5]:                                   "line 5: ",
		written + "<<<<<<< ours":                                     "line ",
		change(`"calls":2`, `"call":2`):                              `line 5: "call" is no key: there are calls, deadline,`,
		change(`"finding":"cold","variant":"all`, `"variant":"all`):  `line 5: results[0].finding is "": it must be what can be read`,
		change(`"variant":"all at once"`, `"variant":"all\tat"`):     `line 5: results[0].variant is "all\tat": it must be what can be read`,
		change(`"subject":"V1"`, `"subject":[]`):                     "line 6: results[1].subject is a list: it must be a word",
		change(`"subject":"V1",`, ""):                                `line 6: results[1].subject is "": `,
		change(`"world":"process"`, `"world":"moon"`):                `line 6: results[1].world is "moon": there are process, virtual, container`,
		change(`"verdict":"sound"`, `"verdict":"fine"`):              `line 5: results[0].verdict is "fine", which is no verdict`,
		change("executing", `exe\u0000`):                             `line 6: results[1].mechanism is "exe\x00": `,
		change(`["a lost answer"]`, `[""]`):                          `line 6: results[1].safety[0] is "": `,
		change(`"latent":[]`, `"latent":[{"corner":"","missed":1}]`): `line 5: results[0].latent[0].corner is "": `,
		change(`"latent":[]`, `"latent":[{"corner":"a"}]`):           "line 5: results[0].latent[0].missed is 0: ",
		change(`"calls":2`, `"calls":1`):                             "line 5: results[0].calls is 1: it must be from 2, as many as were served, to 1048576",
		change(`"calls":2`, `"calls":2000000`):                       "line 5: results[0].calls is 2000000: ",
		change(`"calls":2`, `"calls":2.5`):                           "line 5: results[0].calls is 2.5: it must be an integer",
		change("[1,2]", "[2,1]"):                                     "line 5: results[0].served[1] is 1: times are from 0 to 1e+09, shortest first",
		change("[1,2]", "[-1,1]"):                                    "line 5: results[0].served[0] is -1: ",
		change("[1,2]", "[.nan,1]"):                                  "line 5: results[0].served[0] is NaN: ",
		change("[1,2]", "[1,1000000001]"):                            "line 5: results[0].served[1] is 1.000000001e+09: ",
		change("[1,2]", "[1,1e99]"):                                  "line 5: results[0].served[1] is 1e99: it must be a number",
		change(`"deadline":5`, `"deadline":-5`):                      "line 5: results[0].deadline is -5: ",
		change(`"unit":"boots",`, ""):                                `line 5: results[0].unit is "": `,
		change(`"tolerance":0.01`, `"tolerance":2`):                  "line 5: results[0].tolerance is 2: it must be above 0, and at most 1",
		change(`,"tolerance":0.01`, ""):                              "line 5: results[0].tolerance is 0: ",
		change(`"seed":18446744073709551615`, `"seed":-1`):           "line 6: results[1].seed is -1: ",
		strings.Replace(change(`“a” & <b>`, "all-at-once"), `"V1","world":"process","seed":18446744073709551615`, `"ours","world":"virtual"`, 1): "line 6: results[1] is of cold, ours, all-at-once, as results[0] is",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\ngot %v, want one line that begins with %q", text, err, want)
		}
	}
}

func TestABaselineIsReadFromItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "virtual.json")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("one that is not there: %v", err)
	}
	for text, want := range map[string]string{written: "", strings.Replace(written, "ours", "", 1): path + `: line 5: results[0].subject is ""`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(written))
	f.Add([]byte("format: butfor baseline\nversion: 1\nresults: [{finding: &a f, subject: *a, world: virtual, verdict: sound, latent: [{corner: c, missed: 1}]}]"))
	f.Add([]byte("{format: butfor baseline, version: 9, results: [1]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		one, err := Parse(text)
		if err != nil {
			return
		}
		again, err := one.Text()
		if err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		two, err := Parse(again)
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, again)
		}
		if three, err := two.Text(); err != nil || !bytes.Equal(three, again) {
			t.Fatalf("%v: it changes each time:\n%s\n%s", err, again, three)
		}
	})
}
