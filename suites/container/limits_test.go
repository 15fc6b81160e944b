//go:build linux

package container_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/container"
)

var _ = Describe("limits", Label("limits"), func() {
	var launcher *container.Launcher
	BeforeEach(func() { launcher = &container.Launcher{Engine: engines[container.Auto]} })
	burn := func(ctx SpecContext, w *worker.Worker, d time.Duration) *worker.Evidence {
		GinkgoHelper()
		r, err := w.Call(ctx, worker.Request{Command: "burn", Args: map[string]any{"cpu_s": d.Seconds()}, Evidence: true})
		Expect(err).NotTo(HaveOccurred())
		return r.Evidence
	}

	It("throttle a worker while they are there, and what it waited so is told from other waits", func(ctx SpecContext) {
		w, p := start(ctx, launcher)
		seen(p)
		burn(ctx, w, 50*time.Millisecond)
		Expect(p.Info().Throttled).To(BeZero())
		// A millisecond at a time: what the scheduler gives a thread at once is more, however
		// little whoever is beside it leaves it in all.
		Expect(p.SetLimits(ctx, container.Limits{CPUs: 0.05, Period: 20 * time.Millisecond})).To(Succeed())
		evidence := burn(ctx, w, 100*time.Millisecond)
		i := p.Info()
		Expect(i.Throttled).To(BeNumerically(">", 100*time.Millisecond), "0.1 s at 0.05 cores")
		if evidence != nil {
			Expect(evidence.RunDelay).To(BeNumerically(">=", i.Throttled*9/10), "the delay has the throttling in it")
		}
		Expect(p.Throttled()).To(BeNumerically(">", 1))
		Expect(p.SetLimits(ctx, container.Limits{})).To(Succeed())
		lifted := p.Info().Throttled
		burn(ctx, w, 100*time.Millisecond)
		Expect(p.Info().Throttled).To(Equal(lifted))
	})

	It("keep it to some cores", func(ctx SpecContext) {
		launcher.Limits.CPUSet = "0"
		_, p := start(ctx, launcher)
		seen(p)
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Info().PID))
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.ReplaceAll(string(status), "\t", "")).To(ContainSubstring("Cpus_allowed_list:0\n"))
	})

	It("of memory kill it, and it is told from other kills", func(ctx SpecContext) {
		launcher.Limits.Memory = 64 << 20
		w, p := start(ctx, launcher)
		_, err := w.Call(ctx, worker.Request{Command: "alloc", Args: map[string]any{"mb": 256}})
		Expect(worker.Gone(err)).To(BeTrue(), "%v", err)
		Eventually(ctx, p.Done()).Should(BeClosed()) // the engine may tell later than the call, which then knows of the port alone
		Expect(p.Exit().OOM).To(BeTrue(), "%v", p.Exit())
		Expect(p.Exit().String()).To(ContainSubstring("out of memory"))
	})

	It("of memory are lifted while it runs", func(ctx SpecContext) {
		w, p := start(ctx, launcher)
		Expect(p.SetLimits(ctx, container.Limits{Memory: 64 << 20})).To(Succeed())
		Expect(p.SetLimits(ctx, container.Limits{})).To(Succeed())
		_, err := w.Call(ctx, worker.Request{Command: "alloc", Args: map[string]any{"mb": 96}})
		Expect(err).NotTo(HaveOccurred())
	})

	It("of a box's memory kill the worker that asked for too much, and no other", func(ctx SpecContext) {
		launcher.Box = box(ctx, launcher.Engine, container.Limits{Memory: 96 << 20})
		w, p := start(ctx, launcher)
		other, _ := start(ctx, launcher)
		_, err := w.Call(ctx, worker.Request{Command: "alloc", Args: map[string]any{"mb": 256}})
		Expect(worker.Gone(err)).To(BeTrue(), "%v", err)
		Eventually(ctx, p.Done()).Should(BeClosed())
		Expect(p.Exit().OOM).To(BeTrue(), "%v", p.Exit())
		_, err = call(ctx, other, "os:getpid")
		Expect(err).NotTo(HaveOccurred())
	})

	It("of memory that somebody beside it takes have it read its files again, and kill it never", func(ctx SpecContext) {
		w, p := start(ctx, launcher)
		imports := func(module string) int {
			GinkgoHelper()
			faults := func() (n int) {
				text, err := call(ctx, w, "builtins:eval", `int(open("/proc/self/stat").read().split()[11])`)
				Expect(err).NotTo(HaveOccurred())
				Expect(fmt.Sscan(text, &n)).To(Equal(1))
				return n
			}
			before := faults()
			_, err := w.Call(ctx, worker.Request{Command: "import", Args: map[string]any{"module": module}})
			Expect(err).NotTo(HaveOccurred())
			return faults() - before
		}
		imports("asyncio") // what is read for the first time is read from files, too
		Expect(imports("json")).To(BeNumerically("<", 10))
		pressure, err := p.Press(ctx, 64<<20, 2<<20)
		Expect(err).NotTo(HaveOccurred())
		Expect(imports("email.mime.text")).To(BeNumerically(">", 50))
		_, err = w.Call(ctx, worker.Request{Command: "alloc", Args: map[string]any{"mb": 30}})
		Expect(err).NotTo(HaveOccurred(), "what it wants to hold it is given")
		Eventually(ctx, func() (free int) {
			text, err := call(ctx, w, "builtins:eval", free64)
			Expect(err).NotTo(HaveOccurred())
			Expect(fmt.Sscan(text, &free)).To(Equal(1))
			return free
		}).WithTimeout(patience).Should(BeNumerically("<", 4<<20), "as soon as they have seen it, the rest is as short as before")
		Expect(imports("unittest")).To(BeNumerically(">", 50))
		Expect(pressure.End()).To(BeTrue())
		Expect(p.Limits()).To(Equal(container.Limits{}))
	})

	It("of memory that somebody beside it takes have two to be killed in its stead", func(ctx SpecContext) {
		w, p := start(ctx, launcher)
		_, err := call(ctx, w, "builtins:exec", victims)
		Expect(err).NotTo(HaveOccurred())
		spared := func(ctx SpecContext) (n int) {
			text, err := call(ctx, w, "builtins:victims")
			Expect(err).NotTo(HaveOccurred())
			Expect(fmt.Sscan(text, &n)).To(Equal(1))
			return n
		}
		Expect(spared(ctx)).To(BeZero())
		pressure, err := p.Press(ctx, 64<<20, 4<<20)
		Expect(err).NotTo(HaveOccurred())
		Eventually(ctx, spared).WithTimeout(patience).Should(Equal(2), "who takes it, and who would if that one were killed")
		pressure.End()
		Eventually(ctx, spared).WithTimeout(patience).Should(BeZero())
	})

	It("of memory that is plenty do nothing", func(ctx SpecContext) {
		w, p := start(ctx, launcher)
		pressure, err := p.Press(ctx, 96<<20, 48<<20)
		Expect(err).NotTo(HaveOccurred())
		_, err = w.Call(ctx, worker.Request{Command: "import", Args: map[string]any{"module": "json"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(pressure.End()).To(BeFalse())
	})

	It("of memory below what the worker holds are refused", func(ctx SpecContext) {
		w, p := start(ctx, launcher)
		_, err := w.Call(ctx, worker.Request{Command: "alloc", Args: map[string]any{"mb": 100}})
		Expect(err).NotTo(HaveOccurred())
		_, err = p.Press(ctx, 64<<20, 4<<20)
		Expect(err).To(MatchError(ContainSubstring("want of memory in container")))
		Expect(p.Limits()).To(Equal(container.Limits{}))
	})

	It("of processes have it fail to start one", func(ctx SpecContext) {
		w, p := start(ctx, launcher)
		Expect(p.SetLimits(ctx, container.Limits{PIDs: 3})).To(Succeed()) // the engine's own start takes more
		_, err := call(ctx, w, "builtins:exec", "import threading, time\nfor _ in range(9): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()")
		Expect(err).To(MatchError(ContainSubstring("can't start new thread")))
	})

	It("that no engine takes are refused before anything is begun", func(ctx SpecContext) {
		launcher.Limits.Memory = 1 << 20
		_, err := launcher.Launch(ctx, "w1")
		Expect(err).To(MatchError(ContainSubstring("there must be 6291456 at least")))
	})
})

var _ = Describe("a paused worker", Label("pause"), func() {
	It("goes on with its call when it is thawed", func(ctx SpecContext) {
		w, p := start(ctx, &container.Launcher{Engine: engines[container.Auto]})
		Expect(p.Pause(ctx)).To(Succeed())
		answered := make(chan error, 1)
		go func() {
			_, err := call(ctx, w, "os:getpid")
			answered <- err
		}()
		Consistently(answered).Within(200 * time.Millisecond).ShouldNot(Receive())
		Expect(p.Unpause(ctx)).To(Succeed())
		Eventually(ctx, answered).WithTimeout(patience).Should(Receive(BeNil()))
	})

	It("is killed all the same", func(ctx SpecContext) {
		_, p := start(ctx, &container.Launcher{Engine: engines[container.Auto]})
		Expect(p.Pause(ctx)).To(Succeed())
		Expect(p.Kill()).To(Succeed())
		Eventually(ctx, p.Done()).WithTimeout(patience).Should(BeClosed())
	})

	It("in a box is stopped with its children, and its neighbour goes on", func(ctx SpecContext) {
		launcher := &container.Launcher{Engine: engines[container.Auto]}
		launcher.Box = box(ctx, launcher.Engine, container.Limits{})
		w, p := start(ctx, launcher)
		neighbour, _ := start(ctx, launcher)
		seen(p)
		child, err := call(ctx, w, "builtins:eval", `__import__("subprocess").Popen([__import__("sys").executable, "-c", "import signal; signal.pause()"]).pid`)
		Expect(err).NotTo(HaveOccurred())
		state := func() (string, error) {
			return call(ctx, neighbour, "builtins:eval", fmt.Sprintf(`open("/proc/%s/stat").read().rpartition(")")[2].split()[0]`, child))
		}
		Eventually(ctx, state).WithTimeout(patience).Should(Equal(`"S"`))
		Expect(p.Pause(ctx)).To(Succeed())
		Eventually(ctx, state).WithTimeout(patience).Should(Equal(`"T"`))
		Expect(p.Unpause(ctx)).To(Succeed())
		Eventually(ctx, state).WithTimeout(patience).Should(Equal(`"S"`))
	})
})

// victims is Python that has a function say how many processes of the container the
// kernel kills before all others. One that has just ended is none.
const victims = `
def victims():
	import os
	count = 0
	for process in filter(str.isdigit, os.listdir("/proc")):
		try:
			with open(f"/proc/{process}/oom_score_adj") as f:
				count += int(f.read()) == 1000
		except OSError:
			pass
	return count
import builtins
builtins.victims = victims`

// free64 is Python for what of 64 MiB a container has that is not held, files apart: its
// cgroup says so, of version 1 or 2.
const free64 = `(lambda folder, used: (64 << 20) - int(open(folder + used).read()) +
	sum(int(n) for name, n in map(str.split, open(folder + "memory.stat")) if name in ("inactive_file", "active_file")))(
	*("/sys/fs/cgroup/", "memory.current") if __import__("os").path.exists("/sys/fs/cgroup/memory.current")
	else ("/sys/fs/cgroup/memory/", "memory.usage_in_bytes"))`
