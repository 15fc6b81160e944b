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

// Only what hangs on no time is looked at, as a caller who is discarded and a worker that
// is lost do, or on half a second: who gets the worker in doubt must come before its reply.
var _ = Describe("findings in containers", Serial, Label("world", "findings"), func() {
	BeforeEach(func() { DeferCleanup(world.Dismiss) })

	DescribeTable("a historical pool is called neither sound nor a victim, and ours is sound", func(ctx SpecContext, id string, chosen func(findings.Case) bool, boot time.Duration, callers int, served OmegaMatcher) {
		found, err := findings.Find(id)
		Expect(err).NotTo(HaveOccurred())
		f := found[0]
		Expect(f.Worlds).To(ContainElement(world.Name))
		all := f.Cases
		f.Cases = func(u findings.Unit) []findings.Case {
			return slices.DeleteFunc(all(u), func(c findings.Case) bool { return !chosen(c) })
		}
		lab := harness.Lab{World: world.Name, T: suiteT, Boot: boot}
		outcomes, err := lab.Reproduce(ctx, []findings.Finding{f})
		Expect(err).NotTo(HaveOccurred())
		Expect(outcomes).To(HaveLen(2), "a historical pool and ours")
		for _, o := range outcomes {
			name, r := o.Case.Scenario.Subject.Name, o.Result
			AddReportEntry(name, string(r.Word)+": "+r.Reason)
			if name == "ours" {
				Expect(r.Word).To(Equal(scenario.Sound), r.Reason)
				Expect(r.Record.Served()).To(HaveLen(callers))
			} else { // beside others it may be inconclusive
				Expect(r.Word).NotTo(BeElementOf(scenario.Sound, scenario.Environmental, scenario.Infeasible), r.Reason)
				Expect(len(r.Record.Served())).To(served, name)
			}
		}
	},
		Entry("cold-start-timeouts: V2-seed discards whoever asks during a start", "cold-start-timeouts",
			func(c findings.Case) bool { return c.Variant == "deadline 5 boots" && c.Scenario.Subject.Name != "V1" },
			100*time.Millisecond, 4, Equal(1)),
		Entry("long-lived-workers: V2-seed's worker dies with its client, and the pool with the next check-out", "long-lived-workers",
			func(c findings.Case) bool { return c.Variant == "" && c.Scenario.Subject.Name != "V1" },
			100*time.Millisecond, 20, BeNumerically("<", 20)),
		Entry("late-reply: V2-last gives back a worker that still computes", "late-reply",
			func(c findings.Case) bool { return c.Variant == "" },
			500*time.Millisecond, 3, Equal(1)),
	)
})
