package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/faults"
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
	format    string // of a pair
	pairs     []*pair
}

// A pair is one with others: a worker with calls, or a command with workers.
type pair struct {
	one    string
	others []string
}

func (s *saying) String() string {
	if len(s.pairs) > 0 {
		var parts []string
		for _, p := range s.pairs {
			parts = append(parts, fmt.Sprintf(s.format, p.one, listed(p.others)))
		}
		return strings.Join(parts, ", ") + s.one
	}
	if len(s.who) > 1 {
		return listed(s.who) + s.many
	}
	return listed(s.who) + s.one
}

// listed are names one after another, or how often it is one and the same. Of callers
// that a fault has come in a crowd it is said how many they are.
func listed(names []string) string {
	if n := len(names); n > 1 && !slices.ContainsFunc(names, func(name string) bool { return name != names[0] }) {
		return fmt.Sprintf("%d × %s", n, names[0])
	}
	crowds := map[string]int{}
	for _, name := range names {
		crowds[crowd(name)]++
	}
	var said []string
	for _, name := range names {
		switch of := crowd(name); {
		case of == "" || crowds[of] == 1:
			said = append(said, name)
		case crowds[of] > 1:
			said = append(said, fmt.Sprintf("%d × %s", crowds[of], of))
			crowds[of] = 0
		}
	}
	return strings.Join(said, " ")
}

// crowd is what the callers that came with one by a fault are called together: flood1,
// of flood1.7. It is "" for whoever did not come so.
func crowd(name string) string {
	of, _, _ := strings.Cut(name, ".")
	if fault := strings.TrimRight(of, "0123456789"); fault == of || !slices.Contains(faults.Names(), fault) {
		return ""
	}
	return of
}

// say adds to the present moment that something happens to who. What is alike
// becomes one saying, where the first of its kind stands.
func (s *story) say(who, one, many string) {
	said := s.alike(one)
	said.who, said.many = append(said.who, who), many
}

// between adds that something happens between one and another. What is alike
// becomes one saying, too.
func (s *story) between(format, one, another, tail string) {
	said := s.alike(tail + "\x00" + format)
	said.format, said.one = format, tail
	i := slices.IndexFunc(said.pairs, func(p *pair) bool { return p.one == one })
	if i < 0 {
		i = len(said.pairs)
		said.pairs = append(said.pairs, &pair{one: one})
	}
	said.pairs[i].others = append(said.pairs[i].others, another)
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

const (
	given   = "%[2]s → %[1]s"       // a worker, calls
	answers = "%[1]s answers %[2]s" // the same
	sent    = "%[1]s → %[2]s"       // a command of no call, workers
	hurts   = "%[1]s hurts %[2]s"   // a fault, workers or calls
	spares  = "%[1]s hurts %[2]s no longer"
)

// alone says something that is like nothing else.
func (s *story) alone(text string) {
	m := s.told[len(s.told)-1]
	m.says = append(m.says, &saying{one: text})
}
