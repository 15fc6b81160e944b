package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A moment is what happens at one time.
type moment struct {
	at   time.Duration
	says []*saying
}

// A saying is one thing that happens, to one or to several at once: "w1 is
// ready", "w1 w2 are ready"; or between workers and calls: "w1 answers c1 c2, w2
// answers c3".
type saying struct {
	who       []string
	one, many string // what follows who, if it is one or several
	format    string // of a pair's worker and calls
	pairs     []*pair
}

// A pair is a worker with what goes to it, or comes from it.
type pair struct {
	worker string
	calls  []string
}

func (s *saying) String() string {
	if len(s.pairs) > 0 {
		var parts []string
		for _, p := range s.pairs {
			parts = append(parts, fmt.Sprintf(s.format, p.worker, listed(p.calls)))
		}
		return strings.Join(parts, ", ") + s.one
	}
	if len(s.who) > 1 {
		return listed(s.who) + s.many
	}
	return listed(s.who) + s.one
}

// listed are names one after another, or how often it is one and the same.
func listed(names []string) string {
	if n := len(names); n > 1 && !slices.ContainsFunc(names, func(name string) bool { return name != names[0] }) {
		return fmt.Sprintf("%d × %s", n, names[0])
	}
	return strings.Join(names, " ")
}

// say adds to the present moment that something happens to who. What is alike
// becomes one saying, where the first of its kind stands.
func (s *story) say(who, one, many string) {
	said := s.alike(one)
	said.who, said.many = append(said.who, who), many
}

// between adds that something happens between a worker and a call. What is alike
// becomes one saying, too.
func (s *story) between(format, worker, call, tail string) {
	said := s.alike(tail + "\x00" + format)
	said.format, said.one = format, tail
	i := slices.IndexFunc(said.pairs, func(p *pair) bool { return p.worker == worker })
	if i < 0 {
		i = len(said.pairs)
		said.pairs = append(said.pairs, &pair{worker: worker})
	}
	said.pairs[i].calls = append(said.pairs[i].calls, call)
}

// alike is the present moment's saying of a kind.
func (s *story) alike(kind string) *saying {
	said := s.sayings[kind]
	if said == nil {
		said = &saying{one: kind}
		s.sayings[kind] = said
		m := s.told[len(s.told)-1]
		m.says = append(m.says, said)
	}
	return said
}

// What happens between a worker and its calls.
const (
	given   = "%[2]s → %[1]s"
	asked   = "%[1]s is sent %[2]s"
	answers = "%[1]s answers %[2]s"
)

// alone says something that is like nothing else.
func (s *story) alone(text string) {
	m := s.told[len(s.told)-1]
	m.says = append(m.says, &saying{one: text})
}
