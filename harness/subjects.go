package harness

import (
	"fmt"
	"strings"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// Subjects are the pools that are known by a name, in files and on the command
// line. Anybody else's go into a Scenario as values.
func Subjects() []subject.Subject {
	return []subject.Subject{
		subject.Ours(),
		dspex.V1(),
		dspex.V2Seed(),
		dspex.V2P3(),
		dspex.V2Last(),
		dspex.V3(),
		subject.Herd(),
		subject.Puddle(),
		subject.Snakepit(),
		subject.Ideal(subject.Cores),
		subject.Ideal(subject.All),
	}
}

// Subject finds one by its name.
func Subject(name string) (subject.Subject, error) {
	var names []string
	for _, s := range Subjects() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return subject.Subject{}, fmt.Errorf("no subject is called %q; there are: %s", name, strings.Join(names, ", "))
}
