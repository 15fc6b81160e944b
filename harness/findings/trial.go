package findings

import (
	"maps"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// A trial is a subject that is put to a scenario, and what must come of it: nothing
// is claimed if there are neither word nor accept.
type trial struct {
	variant string
	of      subject.Subject
	options map[string]any // bugs that are turned on or off
	word    scenario.Word  // "" if nothing is claimed
	accept  Accept
}

// try has each of the trials' subjects in a scenario of its own, told in a unit.
func try(sc scenario.Scenario, unit time.Duration, name string, trials ...trial) (cases []Case) {
	for _, t := range trials {
		sc := sc
		sc.Subject = t.of
		if t.options != nil {
			sc.Config.Options = maps.Clone(t.options)
		}
		if t.word != "" || !t.accept.nothing() {
			t.accept.Unit, t.accept.UnitName = unit, name
		}
		cases = append(cases, Case{Variant: t.variant, Scenario: sc, Expected: t.word, Accept: t.accept})
	}
	return cases
}

// showing has cases tell what they are there to show.
func showing(what func(*scenario.Record) string, cases []Case) []Case {
	for i := range cases {
		cases[i].Shows = what
	}
	return cases
}

// inVirtualTime has cases shown there alone.
func inVirtualTime(cases []Case) []Case {
	for i := range cases {
		cases[i].Virtual = true
	}
	return cases
}

// oneVersion has the cases of all versions of V2's but the first shown in virtual time
// alone: on real workers one of them is enough.
func oneVersion(cases []Case) []Case {
	for i := range cases {
		name := cases[i].Scenario.Subject.Name
		cases[i].Virtual = name != dspex.V2Seed().Name && name != subject.Ours().Name
	}
	return cases
}

// warmed is a workload for a pool of so many workers, all of them ready. A call may wait
// for more than one start, as long as that waits alone: the reference starts none, and its
// deadline would be missed by whoever replaces a worker, or a busy machine.
func warmed(u Unit, size int, w scenario.Workload) scenario.Scenario {
	return scenario.Scenario{Config: subject.Config{Size: size}, Start: u.Wait, Warm: size, Workload: w, Deadline: times(3, u.Waits)}
}

// with and without are options of the historical family and of Snakepit.
func with[B ~string](bugs ...B) map[string]any    { return turned(true, bugs) }
func without[B ~string](bugs ...B) map[string]any { return turned(false, bugs) }

func turned[B ~string](on bool, bugs []B) map[string]any {
	options := map[string]any{}
	for _, b := range bugs {
		options[string(b)] = on
	}
	return options
}

// and joins options.
func and(some, more map[string]any) map[string]any {
	all := maps.Clone(some)
	maps.Copy(all, more)
	return all
}

// at is a workload of a client at each of these times, in units, with one call each.
func at(unit time.Duration, when []float64, command string, args map[string]any) scenario.Workload {
	w := scenario.Workload{Clients: len(when), Command: command, Args: args}
	for _, x := range when {
		w.At = append(w.At, times(x, unit))
	}
	return w
}

var (
	hello  = map[string]any{"text": "hello"}
	look   = map[string]any{"key": "k"} // of what a session puts, and looks for
	divide = map[string]any{"function": "operator:truediv", "args": []any{1, 0}}
)

// divided is what comes of it.
const divided = "ZeroDivisionError"

// What went wrong with V3's successor, in ten versions. Where its history does not say in
// which it was, neither does the source.
const snakepit = "Snakepit, 0.2 to 0.13"

var echo = scenario.Step{Command: "echo", Args: hello}

// oneAfterAnother is a client that makes these calls, with time for three starts between
// them.
func oneAfterAnother(u Unit, first scenario.Step, then ...scenario.Step) scenario.Workload {
	return scenario.Workload{Clients: 1, Command: first.Command, Args: first.Args, Then: then, Think: times(3, u.Waits)}
}
