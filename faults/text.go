package faults

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/butfor/butfor/internal/settings"
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
	Maybe  bool          `yaml:"maybe,omitempty"`
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
	Maybe  bool          `yaml:"maybe"`
}

type node struct{ ast.Node }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (n *node) UnmarshalYAML(is ast.Node) error {
	n.Node = is
	return nil
}

// Parse reads a plan. Its errors name the line and what is wrong in it.
func Parse(text []byte) (p Plan, err error) {
	if _, err := settings.Read(text, &p); err != nil {
		return nil, fmt.Errorf("faults: %w", err)
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
		l := line{Fault: e.Fault.Name(), Target: e.Target, At: e.At.String(), From: e.From, Until: e.Until, Times: e.Times, Seed: e.Seed, Maybe: e.Maybe}
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
		return settings.At(n, "a plan is a list of faults")
	}
	plan := make(Plan, len(list.Values))
	for i, v := range list.Values {
		if err := plan[i].read(v); err != nil {
			return err
		}
		if err := plan[i].check(); err != nil {
			return settings.At(v, "%s: %v", plan[i].called(i+1), err)
		}
	}
	*p = orNil(plan)
	return nil
}

// read reads an entry. Its errors say where.
func (e *Entry) read(n ast.Node) error {
	if _, ok := settings.Pairs(n); !ok {
		return settings.At(n, "a fault of a plan is written as fault: NAME, and what more is to be said of it")
	}
	var r read
	if err := settings.Value(n, &r); err != nil {
		return err
	}
	if r.Fault == "" {
		return settings.At(n, "fault is missing: which one is it?")
	}
	f, err := newFault(r.Fault)
	if err != nil {
		return settings.At(n, "%v", err)
	}
	if w := r.With.Node; w != nil && w.Type() != ast.NullType {
		if _, ok := settings.Pairs(w); !ok {
			return settings.At(w, "%s: with is a list of settings, {name: value}", r.Fault)
		}
		if err := settings.Value(w, f.Interface()); err != nil {
			return err
		}
	}
	*e = Entry{Fault: f.Elem().Interface().(Fault), Target: r.Target, From: r.From, Until: r.Until, Times: r.Times, Seed: r.Seed, Maybe: r.Maybe}
	t := &e.Target // an empty list says the same as none
	t.Starts, t.Workers, t.Calls, t.Clients = orNil(t.Starts), orNil(t.Workers), orNil(t.Calls), orNil(t.Clients)
	if e.At, err = ParseTrigger(r.At); err != nil {
		return settings.At(n, "%s: at: %v", r.Fault, err)
	}
	return nil
}

func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
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
		lines[i] = said(reflect.ValueOf(line{Fault: e.Fault.Name(), With: e.Fault, Target: e.Target, At: e.At.String(), From: e.From, Until: e.Until, Times: e.Times, Seed: e.Seed, Maybe: e.Maybe}))
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
