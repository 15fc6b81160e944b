package matrix

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/butfor/butfor/internal/page"
)

// Markdown is the table for people.
func (t Table) Markdown() []byte {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("In the %s world %d cases were played in %.0f s. Of these %s.", t.World, t.Played, t.Seconds, t.truths())
	p("")
	p("| who, of %d cases | code: right · **dismissed** · abstained | environment: right · accused · abstained | precision, recall of code | of environment | macro-F1 |", t.Judge.All.N())
	p("| --- | --- | --- | --- | --- | --- |")
	for _, s := range append([]Standing{t.Judge}, t.Rivals...) {
		t.row(&b, s.Name, s.All)
	}
	p("")
	p("The same, of the %d cases whose bug or environment was left out of tuning, and of the %d others:", t.Judge.LeftOut.N(), t.Judge.Tuned.N())
	p("")
	p("| who | code | environment | precision, recall of code | of environment | macro-F1 |")
	p("| --- | --- | --- | --- | --- | --- |")
	for _, s := range append([]Standing{t.Judge}, t.Rivals...) {
		t.row(&b, s.Name+", left out", s.LeftOut)
		t.row(&b, s.Name+", others", s.Tuned)
	}
	p("")
	for _, r := range t.Rivals {
		p("* %s: %s.", r.Name, r.Rule)
	}
	p("")
	if len(t.Abstentions) > 0 {
		var why []string
		for _, w := range slices.Sorted(maps.Keys(t.Abstentions)) {
			why = append(why, fmt.Sprintf("%s %d", w, t.Abstentions[w]))
		}
		p("Abstentions by verdict: %s.", strings.Join(why, ", "))
		for _, r := range t.Reasons {
			p("* %d: %s", r.N, r.What)
		}
		p("")
	}
	if near := t.Near; near.N() > 0 {
		p("Nobody is held to near ties. %d of them were judged all the same: of those that would be failures of the code %d right, %d dismissed, %d abstained; of the environment's %d right, %d accused, %d abstained.",
			near.N(), near.Code.Right, near.Code.Wrong, near.Code.Abstained, near.Env.Right, near.Env.Wrong, near.Env.Abstained)
		p("")
	}
	for _, k := range []struct {
		truth Truth
		says  string
	}{{Either, "either alone"}, {Anyway, "neither"}} {
		if n := t.Apart[k.truth]; n != nil {
			p("Of what fails with %s the judge called %d the code's, %d the environment's, and %d neither.", k.says, n[0], n[1], n[2])
			p("")
		}
	}
	if n := len(t.Took); n > 0 {
		p("A run took, with its judgement, %.2g s in the middle, at most %.2g s in 99 of 100, and %.2g s at most.", t.Took[n/2], t.Took[(n-1)*99/100], t.Took[n-1])
		p("")
	}
	switch w := t.Worst; {
	case w.Bug == "":
	case w.Environment == "":
		p("Worst bug, as no cell with cases enough has an error: %s: of %d cases %d dismissed, %d accused, %d abstained.", w.Bug, w.Score.N(), w.Score.Dismissed(), w.Score.Accused(), w.Score.Abstained())
		p("")
	default:
		p("Worst cell: %s in %s: of %d cases %d dismissed, %d accused, %d abstained.", w.Bug, w.Environment, w.Score.N(), w.Score.Dismissed(), w.Score.Accused(), w.Score.Abstained())
		p("")
	}
	survivors := "none"
	if len(t.Survivors) > 0 {
		survivors = strings.Join(t.Survivors, ", ")
	}
	p("Survivors, bugs that no case triggers: %s.", survivors)
	if len(t.Undrawn) > 0 {
		p("")
		p("Bugs of which no case was played: %s.", strings.Join(t.Undrawn, ", "))
	}
	if missed := t.Missed(); len(missed) > 0 {
		p("")
		p("Targets missed: %s.", strings.Join(missed, "; "))
	}
	for _, o := range t.Errors {
		p("")
		p("* %v: %s, but was called %s: %s", o.Case, o.Truth, o.Verdict, clip(o.Reason))
	}
	return b.Bytes()
}

func (t Table) row(b *bytes.Buffer, who string, s Score) {
	low, high := s.MacroF1Interval()
	fmt.Fprintf(b, "| %s | %d · **%d** · %d | %d · %d · %d | %s, %s | %s, %s | %.3f (%.3f–%.3f) |\n", who,
		s.Code.Right, s.Code.Wrong, s.Code.Abstained, s.Env.Right, s.Env.Wrong, s.Env.Abstained,
		s.Precision(true), s.Recall(true), s.Precision(false), s.Recall(false), s.MacroF1(), low, high)
}

// String is the share in per cent, with its interval.
func (s Share) String() string {
	if s.N == 0 {
		return "none"
	}
	low, high := s.Wilson()
	return fmt.Sprintf("%.1f %% (%.1f–%.1f)", 100*s.Value(), 100*low, 100*high)
}

// truths tells how many cases there are of each.
func (t Table) truths() string {
	var all []string
	for _, k := range []struct {
		truth Truth
		says  string
	}{
		{Code, "%d fail only with the bug"}, {Environment, "%d only in the injected environment"}, {Either, "%d with either alone"},
		{Anyway, "%d anyway"}, {Quiet, "%d don't fail"}, {NotInjected, "in %d a fault found no occasion"}, {Marginal, "%d are near ties"}, {Fallen, "%d stood still or crashed"},
	} {
		if n := t.Truths[k.truth]; n > 0 {
			all = append(all, fmt.Sprintf(k.says, n))
		}
	}
	return strings.Join(all, ", ")
}

// part is what the table of a world is called in a page.
func part(world string) string { return "the table of the " + world + " world, by butfor matrix" }

// Into writes the table into a page, in place of the one of its world.
func (t Table) Into(path string) error { return page.Write(path, part(t.World), t.Markdown()) }

// CheckPage says whether a table of a world can be written into a page.
func CheckPage(path, world string) error {
	_, err := page.Read(path, part(world))
	return err
}

func clip(s string) string {
	const most = 300 // bytes
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
