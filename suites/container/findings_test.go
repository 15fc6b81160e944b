//go:build linux

package container_test

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	world "github.com/butfor/butfor/harness/world/container"
)

// Only what hangs on no time is looked at: a caller who is discarded is so on any
// machine.
var _ = Describe("findings in containers", Serial, Label("world", "findings"), func() {
	BeforeEach(func() { DeferCleanup(world.Dismiss) })

	It("cold-start-timeouts: V2-seed discards whoever asks during a start, and ours nobody", func(ctx SpecContext) {
		found, err := findings.Find("cold-start-timeouts")
		Expect(err).NotTo(HaveOccurred())
		f := found[0]
		all := f.Cases
		f.Cases = func(u findings.Unit) []findings.Case {
			return slices.DeleteFunc(all(u), func(c findings.Case) bool { return c.Variant != "deadline 5 boots" || c.Scenario.Subject.Name == "V1" })
		}
		lab := harness.Lab{World: world.Name, T: suiteT, Boot: 100 * time.Millisecond}
		outcomes, err := lab.Reproduce(ctx, []findings.Finding{f})
		Expect(err).NotTo(HaveOccurred())
		served := map[string]int{}
		for _, o := range outcomes {
			name, r := o.Case.Scenario.Subject.Name, o.Result
			AddReportEntry(name, string(r.Word)+": "+r.Reason)
			served[name] = len(r.Record.Served())
			if name == "ours" {
				Expect(r.Word).To(Equal(scenario.Sound), r.Reason)
			} else { // beside others it may be inconclusive
				Expect(r.Word).NotTo(BeElementOf(scenario.Sound, scenario.Environmental, scenario.Infeasible), r.Reason)
			}
		}
		Expect(served).To(Equal(map[string]int{"V2-seed": 1, "ours": 4}))
	})
})
