package history

import (
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
}

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
	case Get:
		if refusal := p.cannotGet(at, place, s); refusal != "" {
			return at, refusal
		}
		then.line = without(at.line, place)
		then.held = with(at.held, s.Worker, s.Who)
		then.idle = with(at.idle, s.Worker, false)
	case Quit:
		if place < 0 {
			return at, "it is not in line"
		}
		if w := at.anyIdle(); w != "" {
			return at, w + " lies idle"
		}
		then.line = without(at.line, place)
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
	}
	return then, ""
}

func (p Promise) cannotGet(at pool, place int, s Step) string {
	switch holder := at.held[s.Worker]; {
	case place < 0:
		return "it is not in line"
	case at.gone[s.Worker]:
		return s.Worker + " is no more"
	case holder != "":
		return holder + " has it"
	case p.InOrder && place > 0:
		return at.line[0] + " came before it"
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

func (at pool) anyIdle() string {
	for _, worker := range slices.Sorted(maps.Keys(at.idle)) {
		return worker
	}
	return ""
}

func (at pool) equal(other pool) bool {
	return slices.Equal(at.line, other.line) && maps.Equal(at.held, other.held) &&
		maps.Equal(at.idle, other.idle) && maps.Equal(at.gone, other.gone)
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
func with[V comparable](m map[string]V, key string, v V) map[string]V {
	var zero V
	c := maps.Clone(m)
	if c == nil {
		c = map[string]V{}
	}
	if c[key] = v; v == zero {
		delete(c, key)
	}
	return c
}
