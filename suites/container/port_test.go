//go:build linux

package container_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/container"
	"github.com/butfor/butfor/worker/process"
)

var _ = Describe("a worker in a container", Label("port"), func() {
	for _, transport := range []container.Transport{container.Auto, container.Stdio} {
		for _, boxed := range []bool{false, true} {
			name := map[container.Transport]string{container.Auto: "over the best port", container.Stdio: "over stdin and stdout"}[transport]
			name += map[bool]string{false: ", alone", true: ", in a box"}[boxed]
			Context(name, Label("transport"), func() {
				launcher := func(ctx context.Context) *container.Launcher {
					l := &container.Launcher{Engine: engines[transport]}
					if boxed {
						l.Box = box(ctx, l.Engine, container.Limits{})
					}
					return l
				}
				It("answers, prints aside, says what the engine took, and ends when it is asked to", func(ctx SpecContext) {
					w, p := start(ctx, launcher(ctx))
					big := strings.Repeat("x", 1<<20)
					r, err := w.Call(ctx, worker.Request{Command: "echo", Args: map[string]any{"text": big}})
					Expect(err).NotTo(HaveOccurred())
					Expect(len(r.Result)).To(BeNumerically(">", len(big)))
					_, err = call(ctx, w, "builtins:print", "aside")
					Expect(err).NotTo(HaveOccurred())
					Eventually(ctx, func() string { return p.Info().Stderr }).WithTimeout(patience).Should(Equal("aside\n"))
					i := p.Info()
					Expect(i.Engine.Create).To(BeNumerically(">", 0))
					Expect(i.Engine.Start).To(BeNumerically(">", 0))
					Expect(w.StartedIn).To(BeNumerically(">", i.Engine.Total()))
					Expect(w.Unasked()).To(BeFalse())
					Expect(p.Close(ctx)).To(Succeed())
					Expect(p.Exit()).To(Equal(worker.Exit{}))
					_, err = p.Recv(ctx)
					Expect(worker.Gone(err)).To(BeTrue(), "%v", err)
					Expect(p.Send(ctx, []byte("{}"))).To(MatchError(worker.ErrGone))
				})
				It("dies in mid-call with its exit status and its last words", func(ctx SpecContext) {
					w, _ := start(ctx, launcher(ctx))
					_, err := call(ctx, w, "builtins:exec", "import os\nos.write(2, b'last words\\n')\nos._exit(70)")
					var failed *worker.CallError
					Expect(errors.As(err, &failed)).To(BeTrue(), "%v", err)
					Expect(failed.Exit).To(HaveValue(Equal(worker.Exit{Code: 70})))
					Expect(err).To(MatchError(ContainSubstring("last words")))
				})
				It("crashes with its signal", func(ctx SpecContext) {
					w, p := start(ctx, launcher(ctx))
					_, err := call(ctx, w, "ctypes:string_at", 0)
					Expect(worker.Gone(err)).To(BeTrue(), "%v", err)
					Expect(p.Exit()).To(Equal(worker.Exit{Code: -1, Signal: syscall.SIGSEGV}))
				})
				It("is killed, deaf as it may be", func(ctx SpecContext) {
					w, p := start(ctx, launcher(ctx), "--habit", "outlives")
					called := make(chan error)
					go func() {
						_, err := call(ctx, w, "time:sleep", 3600)
						called <- err
					}()
					Expect(p.Kill()).To(Succeed())
					Eventually(ctx, p.Done()).WithTimeout(patience).Should(BeClosed())
					Expect(p.Exit()).To(Equal(worker.Exit{Code: -1, Signal: syscall.SIGKILL}))
					Expect(worker.Gone(<-called)).To(BeTrue())
				})
				It("does not live on after it has closed its port", func(ctx SpecContext) {
					if engines[transport].Transport() != container.Socket {
						Skip("of what is attached the engine holds the other end")
					}
					w, p := start(ctx, launcher(ctx), "--ignore-end")
					_, err := call(ctx, w, "builtins:exec", "import os, socket, time\nfor fd in range(3, 100):\n try: socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)\n except OSError: pass\ntime.sleep(3600)")
					Expect(worker.Gone(err)).To(BeTrue(), "%v", err)
					Eventually(ctx, p.Done()).WithTimeout(patience).Should(BeClosed())
					Expect(p.Exit()).To(Equal(worker.Exit{Code: -1, Signal: syscall.SIGKILL, HungUp: true}))
				})
				It("is found by its mark", func(ctx SpecContext) {
					l := launcher(ctx)
					l.Run = "r" + strings.ReplaceAll(name, " ", "-")
					_, p := start(ctx, l)
					seen(p)
					left, err := process.Census(process.Token(), l.Run)
					Expect(err).NotTo(HaveOccurred())
					Expect(left).To(HaveLen(1))
					Expect(left[0].PID).To(Equal(p.Info().PID))
				})
			})
		}
	}

	It("has no network", func(ctx SpecContext) {
		w, _ := start(ctx, &container.Launcher{Engine: engines[container.Auto]})
		Expect(call(ctx, w, "os:listdir", "/sys/class/net")).To(Equal(`["lo"]`))
	})

	It("that says no hello is gone when its start has failed", func(ctx SpecContext) {
		l := &container.Launcher{Engine: engines[container.Auto], Run: "mute"}
		var failed *worker.StartError
		_, err := worker.Start(ctx, with{l, []string{"--exit-at-hello", "7"}}, "w1")
		Expect(errors.As(err, &failed)).To(BeTrue(), "%v", err)
		Expect(failed.Exit).To(HaveValue(Equal(worker.Exit{Code: 7})))
		Expect(process.Census(process.Token(), "mute")).To(BeEmpty())
	})

	It("that is called off while the engine starts it is gone when that has failed", func(ctx SpecContext) {
		Eventually(ctx, container.Left).WithArguments(ctx).WithTimeout(patience).Should(BeEmpty())
		brief, cancel := context.WithCancel(ctx)
		launched := make(chan error)
		go func() {
			p, err := (&container.Launcher{Engine: engines[container.Auto], Run: "brief"}).Launch(brief, "w1")
			if err == nil { // it was quicker than we are
				err = errors.Join(p.Close(ctx), context.Canceled)
			}
			launched <- err
		}()
		Eventually(ctx, container.Left).WithArguments(ctx).WithTimeout(patience).WithPolling(time.Millisecond).ShouldNot(BeEmpty())
		cancel()
		Expect(<-launched).To(MatchError(context.Canceled))
		Eventually(ctx, container.Left).WithArguments(ctx).WithTimeout(patience).Should(BeEmpty())
		Expect(process.Census(process.Token(), "brief")).To(BeEmpty())
	})
})

var _ = Describe("an engine", Label("engine"), func() {
	It("goes over a socket where it is on this machine", func() {
		if os.Getenv("DOCKER_HOST") != "" {
			Skip("DOCKER_HOST names another")
		}
		Expect(engines[container.Auto].Transport()).To(Equal(container.Socket))
	})

	It("without the image says how to have it", func(ctx SpecContext) {
		_, err := container.Open(ctx, container.Settings{Image: "butfor-worker:of-nobody"})
		Expect(err).To(MatchError(container.ErrUnavailable))
		Expect(err).To(MatchError(ContainSubstring("make image")))
	})

	It("is not asked for what is no transport", func(ctx SpecContext) {
		_, err := container.Open(ctx, container.Settings{Transport: "pigeon"})
		Expect(err).To(MatchError(And(ContainSubstring("pigeon"), ContainSubstring("socket"), ContainSubstring("stdio"))))
	})

	It("that does not answer is told with what to do", func(ctx SpecContext) {
		out, err := runVictim(ctx, "unavailable", "DOCKER_HOST=unix:///no/such/socket").Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(out)).To(And(HavePrefix("no worker can run in a container here"), ContainSubstring("install and start Docker"), ContainSubstring("DOCKER_HOST")))
	})
})
