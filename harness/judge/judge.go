// Package judge says of one run whether the architecture is at fault, or the
// environment, or both. It reads records and asks for replays: no clock, no
// process, no pool.
//
// Its steps are those of the design, each in a file of its own: preconditions (0),
// safety (1), the fidelity of the environment (2), inside the contract (3), the
// likeness of the pool's replays (4), necessity (5): the 2×2 of {this pool, ideal
// pools} × {what the run met, that clipped to the contract}, heal (6), mechanism (7).
package judge

import "github.com/butfor/butfor/harness/scenario"

// Judge says what a run was.
func Judge(c Case) scenario.Verdict {
	t := newTrial(c)
	t.mechanism()
	broken, starved := t.safety()
	switch lacking := append(t.preconditions(), starved...); {
	case len(broken) > 0: // an environment excuses lateness, never a wrong answer
		t.unsafe(broken)
	case len(lacking) > 0:
		t.inconclusive(lacking...)
	case c.Run.Misses() == 0:
		t.sound()
	default:
		t.lateness()
		t.setAside()
	}
	t.heal()
	t.evidence()
	t.tellApart()
	return t.verdict
}

// lateness judges a run that is safe, and missed its deadline.
func (t *trial) lateness() {
	switch doubts := t.environment(); {
	case t.Unknown == nil && t.infeasible(len(doubts) > 0):
		return
	case len(doubts) > 0:
		t.undecided(doubts...)
		return
	case t.inside():
		return
	}
	switch doubts := t.likeness(); {
	case len(doubts) == 0:
		t.necessity()
	case len(t.aside) > len(t.Met.Replay.Hidden()) && !t.misses: // nothing says why it missed any
		t.undecided(append(doubts, t.aside...)...)
	case t.keep(grossly):
		t.codeAlone(doubts)
	default:
		t.undecided(doubts...)
	}
}
