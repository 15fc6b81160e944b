//go:build linux

package process_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker/process"
)

func companion(t *testing.T, code string) *process.Companion {
	t.Helper()
	return begun(t, process.Accompany, code)
}

// begun is a companion that runs Python code.
func begun(t *testing.T, begin func(string, ...string) (*process.Companion, error), code string) *process.Companion {
	t.Helper()
	python, err := process.Find(within(t), "python3")
	if err != nil {
		t.Fatal(err)
	}
	c, err := begin(python.Path, "-S", "-E", "-c", code)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.End() })
	return c
}

func TestACompanionThatJoinsIsInThisSessionAndEndsWithItsGroup(t *testing.T) {
	c := begun(t, process.Join, "import subprocess\nsubprocess.run(['sleep', '3600'])")
	own, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	if sid, err := unix.Getsid(c.PID()); err != nil || sid != own {
		t.Errorf("it is in session %d, this program in %d, %v", sid, own, err)
	}
	ours := func() (pids []int) {
		left, err := process.Census(process.Token(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range left {
			if group, err := unix.Getpgid(p.PID); err == nil && group == c.PID() {
				pids = append(pids, p.PID)
			}
		}
		return pids
	}
	for deadline := time.Now().Add(patience); len(ours()) < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("it and its child are %v", ours())
		}
	}
	c.End()
	for deadline := time.Now().Add(patience); len(ours()) > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", ours())
		}
	}
}

func TestACompanionHasASessionOfItsOwnAndIsGoneOnceItWasEnded(t *testing.T) {
	c := companion(t, "while True: pass")
	if sid, err := unix.Getsid(c.PID()); err != nil || sid != c.PID() {
		t.Errorf("session %d of process %d, %v", sid, c.PID(), err)
	}
	found := func(run string) bool {
		left, err := process.Census(process.Token(), run)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(left, func(p process.Process) bool { return p.PID == c.PID() })
	}
	if !found("") || found("r1") {
		t.Errorf("found among all %v, among those of a run %v; want true and false", found(""), found("r1"))
	}
	for deadline := time.Now().Add(patience); cpuOf(t, c.PID()) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("it computes nothing")
		}
	}
	if used := c.End(); used <= 0 || c.End() != used {
		t.Errorf("used %v, then %v", used, c.End())
	}
	if alive(c.PID()) {
		t.Error("it lives")
	}
}

// cpuOf is the clock ticks that a process has used.
func cpuOf(t *testing.T, pid int) (ticks int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var user, system int
	fmt.Sscan(f[11], &user)
	fmt.Sscan(f[12], &system)
	return user + system
}

func TestACompanionThatEndedByItselfIsReapedAllTheSame(t *testing.T) {
	c := companion(t, "pass")
	for deadline := time.Now().Add(patience); alive(c.PID()); {
		if time.Now().After(deadline) {
			t.Fatal("it does not end")
		}
	}
	c.End()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", c.PID())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its zombie is left: %v", err)
	}
}

func TestACompanionThatEndedByItselfSaysHow(t *testing.T) {
	c := companion(t, "import sys\nsys.exit('one\\nno such file')")
	for deadline := time.Now().Add(patience); c.Died() == nil; {
		if time.Now().After(deadline) {
			t.Fatal("it never died")
		}
	}
	c.End()
	if err := c.Died(); err == nil || !strings.HasSuffix(err.Error(), "ended by itself: exit status 1: no such file") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", c.PID())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its zombie is left: %v", err)
	}
	quiet := companion(t, "pass")
	for deadline := time.Now().Add(patience); alive(quiet.PID()); {
		if time.Now().After(deadline) {
			t.Fatal("it does not end")
		}
	}
	quiet.End() // it was too late for that
	if err := quiet.Died(); err == nil || !strings.HasSuffix(err.Error(), "ended by itself: exit status 0") {
		t.Errorf("got %v", err)
	}
}

func TestACompanionThatWasEndedDidNotDie(t *testing.T) {
	c := companion(t, "while True: pass")
	if err := c.Died(); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	c.End()
	if err := c.Died(); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

func TestAProgramThatIsNotThereIsNoCompanion(t *testing.T) {
	if _, err := process.Accompany("/no/such/program"); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("got %v", err)
	}
}

const companionsVictim = "companions"

// accompanied starts two companions, and waits to be killed.
func accompanied() {
	for range 2 {
		if _, err := process.Accompany("sleep", "3600"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println("busy", process.Token())
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test, should that be killed first
	os.Exit(1)
}

func TestKillingTheProgramLeavesNoCompanion(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimVariable+"="+companionsVictim)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil { // held open until the kill
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	lines.Scan()
	token, ok := strings.CutPrefix(lines.Text(), "busy ")
	defer killAll(t, token)
	if before, err := process.Census(token, ""); !ok || err != nil || len(before) != 2 {
		t.Fatalf("it says %q; there are %v, %v, want two companions", lines.Text(), before, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		left, err := process.Census(token, "")
		if err != nil || len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("left: %v", left)
		}
	}
}

// group makes a cgroup, where one can be had.
func group(t *testing.T) *process.Cgroup {
	t.Helper()
	g, err := process.NewCgroup()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = g.Remove() })
	return g
}

func TestACgroupThrottlesWhatIsInItUntilItsLimitIsTakenAway(t *testing.T) {
	g := group(t)
	if err := g.Limit(0.1, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	c := companion(t, "while True: pass")
	if err := g.Add(c.PID()); err != nil {
		t.Fatal(err)
	}
	throttled := func() int {
		n, err := g.Throttled()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for deadline := time.Now().Add(patience); throttled() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("it is never throttled")
		}
	}
	if err := g.Remove(); err == nil {
		t.Error("a cgroup was removed while a process was in it")
	}
	if err := g.Limit(0, 0); err != nil {
		t.Fatal(err)
	}
	before, ticks := throttled(), cpuOf(t, c.PID())
	for deadline := time.Now().Add(patience); cpuOf(t, c.PID()) < ticks+5; {
		if time.Now().After(deadline) {
			t.Fatal("it does not run once the limit is taken away")
		}
	}
	if after := throttled(); after > before+1 { // one may have been under way
		t.Errorf("throttled %d times, then %d without a limit", before, after)
	}
	c.End()
	if err := g.Remove(); err != nil {
		t.Errorf("it can't be removed once it is empty: %v", err)
	}
}

func TestGroupsOfProgramsThatAreNoMoreAreRemoved(t *testing.T) {
	group(t) // there are some to be had
	if os.Getenv(sweeperVariable) == "" {
		dead := process.NewCgroupOf(t, 1<<22+os.Getpid()) // no pid is that large
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), sweeperVariable+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", dead, err)
		}
	}
}

const sweeperVariable = "BUTFOR_TEST_SWEEPER"

func TestALimitThatTheKernelRefusesIsAnError(t *testing.T) {
	if err := group(t).Limit(0.001, time.Microsecond); err == nil {
		t.Error("a period of 1 µs was taken")
	}
}
