package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// A session is what a worker holds of one, in the order in which it came.
type session struct {
	keys     []string
	values   map[string]json.RawMessage
	programs []string // by id
}

// Sessions are those of which it holds something, sorted; "" is the anonymous one.
func (p *Port) Sessions() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.sessions))
}

// keep carries out a command that is about what it holds, as the Python worker does:
// none but reset_state shows or changes what belongs to another session, and one
// is not made by looking into it. It is called under the port's mutex.
func (p *Port) keep(r *wire.Head) (result any, err error) {
	switch r.Command {
	case "alloc":
		mb, err := amount(r, "mb", 1<<20)
		if err == nil {
			p.held = int64(mb * (1 << 20))
		}
		return map[string]any{"held_bytes": p.held}, err
	case "put":
		return p.put(r)
	case "create_program":
		return p.create(r)
	case "get":
		key, err := name(r, "key")
		if err != nil {
			return nil, err
		}
		s, err := p.look(r)
		value, found := s.values[key]
		return map[string]any{"key": key, "found": found, "value": value}, err
	case "list":
		s, err := p.look(r)
		keys := append([]string{}, s.keys...)
		if id, _ := sessionOf(r); id == "" && p.has(worker.Shows) {
			keys = keys[:0]
			for _, id := range slices.Sorted(maps.Keys(p.sessions)) {
				keys = append(keys, p.sessions[id].keys...)
			}
		}
		return map[string]any{"keys": keys}, err
	case "cleanup_session":
		id, err := name(r, "session_id")
		if err != nil {
			return nil, err
		}
		s, err := p.look(r)
		delete(p.sessions, id)
		return map[string]any{"status": "cleaned", "session_id": id, "programs_removed": len(s.programs), "values_removed": len(s.keys)}, err
	default: // reset_state
		cleared, programs := len(p.sessions), 0
		for _, s := range p.sessions {
			programs += len(s.programs)
		}
		clear(p.sessions)
		return map[string]any{"status": "reset", "sessions_cleared": cleared, "programs_cleared": programs}, nil
	}
}

func (p *Port) put(r *wire.Head) (result any, err error) {
	key, err := name(r, "key")
	if err != nil {
		return nil, err
	}
	value := r.Raw("value")
	if value == nil {
		return nil, argumentError("value", nil, "any JSON value")
	}
	id, err := sessionOf(r)
	if err != nil {
		return nil, err
	}
	s := p.sessions[id]
	if s.values == nil {
		s.values = map[string]json.RawMessage{}
	}
	if _, had := s.values[key]; !had {
		s.keys = append(s.keys, key)
	}
	s.values[key] = slices.Clone(value)
	p.hold(id, s)
	return map[string]any{"key": key}, nil
}

// create makes a program, which the model does not run: it takes any callable.
func (p *Port) create(r *wire.Head) (result any, err error) {
	arg := "program_id"
	if r.Raw("id") != nil && r.Raw(arg) == nil {
		arg = "id"
	}
	program, err := name(r, arg)
	if err != nil {
		return nil, err
	}
	id, err := sessionOf(r)
	if err != nil {
		return nil, err
	}
	s := p.sessions[id]
	if slices.Contains(s.programs, program) {
		return nil, fmt.Errorf("args.%s: program %q exists already in this session", arg, program)
	}
	if _, err = name(r, "callable"); err != nil {
		return nil, err
	}
	s.programs = append(s.programs, program)
	p.hold(id, s)
	return map[string]any{"program_id": program, "status": "created", "signature": r.Raw("signature")}, nil
}

// hold has a session hold what it has come to.
func (p *Port) hold(id string, s session) {
	if p.sessions == nil {
		p.sessions = map[string]session{}
	}
	p.sessions[id] = s
}

// look is the session of a call, empty if there is none.
func (p *Port) look(r *wire.Head) (session, error) {
	id, err := sessionOf(r)
	return p.sessions[id], err
}

// sessionOf is the session of a call; "" is the anonymous one.
func sessionOf(r *wire.Head) (string, error) {
	value := r.Raw("session_id")
	if value == nil || string(value) == "null" {
		return "", nil
	}
	if value[0] != '"' {
		return "", argumentError("session_id", value, "a string")
	}
	return r.Text("session_id"), nil
}

// name is an argument that names something.
func name(r *wire.Head, arg string) (string, error) {
	said := r.Text(arg)
	if said == "" {
		return "", argumentError(arg, r.Raw(arg), "a string that is not empty")
	}
	return said, nil
}

// amount is an argument that says how much, up to the most of it.
func amount(r *wire.Head, arg string, most int) (float64, error) {
	said := r.Raw(arg)
	var n float64
	if len(said) == 0 || said[0] == 'n' || json.Unmarshal(said, &n) != nil || !(n >= 0 && n <= float64(most)) {
		return 0, argumentError(arg, said, fmt.Sprintf("a number from 0 to %d", most))
	}
	return n, nil
}

// argumentError is what the Python worker says of an argument; value is nil if it
// is missing.
func argumentError(arg string, value json.RawMessage, wanted string) error {
	if value == nil {
		return fmt.Errorf("args.%s is missing; it must be %s", arg, wanted)
	}
	return fmt.Errorf("args.%s must be %s, not %s", arg, wanted, value)
}
