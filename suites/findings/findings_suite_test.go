//go:build linux

// Package findings_test puts the catalogue to the test, each finding a spec: in
// virtual time, and on real Python workers. Of these it looks at who was served
// and at verdicts, never at times, so that it says the same on a machine of any
// speed.
package findings_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/internal/leftover"
)

func TestFindings(t *testing.T) {
	RegisterFailHandler(Fail)
	suiteT, lab.T = t, t // a verdict may need a replay
	suite, reporter := GinkgoConfiguration()
	if testing.Short() {
		suite.LabelFilter = joined(suite.LabelFilter, "!slow")
	}
	RunSpecs(t, "Findings", suite, reporter)
}

func joined(filter, and string) string {
	if filter == "" {
		return and
	}
	return "(" + filter + ") && " + and
}

// ginkgos are the runner's own goroutines. With -p it begins one for each spec
// besides, which takes what is written.
var ginkgos = []goleak.Option{goleak.IgnoreAnyFunction("github.com/onsi/ginkgo/v2/internal.(*genericOutputInterceptor).ResumeIntercepting.func1"),
	goleak.IgnoreAnyFunction("github.com/onsi/ginkgo/v2/internal.(*genericOutputInterceptor).ResumeIntercepting.func1.1")}

var lab = harness.Lab{Boot: boot}

var _ = BeforeSuite(func() { ginkgos = append(ginkgos, goleak.IgnoreCurrent()) })

var _ = AfterSuite(func() {
	Expect(leftover.Check(ginkgos...)).To(Succeed(), "something is left behind")
})

// boot is shorter than the lab's: no figure hangs on it here.
const boot = 100 * time.Millisecond

// Serial: parallel processes of one test run would compete for the cores that
// the workers are measured on.
var _ = Describe("findings in the process world", Serial, Ordered, ContinueOnFailure, Label("process"), func() {
	BeforeEach(func(ctx SpecContext) {
		if lab.Unit == nil { // once for all specs
			unit, err := lab.Measure(ctx)
			Expect(err).NotTo(HaveOccurred())
			lab.Unit = &unit
		}
	})
	for _, f := range findings.In("process") {
		labels := Label(f.ID)
		if f.ID == "timeouts-increased" {
			labels = append(labels, "slow")
		}
		It(f.ID+": "+f.Truth, labels, func(ctx SpecContext) {
			outcomes, err := lab.Reproduce(ctx, []findings.Finding{f})
			Expect(err).NotTo(HaveOccurred())
			unclear := ""
			for _, o := range outcomes {
				name := o.Result.Record.Subject + " " + o.Case.Variant
				AddReportEntry(name, string(o.Result.Word)+": "+o.Result.Reason, ReportEntryVisibilityFailureOrVerbose)
				who := o.Who
				if o.Beside != "" || unsure(o) { // a verdict may hang on time; who was served does not
					if who = o.Case.Accept.Who(o.Result.Record); len(who) < len(o.Who) {
						unclear = name + ": " + cmp.Or(o.Beside, o.Result.Reason)
					}
				}
				if len(who) > 0 && aloneAsClaimed(ctx, o) {
					unclear = name + ": " + strings.Join(who.Texts(), "; ") + "; without the load on the machine its replay is as claimed"
					continue
				}
				Expect(who.Texts()).To(BeEmpty(), "%s: %s", name, o.Result.Reason)
			}
			for _, o := range outcomes {
				agree(ctx, o)
			}
			if unclear != "" {
				Skip("the machine is too busy to say of all: " + unclear)
			}
		}, SpecTimeout(5*time.Minute))
	}
	It("and their replays agree, on a machine that does nothing else in nearly all cases", func() {
		AddReportEntry("compared", worlds.String(), ReportEntryVisibilityAlways)
		skip, fail := worlds.enough()
		Expect(fail).To(BeEmpty())
		if skip != "" {
			Skip(skip)
		}
	})
})

// unsure says whether the verdict says nothing because of what else the machine did:
// the lab's own timers were late, or others wanted the CPUs.
func unsure(o harness.Outcome) bool {
	return o.Result.Word == scenario.Inconclusive &&
		(strings.Contains(o.Result.Reason, "the harness itself was starved") || o.Result.Record.Environment.Outside() != nil)
}
