//go:build linux

package container_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	world "github.com/butfor/butfor/harness/world/container"
	"github.com/butfor/butfor/worker/container"
)

// What comes out of findings in this world hangs on what else the machine does; here
// is what does not.
var _ = Describe("the world of containers", Serial, Label("world"), func() {
	BeforeEach(func() {
		DeferCleanup(world.Dismiss)
	})

	It("serves a pool's calls, each start with what the engine took of it", func(ctx SpecContext) {
		r, err := harness.Run(ctx, scenarioOf(nil))
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Served()).To(HaveLen(2))
		starts := 0
		for _, e := range r.Record.Events {
			switch e.Kind {
			case scenario.Launched:
				starts++
				Expect(e.Err).To(BeEmpty())
				Expect(e.Engine).To(BeNumerically(">", 0))
			case scenario.Left:
				Fail("left: " + e.Text)
			}
		}
		Expect(starts).To(BeNumerically(">=", 2))
		for _, s := range r.Record.Environment.Starts {
			if s.Whole() {
				Expect(s.Demand.Wait).To(BeNumerically(">", 0), "what the engine takes is waited for")
			}
		}
	})

	It("throttles workers by the engine, and proves it", func(ctx SpecContext) {
		// A millisecond at a time: what the scheduler gives a thread at once is more, however
		// little that is in all on a busy machine.
		r, err := harness.Run(ctx, scenarioOf(faults.Plan{{Fault: faults.CPUQuota{Cores: .1, Period: 10 * time.Millisecond}}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults).To(HaveLen(1))
		Expect(r.Record.Faults[0].Fired).To(BeNumerically(">", 0), "%#v", r.Record.Faults[0])
		Expect(r.Record.Environment.Quota.Cores).To(BeNumerically("~", .1, .001), "from the launch on, so that a replay has it")
		for _, w := range r.Record.Workers() {
			Expect(w.Throttled).To(BeNumerically(">", 0), "%+v", w)
			Expect(w.Throttled).To(BeNumerically("<=", w.Delay*11/10), "%+v", w)
		}
	})

	It("has workers paused by the engine", func(ctx SpecContext) {
		sc := scenarioOf(faults.Plan{{Fault: faults.Pause{}, At: faults.Clock, Until: 5 * time.Second}})
		sc.Warm, sc.Config.Lazy = 2, false
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		// Each takes its turn: an engine that is slow has not come to the second by then.
		Expect(r.Record.Faults[0].Fired).To(BeElementOf(1, 2), "%#v", r.Record.Faults[0])
		Expect(r.Record.Served()).To(HaveLen(2))
	})

	It("has workers killed for want of memory by the engine, and proves it", func(ctx SpecContext) {
		sc := scenarioOf(faults.Plan{{Fault: faults.MemoryLimit{MB: 64}, Times: 1}, {Fault: faults.CPUQuota{Cores: .5}}}) // neither limit takes the other away
		sc.Workload.Command, sc.Workload.Args = "alloc", map[string]any{"mb": 256}
		sc.Workload.Calls = 2
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(Equal(1), "%#v", r.Record.Faults[0])
		var killed []string
		for _, c := range r.Record.Calls() {
			if c.Err != "" {
				killed = append(killed, c.Err)
				Expect(c.Excused).To(BeTrue(), c.Err)
			}
		}
		Expect(killed).To(HaveExactElements(Or(ContainSubstring("out of memory"), ContainSubstring("closed its port"))))
	})

	It("has workers be short of memory, which costs them time and kills none, and proves it", func(ctx SpecContext) {
		sc := scenarioOf(faults.Plan{{Fault: faults.MemoryPressure{MB: 64, Left: 4}}})
		sc.Warm, sc.Config.Lazy = 2, false
		sc.Workload.Command, sc.Workload.Args = "import", map[string]any{"module": "asyncio"}
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(Equal(2), "%#v", r.Record.Faults[0])
		Expect(r.Record.Served()).To(HaveLen(2), "%+v", r.Record.Calls())
		Expect(r.Safety).To(BeEmpty())
	})

	It("has a slow disk beneath a start, which waits for it as long as it must", func(ctx SpecContext) {
		sc := scenarioOf(faults.Plan{{Fault: faults.SlowDisk{Module: "asyncio", Rate: 1024}}})
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Served()).To(HaveLen(2), "%+v", r.Record.Calls())
		Expect(r.Record.Faults[0].Fired).To(BeNumerically(">=", 1), "%#v", r.Record.Faults[0])
		// Not of each: what the kernel has not yet written it does not drop either, and where
		// others write much that start reads from memory, and does not count as slow.
		Expect(r.Record.Environment.Starts).To(ContainElement(Satisfy(func(s scenario.Span) bool {
			return s.Whole() && s.Demand.Wait > 400*time.Millisecond
		})), "600 KiB at 1 MiB a second")
	})

	It("says before anything runs why a disk can't be slow", func(ctx SpecContext) {
		for module, why := range map[string]string{"nothing_like_it": "Python has no files of nothing_like_it", "sys": "Python has no files of sys"} {
			_, err := harness.Run(ctx, scenarioOf(faults.Plan{{Fault: faults.SlowDisk{Module: module, Rate: 256}}}))
			Expect(err).To(MatchError(And(ContainSubstring("slow-disk can't be had here"), ContainSubstring(why))))
		}
	})

	It("has workers refused threads by the engine, and files by the kernel, and proves it", func(ctx SpecContext) {
		for _, c := range []struct {
			fault    faults.Fault
			function string
			args     []any
			told     string
		}{
			{faults.ThreadLimit{Threads: 2}, "builtins:exec", []any{"import threading\nthreading.Thread(target=print).start()"}, "can't start new thread"},
			{faults.FileLimit{}, "os:listdir", []any{"/"}, "Too many open files"},
		} {
			sc := scenarioOf(faults.Plan{{Fault: c.fault, At: faults.Clock}})
			sc.Warm, sc.Config.Lazy = 2, false
			sc.Workload.Command, sc.Workload.Args = "call", map[string]any{"function": c.function, "args": c.args}
			sc.Workload.At = []time.Duration{time.Second, time.Second} // the engine takes some time
			r, err := harness.Run(ctx, sc)
			Expect(err).NotTo(HaveOccurred())
			Expect(r.Record.Faults[0].Fired).To(BeNumerically(">=", 1), "%#v", r.Record.Faults[0])
			for _, call := range r.Record.Calls() {
				Expect(call.Excused).To(Equal(call.Err != ""), call.Err)
				if call.Err != "" {
					Expect(call.Err).To(ContainSubstring(c.told))
				}
			}
		}
	})

	It("has workers on few cores by the engine", func(ctx SpecContext) {
		sc := scenarioOf(faults.Plan{{Fault: faults.FewCores{Cores: 1}}})
		sc.Workload.Command = "call" // which fails on other cores, and then computes
		sc.Workload.Args = map[string]any{"function": "builtins:exec", "args": []any{"import os, time\nassert os.sched_getaffinity(0) == {0}\nwhile time.process_time() < .3: pass"}}
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(BeNumerically(">=", 1), "%#v", r.Record.Faults[0])
		Expect(r.Record.Served()).To(HaveLen(2), "%+v", r.Record.Calls())
	})

	It("does not judge a run whose harness was stopped", func(ctx SpecContext) {
		const stopped = 2 * time.Second
		sc := scenarioOf(faults.Plan{{Fault: faults.HarnessStopped{For: stopped}, At: faults.Clock}})
		sc.Warm, sc.Config.Lazy, sc.Deadline = 2, false, 5*time.Second
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": 2}
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(Equal(1), "%#v", r.Record.Faults[0])
		if through, _ := r.Record.Through(); r.Record.Faults[0].First-stopped >= through {
			AddReportEntry("who stops it was so late that all calls were answered") // on a busy machine
			return
		}
		Expect(r.Word).To(Equal(scenario.Inconclusive), r.Reason)
		Expect(r.Reason).To(ContainSubstring("the harness itself was starved"))
	})

	It("has goroutines that starve the harness", func(ctx SpecContext) {
		r, err := harness.Run(ctx, scenarioOf(faults.Plan{{Fault: faults.HarnessStarved{Goroutines: 3}, At: faults.Clock}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(Equal(3*runtime.GOMAXPROCS(0)), "%#v", r.Record.Faults[0])
		Expect(r.Record.Late).To(BeNumerically(">", 10*time.Millisecond))
	})

	It("has hogs in containers beside the workers'", func(ctx SpecContext) {
		r, err := harness.Run(ctx, scenarioOf(faults.Plan{{Fault: faults.CPUHogs{Threads: 2}}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(Equal(2), "%#v", r.Record.Faults[0])
	})

	It("has hogs in this program's own session", func(ctx SpecContext) {
		r, err := harness.Run(ctx, scenarioOf(faults.Plan{{Fault: faults.CPUHogs{Threads: 2, Own: true}}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Record.Faults[0].Fired).To(Equal(2), "%#v", r.Record.Faults[0])
	})

	It("runs all workers in one container, if that is asked for", func(ctx SpecContext) {
		sc := scenarioOf(faults.Plan{{Fault: faults.HeldOpen{Hold: 200 * time.Millisecond}, Times: 1}, {Fault: faults.Pause{}, At: faults.Clock, Until: time.Second}})
		sc.Boxed, sc.Warm, sc.Config.Lazy, sc.Workload.Calls = true, 2, false, 3
		r, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Safety).To(BeEmpty())
		Expect(r.Record.Faults[0].Fired).To(Equal(1), "%#v", r.Record.Faults[0])
		Expect(r.Record.Faults[1].Fired).To(BeElementOf(1, 2), "%#v", r.Record.Faults[1])
		for _, c := range r.Record.Calls() {
			Expect(c.Err == "" || c.Excused).To(BeTrue(), c.Err)
		}
		groups := map[string]bool{}
		for _, w := range r.Record.Environment.Workers {
			groups[fmt.Sprint(w.Path)] = true
		}
		Expect(groups).To(HaveLen(1), "%+v", r.Record.Environment.Workers)
	})

	It("says before anything runs that workers in one container have no limits of their own", func(ctx SpecContext) {
		for _, f := range []faults.Fault{faults.CPUQuota{Cores: 1}, faults.MemoryLimit{MB: 64}, faults.MemoryPressure{MB: 64, Left: 4}, faults.SlowDisk{Module: "asyncio", Rate: 256}, faults.StartRefused{By: faults.NoImage}} {
			sc := scenarioOf(faults.Plan{{Fault: f, Until: time.Second}})
			sc.Boxed = true
			_, err := harness.Run(ctx, sc)
			Expect(err).To(MatchError(And(ContainSubstring("can't be had here"), ContainSubstring("leave out boxed"))))
		}
	})

	It("says before anything runs why there can be no containers", func(ctx SpecContext) {
		Expect(os.Setenv("DOCKER_HOST", "unix:///no/such/socket")).To(Succeed())
		DeferCleanup(os.Unsetenv, "DOCKER_HOST")
		_, err := harness.Run(ctx, scenarioOf(nil))
		Expect(errors.Is(err, container.ErrUnavailable)).To(BeTrue(), "%v", err)
	})
})

// scenarioOf has two calls that compute, on two workers.
func scenarioOf(plan faults.Plan) harness.Scenario {
	return harness.Scenario{
		Name: "containers", World: world.Name, Subject: subject.Ours(),
		Config:   subject.Config{Size: 2, Lazy: true},
		Start:    scenario.Demand{CPU: 50 * time.Millisecond},
		Workload: scenario.Workload{Clients: 2, Calls: 1, Command: "burn", Args: map[string]any{"cpu_s": 0.1}},
		Deadline: patience, Patience: patience, Faults: plan,
	}
}
