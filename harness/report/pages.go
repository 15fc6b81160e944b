package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
)

// A Reproduction is how a finding shows itself in one pool, under many seeds.
type Reproduction struct {
	Line            // of the first seed
	Worlds []string // that show it
	Seeds  int      // that were tried
	Showed int      // ... and came out as claimed
	Record *scenario.Record
}

// TrackRecord is the table of all findings with the pools that they are about, as
// they came out at a commit.
func TrackRecord(all []Reproduction, commit string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "At commit %s, in virtual time, and what no models show once on real workers; the seconds are those of one run with its verdict.\n\n", commit)
	b.WriteString("| finding | what happens | pool | worlds | verdict | seeds that show it | seconds |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for i, r := range all {
		finding, truth := "`"+r.Finding+"`", cell(r.Truth)
		if i > 0 && all[i-1].Finding == r.Finding { // said above
			finding, truth = "", ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d of %d | %.2g |\n",
			finding, truth, cell(findings.Name(r.Subject, r.Variant)), strings.Join(r.Worlds, ", "), verdictCell(r), r.Showed, r.Seeds, max(r.Seconds, 0.01))
	}
	return b.Bytes()
}

// verdictCell is what is claimed of a case where that came out, and else what did. The
// figures of real workers are others each time.
func verdictCell(r Reproduction) string {
	l := r.Line
	switch {
	case l.Verdict != l.Expected:
		return fmt.Sprintf("**%s**, expected %s", l.Verdict, l.Expected)
	case l.Judged != "" && slices.Contains(r.Worlds, "virtual"):
		return string(l.Verdict) + ": " + cell(l.Figure)
	}
	return string(l.Verdict)
}

// ofRun is the judge's word on the run.
func ofRun(l Line) scenario.Word { return cmp.Or(l.Judged, l.Verdict) }

// What there is to say of a sentence while the findings that it rests on don't say it.
const (
	notYet       findings.Holding = "not measured yet"
	notAsClaimed findings.Holding = "not as claimed"
)

// Claims is the page of what the two reports said, with the figures of the cases that
// speak for each sentence and against it, by their first seed.
func Claims(sentences []findings.Sentence, all []Reproduction, commit string) []byte {
	var b bytes.Buffer
	counts := map[findings.Holding]int{}
	for _, s := range sentences {
		counts[holding(s, all)]++
	}
	fmt.Fprintf(&b, "Of %d sentences %d are refuted, %d hold in part, %d hold, %d came out otherwise than claimed, %d are not measured yet; %d speak of nothing that can be measured. At commit %s, in virtual time.\n",
		len(sentences), counts[findings.Refuted], counts[findings.HoldsInPart], counts[findings.Holds], counts[notAsClaimed], counts[notYet], counts[findings.Unmeasured], commit)
	last := ""
	for _, s := range sentences {
		if s.Report != last {
			fmt.Fprintf(&b, "\n## %s\n\n| section | it says | does it hold | what happens | figure |\n| --- | --- | --- | --- | --- |\n", s.Report)
			last = s.Report
		}
		holds := holding(s, all)
		fmt.Fprintf(&b, "| %s | “%s” | %s | %s | %s |\n", s.Section, cell(s.Quote), holds, cell(happens(s, holds, all)), cell(figures(s, all)))
	}
	return b.Bytes()
}

// holding is what its cases say of a sentence: nothing where one of them was not played,
// or where something of their findings came out otherwise than claimed under any seed.
func holding(s findings.Sentence, all []Reproduction) findings.Holding {
	for _, c := range s.Cases() {
		if find(all, c) == nil {
			return notYet
		}
	}
	if len(otherwise(s, all)) > 0 {
		return notAsClaimed
	}
	return s.Holds()
}

// otherwise are the cases of a sentence's findings that did not always come out as
// claimed: each of those findings is taken as a whole, as what it claims between its
// cases stands with any of them.
func otherwise(s findings.Sentence, all []Reproduction) (some []Reproduction) {
	of := about(s)
	for _, r := range all {
		if r.Showed < r.Seeds && slices.Contains(of, r.Finding) {
			some = append(some, r)
		}
	}
	return some
}

// about are the findings that a sentence rests on.
func about(s findings.Sentence) (ids []string) {
	for _, c := range s.Cases() {
		if !slices.Contains(ids, c.Finding) {
			ids = append(ids, c.Finding)
		}
	}
	return ids
}

func find(all []Reproduction, c findings.Shown) *Reproduction {
	i := slices.IndexFunc(all, func(r Reproduction) bool {
		return findings.Shown{Finding: r.Finding, Subject: r.Subject, Variant: r.Variant} == c
	})
	if i < 0 {
		return nil
	}
	return &all[i]
}

// happens is what happens in place of what a sentence says, with the findings that show
// it and what of their figures is set; of one that does not hold as claimed, what came out otherwise.
func happens(s findings.Sentence, holds findings.Holding, all []Reproduction) string {
	ids := about(s)
	for i, id := range ids {
		ids[i] = "`" + id + "`"
		if r := slices.IndexFunc(all, func(r Reproduction) bool { return r.Finding == id }); r >= 0 && all[r].Set != "" {
			ids[i] += ", where it is set, not measured, " + all[r].Set
		}
	}
	of := strings.Join(ids, ", ")
	switch holds {
	case findings.Unmeasured:
		return ""
	case notYet:
		return of
	case notAsClaimed:
		var said []string
		for _, r := range otherwise(s, all) {
			said = append(said, fmt.Sprintf("`%s`, %s: as claimed under %d of %d seeds", r.Finding, findings.Name(r.Subject, r.Variant), r.Showed, r.Seeds))
		}
		return strings.Join(said, "; ")
	}
	return fmt.Sprintf("%s (%s)", s.Happens, of)
}

// ours is our pool, which stands beside the others wherever it was played with them.
const ours = "ours"

// figures are what the cases for a sentence and against it showed, and what our pool did
// in their place.
func figures(s findings.Sentence, all []Reproduction) string {
	figure := func(c findings.Shown) string {
		r := find(all, c)
		if r == nil {
			return ""
		}
		pool := r.Subject
		if r.Variant != "" {
			pool += " (" + r.Variant + ")"
		}
		if len(about(s)) > 1 {
			pool = "`" + c.Finding + "` " + pool
		}
		return fmt.Sprintf("%s %s: %s", pool, r.Figure, ofRun(r.Line))
	}
	var beside []findings.Shown
	for _, c := range s.Cases() {
		if c.Subject = ours; !slices.Contains(beside, c) {
			beside = append(beside, c)
		}
	}
	var sides []string
	for _, side := range []struct {
		name  string
		cases []findings.Shown
	}{{"for it", s.For}, {"against it", s.Against}, {"beside", beside}} {
		var said []string
		for _, c := range side.cases {
			if f := figure(c); f != "" {
				said = append(said, f)
			}
		}
		if len(said) > 0 {
			sides = append(sides, side.name+": "+strings.Join(said, "; "))
		}
	}
	return strings.Join(sides, "<br>")
}

// Settings is a table of a finding's variants by its pools.
func Settings(all []Reproduction) []byte {
	var variants, pools []string
	at := map[[2]string]Reproduction{}
	for _, r := range all {
		if !slices.Contains(variants, r.Variant) {
			variants = append(variants, r.Variant)
		}
		if !slices.Contains(pools, r.Subject) {
			pools = append(pools, r.Subject)
		}
		at[[2]string{r.Variant, r.Subject}] = r
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "| setting | %s |\n|%s\n", strings.Join(pools, " | "), strings.Repeat(" --- |", len(pools)+1))
	for _, v := range variants {
		fmt.Fprintf(&b, "| %s |", cell(v))
		for _, p := range pools {
			r := at[[2]string{v, p}]
			fmt.Fprintf(&b, " %s: %s |", cell(r.Figure), ofRun(r.Line))
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

// Lives is a table of what a finding's variants ask of the pools' workers: how many are
// started, when and how many at once, what their starts take, how many of them end, and
// with whom, for how long they live, and whether their pools are in each other's way.
func Lives(all []Reproduction) []byte {
	var b bytes.Buffer
	header := []string{"preset", "pool", "calls served", "workers started", "of them once calls came", "starts under way at once, at most", "a start takes, on average", "of that it waits for a CPU",
		"ended with the client that used them last", "ended otherwise", "lived, on average", "told that the name of their pool is taken", "verdict"}
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat(" --- |", len(header)))
	for _, r := range all {
		l := lives(r.Record)
		boots := func(d time.Duration) string { return fmt.Sprintf("%.1f boots", d.Seconds()/r.UnitS) }
		fmt.Fprintf(&b, "| %s | %s | %d of %d | %d | %d | %d | %s | %s | %d | %d | %s | %d | %s |\n", cell(r.Variant), r.Subject, len(r.Served), r.Calls,
			l.started, l.late, l.atOnce, boots(l.start), boots(l.delay), l.left, l.ended-l.left, boots(l.average), l.conflicts, ofRun(r.Line))
	}
	return b.Bytes()
}

// life is what became of the workers of a run until its workload was over.
type life struct {
	started      int
	late         int           // of them, once the first call had arrived
	atOnce       int           // starts that were under way at once, at most
	start, delay time.Duration // that one took until its hello, and waited for a CPU, on average
	ended        int
	left         int           // of them, with the client who used them last
	average      time.Duration // that they lived by then
	conflicts    int           // callers who were told that the name of their pool was taken
}

// atOneTime is how far apart a client and the worker that ends with him may be.
const atOneTime = time.Millisecond

func lives(r *scenario.Record) (l life) {
	over, ok := r.First(scenario.Probing)
	if !ok {
		over, _ = r.First(scenario.Close)
	}
	first, called := r.First(scenario.Arrive)
	workers := slices.DeleteFunc(r.Workers(), func(w scenario.Worker) bool { return w.Launched >= over.At })
	ready, left := 0, leftBehind(r)
	for _, w := range workers {
		l.started++
		if called && w.Launched >= first.At {
			l.late++
		}
		if w.Ready >= 0 {
			ready++
			l.start += w.Ready - w.Launched
			l.delay += w.Delay
		}
		under := 0 // when this one begins
		for _, o := range workers {
			if o.Launched <= w.Launched && startedBy(o, over.At) > w.Launched {
				under++
			}
		}
		l.atOnce = max(l.atOnce, under)
		end := over.At
		if w.Exited >= 0 && w.Exited < over.At {
			end = w.Exited
			l.ended++
			if left[w.ID] {
				l.left++
			}
		}
		l.average += end - w.Launched
	}
	l.start /= time.Duration(max(1, ready))
	l.delay /= time.Duration(max(1, ready))
	l.average /= time.Duration(max(1, l.started))
	for _, c := range r.Calls() {
		if strings.Contains(c.Err, "its name is taken") {
			l.conflicts++
		}
	}
	return l
}

// leftBehind are the workers that ended when the client did who had used them last.
func leftBehind(r *scenario.Record) map[string]bool {
	left, last, died := map[string]bool{}, map[string]string{}, map[string]time.Duration{}
	client := map[string]string{} // of a call
	for _, e := range r.Events {
		switch e.Kind {
		case scenario.Arrive:
			client[e.Call] = e.Client
		case scenario.Send:
			last[e.Worker] = client[e.Call]
		case scenario.ClientDied:
			died[e.Client] = e.At
		case scenario.Exit:
			at, dead := died[last[e.Worker]]
			left[e.Worker] = dead && e.At-at <= atOneTime
		}
	}
	return left
}

// startedBy is when the start of a worker was over, one way or another; at the latest
// when the run was.
func startedBy(w scenario.Worker, over time.Duration) time.Duration {
	switch {
	case w.Ready >= 0:
		return w.Ready
	case w.Exited >= 0:
		return w.Exited
	}
	return over
}

// cell is text as it may stand in a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", "\\|"), "\n", " ")
}
