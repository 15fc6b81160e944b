//go:build linux

package findings_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/world/virtual"
)

// suiteT is the suite's own: a bubble asks for a *testing.T.
var suiteT *testing.T

// The same findings in virtual time. There a machine's speed is no matter, so the
// times are looked at too, and a second run must be the first again.
var _ = Describe("findings in the virtual world", Label("virtual"), func() {
	for _, f := range findings.In(virtual.Name) {
		It(f.ID+": "+f.Truth, Label(f.ID), func(ctx SpecContext) {
			lab := harness.Lab{World: virtual.Name, T: suiteT, Seeds: 20} // the rest is the lab's own test
			outcomes, err := lab.Reproduce(ctx, []findings.Finding{f})
			Expect(err).NotTo(HaveOccurred())
			again, err := lab.Reproduce(ctx, []findings.Finding{f})
			Expect(err).NotTo(HaveOccurred())
			Expect(again).To(HaveLen(len(outcomes)))
			for i, o := range outcomes {
				AddReportEntry(o.Result.Record.Subject+" "+o.Case.Variant, string(o.Result.Word)+": "+o.Result.Reason, ReportEntryVisibilityFailureOrVerbose)
				Expect(o.Problems().Texts()).To(BeEmpty(), "%s, %s: %s", o.Result.Record.Subject, o.Case.Variant, o.Result.Reason)
				Expect(again[i].Result.Hash).To(Equal(o.Result.Hash), "%s, %s: a second run took another course", o.Result.Record.Subject, o.Case.Variant)
			}
		})
	}
})
