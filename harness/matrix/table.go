package matrix

import (
	"cmp"
	"maps"
	"regexp"
	"slices"

	"github.com/butfor/butfor/harness/scenario"
)

// A Table is what came of all cases.
type Table struct {
	Played  int           // cases
	Truths  map[Truth]int // of these
	Seconds float64       // that it took; set by who plays them
	World   string

	Judge  Standing
	Rivals []Standing

	Abstentions map[scenario.Word]int // of the judge, by its word
	Reasons     []Reason              // of these, the most frequent
	Worst       Cell                  // of the judge
	Survivors   []string              // bugs that were put in and that no case triggers
	Undrawn     []string              // bugs of which no case was played
	Near        Score                 // near ties that were judged, by what they would be
	Apart       map[Truth][]int       // cases that fail with either alone, or anyway: called code, environment, neither
	Took        []float64             // seconds that a judged run took with its judgement, by rank
	Errors      []Outcome             // dismissed and accused, the first of each bug and environment
	Tenth       bool                  // only a tenth of the cases were played
	Pool        string                // of which alone they are; "" if of all
}

// A Standing is how somebody's calls stand against the truth: all of them, those of
// cases that may be tuned on, and those of the rest.
type Standing struct {
	Name, Rule          string
	All, Tuned, LeftOut Score
}

// A Cell is a bug in an environment.
type Cell struct {
	Bug, Environment string
	Score            Score
}

// A Reason is why the judge abstained, without the figures in it.
type Reason struct {
	What string
	N    int
}

// mostReasons are told.
const mostReasons = 5

var figure = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// reasons are the most frequent.
func reasons(all map[string]int) (told []Reason) {
	for _, what := range slices.Sorted(maps.Keys(all)) {
		told = append(told, Reason{what, all[what]})
	}
	slices.SortStableFunc(told, func(a, b Reason) int { return b.N - a.N })
	return told[:min(mostReasons, len(told))]
}

// Judge is what the judge is called among its rivals.
const Judge = "butfor"

// Tabulate adds up what came out. bugs are the names of all that were put in.
func Tabulate(outcomes []Outcome, bugs []string) Table {
	t := Table{Played: len(outcomes), World: "virtual", Truths: map[Truth]int{}, Abstentions: map[scenario.Word]int{}, Apart: map[Truth][]int{}}
	if onRealWorkers(outcomes) {
		t.World = "process"
	}
	t.Judge = Standing{Name: Judge}
	rivals := Rivals(outcomes)
	for _, r := range rivals {
		t.Rivals = append(t.Rivals, Standing{Name: r.Name, Rule: r.Rule})
	}
	cells, bugsAlone := map[[2]string]*Cell{}, map[string]*Cell{}
	played := map[string]bool{}
	shown := map[string]bool{}
	triggered := map[string]bool{}
	why := map[string]int{}
	for _, o := range outcomes {
		t.Truths[o.Truth]++
		played[o.Bug] = true
		triggered[o.Bug] = triggered[o.Bug] || o.Truth == Code || o.Truth == Either
		call := Called(o.Verdict)
		if !o.Counts() {
			t.aside(o, call)
			continue
		}
		t.Judge.add(o, call)
		t.Took = append(t.Took, o.Judged)
		for i, r := range rivals {
			t.Rivals[i].add(o, r.call(o.Evidence))
		}
		key := [2]string{o.Bug, o.Environment}
		if cells[key] == nil {
			cells[key] = &Cell{Bug: o.Bug, Environment: o.Environment}
		}
		cells[key].Score.add(o.Truth, call)
		if bugsAlone[o.Bug] == nil {
			bugsAlone[o.Bug] = &Cell{Bug: o.Bug}
		}
		bugsAlone[o.Bug].Score.add(o.Truth, call)
		switch {
		case call == Abstains:
			t.Abstentions[o.Verdict]++
			why[clip(figure.ReplaceAllString(o.Reason, "n"))]++
		case string(call) != string(o.Truth) && !shown[o.Bug+string(call)]:
			shown[o.Bug+string(call)] = true
			t.Errors = append(t.Errors, o)
		}
	}
	for _, b := range bugs {
		switch {
		case !played[b]:
			t.Undrawn = append(t.Undrawn, b)
		case !triggered[b]:
			t.Survivors = append(t.Survivors, b)
		}
	}
	slices.Sort(t.Survivors)
	slices.Sort(t.Undrawn)
	slices.Sort(t.Took)
	t.Reasons = reasons(why)
	if t.Worst = worst(slices.Collect(maps.Values(cells))); !t.Worst.Score.errs() { // or there are too few cases in each
		t.Worst = worst(slices.Collect(maps.Values(bugsAlone)))
	}
	return t
}

// aside adds what nobody is held to.
func (t *Table) aside(o Outcome, call Class) {
	switch o.Truth {
	case Marginal:
		if o.Near != "" {
			t.Near.add(o.Near, call)
		}
	case Either, Anyway:
		if t.Apart[o.Truth] == nil {
			t.Apart[o.Truth] = make([]int, 3)
		}
		t.Apart[o.Truth][slices.Index([]Class{CalledCode, CalledEnv, Abstains}, call)]++
	}
}

// leastCell is how many cases a cell must have to be the worst.
const leastCell = 5

// worst is the cell with the most errors for its cases: dismissals first, then
// accusations, then abstentions.
func worst(cells []*Cell) (w Cell) {
	slices.SortFunc(cells, func(a, b *Cell) int {
		return cmp.Or(cmp.Compare(a.Bug, b.Bug), cmp.Compare(a.Environment, b.Environment))
	})
	bad := func(c *Cell, n int) float64 { return float64(n) / float64(max(1, c.Score.N())) }
	for _, c := range cells {
		if c.Score.N() < leastCell {
			continue
		}
		if w.Bug == "" || cmp.Or(
			cmp.Compare(bad(c, c.Score.Dismissed()), bad(&w, w.Score.Dismissed())),
			cmp.Compare(bad(c, c.Score.Accused()), bad(&w, w.Score.Accused())),
			cmp.Compare(bad(c, c.Score.Abstained()), bad(&w, w.Score.Abstained()))) > 0 {
			w = *c
		}
	}
	return w
}

func (s *Standing) add(o Outcome, call Class) {
	s.All.add(o.Truth, call)
	if o.LeftOut() {
		s.LeftOut.add(o.Truth, call)
	} else {
		s.Tuned.add(o.Truth, call)
	}
}

// The targets of a whole matrix. Of a tenth shares are asked that leave room, as there
// are few cases.
const (
	mostDismissed = 0
	leastCode     = 1000 // failures of the code, of which none is dismissed
	leastReal     = 400  // cases on real workers
	leastOfTenth  = 50   // of each, where one case of ten is played
	mostAccused   = .01  // of the failures of the environment
	mostAbstained = .05
	leastMacroF1  = .95 // where no tuning was allowed
	roomOfTenth   = 2   // times as many
	mostFallen    = .001
)

// Missed says which targets are missed: none if they hold.
func (t Table) Missed() (missed []string) {
	say := func(holds bool, what string) {
		if !holds {
			missed = append(missed, what)
		}
	}
	s := t.Judge.All
	say(s.Dismissed() <= mostDismissed, "no failure of the code is dismissed as the environment's")
	say(Share{t.Truths[Fallen], t.Played}.Value() < mostFallen, "fewer than 1 case of 1,000 that stands still, or crashes the program")
	if t.World == "process" {
		say(s.N() >= leastReal, "at least 400 cases on real workers")
		return missed
	}
	if t.Tenth {
		if t.Pool == "" {
			say(s.Code.n() >= leastOfTenth && s.Env.n() >= leastOfTenth, "at least 50 failures of the code, and of the environment")
			say(Share{s.Accused(), s.Env.n()}.Value() < roomOfTenth*mostAccused, "fewer than 2 % of the environment's failures are put down to the code")
			say(Share{s.Abstained(), s.N()}.Value() < roomOfTenth*mostAbstained, "fewer than 10 % abstentions")
			say(s.MacroF1() >= leastMacroF1, "macro-F1 of at least 0.95")
		}
		return missed
	}
	say(s.Code.n() >= leastCode, "at least 1,000 failures of the code")
	say(Share{s.Accused(), s.Env.n()}.Value() < mostAccused, "fewer than 1 % of the environment's failures are put down to the code")
	say(Share{s.Abstained(), s.N()}.Value() < mostAbstained, "fewer than 5 % abstentions")
	say(t.Judge.LeftOut.MacroF1() >= leastMacroF1, "macro-F1 of at least 0.95 on what was left out of tuning")
	for _, r := range t.Rivals {
		say(r.All.MacroF1() < s.MacroF1(), "better than "+r.Name)
	}
	return missed
}

// A Summary is a standing as a line of JSON.
type Summary struct {
	Summary       bool    `json:"summary"`
	Rival         string  `json:"rival,omitempty"`
	World         string  `json:"world"`
	Cases         int     `json:"cases"`         // that somebody is held to
	Architectural int     `json:"architectural"` // of these, failures of the code
	Dismissed     int     `json:"dismissed"`     // of those, called the environment's
	Environmental int     `json:"environmental"`
	Accused       int     `json:"accused"`
	Abstained     int     `json:"abstained"`
	MacroF1       float64 `json:"macro_f1"`
	Played        int     `json:"played,omitempty"` // cases, with those that nobody is held to
	Seconds       float64 `json:"seconds,omitempty"`
}

// Summaries are the lines that a matrix ends with: one for each rival, and the
// judge's as the last.
func (t Table) Summaries() (all []Summary) {
	line := func(s Score, rival string) Summary {
		return Summary{
			Summary: true, Rival: rival, World: t.World, Cases: s.N(),
			Architectural: s.Code.n(), Dismissed: s.Dismissed(), Environmental: s.Env.n(), Accused: s.Accused(), Abstained: s.Abstained(), MacroF1: s.MacroF1(),
		}
	}
	for _, r := range t.Rivals {
		all = append(all, line(r.All, r.Name))
	}
	own := line(t.Judge.All, "")
	own.Played, own.Seconds = t.Played, t.Seconds
	return append(all, own)
}
