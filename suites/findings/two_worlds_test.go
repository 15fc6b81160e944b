//go:build linux

package findings_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// agree holds a run in the process world against its replay in the virtual one,
// under the load that the run met: the same callers must be served, the same time
// out, after the same times (see scenario.Comparison). That they do not is the
// lab's fault, unless the recording leaves it in doubt: how far it could be
// compared then goes into the tally. So does that of times: a pool that adapts to
// what it is given may come to the point of its decision a little sooner or later. Where
// real cores were shared out so unevenly that it came to another one, as ours may, no
// replay misses the same calls, and there is no verdict: that goes into the tally, too.
func agree(ctx context.Context, o harness.Outcome) {
	GinkgoHelper()
	name := o.Result.Record.Subject + ", " + o.Case.Variant
	a, err := harness.Agree(ctx, suiteT, o.Result, nil)
	Expect(err).NotTo(HaveOccurred(), name)
	AddReportEntry(name+", replayed", a.Reacting.String()+"; doubts: "+strings.Join(a.Doubts, "; "), ReportEntryVisibilityFailureOrVerbose)
	verdict := ""
	if undecided(o) {
		verdict = o.Result.Reason
	}
	worlds.add(o.Finding.ID+", "+name, a, verdict)
	adapted := verdict != "" && o.Result.Record.Subject == subject.Ours().Name
	if len(a.Doubts) == 0 && !adapted {
		Expect(a.Who).To(BeEmpty(), "%s: the worlds disagree", name)
	}
}

// worlds is the tally of all specs that have run.
var worlds tally

// A tally counts how far runs could be held against their replays, and judged.
type tally struct {
	all, quiet int      // quiet: nobody else wanted the machine
	who        int      // of all, those of which at least who was served could be compared
	abstained  []string // that could not be compared wholly, or judged, or took other times, and why
	unexcused  []string // of these, the quiet ones
}

// add takes a run; undecided is why there is no verdict on it, "" if there is one, or
// none was expected.
func (t *tally) add(name string, a harness.Agreement, undecided string) {
	t.all++
	if len(a.Who) == 0 || len(a.Doubts) == 0 {
		t.who++
	}
	if len(a.Outside) == 0 {
		t.quiet++
	}
	why := a.When
	if !a.Ok() && len(a.Doubts) > 0 { // else who was served is the spec's own matter
		why = slices.Concat(a.Differences(), a.Doubts)
	}
	if undecided != "" {
		why = slices.Concat(why, []string{"no verdict: " + undecided})
	}
	if len(why) == 0 {
		return
	}
	said := name + ": " + strings.Join(why, "; ")
	t.abstained = append(t.abstained, said)
	if len(a.Outside) == 0 {
		t.unexcused = append(t.unexcused, said)
	}
}

// What must have been compared for the worlds to be said to agree.
const (
	leastWho      = 2  // one case of so many, in who was served: below that the machine is too busy to say
	mostUnexcused = 10 // one case of so many, or one, may be in doubt though nobody else wanted the machine
)

func (t *tally) String() string {
	s := fmt.Sprintf("%d of %d cases wholly, %d at least in who was served; %d of them while nobody else wanted the machine", t.all-len(t.abstained), t.all, t.who, t.quiet)
	return strings.Join(append([]string{s}, t.abstained...), "\n")
}

// enough says why too little was compared to say anything, or that too much was in
// doubt though nobody else wanted the machine; both are "" if enough was compared.
func (t *tally) enough() (skip, fail string) {
	if n := len(t.unexcused); n > max(1, t.quiet/mostUnexcused) {
		return "", fmt.Sprintf("%d of %d cases could not be compared or judged, or took other times, though nobody else wanted the machine:\n%s", n, t.quiet, strings.Join(t.unexcused, "\n"))
	}
	if n := len(t.abstained); t.who*leastWho < t.all {
		return fmt.Sprintf("%d of %d cases could not be compared or judged, %d of them because others wanted the machine:\n%s", n, t.all, n-len(t.unexcused), strings.Join(t.abstained, "\n")), ""
	}
	return "", ""
}

// aloneAsClaimed says whether a run that came out otherwise than claimed would
// have come out so on a machine that does nothing else: then nobody is at fault
// but the others on this one.
func aloneAsClaimed(ctx context.Context, o harness.Outcome) bool {
	GinkgoHelper()
	if len(o.Result.Record.Others) > 0 && o.Beside != "" {
		return true // what these met no replay shows
	}
	r := alone(ctx, o)
	if sound := o.Case.Expected == scenario.Sound; o.Case.Expected != "" && sound != (r.Record.Misses() == 0) {
		return false
	}
	who, _ := o.Finding.Otherwise(o.Place, o.Case, o.Unit, r.Record)
	return len(who) == 0
}

// alone is the run's replay on a machine that does nothing else. Its other pools are not
// played again: they are as they were.
func alone(ctx context.Context, o harness.Outcome) harness.Replayed {
	GinkgoHelper()
	r, err := harness.Replay(ctx, suiteT, o.Result, harness.Replaying{Alone: true})
	Expect(err).NotTo(HaveOccurred(), "%s, %s", o.Result.Record.Subject, o.Case.Variant)
	r.Record.Others = o.Result.Record.Others
	return r
}

// between holds a finding's runs against each other, as far as what is claimed between
// them hangs on no times. It says what came out otherwise only because of the load on
// the machine; "" if nothing did.
func between(ctx context.Context, outcomes []harness.Outcome) (unclear string) {
	GinkgoHelper()
	f, unit := outcomes[0].Finding, outcomes[0].Unit
	had, replayed := map[int]harness.Outcome{}, make([]*scenario.Record, len(f.Cases(unit)))
	records := slices.Clone(replayed)
	for _, o := range outcomes {
		had[o.Place], records[o.Place] = o, o.Result.Record
	}
	for _, p := range f.Between() {
		problems := p.Problems(unit, records)
		if p.Times || len(problems) == 0 {
			continue
		}
		for _, n := range p.Of {
			replayed[n] = alone(ctx, had[n]).Record
		}
		Expect(p.Problems(unit, replayed).Texts()).To(BeEmpty(), "between its cases, and without the load on the machine too: %s", strings.Join(problems.Texts(), "; "))
		unclear = strings.Join(problems.Texts(), "; ") + "; without the load on the machine their replays are as claimed"
	}
	return unclear
}

func TestTheWorldsAreComparedOrItIsSaidWhyNot(t *testing.T) {
	doubt, busy, differ := []string{"a doubt"}, []string{"others"}, []string{"a difference"}
	same := harness.Agreement{}
	sameInDoubt := harness.Agreement{Doubts: doubt, Outside: busy}
	late := harness.Agreement{Doubts: doubt, When: differ}
	lateBeside := harness.Agreement{Doubts: doubt, When: differ, Outside: busy}
	others := harness.Agreement{Doubts: doubt, Who: differ}
	othersBeside := harness.Agreement{Doubts: doubt, Who: differ, Outside: busy}
	times := func(n int, a harness.Agreement) (as []harness.Agreement) {
		for range n {
			as = append(as, a)
		}
		return as
	}
	for _, c := range []struct {
		name       string
		of         [][]harness.Agreement
		skip, fail string
		undecided  string
	}{
		{"nothing", nil, "", "", ""},
		{"all the same", [][]harness.Agreement{times(20, same)}, "", "", ""},
		{"a doubt that did not matter", [][]harness.Agreement{times(20, sameInDoubt)}, "", "", ""},
		{"one in doubt on a quiet machine, and no other", [][]harness.Agreement{{others}}, "1 of 1 cases could not be compared or judged, 0 of them because", "", ""},
		{"one of ten", [][]harness.Agreement{times(18, same), times(2, late)}, "", "", ""},
		{"more than one of ten", [][]harness.Agreement{times(17, same), times(3, late)}, "", "3 of 20 cases could not be compared or judged, or took other times, though nobody else wanted the machine:\nx: a difference; a doubt", ""},
		{"busy ones are no quiet ones", [][]harness.Agreement{times(17, sameInDoubt), times(2, others)}, "", "2 of 2", ""},
		{"times alone, beside others", [][]harness.Agreement{times(20, lateBeside)}, "", "", ""},
		{"half, beside others", [][]harness.Agreement{times(10, lateBeside), times(10, othersBeside)}, "", "", ""},
		{"less than half, beside others", [][]harness.Agreement{times(9, same), times(10, othersBeside)}, "10 of 19 cases could not be compared or judged, 10 of them because others wanted the machine:\nx: a difference; a doubt", "", ""},
		{"a disagreement is the other spec's", [][]harness.Agreement{times(2, harness.Agreement{Who: differ})}, "", "", ""},
		{"times without a doubt, once", [][]harness.Agreement{{{When: differ}}}, "", "", ""},
		{"times without a doubt, thrice", [][]harness.Agreement{times(3, harness.Agreement{When: differ})}, "", "3 of 3 cases could not be compared or judged, or took other times, though nobody else wanted the machine:\nx: a difference", ""},
		{"no verdict, once", [][]harness.Agreement{{same}}, "", "", "starved"},
		{"no verdict, thrice", [][]harness.Agreement{times(3, same)}, "", "3 of 3 cases could not be compared or judged, or took other times, though nobody else wanted the machine:\nx: no verdict: starved", "starved"},
		{"no verdict, beside others", [][]harness.Agreement{times(3, sameInDoubt)}, "", "", "starved"},
	} {
		var all tally
		for _, as := range c.of {
			for _, a := range as {
				all.add("x", a, c.undecided)
			}
		}
		skip, fail := all.enough()
		if (skip == "") != (c.skip == "") || !strings.Contains(skip, c.skip) || (fail == "") != (c.fail == "") || !strings.Contains(fail, c.fail) {
			t.Errorf("%s: skip %q, fail %q; want %q and %q", c.name, skip, fail, c.skip, c.fail)
		}
	}
}
