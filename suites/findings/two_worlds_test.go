//go:build linux

package findings_test

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
)

// agree holds a run in the process world against its replay in the virtual one,
// under the load that the run met: the same callers must be served, the same time
// out, after the same times (see scenario.Comparison). That they do not is the
// lab's fault, unless the recording leaves it in doubt: then it gives the doubts.
func agree(ctx context.Context, o harness.Outcome) (abstained string) {
	GinkgoHelper()
	a, err := harness.Agree(ctx, suiteT, o.Result)
	Expect(err).NotTo(HaveOccurred(), "%s, %s", o.Result.Record.Subject, o.Case.Variant)
	AddReportEntry(o.Result.Record.Subject+" "+o.Case.Variant+", replayed", a.Reacting.String()+"; doubts: "+strings.Join(a.Doubts, "; "), ReportEntryVisibilityFailureOrVerbose)
	if !a.Ok() && len(a.Doubts) > 0 {
		return o.Result.Record.Subject + ", " + o.Case.Variant + ": " + strings.Join(append(a.Differences, a.Doubts...), "; ")
	}
	Expect(a.Differences).To(BeEmpty(), "%s, %s: the worlds disagree", o.Result.Record.Subject, o.Case.Variant)
	return ""
}

// aloneAsClaimed says whether a run that came out otherwise than claimed would
// have come out so on a machine that does nothing else: then nobody is at fault
// but the others on this one.
func aloneAsClaimed(ctx context.Context, o harness.Outcome) bool {
	GinkgoHelper()
	r, err := harness.Replay(ctx, suiteT, o.Result, harness.Replaying{Alone: true})
	Expect(err).NotTo(HaveOccurred(), "%s, %s", o.Result.Record.Subject, o.Case.Variant)
	if sound := o.Case.Expected == scenario.Sound; o.Case.Expected != "" && sound != (r.Record.Misses() == 0) {
		return false
	}
	return len(o.Case.Accept.Who(r.Record)) == 0
}
