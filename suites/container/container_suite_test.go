//go:build linux

// Package container_test puts workers in containers to the test, on the engine of this
// machine. Where there is none its specs are skipped, unless BUTFOR_REQUIRE_DOCKER=1
// says that there must be one.
package container_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"github.com/butfor/butfor/internal/leftover"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/container"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(victimVariable); what != "" {
		victim(what)
	}
	os.Exit(m.Run())
}

var suiteT *testing.T

func TestContainers(t *testing.T) {
	suiteT = t
	RegisterFailHandler(Fail)
	RunSpecs(t, "Containers")
}

// ginkgos are the runner's own goroutines.
var ginkgos = []goleak.Option{goleak.IgnoreAnyFunction("github.com/onsi/ginkgo/v2/internal.(*genericOutputInterceptor).ResumeIntercepting.func1"),
	goleak.IgnoreAnyFunction("github.com/onsi/ginkgo/v2/internal.(*genericOutputInterceptor).ResumeIntercepting.func1.1")}

// engines are this process's, one a transport.
var engines = map[container.Transport]*container.Engine{}

var _ = BeforeSuite(func(ctx SpecContext) {
	ginkgos = append(ginkgos, goleak.IgnoreCurrent())
	leftover.Look(container.Left)
	for _, t := range []container.Transport{container.Auto, container.Stdio} {
		e, err := container.Open(ctx, container.Settings{Transport: t})
		if errors.Is(err, container.ErrUnavailable) && os.Getenv("BUTFOR_REQUIRE_DOCKER") != "1" {
			fmt.Fprintln(os.Stderr, "Containers: all specs are skipped:", err)
			Skip(err.Error())
		}
		Expect(err).NotTo(HaveOccurred())
		engines[t] = e
	}
})

var _ = AfterSuite(func() {
	for _, e := range engines {
		Expect(e.Close()).To(Succeed())
	}
	Expect(leftover.Check(ginkgos...)).To(Succeed(), "something is left behind")
})

// patience is for what only a hang exceeds.
const patience = time.Minute

// start starts a worker, and ends it with the spec.
func start(ctx context.Context, l *container.Launcher, args ...string) (*worker.Worker, *container.Port) {
	GinkgoHelper()
	w, err := worker.Start(ctx, with{l, args}, fmt.Sprintf("w%d", GinkgoParallelProcess()))
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) {
		_ = w.Port.Kill()
		Eventually(ctx, w.Port.Done()).WithTimeout(patience).Should(BeClosed())
	})
	return w, w.Port.(*container.Port)
}

// with is a launcher of workers with arguments.
type with struct {
	*container.Launcher
	args []string
}

func (w with) Launch(ctx context.Context, id string) (worker.Port, error) {
	return w.LaunchWith(ctx, id, w.args...)
}

// call calls a Python function.
func call(ctx context.Context, w *worker.Worker, function string, args ...any) (string, error) {
	if args == nil {
		args = []any{}
	}
	r, err := w.Call(ctx, worker.Request{Command: "call", Args: map[string]any{"function": function, "args": args}})
	return string(r.Result), err
}

// box is a container for several workers, which ends with the spec.
func box(ctx context.Context, e *container.Engine, l container.Limits) *container.Box {
	GinkgoHelper()
	b, err := e.Box(ctx, l)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(b.Close()).To(Succeed()) })
	return b
}

// seen skips a spec where a worker's process can't be seen: that of an engine which shares
// folders with us can.
func seen(p *container.Port) {
	GinkgoHelper()
	if p.Info().PID == 0 {
		Expect(engines[container.Auto].Transport()).NotTo(Equal(container.Socket), "it has no pid")
		Skip("processes of containers can't be seen here")
	}
}
