package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// line is an Entry as it is written.
type line struct {
	Fault  string        `yaml:"fault"`
	With   any           `yaml:"with,flow,omitempty"`
	Target Target        `yaml:"target,flow,omitempty"`
	At     string        `yaml:"at,omitempty"`
	From   time.Duration `yaml:"from,omitempty"`
	Until  time.Duration `yaml:"until,omitempty"`
	Times  int           `yaml:"times,omitempty"`
	Seed   uint64        `yaml:"seed,omitempty"`
}

// read is a line whose settings are not read yet: what they may be hangs on the
// fault.
type read struct {
	Fault  string        `yaml:"fault"`
	With   node          `yaml:"with"`
	Target Target        `yaml:"target"`
	At     string        `yaml:"at"`
	From   time.Duration `yaml:"from"`
	Until  time.Duration `yaml:"until"`
	Times  int           `yaml:"times"`
	Seed   uint64        `yaml:"seed"`
}

type node struct{ ast.Node }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (n *node) UnmarshalYAML(is ast.Node) error {
	n.Node = is
	return nil
}

// Parse reads a plan. Its errors name the line and what is wrong in it.
func Parse(text []byte) (Plan, error) {
	var p Plan
	d := yaml.NewDecoder(bytes.NewReader(text))
	switch err := d.Decode(&p); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("faults: the plan is empty")
	case err != nil:
		return nil, located(nil, "", err)
	}
	if err := d.Decode(new(Plan)); !errors.Is(err, io.EOF) {
		return nil, errors.New("faults: there is a second document: a plan is one")
	}
	return p, nil
}

// Text writes the plan as Parse reads it.
func (p Plan) Text() ([]byte, error) {
	if len(p) == 0 {
		return []byte("[]\n"), nil
	}
	return yaml.Marshal(p)
}

// MarshalYAML implements yaml.InterfaceMarshaler.
func (p Plan) MarshalYAML() (any, error) {
	lines := make([]line, len(p))
	for i, e := range p {
		if e.Fault == nil {
			return nil, fmt.Errorf("faults: fault %d has no name", i+1)
		}
		l := line{Fault: e.Fault.Name(), Target: e.Target, At: e.At.String(), From: e.From, Until: e.Until, Times: e.Times, Seed: e.Seed}
		if !reflect.ValueOf(e.Fault).IsZero() {
			l.With = e.Fault
		}
		lines[i] = l
	}
	return lines, nil
}

// UnmarshalYAML implements yaml.NodeUnmarshaler. What it reads passes Check.
func (p *Plan) UnmarshalYAML(n ast.Node) error {
	if n == nil || n.Type() == ast.NullType {
		*p = nil
		return nil
	}
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return at(n, errors.New("a plan is a list of faults"))
	}
	plan := make(Plan, len(list.Values))
	for i, v := range list.Values {
		if err := plan[i].read(v); err != nil {
			return err
		}
		if err := plan[i].check(); err != nil {
			return at(v, fmt.Errorf("%s: %w", plan[i].called(i+1), err))
		}
	}
	*p = orNil(plan)
	return nil
}

// read reads an entry. Its errors say where.
func (e *Entry) read(n ast.Node) error {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		return at(n, errors.New("a fault of a plan is written as fault: NAME, and what more is to be said of it"))
	}
	var r read
	if err := value(n, &r); err != nil {
		return located(n, "", err)
	}
	if r.Fault == "" {
		return at(n, errors.New("fault is missing: which one is it?"))
	}
	f, err := newFault(r.Fault)
	if err != nil {
		return at(n, err)
	}
	if w := r.With.Node; w != nil && w.Type() != ast.NullType {
		switch w.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
		default:
			return at(w, fmt.Errorf("%s: with is a list of settings, {name: value}", r.Fault))
		}
		if err := value(w, f.Interface()); err != nil {
			return located(w, r.Fault+": ", err)
		}
	}
	*e = Entry{Fault: f.Elem().Interface().(Fault), Target: r.Target, From: r.From, Until: r.Until, Times: r.Times, Seed: r.Seed}
	t := &e.Target // an empty list says the same as none
	t.Starts, t.Workers, t.Calls, t.Clients = orNil(t.Starts), orNil(t.Workers), orNil(t.Calls), orNil(t.Clients)
	if e.At, err = ParseTrigger(r.At); err != nil {
		return at(n, fmt.Errorf("%s: at: %w", r.Fault, err))
	}
	return nil
}

// value reads a mapping into a struct: no field that is not known, no number cut.
func value(n ast.Node, to any) error {
	if err := integers(n, reflect.TypeOf(to).Elem()); err != nil {
		return err
	}
	return yaml.NodeToValue(n, to, yaml.Strict())
}

// A lineError says in which line of a text something is wrong.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("faults: line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// at says where an error is.
func at(n ast.Node, err error) error {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return fmt.Errorf("faults: %w", err)
	}
	return &lineError{n.GetToken().Position.Line, err}
}

func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// integers refuses numbers that the reader of YAML would cut to fit: where a
// field of a struct of that type is to be an integer, the text must have one.
func integers(n ast.Node, of reflect.Type) error {
	switch of.Kind() {
	case reflect.Int, reflect.Uint64:
		if n.Type() != ast.IntegerType && n.Type() != ast.NullType {
			return at(n, fmt.Errorf("want an integer, got %s", n))
		}
	case reflect.Slice:
		if list, ok := n.(*ast.SequenceNode); ok {
			for _, v := range list.Values {
				if err := integers(v, of.Elem()); err != nil {
					return err
				}
			}
		}
	case reflect.Struct:
		for _, pair := range pairs(n) {
			for i := range of.NumField() {
				name, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ",")
				if name != "" && name == pair.Key.String() {
					if err := integers(pair.Value, of.Field(i).Type); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// pairs are those of a mapping; none if it is something else.
func pairs(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// located says in one line what the reader of YAML says with a picture, and
// whose it is. n is where it is at least.
func located(n ast.Node, whose string, err error) error {
	if errors.As(err, new(*lineError)) {
		return err
	}
	text := err.Error()
	line := 0
	if of := yaml.Error(nil); errors.As(err, &of) {
		text = of.GetMessage()
		if t := of.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
	}
	text = whose + strings.Join(strings.Fields(text), " ")
	if strings.Contains(strings.ToLower(text), "duration") {
		text += "; a duration is written like 300ms or 1.5s"
	}
	if line > 0 {
		return &lineError{line, errors.New(text)}
	}
	return at(n, errors.New(text))
}

// MarshalJSON writes the same as Text does, as JSON.
func (p Plan) MarshalJSON() ([]byte, error) {
	if p == nil {
		return []byte("null"), nil
	}
	lines := make([]map[string]any, len(p))
	for i, e := range p {
		if e.Fault == nil {
			return nil, fmt.Errorf("faults: fault %d has no name", i+1)
		}
		lines[i] = said(reflect.ValueOf(line{Fault: e.Fault.Name(), With: e.Fault, Target: e.Target, At: e.At.String(), From: e.From, Until: e.Until, Times: e.Times, Seed: e.Seed}))
	}
	return json.Marshal(lines)
}

// said is a struct by the names that its fields have in text, without those that
// say nothing.
func said(v reflect.Value) map[string]any {
	m := map[string]any{}
	for i := range v.NumField() {
		f := v.Field(i)
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if f.Kind() == reflect.Interface {
			f = f.Elem()
		}
		if !f.IsValid() || f.IsZero() {
			continue
		}
		switch is := f.Interface().(type) {
		case time.Duration:
			m[name] = is.String()
		default:
			m[name] = is
			if f.Kind() == reflect.Struct {
				m[name] = said(f)
			}
		}
	}
	return m
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Plan) UnmarshalJSON(text []byte) (err error) {
	if string(text) == "null" {
		*p = nil
		return nil
	}
	*p, err = Parse(text) // JSON is YAML
	return err
}
