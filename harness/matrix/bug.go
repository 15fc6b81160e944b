package matrix

import (
	"fmt"
	"slices"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
)

// None is the name of no bug, in our pool.
const None = "none"

// A bug is something that is wrong with a pool, or is not.
type bug struct {
	name   string
	family family
	off    subject.Subject // the same pool without it
	on     *subject.Subject
}

// A family is pools that are put to the same loads.
type family string

const (
	ours       family = "ours"
	historical family = "historical"
)

// A Finder gives the mutant of our pool that has a name.
type Finder func(name string) (subject.Subject, error)

// switches are the historical bugs, each in an else sound pool of its version.
var switches = []struct {
	of   dspex.Version
	bugs []dspex.Switch
}{
	{dspex.First, []dspex.Switch{dspex.DiesOnFirstSuccess, dspex.DoubleUnwrap}},
	{dspex.Seed, []dspex.Switch{
		dspex.DeafStart, dspex.RollingDeadline, dspex.StartThenKill, dspex.GiveUpCrashesPool, dspex.IllegalReturn, dspex.AliveGuard,
		dspex.ReadySignal, dspex.LongLivedWorkers, dspex.ErrorCrashesClient, dspex.WrongName,
	}},
}

// noHistorical is the name of no bug in a pool of the historical family.
const noHistorical = "none of the historical ones"

// Bugs are the names of all that is put into a pool, or into any if that is "": the
// mutants of our pool, and the switches of the historical family.
func Bugs(mutants []string, pool string) (names []string) {
	for _, b := range bugs(mutants) {
		if b.name != None && b.name != noHistorical && (pool == "" || pool == b.off.Name) {
			names = append(names, b.name)
		}
	}
	return names
}

// Pools are the names of those that have the bugs.
func Pools() (names []string) {
	for _, b := range bugs(nil) {
		if !slices.Contains(names, b.off.Name) {
			names = append(names, b.off.Name)
		}
	}
	return names
}

func bugs(mutants []string) []bug {
	all := []bug{ourBug(None)}
	for _, name := range mutants {
		all = append(all, ourBug(name))
	}
	return append(all, historicals()...)
}

func ourBug(name string) bug { return bug{name: name, family: ours, off: subject.Ours()} }

func historicals() []bug {
	var all []bug
	for _, v := range switches {
		sound := func(changes ...dspex.Change) subject.Subject {
			for _, s := range v.bugs {
				changes = append([]dspex.Change{dspex.Without(s)}, changes...)
			}
			return dspex.New(string(v.of), v.of, changes...)
		}
		if v.of == dspex.Seed {
			all = append(all, bug{name: noHistorical, family: historical, off: sound()})
		}
		for _, s := range v.bugs {
			on := sound(dspex.With(s))
			all = append(all, bug{name: string(s), family: historical, off: sound(), on: &on})
		}
	}
	return all
}

func bugOf(name string, f family) (bug, error) {
	if f == ours {
		return ourBug(name), nil
	}
	return find(historicals(), name)
}

func (b bug) is() string { return b.name }

// subject is the pool with the bug or without it.
func (b bug) subject(on bool, mutant Finder) (subject.Subject, error) {
	switch {
	case !on, b.name == None, b.name == noHistorical:
		return b.off, nil
	case b.on != nil:
		return *b.on, nil
	}
	s, err := mutant(b.name)
	if err != nil {
		return s, fmt.Errorf("matrix: %w", err)
	}
	return s, nil
}

// Pool names the pool without the bug: under one load and seed its runs are the
// same for all bugs of it.
func (c Case) Pool() (string, error) {
	l, err := find(loads, c.Load)
	if err != nil {
		return "", err
	}
	b, err := bugOf(c.Bug, l.family)
	return b.off.Name, err
}
