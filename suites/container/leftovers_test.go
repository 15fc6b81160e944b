//go:build linux

package container_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/container"
	"github.com/butfor/butfor/worker/process"
)

const victimVariable = "BUTFOR_TEST_VICTIM"

// victim is what this program does in another process, in place of its tests.
func victim(what string) {
	ctx := context.Background()
	e, err := container.Open(ctx, container.Settings{})
	if what == "unavailable" {
		fmt.Println(err)
		os.Exit(0)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	launcher := &container.Launcher{Engine: e}
	for _, kind := range strings.Split(what, ",") {
		var args []string
		if kind == "deaf" {
			args = []string{"--habit", "outlives"}
		}
		w, err := worker.Start(ctx, with{launcher, args}, kind)
		if err == nil {
			switch p := w.Port.(*container.Port); kind {
			case "busy":
				go func() { _, _ = call(ctx, w, "time:sleep", 3600) }()
			case "paused":
				err = p.Pause(ctx)
			case "stopped":
				if pid := p.Info().PID; pid > 0 { // 0 would be this program itself
					err = syscall.Kill(pid, syscall.SIGSTOP)
				} else {
					err = errors.New("its process can't be seen here")
				}
			}
		}
		if err != nil {
			fmt.Println(kind, err)
			os.Exit(1)
		}
	}
	fmt.Println("ready", process.Token(), guardOf(os.Getpid()))
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test, should that be killed first
	os.Exit(1)
}

// guardOf is the guard among a process's children.
func guardOf(pid int) (guard int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range lists {
		children, _ := os.ReadFile(path)
		for _, child := range strings.Fields(string(children)) {
			if name, _ := os.ReadFile("/proc/" + child + "/cmdline"); strings.HasPrefix(string(name), "butfor-guard\x00") {
				guard, _ = strconv.Atoi(child)
			}
		}
	}
	return guard
}

func runVictim(ctx context.Context, what string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), append(env, victimVariable+"="+what)...)
	return cmd
}

// sufferer is a victim that is ready.
type sufferer struct {
	cmd   *exec.Cmd
	token string
	guard int
}

func suffer(ctx context.Context, what string) sufferer {
	GinkgoHelper()
	cmd := runVictim(context.WithoutCancel(ctx), what)
	out, err := cmd.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	_, err = cmd.StdinPipe() // held open until it is killed
	Expect(err).NotTo(HaveOccurred())
	Expect(cmd.Start()).To(Succeed())
	s := sufferer{cmd: cmd}
	DeferCleanup(s.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	n, _ := fmt.Sscanf(line, "ready %s %d", &s.token, &s.guard)
	Expect(n).To(Equal(2), line)
	return s
}

func (s sufferer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// containers are those of a victim that the engine has.
func (s sufferer) containers(ctx context.Context) []container.Found {
	GinkgoHelper()
	all, err := container.Census(ctx, s.token)
	Expect(err).NotTo(HaveOccurred())
	return all
}

// folders are those of its sockets.
func (s sufferer) folders() []string {
	all, _ := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("butfor-ports-*-%d-*", s.cmd.Process.Pid)))
	return all
}

var _ = Describe("after a kill -9 of the program", Label("leftovers"), func() {
	It("none of its containers is left after 5 s, and a live neighbour's are untouched", func(ctx SpecContext) {
		neighbour := suffer(ctx, "healthy,paused")
		s := suffer(ctx, "healthy,busy,paused,stopped,deaf")
		Expect(s.containers(ctx)).To(HaveLen(5))
		s.kill()
		killed := time.Now()
		Eventually(ctx, s.containers).WithArguments(ctx).WithTimeout(5 * time.Second).WithPolling(20 * time.Millisecond).Should(BeEmpty())
		AddReportEntry("the last was gone after", time.Since(killed).Round(time.Millisecond).String())
		Expect(neighbour.containers(ctx)).To(ConsistOf(HaveField("State", "running"), HaveField("State", "paused")))
		neighbour.kill()
		Eventually(ctx, neighbour.containers).WithArguments(ctx).WithTimeout(patience).Should(BeEmpty())
	})

	It("and of its guard, the next engine that is opened removes what is left, and nothing of a live neighbour's", func(ctx SpecContext) {
		neighbour := suffer(ctx, "paused")
		s := suffer(ctx, "healthy,paused")
		Expect(s.guard).NotTo(BeZero())
		Expect(syscall.Kill(s.guard, syscall.SIGKILL)).To(Succeed())
		s.kill()
		// The healthy one goes by itself, and the other with whoever opens an engine next: that
		// may be another process of this suite, or another program.
		Eventually(ctx, s.containers).WithArguments(ctx).WithTimeout(patience).Should(Or(ConsistOf(HaveField("State", "paused")), BeEmpty()))
		e, err := container.Open(ctx, container.Settings{Transport: container.Stdio})
		Expect(err).NotTo(HaveOccurred())
		Expect(e.Close()).To(Succeed())
		Eventually(ctx, s.containers).WithArguments(ctx).WithTimeout(patience).Should(BeEmpty()) // if that other is at it still
		Expect(s.folders()).To(BeEmpty())
		Expect(neighbour.containers(ctx)).To(HaveLen(1))
		Expect(neighbour.folders()).To(HaveLen(1))
		neighbour.kill()
		Eventually(ctx, neighbour.containers).WithArguments(ctx).WithTimeout(patience).Should(BeEmpty())
	})
})

var _ = Describe("an engine that is closed", Label("leftovers"), func() {
	It("has removed all of its own, and nothing of another's", func(ctx SpecContext) {
		e, err := container.Open(ctx, container.Settings{Transport: container.Stdio})
		Expect(err).NotTo(HaveOccurred())
		own, err := e.Accompany(ctx, "import time\ntime.sleep(3600)")
		Expect(err).NotTo(HaveOccurred())
		w, p := start(ctx, &container.Launcher{Engine: engines[container.Auto]})
		Expect(e.Close()).To(Succeed())
		all, err := container.Census(ctx, process.Token())
		Expect(err).NotTo(HaveOccurred())
		ids := func(f container.Found) string { return f.ID }
		Expect(slices.ContainsFunc(all, func(f container.Found) bool { return ids(f) == own.ID() })).To(BeFalse())
		Expect(slices.ContainsFunc(all, func(f container.Found) bool { return ids(f) == p.ID() })).To(BeTrue())
		_, err = call(ctx, w, "os:getpid")
		Expect(err).NotTo(HaveOccurred())
	})
})
