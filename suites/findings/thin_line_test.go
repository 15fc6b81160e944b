//go:build linux

package findings_test

import (
	"context"
	"fmt"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
)

// times has the times looked at too: on a machine that does nothing else, as
// make soak asks for. Beside hogs there is nothing to be said of them.
var times = os.Getenv("BUTFOR_TIMES") != ""

// opLength is how long a call takes.
const opLength = boot

// The thin line: the three runs that the dispute is about, with nothing else on
// the machine and with four hogs beside it.
var _ = Describe("who is served", Serial, Label("process", "thin-line"), func() {
	run := func(ctx context.Context, sc scenario.Scenario) *scenario.Record {
		GinkgoHelper()
		sc.Start = scenario.Demand{Wait: boot}
		sc.Config.Size = 4
		sc.Workload.Clients = 4
		sc.Workload.Command = "sleep"
		sc.Workload.Args = map[string]any{"s": opLength.Seconds()}
		if sc.Deadline == 0 {
			sc.Deadline = 30 * boot
		}
		if sc.Recovery == 0 {
			sc.Recovery = time.Minute // nobody is in a hurry here
		}
		result, err := harness.Run(ctx, sc)
		Expect(err).NotTo(HaveOccurred())
		AddReportEntry(sc.Subject.Name, result.Reason, ReportEntryVisibilityFailureOrVerbose)
		return result.Record
	}
	specs := func() {
		It("V1 serves 4 calls on 4 workers one after another", func(ctx SpecContext) {
			r := run(ctx, scenario.Scenario{Subject: dspex.V1(), Warm: 4, Recovery: boot})
			Expect(r.Served()).To(HaveLen(4))
			Expect(r.Workers()).To(HaveLen(1))
			Expect(overlap(r)).To(Equal(1), "calls were executed at once")
			if times {
				for i, took := range r.Served() {
					Expect(took.Seconds()/opLength.Seconds()).To(BeNumerically("~", i+1, .15*float64(i+1)), "op-times of call %d", i+1)
				}
			}
		}, SpecTimeout(2*time.Minute))

		for _, boots := range []time.Duration{5, 30} {
			It(fmt.Sprintf("V2-seed serves 1 of 4 on cold workers, with a deadline of %d boots", boots), func(ctx SpecContext) {
				r := run(ctx, scenario.Scenario{Subject: dspex.V2Seed(), Config: subject.Config{Lazy: true}, Deadline: boots * boot})
				Expect(len(r.Served())).To(BeNumerically("<=", 1), "the bug is that nobody but the first is heard")
				if len(r.Served()) == 0 && !times {
					Skip("the machine is too busy for a single start within the deadline")
				}
				Expect(r.Served()).To(HaveLen(1))
			}, SpecTimeout(2*time.Minute))
		}

		It("ours serves 4 of 4 on cold workers", func(ctx SpecContext) {
			r := run(ctx, scenario.Scenario{Subject: subject.Ours(), Config: subject.Config{Lazy: true}})
			Expect(r.Served()).To(HaveLen(4))
			if times { // a boot is what a start takes on this machine, not what it asks for
				measure(ctx, &lab)
				Expect(r.Served()[3]-opLength).To(BeNumerically("<=", 2*lab.Unit.Waits), "the last served")
			}
		}, SpecTimeout(2*time.Minute))
	}
	Context("alone on the machine", specs)
	Context("beside 4 CPU hogs", Label("hogs"), func() {
		BeforeEach(func() { hogs(4) })
		specs()
	})
})

// overlap is how many of the workload's calls were in workers' hands at once,
// at most.
func overlap(r *scenario.Record) (most int) {
	held := 0
	for _, e := range r.Events {
		switch {
		case e.Call == "" || e.Probe:
		case e.Kind == scenario.Send:
			held++
			most = max(most, held)
		case e.Kind == scenario.Recv:
			held--
		}
	}
	return most
}

// hogs burns n cores for the length of a spec, each in a session of its own.
func hogs(n int) {
	GinkgoHelper()
	for i := range n {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		w, err := worker.Start(ctx, &process.Launcher{}, fmt.Sprintf("hog%d", i+1))
		Expect(err).NotTo(HaveOccurred())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.Call(context.Background(), worker.Request{Command: "burn", Args: map[string]any{"cpu_s": 3600}})
		}()
		DeferCleanup(func() {
			w.Port.Kill()
			<-w.Port.Done()
			<-ended
		})
	}
}
