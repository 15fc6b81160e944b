// Package gate holds results against a baseline: what got worse, what got better,
// what is new, what is gone. It runs nothing and judges nothing: that has been done.
package gate

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/scenario"
)

// A Kind is what became of a result.
type Kind string

// The kinds, gravest first: of several that one counts.
const (
	Worse   Kind = "worse"   // it fails the gate
	Gone    Kind = "gone"    // there is no result any more
	Unclear Kind = "unclear" // it can't be told whether it is worse
	Neutral Kind = "neutral" // otherwise, but no matter of the code: never passed over, never a failure
	Better  Kind = "better"
	New     Kind = "new" // there is nothing to hold it against
	Same    Kind = "same"
)

// Kinds are all of them.
var Kinds = []Kind{Worse, Gone, Unclear, Neutral, Better, New, Same}

// A Change is what became of a result of the baseline, or of a new one.
type Change struct {
	Finding string        `json:"finding"`
	Variant string        `json:"variant,omitempty"`
	Subject string        `json:"subject"`
	World   string        `json:"world"`
	Seed    uint64        `json:"seed"`
	Kind    Kind          `json:"change"`
	Was     scenario.Word `json:"was"`     // "" if it is new
	Verdict scenario.Word `json:"verdict"` // "" if it is gone
	Reason  string        `json:"reason"`  // the judge's, of the verdict
	What    []string      `json:"what"`    // is otherwise, gravest first
	Line    report.Line   `json:"-"`       // the result; none if it is gone
}

// A current is a Result with the line that it is of.
type current struct {
	Result
	reason string
	line   report.Line
}

// Lines reads results as butfor run --json and butfor judge --json print them, one
// a line. Its errors say in which line what is wrong.
func Lines(r io.Reader) (lines []report.Line, err error) {
	const most = 64 << 20 // bytes
	s := bufio.NewScanner(r)
	s.Buffer(nil, most)
	for n := 1; s.Scan(); n++ {
		text := bytes.TrimSpace(s.Bytes())
		if len(text) == 0 {
			continue
		}
		var l report.Line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("line %d: it is no result: %w", n, err)
		}
		for _, key := range []struct{ name, is string }{{"finding", l.Finding}, {"subject", l.Subject}, {"world", l.World}, {"verdict", string(l.Verdict)}} {
			if key.is == "" {
				return nil, fmt.Errorf("line %d: it is no result: %s is missing", n, key.name)
			}
		}
		lines = append(lines, l)
	}
	return lines, s.Err()
}

// currents are the results of lines, with those on the other pools of their runs.
func currents(lines []report.Line) (all []current, err error) {
	seen := map[string]bool{}
	add := func(c current) error {
		if seen[c.key()] {
			return fmt.Errorf("there are two results of %s: give scenarios names of their own, and hold one run at a time against a baseline", c.Result)
		}
		seen[c.key()] = true
		all = append(all, c)
		return nil
	}
	for _, l := range lines {
		own := Result{Finding: l.Finding, Variant: l.Variant, Subject: l.Subject, World: l.World, Seed: l.Seed}
		c := current{own, l.Reason, l}
		c.judged(cmp.Or(l.Judged, l.Verdict), l.Mechanism) // what a figure demonstrates is in its times
		for _, s := range l.Safety {
			kind, _, _ := strings.Cut(s, ":")
			c.Safety = append(c.Safety, kind)
		}
		if l.Latent != nil {
			c.Latent = []Corner{}
		}
		for _, x := range l.Latent {
			c.Latent = append(c.Latent, Corner{x.Corner, x.Missed})
		}
		c.figures(l)
		if err := add(c); err != nil {
			return nil, err
		}
		for i, o := range l.Others {
			beside := current{own, o.Reason, l}
			beside.line.Expected = "" // that is claimed of the other
			beside.Subject = fmt.Sprintf("%s, beside it %d: %s", own.Subject, i+1, o.Subject)
			beside.judged(o.Verdict, o.Mechanism)
			if err := add(beside); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func (r *Result) judged(w scenario.Word, mechanism string) {
	if r.Verdict = w; w != scenario.Inconclusive { // else nobody knows
		r.Mechanism = mechanism
	}
}

// figures are who was served and when, in units; without one in seconds.
func (r *Result) figures(l report.Line) {
	unit := cmp.Or(l.UnitS, 1)
	in := func(s float64) Figure { return Figure(math.Round(s/unit*1e3) / 1e3) }
	r.Calls, r.Unit, r.Deadline, r.Tolerance = l.Calls, cmp.Or(l.Unit, "s"), in(l.Deadline), findings.Tolerance
	if !r.real() {
		r.Tolerance = findings.ToleranceExact
	}
	for _, s := range l.Served {
		r.Served = append(r.Served, in(s))
	}
}

// key says which result it is. A bundle's folder has its variant with dashes.
func (r Result) key() string {
	return fmt.Sprintf("%q %q %q %q %d", r.Finding, strings.ReplaceAll(r.Variant, " ", "-"), r.Subject, r.World, r.Seed)
}

func (r Result) String() string {
	return findings.Name(r.Finding, r.Subject, r.Variant)
}

// real says whether its world shares its CPUs with whatever else runs.
func (r Result) real() bool { return r.World != "virtual" }

// Compare holds results against a baseline, and says of each, in their order, what
// became of it; then what of the baseline is gone, of what was asked for. With latent
// that is held against the baseline too.
func Compare(b Baseline, lines []report.Line, asked func(Result) bool, latent bool) (changes []Change, err error) {
	now, err := currents(lines)
	if err != nil {
		return nil, err
	}
	left := map[string]Result{}
	for _, r := range b.Results {
		left[r.key()] = r
	}
	for _, c := range now {
		was, ok := left[c.key()]
		if !ok {
			changes = append(changes, change(c, "", note{New, string(c.Verdict)}))
			continue
		}
		delete(left, c.key())
		notes := c.against(was)
		if latent {
			notes = append(notes, c.latentAgainst(was)...)
		}
		changes = append(changes, change(c, was.Verdict, notes...))
	}
	for _, r := range b.Results {
		if _, ok := left[r.key()]; ok && asked(r) {
			was := r.Verdict
			r.Verdict = ""
			changes = append(changes, change(current{Result: r}, was, note{Gone, fmt.Sprintf("it has no result any more, was %s", was)}))
		}
	}
	return changes, nil
}

// Updated is the baseline with results in place of those that they are of, and
// without what was asked for and is gone. What is said of a tolerance stays.
func (b Baseline) Updated(lines []report.Line, asked func(Result) bool) (Baseline, error) {
	now, err := currents(lines)
	if err != nil {
		return b, err
	}
	var updated Baseline
	for _, was := range b.Results {
		i := slices.IndexFunc(now, func(c current) bool { return c.key() == was.key() })
		switch {
		case i >= 0:
			r := now[i].Result
			r.Tolerance = was.Tolerance
			updated.Results = append(updated.Results, r)
			now = slices.Delete(now, i, i+1)
		case !asked(was):
			updated.Results = append(updated.Results, was)
		}
	}
	for _, c := range now {
		updated.Results = append(updated.Results, c.Result)
	}
	return updated, updated.check()
}

// A note is one thing that is otherwise than in the baseline.
type note struct {
	kind Kind
	text string
}

func change(c current, was scenario.Word, notes ...note) Change {
	slices.SortStableFunc(notes, func(a, b note) int { return slices.Index(Kinds, a.kind) - slices.Index(Kinds, b.kind) })
	r := c.Result
	ch := Change{Finding: r.Finding, Variant: r.Variant, Subject: r.Subject, World: r.World, Seed: r.Seed, Kind: Same, Was: was, Verdict: r.Verdict, Reason: c.reason, What: []string{}, Line: c.line}
	for i, n := range notes {
		if i == 0 {
			ch.Kind = n.kind
		}
		ch.What = append(ch.What, n.text)
	}
	return ch
}

// guilt is how much of a failure a verdict puts down to the code.
var guilt = map[scenario.Word]int{scenario.Amplified: 1, scenario.Overdetermined: 2, scenario.Architectural: 2}

// against is what of a result is otherwise than it was.
func (c current) against(was Result) []note {
	notes := c.verdict(was)
	switch {
	case c.Verdict == scenario.Inconclusive, was.Verdict == scenario.Inconclusive:
		return notes // nothing else was found out, now or then
	case c.real() && c.Verdict == scenario.Environmental:
		return notes // its times are the machine's
	}
	return slices.Concat(notes, c.safety(was), c.served(was))
}

// verdict is what became of the verdict. On a real machine the environment's part in
// it is that machine's, and says nothing of the code.
func (c current) verdict(was Result) []note {
	is := fmt.Sprintf("%s, was %s", c.Verdict, was.Verdict)
	same, onWorkers := c.Verdict == was.Verdict, c.real()
	switch {
	case onWorkers && c.Verdict == scenario.Environmental && !(same && c.line.Expected == c.Verdict):
		return []note{{Neutral, is + ": this machine's doing"}}
	case onWorkers && same && c.Verdict == scenario.Inconclusive:
		return []note{{Neutral, is}}
	case same && c.Mechanism != was.Mechanism:
		moved := fmt.Sprintf("still %s, but the mechanism is %q, was %q", c.Verdict, c.Mechanism, was.Mechanism)
		if onWorkers {
			return []note{{Neutral, moved}}
		}
		return []note{{Worse, moved}}
	case same:
		return nil
	case c.Verdict == scenario.Inconclusive:
		return []note{{Unclear, is}}
	case c.Verdict == scenario.Sound:
		return []note{{Better, is}}
	case onWorkers && guilt[c.Verdict] > 0 && guilt[c.Verdict] <= guilt[was.Verdict]:
		return []note{{Neutral, is + ": the code as before, and this machine"}}
	}
	return []note{{Worse, is}}
}

// safety is what must never happen, and does now or did then.
func (c current) safety(was Result) (notes []note) {
	for _, s := range c.Safety {
		if !slices.Contains(was.Safety, s) {
			notes = append(notes, note{Worse, "new: " + s})
		}
	}
	for _, s := range was.Safety {
		if !slices.Contains(c.Safety, s) {
			notes = append(notes, note{Better, "no more: " + s})
		}
	}
	return notes
}

// served is what became of who was served, and when.
func (c current) served(was Result) []note {
	later := func(a, b Figure) bool { return a > b+was.Tolerance*max(1, b) }
	in := func(x Figure) string { return fmt.Sprintf("%.4g %s", x, was.Unit) }
	unlike := func(format string, args ...any) []note {
		return []note{{Unclear, "it is not like before: " + fmt.Sprintf(format, args...)}}
	}
	switch {
	case c.Calls != was.Calls:
		return unlike("it has %d calls, had %d", c.Calls, was.Calls)
	case c.Unit != was.Unit:
		return unlike("its times are told in %s, were in %s", c.Unit, was.Unit)
	case later(c.Deadline, was.Deadline): // to wait longer is no remedy
		return unlike("its deadline is %s, was %s", in(c.Deadline), in(was.Deadline))
	}
	worse := func(format string, args ...any) []note {
		text := fmt.Sprintf(format, args...)
		if c.line.Beside != "" {
			return []note{{Unclear, text + "; " + c.line.Beside}}
		}
		return []note{{Worse, text}}
	}
	if is, had := len(c.Served), len(was.Served); is < had {
		return worse("%d of %d calls served, were %d", is, c.Calls, had)
	} else if is > had {
		return []note{{Better, fmt.Sprintf("%d of %d calls served, were %d", is, c.Calls, had)}}
	}
	late, soon := -1, -1
	for i, is := range c.Served {
		switch had := was.Served[i]; {
		case later(is, had):
			late = i
		case later(had, is):
			soon = i
		}
	}
	tell := func(i int) string {
		return fmt.Sprintf("%d served by %s, were by %s", i+1, in(c.Served[i]), in(was.Served[i]))
	}
	switch {
	case late >= 0:
		return worse("%s", tell(late))
	case soon >= 0:
		return []note{{Better, tell(soon)}}
	}
	return nil
}

// latentAgainst is what became of what would be missed at the contract's corners.
func (c current) latentAgainst(was Result) (notes []note) {
	switch {
	case c.Verdict != scenario.Sound && c.Verdict != scenario.Environmental:
		return nil // nobody looks for it where the run itself fails
	case c.Latent == nil && was.Latent == nil:
		return nil
	case c.Latent == nil:
		return []note{{Unclear, "nobody has looked for what is latent: run it with --latent"}}
	case was.Latent == nil:
		if len(c.Latent) == 0 {
			return nil
		}
		return []note{{New, "latent: " + c.line.Latent[0].Reason}}
	}
	missed := func(r Result, corner string) int {
		if i := slices.IndexFunc(r.Latent, func(x Corner) bool { return x.Corner == corner }); i >= 0 {
			return r.Latent[i].Missed
		}
		return 0
	}
	for i, x := range c.Latent {
		if before := missed(was, x.Corner); x.Missed > before {
			notes = append(notes, note{Worse, fmt.Sprintf("latent: %s; there it missed %d", c.line.Latent[i].Reason, before)})
		}
	}
	for _, x := range was.Latent {
		if now := missed(c.Result, x.Corner); now < x.Missed {
			notes = append(notes, note{Better, fmt.Sprintf("latent: with %s it would miss %d, missed %d", x.Corner, now, x.Missed)})
		}
	}
	return notes
}
