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

// Of times nothing is held against what is claimed. What is claimed hangs on no time, as a
// caller who is discarded and a worker that is lost do, or on half a second, as who gets the
// worker in doubt does, who must come before its reply.
//
// They are best run alone: beside others our pool may be late, for which it is not to blame.
var _ = Describe("findings in containers", Serial, Label("world", "findings", "alone"), func() {
	BeforeEach(func() { DeferCleanup(world.Dismiss) })

	// first are the cases of a finding's first variant, all but those of V1.
	first := func(c findings.Case) bool { return c.Variant == "" && c.Scenario.Subject.Name != "V1" }

	DescribeTable("a historical pool is called neither sound nor a victim, and ours is sound", func(ctx SpecContext, id string, chosen func(findings.Case) bool, boot time.Duration, callers int, served OmegaMatcher) {
		for _, o := range reproduced(ctx, id, boot, chosen) {
			name, r := o.Case.Scenario.Subject.Name, o.Result
			switch alone := undisturbed(o); {
			case name == "ours" && alone:
				Expect(r.Word).To(Equal(scenario.Sound), r.Reason)
				Expect(r.Record.Served()).To(HaveLen(callers))
			case name == "ours":
				Expect(r.Word).NotTo(BeElementOf(scenario.Architectural, scenario.Overdetermined), r.Reason)
			default: // beside others it may be inconclusive
				Expect(r.Word).NotTo(BeElementOf(scenario.Sound, scenario.Environmental, scenario.Infeasible), r.Reason)
				Expect(len(r.Record.Served())).To(served, name)
			}
		}
	},
		Entry("cold-start-timeouts: V2-seed discards whoever asks during a start", "cold-start-timeouts",
			func(c findings.Case) bool { // with room for starts beside others
				return c.Variant == "deadline 30 boots" || c.Variant == "their fix alone: deadline 30 boots"
			},
			100*time.Millisecond, 4, Equal(1)),
		Entry("long-lived-workers: V2-seed's worker dies with its client, and the pool with the next check-out", "long-lived-workers",
			first, 100*time.Millisecond, 20, BeNumerically("<", 20)),
		Entry("late-reply: V2-last gives back a worker that still computes", "late-reply",
			first, 500*time.Millisecond, 3, Equal(1)),
		Entry("killed-for-memory: Snakepit has lost the place of who was killed", "killed-for-memory",
			first, 500*time.Millisecond, 2, Equal(0)),
		Entry("thawed-worker: V2-last gives back a worker that is paused", "thawed-worker",
			first, 500*time.Millisecond, 2, BeNumerically("<", 2)),
	)

	// These hang on times. Where somebody else wants the CPUs starts are longer when they are
	// measured, and with them deadlines in starts, so that much may be right; but our pool is
	// not at fault. The herd's verdict hangs on how the kernel serves it, too.
	DescribeTable("who is to blame is not taken for another", func(ctx SpecContext, sure bool, id string, boot time.Duration, chosen func(findings.Case) bool) {
		for _, o := range reproduced(ctx, id, boot, chosen) {
			name, why := o.Case.Scenario.Subject.Name, o.Case.Variant+": "+o.Result.Reason+"; "+o.Beside
			switch {
			case undisturbed(o) && sure:
				Expect(o.Result.Word).To(Equal(o.Case.Expected), name+", "+why)
			case undisturbed(o):
				Expect(o.Result.Word).To(BeElementOf(o.Case.Expected, scenario.Inconclusive), name+", "+why)
			case name == "ours":
				Expect(o.Result.Word).NotTo(BeElementOf(scenario.Architectural, scenario.Overdetermined), why)
			}
		}
	},
		Entry("serial-start", true, "serial-start", 500*time.Millisecond, func(c findings.Case) bool {
			return c.Variant == "starts wait" && c.Scenario.Subject.Name != "V1"
		}),
		Entry("self-made-contention", false, "self-made-contention", 2*time.Second, func(c findings.Case) bool {
			return c.Variant == "" && c.Scenario.Subject.Name != "V2-seed"
		}),
		Entry("starved-by-quota", true, "starved-by-quota", 500*time.Millisecond, func(findings.Case) bool { return true }),
	)
})

// undisturbed says whether nobody was seen to want the CPUs but the run, and its engine: who
// did would have had the starts that are measured wait, or been recorded.
func undisturbed(o harness.Outcome) bool {
	const engine, stolen = 1.5, 0.05
	wanted, lost := o.Result.Record.Environment.Wanted()
	return o.Beside == "" && wanted < engine && lost < stolen && o.Unit.Waited < o.Unit.Computes/10
}

// units are those that were measured, by what a start asked for.
var units = map[time.Duration]*findings.Unit{}

// reproduced are the outcomes of those cases of a finding which containers show and are
// chosen. Each is told in the report.
func reproduced(ctx SpecContext, id string, boot time.Duration, chosen func(findings.Case) bool) []harness.Outcome {
	GinkgoHelper()
	found, err := findings.Find(id)
	Expect(err).NotTo(HaveOccurred())
	f := found[0]
	Expect(f.Worlds).To(ContainElement(world.Name))
	all := f.Cases
	f.Together = nil // it tells cases by their places
	f.Cases = func(u findings.Unit) []findings.Case {
		return slices.DeleteFunc(all(u), func(c findings.Case) bool {
			return !slices.Contains(f.WorldsOf(c), world.Name) || !chosen(c)
		})
	}
	lab := harness.Lab{World: world.Name, T: suiteT, Boot: boot}
	if units[boot] == nil { // it takes six starts
		unit, err := lab.Measure(ctx)
		Expect(err).NotTo(HaveOccurred())
		units[boot] = &unit
	}
	lab.Unit = units[boot]
	outcomes, err := lab.Reproduce(ctx, []findings.Finding{f})
	Expect(err).NotTo(HaveOccurred())
	Expect(len(outcomes)).To(BeNumerically(">=", 2), "a historical pool and ours")
	for _, o := range outcomes {
		Expect(o.When).To(BeEmpty(), "the engine takes its part of each start")
		AddReportEntry(o.Case.Scenario.Subject.Name+" "+o.Case.Variant, string(o.Result.Word)+": "+o.Result.Reason)
	}
	return outcomes
}
