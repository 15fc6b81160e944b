package settings

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
)

type Inner struct {
	Wait time.Duration `yaml:"wait,omitempty"`
	Lots uint64        `yaml:"lots"`
}

type outer struct {
	Name   string         `yaml:"name"`
	Share  float64        `yaml:"share"`
	Lazy   bool           `yaml:"lazy"`
	Sizes  []int          `yaml:"sizes"`
	Inners []Inner        `yaml:"inners"`
	Any    map[string]any `yaml:"any"`
	Next   *int           `yaml:"next"`
	Own    own            `yaml:"own"`
	Hidden int            `yaml:"-"`
	Inner  `yaml:",inline"`
}

// own reads itself.
type own struct{ n ast.Node }

func (o *own) UnmarshalYAML(n ast.Node) error {
	if _, ok := Pairs(n); !ok {
		return At(n, "own has no keys")
	}
	o.n = n
	return nil
}

func TestATextIsReadWithAllThatYAMLHas(t *testing.T) {
	var o outer
	_, err := Read([]byte("\ufeff"+`# on top
name: &n 12          # a number that is a name
share: 3
lazy: true
sizes: [1, 2]
inners:
- &first {wait: 1.5s, lots: 18446744073709551615}
- *first
- <<: *first
any: {a: [1, {b: c}]}
next: 5
own: {anything: at all}
wait: 300ms
lots:
`), &o)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintln(o.Name, o.Share, o.Lazy, o.Sizes, o.Inners, o.Any, *o.Next, o.Own.n, o.Wait, o.Lots); got != "12 3 true [1 2] [{1.5s 18446744073709551615} {1.5s 18446744073709551615} {1.5s 18446744073709551615}] map[a:[1 map[b:c]]] 5 {anything: at all} 300ms 0\n" {
		t.Errorf("got %s", got)
	}
}

func TestWhatDoesNotFitIsNamedByItsLineAndKey(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "it is empty",
		"# nothing\n":                      "it is empty",
		"name: a\n---\nname: b":            "line 3: there is a second document: a file has one",
		"[1]":                              "line 1: it is a list: it must be keys with values",
		"hidden: 1":                        `line 1: "hidden" is no key: there are any, inners, lazy, lots, name, next, own, share, sizes, wait`,
		"Hidden: 1":                        `line 1: "Hidden" is no key: there are any,`,
		"name: [a]":                        "line 1: name is a list: it must be a word",
		"name: a\nshare: much":             `line 2: share is "much": it must be a number`,
		"lazy: 1":                          "line 1: lazy is 1: it must be true or false",
		"sizes: 3":                         "line 1: sizes is 3: it must be a list",
		"sizes:\n- 1\n- 2.5":               "line 3: sizes[1] is 2.5: it must be an integer",
		"sizes: ['3']":                     `line 1: sizes[0] is "3": it must be an integer`,
		"sizes: [9223372036854775808]":     "line 1: sizes[0] is 9223372036854775808: it must be an integer",
		"inners:\n- wait: 3":               "line 2: inners[0].wait is 3: it must be a duration, written like 300ms or 1.5s",
		"inners: [{lots: -1}]":             "line 1: inners[0].lots is -1: it must be an integer from 0 to 18446744073709551615",
		"any: [1]":                         "line 1: any is a list: it must be keys with values",
		"next: a":                          `line 1: next is "a": it must be an integer`,
		"own: 3":                           "line 1: own has no keys",
		"lots: {a: 1}":                     "line 1: lots is keys with values: it must be an integer",
		"wait: " + strings.Repeat("x", 99): `line 1: wait is "` + strings.Repeat("x", 40) + `…": it must be a duration`,
		"name: a\nname: b":                 `line 2: mapping key "name" already defined at [1:1]`,
		"name: a\n\tlazy: true":            `line 2: found character '\t' that cannot start any token`,
		"name: [":                          "line 1: ",
		"name: *gone":                      "",
	} {
		_, err := Read([]byte(text), new(outer))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%q: got %v, want one line that begins with %q", text, err, want)
		}
	}
}

func TestAliasesDoNotMakeAShortTextEndless(t *testing.T) {
	text := "any:\n  a0: &a0 [x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		text += fmt.Sprintf("  a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), ", "))
	}
	if _, err := Read([]byte(text), new(outer)); err == nil || !strings.Contains(err.Error(), "by its aliases") {
		t.Errorf("got %v", err)
	}
}

func TestErrorsOfKeysGetTheLinesThatTheyStandIn(t *testing.T) {
	root, err := Read([]byte("name: a\ninners:\n- wait: 1s\n  lots: 3\nsizes: [1]\n"), new(outer))
	if err != nil {
		t.Fatal(err)
	}
	plain := errors.New("of no key")
	err = In("a.yaml", Locate(root, errors.Join(
		Wrong("name", "is short"), Below("inners[0]", Wrong("lots", "are %d", 3)), Wrong("inners[0].what", "is missing"), Wrong("share", "is 0"), plain)))
	want := "a.yaml: line 1: name is short\na.yaml: line 4: inners[0].lots are 3\na.yaml: line 3: inners[0].what is missing\na.yaml: share is 0\na.yaml: of no key"
	if err.Error() != want || !errors.Is(err, plain) {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if In("a", nil) != nil || Locate(root, nil) != nil || Below("a", nil) != nil {
		t.Error("no error became one")
	}
}
