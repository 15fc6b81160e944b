// Package settings reads what people write in YAML: strictly, and with errors in
// the terms of the text: its lines and keys, never the names that Go has for them.
package settings

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// An Error says what is wrong, and where.
type Error struct {
	Line int    // of the text, from 1; 0: it is not known
	Key  string // such as workload.clients, or faults[0].at; "": the whole
	Why  string // what is said of the key, or of all: "is 0: nobody would call"
}

func (e *Error) Error() string {
	s := strings.TrimSpace(e.Key + " " + e.Why)
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, s)
	}
	return s
}

// Wrong is an Error of a key, whose place nobody knows yet.
func Wrong(key, format string, args ...any) *Error {
	return &Error{Key: key, Why: fmt.Sprintf(format, args...)}
}

// At is an Error about what stands at a node.
func At(n ast.Node, format string, args ...any) *Error {
	return &Error{Line: lineOf(n), Why: fmt.Sprintf(format, args...)}
}

// ReadFile is the text of a file, which may be no longer than anybody writes.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 4 << 20 // bytes
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s is longer than %d MiB: it is none", path, most>>20)
	}
	return text, err
}

// Read reads a text, which is to be one document, into what to points to. The node
// that it gives is the document's: Locate finds the lines of keys in it.
func Read(text []byte, to any) (ast.Node, error) {
	file, err := parser.ParseBytes(bytes.TrimPrefix(text, []byte("\ufeff")), 0) // as some editors begin a file
	if err != nil {
		return nil, explained(err)
	}
	var root ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentType:
		case root != nil:
			return nil, At(d.Body, "there is a second document: a file has one")
		default:
			root = d.Body
		}
	}
	if root == nil {
		return nil, errors.New("it is empty")
	}
	if values(root, map[string]int{}) > valuesMost {
		return nil, fmt.Errorf("it has more than %d values, by its aliases", valuesMost)
	}
	return root, Value(root, to)
}

// valuesMost bounds what aliases may make of a text that is short.
const valuesMost = 1 << 22

// values is how many there are below a node, each alias as many as what it stands
// for; those of anchors are kept.
func values(n ast.Node, anchors map[string]int) (sum int) {
	switch n := n.(type) {
	case *ast.AnchorNode:
		sum = values(n.Value, anchors)
		anchors[n.Name.GetToken().Value] = sum
	case *ast.AliasNode:
		sum = anchors[n.Value.GetToken().Value]
	case *ast.SequenceNode:
		for _, v := range n.Values {
			sum += values(v, anchors)
		}
	case *ast.MappingNode:
		for _, pair := range n.Values {
			sum += values(pair.Value, anchors)
		}
	case *ast.MappingValueNode:
		sum = values(n.Value, anchors)
	}
	return min(1+sum, valuesMost+1)
}

// Value reads a node into what to points to. Types that are yaml.NodeUnmarshalers
// read themselves.
func Value(n ast.Node, to any) error {
	if err := fits(n, reflect.TypeOf(to).Elem()); err != nil {
		return err
	}
	if err := yaml.NodeToValue(n, to, yaml.Strict()); err != nil {
		return explained(err)
	}
	return nil
}

// Locate gives the Errors that err is, or that are joined in it, the lines in which
// their keys stand below a node; those of keys that are not there the line of what
// they belong to.
func Locate(n ast.Node, err error) error {
	return each(err, func(err error) error {
		e, ok := err.(*Error) //nolint:errorlint // itself, not what it wraps
		if !ok || e.Line > 0 {
			return err
		}
		located := *e
		for key := e.Key; key != "" && located.Line == 0; key = key[:max(0, strings.LastIndexAny(key, ".["))] {
			if path, err := yaml.PathString("$." + key); err == nil {
				if found, err := path.FilterNode(n); err == nil && found != nil {
					located.Line = lineOf(found)
				}
			}
		}
		return &located
	})
}

// In says of each error that err is, or that is joined in it, which file it is
// about.
func In(path string, err error) error {
	return each(err, func(err error) error { return fmt.Errorf("%s: %w", path, err) })
}

// Below says of the Errors that err is, or that are joined in it, below which key
// theirs are.
func Below(key string, err error) error {
	return each(err, func(err error) error {
		e, ok := err.(*Error) //nolint:errorlint // itself, not what it wraps
		if !ok {
			return err
		}
		below := *e
		below.Key = key + "." + e.Key
		return &below
	})
}

func each(err error, f func(error) error) error {
	if err == nil {
		return nil
	}
	all, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // itself, not what it wraps
	if !ok {
		return f(err)
	}
	var errs []error
	for _, err := range all.Unwrap() {
		errs = append(errs, each(err, f))
	}
	return errors.Join(errs...)
}

// explained says in one line what the reader of YAML says with a picture.
func explained(err error) error {
	if errors.As(err, new(*Error)) {
		return err
	}
	e := &Error{Why: err.Error()}
	if of := yaml.Error(nil); errors.As(err, &of) {
		e.Why = of.GetMessage()
		if t := of.GetToken(); t != nil && t.Position != nil {
			e.Line = t.Position.Line
		}
	}
	e.Why = strings.Join(strings.Fields(strings.ReplaceAll(e.Why, "\t", `\t`)), " ")
	return e
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

var (
	duration = reflect.TypeFor[time.Duration]()
	reads    = reflect.TypeFor[yaml.NodeUnmarshaler]()
	texts    = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// fits says what of a node does not fit a type. The reader of YAML would cut
// numbers so that they fit, and tells the rest in terms of Go. What it alone
// understands, such as aliases, is left to it.
func fits(n ast.Node, of reflect.Type) error {
	if reflect.PointerTo(of).Implements(reads) {
		return nil
	}
	if reflect.PointerTo(of).Implements(texts) {
		of = reflect.TypeFor[string]()
	}
	switch is := n.(type) {
	case *ast.NullNode, *ast.AliasNode, *ast.TagNode:
		return nil
	case *ast.AnchorNode:
		return fits(is.Value, of)
	}
	must := func(what string) error {
		key := strings.TrimPrefix(strings.TrimPrefix(n.GetPath(), "$"), ".")
		return &Error{lineOf(n), cmp.Or(key, "it"), fmt.Sprintf("is %s: it must be %s", shown(n), what)}
	}
	switch kind := of.Kind(); {
	case of == duration:
		if s, ok := n.(*ast.StringNode); ok {
			if _, err := time.ParseDuration(s.Value); err == nil {
				return nil
			}
		}
		return must("a duration, written like 300ms or 1.5s")
	case kind == reflect.Pointer:
		return fits(n, of.Elem())
	case kind == reflect.Int:
		i, ok := n.(*ast.IntegerNode)
		if ok {
			u, unsigned := i.Value.(uint64)
			ok = !unsigned || u <= math.MaxInt
		}
		if !ok {
			return must("an integer")
		}
	case kind == reflect.Uint64:
		if i, ok := n.(*ast.IntegerNode); !ok || strings.HasPrefix(i.GetToken().Value, "-") {
			return must(fmt.Sprintf("an integer from 0 to %d", uint64(math.MaxUint64)))
		}
	case kind == reflect.Float64:
		switch n.(type) {
		case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		default:
			return must("a number")
		}
	case kind == reflect.Bool:
		if _, ok := n.(*ast.BoolNode); !ok {
			return must("true or false")
		}
	case kind == reflect.String:
		if _, ok := n.(ast.ScalarNode); !ok {
			return must("a word")
		}
	case kind == reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			return must("a list")
		}
		for _, v := range list.Values {
			if err := fits(v, of.Elem()); err != nil {
				return err
			}
		}
	case kind == reflect.Map, kind == reflect.Struct:
		pairs, ok := Pairs(n)
		if !ok {
			return must("keys with values")
		}
		if kind == reflect.Map {
			return nil
		}
		known := fields(of)
		for _, pair := range pairs {
			name := pair.Key.GetToken().Value
			field, ok := known[name]
			if _, merge := pair.Key.(*ast.MergeKeyNode); merge {
				continue
			}
			if !ok {
				return At(pair.Key, "%q is no key: there are %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			}
			if err := fits(pair.Value, field); err != nil {
				return err
			}
		}
	}
	return nil
}

// Pairs are those of a mapping; false if it is something else.
func Pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// fields are those of a struct by the keys that they have in YAML.
func fields(of reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for i := range of.NumField() {
		f := of.Field(i)
		name, more, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case more == "inline":
			for name, t := range fields(f.Type) {
				all[name] = t
			}
		case name != "" && name != "-":
			all[name] = f.Type
		}
	}
	return all
}

// shown is what stands at a node, cut to fit a line.
func shown(n ast.Node) string {
	const most = 40
	switch n := n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys with values"
	case *ast.StringNode:
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil && n.GetToken().Type == token.StringType {
			break // a number that is too large for the reader
		}
		if len(n.Value) > most {
			return strconv.Quote(n.Value[:most] + "…")
		}
		return strconv.Quote(n.Value)
	}
	text := n.GetToken().Value
	return text[:min(len(text), most)]
}
