//go:build linux

// Package findings_test puts the catalogue to the test, each finding a spec: in
// virtual time, and on real Python workers. Of these it looks at who was served
// and at verdicts, never at times, so that it says the same on a machine of any
// speed.
package findings_test

import (
	"cmp"
	"context"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/internal/leftover"
)

func TestFindings(t *testing.T) {
	RegisterFailHandler(Fail)
	suiteT, lab.T, hogged.T = t, t, t // a verdict may need a replay
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

// The lab, and that of findings beside hogs.
var lab, hogged = harness.Lab{Boot: boot}, harness.Lab{Boot: harness.DefaultBoot}

var _ = BeforeSuite(func() { ginkgos = append(ginkgos, goleak.IgnoreCurrent()) })

var _ = AfterSuite(func() {
	Expect(leftover.Check(ginkgos...)).To(Succeed(), "something is left behind")
})

// boot is shorter than the lab's: no figure hangs on it here. Beside hogs it would be
// too short: what the model of cores is off, some tens of milliseconds, would leave the
// verdict open.
const boot = 100 * time.Millisecond

// labOf is where a finding is reproduced.
func labOf(f findings.Finding) *harness.Lab {
	for _, c := range f.Cases(findings.Demands(boot, 2)) {
		for _, r := range c.Scenario.Faults {
			if _, ok := r.Fault.(faults.CPUHogs); ok {
				return &hogged
			}
		}
	}
	return &lab
}

// measure has a lab know what its unit takes, once for all specs.
func measure(ctx context.Context, lab *harness.Lab) {
	GinkgoHelper()
	if lab.Unit != nil {
		return
	}
	unit, err := lab.Measure(ctx)
	Expect(err).NotTo(HaveOccurred())
	lab.Unit = &unit
}

// Serial: parallel processes of one test run would compete for the cores that
// the workers are measured on.
var _ = Describe("findings in the process world", Serial, Ordered, ContinueOnFailure, Label("process"), func() {
	for _, f := range findings.In("process") {
		labels := Label(f.ID)
		if f.ID == "timeouts-increased" {
			labels = append(labels, "slow")
		}
		It(f.ID+": "+f.Truth, labels, func(ctx SpecContext) {
			if err := f.Missing("process"); err != nil {
				Skip(err.Error())
			}
			lab := labOf(f)
			measure(ctx, lab)
			outcomes, err := lab.Reproduce(ctx, []findings.Finding{f})
			Expect(err).NotTo(HaveOccurred())
			unclear := ""
			for _, o := range outcomes {
				name := o.Result.Record.Subject + " " + o.Case.Variant
				AddReportEntry(name, string(o.Result.Word)+": "+o.Result.Reason, ReportEntryVisibilityFailureOrVerbose)
				who := o.Who
				if o.Beside != "" || undecided(o) { // a verdict may hang on time; who was served does not
					if who, _ = o.Finding.Otherwise(o.Place, o.Case, o.Unit, o.Result.Record); len(who) < len(o.Who) {
						unclear = name + ": " + cmp.Or(o.Beside, o.Result.Reason)
					}
				}
				if len(who) > 0 && modelled(f) && aloneAsClaimed(ctx, o) {
					unclear = name + ": " + strings.Join(who.Texts(), "; ") + "; without the load on the machine its replay is as claimed"
					continue
				}
				Expect(who.Texts()).To(BeEmpty(), "%s: %s", name, o.Result.Reason)
			}
			if other := between(ctx, outcomes); other != "" {
				unclear = other
			}
			for _, o := range outcomes {
				if modelled(f) {
					agree(ctx, o)
				}
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

// modelled says whether models show the finding too, so that a run of it can be
// replayed.
func modelled(f findings.Finding) bool { return f.Unmodelled == "" }

// undecided says whether there is no verdict where one is expected: no fault of the
// subject's. How many there may be is the tally's matter.
func undecided(o harness.Outcome) bool {
	return o.Result.Word == scenario.Inconclusive && o.Case.Expected != "" && o.Case.Expected != scenario.Inconclusive
}
