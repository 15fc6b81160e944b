package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// A pool is the state of one that does one thing at a time. It is never changed:
// each step makes another.
type pool struct {
	line []string          // check-outs that wait, first come first
	held map[string]string // worker → check-out that has it
	idle map[string]bool   // workers that came back
	gone map[string]bool   // workers that must not be given out any more

	session map[string]string // check-out → session, of those that wait
	bound   map[string]string // session → worker that it was given, if it stays with one
	used    map[string]bool   // sessions that have written or read
	left    map[trace]string  // what they left where
	given   map[trace]bool    // which worker they were given
	told    map[trace]bool    // which worker is being told of their end
}

// A trace is a session's on a worker.
type trace struct{ session, worker string }

// model is the promise as porcupine asks for it.
func (p Promise) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return pool{} },
		Step: func(state, input, _ any) (bool, any) {
			next, refusal := p.next(state.(pool), input.(Step))
			return refusal == "", next
		},
		Equal: func(a, b any) bool { return a.(pool).equal(b.(pool)) },
	}
}

// next is what becomes of a pool in a step, or why it can't take it.
func (p Promise) next(at pool, s Step) (then pool, refusal string) {
	then = at
	switch place := slices.Index(at.line, s.Who); s.Kind {
	case Ask:
		if place >= 0 {
			return at, "it is in line already"
		}
		then.line = append(slices.Clone(at.line), s.Who)
		then.session = with(at.session, s.Who, s.Session)
	case Get:
		if refusal := p.cannotGet(at, place, s); refusal != "" {
			return at, refusal
		}
		then.leave(place)
		then.held = with(at.held, s.Worker, s.Who)
		then.idle = with(at.idle, s.Worker, false)
		if s.Session != "" {
			then.given = with(at.given, trace{s.Session, s.Worker}, true)
			if p.Strict {
				then.bound = with(at.bound, s.Session, s.Worker)
			}
		}
	case Quit:
		if place < 0 {
			return at, "it is not in line"
		}
		if w := p.anyIdle(at, s.Who); w != "" {
			return at, w + " lies idle"
		}
		then.leave(place)
	case Lost:
		switch {
		case place < 0:
			return at, "it is not in line"
		case !at.lost(s.Session):
			return at, "it is not"
		}
		then.leave(place)
	case Put, Drop:
		if at.held[s.Worker] != s.Who {
			return at, "it does not hold it"
		}
		then.held = with(at.held, s.Worker, "")
		if s.Kind == Drop {
			then.gone = with(at.gone, s.Worker, true)
		} else if !at.gone[s.Worker] {
			then.idle = with(at.idle, s.Worker, true)
		}
	case End:
		then.gone = with(at.gone, s.Worker, true)
		then.idle = with(at.idle, s.Worker, false)
	case Write, Read:
		here := trace{s.Session, s.Worker}
		switch {
		case at.held[s.Worker] != s.Who:
			return at, "it does not hold it"
		case s.Kind == Write:
			then.left = with(at.left, here, s.Value)
		case at.left[here] != s.Value:
			return at, fmt.Sprintf("it left %q there", at.left[here])
		}
		then.used = with(at.used, s.Session, true)
	case Over:
		then.bound = with(at.bound, s.Session, "")
		then.used = with(at.used, s.Session, false)
		then.left = beyond(at.left, s.Session)
		then.given = beyond(at.given, s.Session)
		for where := range at.given {
			if where.session == s.Session {
				then.told = with(then.told, where, true)
			}
		}
	case Told:
		then.told = beyond(at.told, s.Session)
	}
	return then, ""
}

// beyond is what there is of other sessions.
func beyond[V any](m map[trace]V, session string) map[trace]V {
	m = maps.Clone(m)
	maps.DeleteFunc(m, func(where trace, _ V) bool { return where.session == session })
	return m
}

// leave takes a check-out out of the line.
func (at *pool) leave(place int) {
	at.session = with(at.session, at.line[place], "")
	at.line = without(at.line, place)
}

// lost says whether the worker of a session is no more, with what it held of it.
func (at pool) lost(session string) bool { return at.gone[at.bound[session]] && at.used[session] }

// takes says whether a worker is of use to somebody in line.
func (p Promise) takes(at pool, who, worker string) bool {
	session := at.session[who]
	if !p.Strict || session == "" {
		return true
	}
	if w := at.bound[session]; w != "" && (!at.gone[w] || at.used[session]) {
		return w == worker
	}
	for _, other := range at.line { // the first of them finds one for all
		if at.session[other] == session {
			return other == who
		}
	}
	return false
}

func (p Promise) cannotGet(at pool, place int, s Step) string {
	switch holder := at.held[s.Worker]; {
	case place < 0:
		return "it is not in line"
	case at.gone[s.Worker]:
		return s.Worker + " is no more"
	case holder != "":
		return holder + " has it"
	case !p.takes(at, s.Who, s.Worker):
		return s.Session + " is with " + cmp.Or(at.bound[s.Session], "one that came before it")
	case p.InOrder && p.passes(at, place, s.Worker) != "":
		return p.passes(at, place, s.Worker) + " came before it"
	case p.Most > 0 && at.out() >= p.Most:
		return fmt.Sprintf("%d are out, as many as there may be", at.out())
	}
	return ""
}

// out counts the living workers that are held.
func (at pool) out() (n int) {
	for worker := range at.held {
		if !at.gone[worker] {
			n++
		}
	}
	return n
}

// passes is who came before a place in line and has use for a worker.
func (p Promise) passes(at pool, place int, worker string) string {
	for _, who := range at.line[:place] {
		if p.takes(at, who, worker) {
			return who
		}
	}
	return ""
}

// anyIdle is a worker that lies idle and is of use to somebody in line.
func (p Promise) anyIdle(at pool, who string) string {
	for _, worker := range slices.Sorted(maps.Keys(at.idle)) {
		told := false
		for where := range at.told {
			told = told || where.worker == worker
		}
		if !told && p.takes(at, who, worker) {
			return worker
		}
	}
	return ""
}

func (at pool) equal(other pool) bool {
	return slices.Equal(at.line, other.line) && maps.Equal(at.held, other.held) &&
		maps.Equal(at.idle, other.idle) && maps.Equal(at.gone, other.gone) && maps.Equal(at.session, other.session) &&
		maps.Equal(at.bound, other.bound) && maps.Equal(at.used, other.used) && maps.Equal(at.left, other.left) &&
		maps.Equal(at.given, other.given) && maps.Equal(at.told, other.told)
}

func (at pool) String() string {
	line := "nobody"
	if len(at.line) > 0 {
		line = strings.Join(at.line, ", ")
	}
	said := []string{line + " in line"}
	for _, worker := range slices.Sorted(maps.Keys(at.held)) {
		said = append(said, at.held[worker]+" having "+worker)
	}
	return strings.Join(said, ", ")
}

// without is a line with one place taken out.
func without(line []string, place int) []string {
	return slices.Delete(slices.Clone(line), place, place+1)
}

// with is a map in which a key has another value; none, if that is zero.
func with[K, V comparable](m map[K]V, key K, v V) map[K]V {
	var zero V
	c := maps.Clone(m)
	if c == nil {
		c = map[K]V{}
	}
	if c[key] = v; v == zero {
		delete(c, key)
	}
	return c
}
