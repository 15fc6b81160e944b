package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/butfor/butfor/harness/scenario"
)

// What a share of the misses says of a cause: without it they would not have been
// if that is true of most; it is no matter if that is true of the least.
const (
	most  = 0.8
	least = 0.2
	// part is how much may be true of the code where most are the environment's, and
	// no ideal pool would have kept the deadline of all under any seed: the one that does
	// best may still serve a few whom this one does not, as it begins one start at a time
	// where a machine has too little for all.
	part = 1. / 3
)

// A square is the four cells, seed by seed: misses of this pool under E, of the
// ideal ones, and of both under E∧C.
type square struct{ a, b, c, d []int }

// need is the share of the misses that would not have been but for the code, and
// but for the environment: the probability of necessity, as the excess risk ratio
// has it (Tian and Pearl 2000).
func (q square) need() (code, env float64) {
	a := mean(q.a)
	if a == 0 {
		return 0, 0
	}
	return max(0, 1-mean(q.b)/a), max(0, 1-mean(q.c)/a)
}

// word is what the square says; why is what is missing if that is nothing.
func (q square) word() (w scenario.Word, why string) {
	code, env := q.need()
	switch {
	case mean(q.a) == 0:
		return scenario.Inconclusive, fmt.Sprintf("in none of %d replays does this pool miss its deadline", len(q.a))
	case missing(q.d) > infeasibleMost:
		return scenario.Infeasible, ""
	case code >= most && env >= most:
		return scenario.Amplified, ""
	case code >= most, code > least && env <= least:
		return scenario.Architectural, ""
	case code <= least && env <= least:
		return scenario.Overdetermined, ""
	case env >= most && missing(q.c) == 0 && (code <= least || code <= part && missing(q.b) == 1):
		return scenario.Environmental, ""
	case code <= least && env >= most:
		return scenario.Inconclusive, fmt.Sprintf("in %.0f %% of the replays this pool misses its deadline inside the contract as well", 100*missing(q.c))
	}
	return scenario.Inconclusive, fmt.Sprintf("but for the code %.0f %% of the misses would not have been, but for the environment %.0f %%: neither is clear", 100*code, 100*env)
}

func mean(n []int) float64 {
	sum := 0
	for _, x := range n {
		sum += x
	}
	return float64(sum) / float64(max(1, len(n)))
}

// missing is the share of the seeds in which there was a miss.
func missing(n []int) float64 {
	some := 0
	for _, x := range n {
		if x > 0 {
			some++
		}
	}
	return float64(some) / float64(max(1, len(n)))
}

// A reading is what the squares say under one kind of load, at each scale of the
// deadline.
type reading struct {
	frozen bool
	words  []scenario.Word
	why    string // of the first that says nothing
}

func (r reading) alike() bool {
	return !slices.ContainsFunc(r.words, func(w scenario.Word) bool { return w != r.words[0] })
}

// seedsOpen is how many seeds are taken at least before it counts that a word is open.
const seedsOpen = 32

// necessity asks of code and environment whether the misses would have been without
// the one or the other: step 5. More seeds are taken while the word is open.
func (t *trial) necessity() {
	var before []reading
	for n := seedsLeast; ; n *= 2 {
		var now []reading
		for _, frozen := range t.frozen {
			r, err := t.read(frozen, n)
			if err != nil {
				t.undecided("it can't be replayed: " + err.Error())
				return
			}
			now = append(now, r)
		}
		certain := !slices.ContainsFunc(now, func(r reading) bool { return !r.alike() || r.why != "" || r.words[0] != now[0].words[0] })
		settled := before != nil && slices.EqualFunc(before, now, func(a, b reading) bool { return slices.Equal(a.words, b.words) })
		open := slices.ContainsFunc(now, func(r reading) bool { return r.why != "" })
		if open && n < seedsOpen {
			settled = false // what is near to the edge of a share may come to lie on one side
		}
		if certain && now[0].words[0] == scenario.Environmental && !t.never(n) {
			certain, settled = false, false // it is no excuse for what happens inside the contract, however rarely
		}
		if certain || settled || n >= seedsMost {
			t.found(now, n)
			return
		}
		before = now
	}
}

// read fills the squares of one kind of load.
func (t *trial) read(frozen bool, seeds int) (r reading, err error) {
	r.frozen = frozen
	for _, scale := range t.scales() {
		q, err := t.square(frozen, scale, seeds)
		if err != nil {
			return r, err
		}
		w, why := q.word()
		r.words = append(r.words, w)
		if r.why == "" {
			r.why = why
		}
	}
	return r, nil
}

func (t *trial) square(frozen bool, scale float64, seeds int) (q square, err error) {
	for _, cell := range []struct {
		misses  *[]int
		play    func(setting) outcome
		clipped bool
	}{{&q.b, t.ideal, false}, {&q.d, t.ideal, true}, {&q.a, t.this, false}, {&q.c, t.this, true}} {
		for seed := range uint64(seeds) {
			o := cell.play(setting{clipped: cell.clipped, frozen: frozen, seed: seed, scale: scale})
			if o.err != nil {
				return q, o.err
			}
			*cell.misses = append(*cell.misses, o.misses)
		}
	}
	return q, nil
}

// never says whether this pool keeps its deadline inside the contract also under the
// seeds from so many on.
func (t *trial) never(from int) bool {
	for _, frozen := range t.frozen {
		for seed := uint64(from); seed < seedsMost; seed++ {
			if o := t.this(setting{clipped: true, frozen: frozen, seed: seed, scale: 1}); o.err != nil || o.misses > 0 {
				return false
			}
		}
	}
	return true
}

// found says what the readings say, if it is one word.
func (t *trial) found(readings []reading, seeds int) {
	a, b, c, d := t.cell(t.mine, setting{scale: 1}, seeds), t.cell(t.ideals, setting{scale: 1}, seeds), t.cell(t.mine, setting{clipped: true, scale: 1}, seeds), t.cell(t.ideals, setting{clipped: true, scale: 1}, seeds)
	a.Time, c.Time = t.this(setting{}).last, t.this(setting{clipped: true}).last
	b.Time, d.Time = t.ideal(setting{}).last, t.ideal(setting{clipped: true}).last
	t.table(a, b, c, d, seeds)
	first := readings[0]
	switch {
	case blamed(readings): // the one or the other
		t.verdict.Word = first.words[len(first.words)/2]
		t.verdict.Reason = t.sentence(b, c, d)
		if !first.alike() || len(readings) > 1 && !slices.Equal(first.words, readings[1].words) {
			t.verdict.Reason += "; what part the environment has in it is a near tie: " + t.perScale(first.words)
		}
	case !first.alike():
		t.undecided(fmt.Sprintf("near tie: %s", t.perScale(first.words)))
	case len(readings) > 1 && !slices.Equal(first.words, readings[1].words):
		t.undecided(fmt.Sprintf("it hangs on whether the load from outside reacts: if so it is %s, else: %s", first.words[1], t.perScale(readings[1].words)))
	case first.why != "":
		t.undecided(first.why)
	case len(t.excess) == 0 && (first.words[0] == scenario.Environmental || first.words[0] == scenario.Amplified):
		t.undecided("what it met beyond the contract is too little to be told")
	case first.words[0] == scenario.Environmental && t.unseen() != "":
		t.undecided(t.unseen())
	default:
		t.verdict.Word = first.words[0]
		t.verdict.Reason = t.sentence(b, c, d)
	}
}

// blamed says whether the code has its part in the misses whatever is read.
func blamed(readings []reading) bool {
	return !slices.ContainsFunc(readings, func(r reading) bool {
		return slices.ContainsFunc(r.words, func(w scenario.Word) bool {
			return w != scenario.Architectural && w != scenario.Amplified && w != scenario.Overdetermined
		})
	})
}

func (t *trial) perScale(words []scenario.Word) string {
	var said []string
	for i, scale := range t.scales() {
		said = append(said, fmt.Sprintf("%s at %.2f of the deadline", words[i], scale))
	}
	return strings.Join(said, ", ")
}
