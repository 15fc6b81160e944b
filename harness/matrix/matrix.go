// Package matrix has the cases on which the judge's error is measured, the truth
// about each, the rivals, and the arithmetic of the table. A case is a bug that is
// put into a pool or is not, and an environment that is injected or is not, under
// some load and seed. What is true of it comes from how it was made: from four
// runs of the same pool, {bug on, off} × {environment injected, not}, without a
// reference or a judge; what of an environment is inside the contract is no injection.
// Who plays the runs belongs to harness.
package matrix

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/butfor/butfor/harness/scenario"
)

// A Case is one run to be judged. Names and a seed say all of it.
type Case struct {
	Bug         string `json:"bug"`
	Environment string `json:"environment"`
	Load        string `json:"load"`
	Seed        uint64 `json:"seed"`
	Draw        int    `json:"draw,omitempty"` // of its environment, from 0: the first that is clear
	Real        Real   `json:"real,omitzero"`
}

func (c Case) String() string {
	return fmt.Sprintf("%s, %s, %s, seed %d", c.Bug, c.Environment, c.Load, c.Seed)
}

// Undrawn is the case as Cases has it: its environment is not drawn yet, and it is played
// in virtual time.
func (c Case) Undrawn() Case {
	return Case{Bug: c.Bug, Environment: c.Environment, Load: c.Load, Seed: c.Seed}
}

// Cases are all of them, for so many seeds from the first on: each bug under each
// load that its pool is put to, in each environment. mutants are the names of those
// of our pool that there are; pool, unless it is "", is whose bugs are asked for.
// Those of one load, environment and seed come one after another.
func Cases(mutants []string, pool string, first uint64, seeds int) (all []Case) {
	bugs := bugs(mutants)
	for seed := first; seed < first+uint64(seeds); seed++ {
		for _, l := range loads {
			for _, e := range environments {
				for _, b := range bugs {
					if b.meets(l) && l.meets(e) && (pool == "" || pool == b.off.Name) {
						all = append(all, Case{Bug: b.name, Environment: e.name, Load: l.name, Seed: seed})
					}
				}
			}
		}
	}
	return all
}

// Tenth is one of ten of these cases, in their order: each tenth of them by bug, then
// environment, load and seed, so that each bug has its share.
func Tenth(cases []Case) (some []Case) {
	sorted := slices.SortedFunc(slices.Values(cases), func(a, b Case) int {
		return cmp.Or(cmp.Compare(a.Bug, b.Bug), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Load, b.Load), cmp.Compare(a.Seed, b.Seed))
	})
	drawn := map[Case]bool{}
	for i := 4; i < len(sorted); i += 10 {
		drawn[sorted[i]] = true
	}
	for _, c := range cases {
		if drawn[c] {
			some = append(some, c)
		}
	}
	return some
}

// Scenario is the case's, with or without its bug and its environment. mutant finds
// the subject of a mutant's name.
func (c Case) Scenario(bug, injected bool, mutant Finder) (scenario.Scenario, error) {
	l, err := find(loads, c.Load)
	if err != nil {
		return scenario.Scenario{}, err
	}
	e, err := find(environments, c.Environment)
	if err != nil {
		return scenario.Scenario{}, err
	}
	sc := l.draw(draw(c.Seed, l.name))
	sc.Name, sc.World, sc.Seed = c.String(), "virtual", c.Seed
	sc.Config.StartTimeout = cmp.Or(sc.Config.StartTimeout, startTimeout)
	sc.Recovery = recovery
	if injected {
		sc.Faults = append(sc.Faults, e.draw(draw(c.Seed, e.name+strings.Repeat(" again", c.Draw)))...)
	}
	b, err := bugOf(c.Bug, l)
	if err != nil {
		return scenario.Scenario{}, err
	}
	if c.Real != (Real{}) {
		c.Real.real(&sc)
	}
	sc.Subject, err = b.subject(bug, mutant)
	return sc, err
}

// Inside says whether the case's environment is inside the contract. There it is no
// excuse: it counts as nothing injected.
func (c Case) Inside() bool {
	e, err := find(environments, c.Environment)
	return err == nil && e.kind == inside
}

// LeftOut says whether a bug or an environment of this name is kept out of tuning:
// a third of the names is.
func LeftOut(name string) bool { return hash("left out, anew", name)%3 == 0 }

// LeftOut says whether the case is kept out of tuning: by its bug or its
// environment.
func (c Case) LeftOut() bool { return LeftOut(c.Bug) || LeftOut(c.Environment) }

type named interface{ is() string }

func find[T named](all []T, name string) (t T, err error) {
	for _, x := range all {
		if x.is() == name {
			return x, nil
		}
	}
	return t, fmt.Errorf("matrix: nothing is called %q", name)
}

// draw is a source of lots that hangs on a seed and a name alone.
func draw(seed uint64, name string) *rand.Rand { return rand.New(rand.NewPCG(seed, hash(name))) }

func hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p + "\x00")) // it never fails
	}
	x := h.Sum64() // FNV's low bits hang on the last bytes alone
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}
