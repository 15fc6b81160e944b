//go:build linux

package container_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	world "github.com/butfor/butfor/harness/world/container"
	"github.com/butfor/butfor/worker/wire"
)

// Each fault that a worker obeys fires in a container too, is no fault of the pool's, and
// leaves nothing behind.
var _ = Describe("faults in containers", Serial, Label("world", "faults"), func() {
	BeforeEach(func() { DeferCleanup(world.Dismiss) })

	refusals := map[faults.Refusal]string{"": "refused by a fault", faults.NoImage: "localhost:1", faults.NameTaken: "already in use", faults.NoThreads: ""} // in the words of who did
	first := faults.Target{Calls: []string{"c1.1"}}
	start := faults.Target{First: 1}
	DescribeTable("fire", func(ctx SpecContext, f faults.Fault, target faults.Target) {
		sc := scenarioOf(faults.Plan{{Fault: f, Target: target, Times: 1}})
		sc.Config.Size, sc.Config.CallTimeout, sc.Config.StartTimeout = 1, 10*time.Second, 15*time.Second
		sc.Workload.Clients, sc.Workload.Calls, sc.Workload.Think = 1, 2, 300*time.Millisecond
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(Equal(1), "%#v: %s", r.Record.Faults[0], r.Record.Calls())
		Expect(r.Safety).To(BeEmpty())
		began := r.Record.Environment.Starts[0]
		switch f := f.(type) { // what the worker itself does not state
		case faults.SlowStart:
			Expect(began.Wait).To(BeNumerically(">=", f.Wait*9/10), "%+v", began)
		case faults.NeverSaysHello:
			Expect(r.Record.Workers()[0].Ready).To(BeNumerically("<", 0))
		case faults.StartRefused:
			Expect(began.Refused).To(ContainSubstring(refusals[f.By]))
			Expect(began.Died).To(Equal(f.By == faults.NoThreads))
		}
		for _, c := range r.Record.Calls() {
			Expect(c.Err == "" || c.Excused).To(BeTrue(), c.Err)
		}
		Expect(r.Word).To(BeElementOf(scenario.Sound, scenario.Inconclusive), r.Reason)
	},
		Entry("slow start", faults.SlowStart{Wait: 2 * time.Second}, start),
		Entry("a hello that is late", faults.SlowHello{After: 50 * time.Millisecond}, start),
		Entry("a slow import", faults.SlowImport{Module: "asyncio"}, start),
		Entry("a slow disk", faults.SlowDisk{Module: "asyncio", Rate: 1024}, start),
		Entry("a worker that dies before its hello", faults.DiesBeforeHello{}, start),
		Entry("half a hello", faults.OddHello{Bytes: 9}, start),
		Entry("a hello with another id", faults.OddHello{ID: 7}, start),
		Entry("a hello that says it is loading", faults.OddHello{Status: "loading"}, start),
		Entry("a start that is refused", faults.StartRefused{}, start),
		Entry("a start whose image is missing", faults.StartRefused{By: faults.NoImage}, start),
		Entry("a start whose name is taken", faults.StartRefused{By: faults.NameTaken}, start),
		Entry("a start that may have no threads", faults.StartRefused{By: faults.NoThreads}, start),
		Entry("a worker that never says hello", faults.NeverSaysHello{}, start),
		Entry("exit at a call", faults.ExitAtCall{}, first),
		Entry("exit in the midst of a call", faults.ExitMidCall{After: 10 * time.Millisecond}, first),
		Entry("exit after a reply", faults.ExitAfterReply{}, first),
		Entry("a true crash", faults.DiesBySignal{Signal: "SEGV"}, first),
		Entry("exit with the port held open", faults.HeldOpen{Hold: 100 * time.Millisecond}, first),
		Entry("a closed port", faults.ClosesPort{}, first),
		Entry("half a closed port", faults.ClosesPort{Side: wire.In, Replied: true}, first),
		Entry("a deadlock", faults.Hangs{How: wire.Deadlock}, first),
		Entry("a held interpreter", faults.Hangs{How: wire.HeldLock}, first),
		Entry("noise on stdout", faults.StdoutNoise{Bytes: 20}, first),
		Entry("a flood of stderr", faults.StderrFlood{Bytes: 200_000}, first),
		Entry("a frame cut short", faults.TruncatedFrame{Bytes: 9, Exits: true}, first),
		Entry("a length that none can have", faults.OversizeLength{}, first),
		Entry("a flipped bit", faults.BitFlip{Bit: 40}, first),
		Entry("a reply in slices", faults.SlicedWrites{Bytes: 5, Gap: time.Millisecond}, first),
		Entry("a reply twice", faults.DuplicateReply{}, first),
		Entry("a reply that is late", faults.LateReply{After: 20 * time.Millisecond}, first),
		Entry("swapped replies", faults.SwappedReplies{}, first),
		Entry("a request without an id", faults.SpoiltRequest{How: faults.NoID}, first),
		Entry("a worker that is killed at rest", faults.KillIdle{}, faults.Target{}),
	)

	It("have workers ignore the end of their port, and be killed", func(ctx SpecContext) {
		sc := scenarioOf(faults.Plan{{Fault: faults.IgnoresEnd{}}})
		sc.Config.Size, sc.Config.Overflow = 1, 2 // whoever is above Size is closed at rest
		sc.Workload.Clients, sc.Workload.Command, sc.Workload.Args = 3, "sleep", map[string]any{"s": 5}
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(BeNumerically(">=", 1), "%#v", r.Record.Faults[0])
		Expect(r.Word).To(Equal(scenario.Sound), r.Reason)
	})
})
