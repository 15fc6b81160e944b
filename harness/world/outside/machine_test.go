//go:build linux

package outside

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/harness/scenario"
	workers "github.com/butfor/butfor/worker/process"
)

// What is asserted of this machine holds however slow or busy it is: what the
// recorder says lies between what the test reads before and after.

// hog begins a process that computes until the test ends, in a session of its
// own. It is marked as this program's, so that the check of what tests leave
// behind finds it.
func hog(t testing.TB, run string) (pid int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "echo; while :; do :; done")
	cmd.Env = append(os.Environ(), workers.TokenVariable+"="+workers.Token()+"/"+run+"/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err := syscall.Kill(cmd.Process.Pid, 0); err != syscall.ESRCH {
			t.Errorf("hog %d is left: %v", cmd.Process.Pid, err)
		}
	})
	if _, err := out.Read(make([]byte, 1)); err != nil { // it has a session, an environment, and a shell that runs
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// booked is how long a process's first thread has wanted a CPU, as far as the
// kernel has booked it.
func booked(t testing.TB, pid int) (on, delay time.Duration) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, pid))
	if os.IsNotExist(err) {
		t.Skip("the kernel says nothing of delays")
	}
	on, delay, ok := parseSchedstat(text)
	if err != nil || !ok {
		t.Fatalf("%q, %v", text, err)
	}
	return on, delay
}

// A session is a recording of this machine that looks when the test says.
type session struct {
	*ledger
	k *kernel
}

func record(t testing.TB, mark string) *session {
	t.Helper()
	k, err := open(mark)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	s := &session{newLedger(k), k}
	s.look(0, nil)
	return s
}

func (s *session) again(told ...int) { s.look(s.k.now(), told) }

// rivals are those that a process's threads are.
func (s *session) rivals(pid int) (n []int) {
	if p := s.procs[pid]; p != nil {
		for _, t := range p.threads {
			n = append(n, t.rival)
		}
	}
	return n
}

// every calls f from time to time, until it says that it is through.
func every(t testing.TB, d time.Duration, f func() bool) {
	t.Helper()
	tick := time.NewTicker(d)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for !f() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("a minute was not enough")
		}
	}
}

func TestAHogIsSeenToWantACoreWhateverItGets(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(n, " hogs"), func(t *testing.T) {
			var pids []int
			for range n {
				pids = append(pids, hog(t, "hogs"))
			}
			want := func(pid int) time.Duration {
				on, delay := booked(t, pid)
				return on + delay
			}
			least, most := map[int]time.Duration{}, map[int]time.Duration{}
			for _, pid := range pids {
				most[pid] = -want(pid)
			}
			s := record(t, "of no process")
			for _, pid := range pids { // a wait that is under way now is booked once it gets a CPU, and was partly before
				was, _ := booked(t, pid)
				every(t, ms, func() bool { on, _ := booked(t, pid); return on > was })
				least[pid] = -want(pid)
			}
			begin := time.Now()
			every(t, Period, func() bool { // until the kernel has booked what a hog wants: all of the time
				s.again()
				for _, pid := range pids {
					if elapsed := time.Since(begin); elapsed < 3*Period || float64(want(pid)+least[pid]) < 0.97*float64(elapsed) {
						return false
					}
				}
				return true
			})
			for _, pid := range pids {
				least[pid] += want(pid)
			}
			s.again()
			for _, pid := range pids {
				most[pid] += want(pid)
			}
			e := s.environment()
			if err := e.Check(); err != nil {
				t.Fatal(err)
			}
			names, apart := map[int]bool{}, true
			for _, pid := range pids {
				of := s.rivals(pid)
				if len(of) != 1 {
					t.Fatalf("hog %d is the rivals %v", pid, of)
				}
				names[of[0]] = true
				var got time.Duration
				for _, b := range s.buckets {
					for _, l := range b.loads {
						if l.rival == of[0] {
							got += l.runnable
						}
					}
				}
				alone := len(e.Rivals[of[0]].Path) == 1 && e.Rivals[of[0]].Path[0].Session()
				apart = apart && alone
				// A tick of the scheduler may be missing from what the test reads, and little is not booked.
				if slack := 2*lag + little; got < least[pid]-slack || alone && got > most[pid]+slack {
					t.Errorf("hog %d was seen to want a core for %v, it did between %v and %v, of %v", pid, got, least[pid], most[pid], s.at)
				}
			}
			if apart && len(names) != n { // where all of this is in a group of its own, sessions count for nothing
				t.Errorf("%d sessions are %d rivals", n, len(names))
			}
		})
	}
}

func TestTheRunsOwnAreKnownByWhatTheyWereToldAndByTheirMark(t *testing.T) {
	s := record(t, workers.Mark(workers.Token(), "mine"))
	marked, told, other := hog(t, "mine"), hog(t, "other"), hog(t, "other")
	begin := func() (sum time.Duration) {
		for _, pid := range []int{marked, told, other} {
			on, _ := booked(t, pid)
			sum = max(sum, on)
		}
		return sum
	}
	every(t, Period, func() bool { s.again(told); return begin() > 3*little })
	every(t, Period/10, func() bool {
		s.again()
		return len(s.rivals(marked)) > 0 && len(s.rivals(told)) > 0 && len(s.rivals(other)) > 0
	})
	for pid, own := range map[int]bool{marked: true, told: true, other: false} {
		if p := s.procs[pid]; p == nil || p.own != own || !p.ours {
			t.Errorf("process %d is %+v, want own %v, and this program's child", pid, p, own)
		}
	}
	if p := s.procs[os.Getpid()]; p == nil || p.own {
		t.Errorf("this program is %+v", p)
	}
	if s.environment().Workers == nil {
		t.Error("the run's own are nowhere")
	}
}

func TestHowAProcessCompetesIsReadFromThisMachine(t *testing.T) {
	plain, nice, idle := hog(t, "hogs"), hog(t, "hogs"), hog(t, "hogs")
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		t.Fatal(err)
	}
	first := 0
	for !may.IsSet(first) {
		first++
	}
	may.Zero()
	may.Set(first)
	if err := unix.SchedSetaffinity(plain, &may); err != nil {
		t.Fatal(err)
	}
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := 20 - raw // the system call gives 20 less the nice
	if own > 12 {
		t.Skip("this program is too nice itself for another to be 7 nicer")
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, nice, own+7); err != nil {
		t.Fatal(err)
	}
	if err := unix.SchedSetAttr(idle, &unix.SchedAttr{Policy: unix.SCHED_IDLE}, 0); err != nil {
		t.Fatal(err)
	}
	k, err := open("")
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	if m := k.manner(plain); !slices.Equal(m.place(nil).CPUs, []int{first}) && k.online.Count() > 1 || m.nice != own {
		t.Errorf("bound to CPU %d: %+v", first, m.place(nil))
	}
	if m := k.manner(nice); m.nice != own+7 || m.policy != scenario.Fair {
		t.Errorf("of nice %d: %+v", own+7, m.place(nil))
	}
	if m := k.manner(idle); m.policy != scenario.Idle {
		t.Errorf("idle: %+v", m.place(nil))
	}
	one, ok1 := k.group(plain, 0)
	two, ok2 := k.group(nice, 0)
	if !ok1 || !ok2 {
		t.Fatal("a hog has no group")
	}
	if k.auto && len(one.groups) == 1 && one.groups[0].Session() && one.groups[0] == two.groups[0] {
		t.Errorf("two sessions are one group: %+v", one)
	}
	if _, ok := k.group(1<<22+1, 0); ok { // above what the kernel gives away
		t.Error("nobody has a group")
	}
	if parent, marked := k.parent(plain); parent != os.Getpid() || marked {
		t.Errorf("its parent is %d, marked %v", parent, marked)
	}
}

// cgroup makes a group with the CPU controller, and moves a process there.
func cgroup(t *testing.T, k *kernel, pid int, settings map[string]string) string {
	t.Helper()
	if k.groups.Dir == "" || os.Geteuid() != 0 {
		t.Skip("no cgroup with a CPU controller can be made here")
	}
	name := fmt.Sprint("butfor-test-", os.Getpid())
	dir := filepath.Join(k.groups.Dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skip("no cgroup can be made here: ", err)
	}
	t.Cleanup(func() { // once the process has ended: a cleanup that was added earlier runs later
		every(t, time.Millisecond, func() bool { return syscall.Rmdir(dir) != syscall.EBUSY })
	})
	for file, text := range settings {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Skip("no cgroup with a CPU controller can be made here: ", err)
		}
	}
	return dir
}

func TestAContainersWeightAndQuotaAreReadFromThisMachine(t *testing.T) {
	k, err := open("")
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	settings := map[string]string{"cpu.shares": "512", "cpu.cfs_period_us": "50000", "cpu.cfs_quota_us": "20000"}
	if k.groups.V2 {
		settings = map[string]string{"cpu.weight": "50", "cpu.max": "20000 50000"}
	}
	dir := cgroup(t, k, 0, settings)
	pid := hog(t, "hogs")
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
		t.Fatal(err)
	}
	f, ok := k.group(pid, 0)
	want := scenario.Group{Name: filepath.Base(dir), Weight: 0.5, Quota: scenario.Quota{Cores: 0.4, Period: 50 * ms, First: 25 * ms}}
	if !ok || len(f.groups) != 1 || f.groups[0] != want || f.hidden != "" {
		t.Errorf("got %+v, %v, want %+v", f, ok, want)
	}
}

func TestARecordingCanBeReplayedAndStatesWhatItCost(t *testing.T) {
	before := runtime.NumGoroutine()
	r, err := Start(workers.Mark(workers.Token(), "run"))
	if err != nil {
		t.Fatal(err)
	}
	pid := hog(t, "other")
	r.Own(pid)
	every(t, 10*ms, func() bool { on, _ := booked(t, pid); return on > 2*Period && time.Since(r.Began()) > 3*Period })
	e := r.Stop()
	end := time.Since(r.Began())
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if again := r.Stop(); len(again.Load) != len(e.Load) || again.Cost != e.Cost {
		t.Error("asked again, it says something else")
	}
	if len(e.Load) == 0 || e.Load[0].At != 0 {
		t.Fatalf("it begins with %+v", e.Load)
	}
	at, own := time.Duration(0), 0.
	for _, b := range e.Load {
		if b.At != at {
			t.Errorf("a bucket begins at %v, the one before it ended at %v", b.At, at)
		}
		at += b.Span
		own += b.Own * b.Span.Seconds()
	}
	if at > end || own == 0 || len(e.Workers) == 0 {
		t.Errorf("it ends at %v of %v; the worker had %.3f s in %+v", at, end, own, e.Workers)
	}
	if int(e.Cores) < 1 || e.Cost <= 0 || e.Late < 0 || e.Share <= 0 || e.Slice != 0 && e.Slice != slice {
		t.Errorf("got %v cores, cost %v, share %v, late %v, slice %v", e.Cores, e.Cost, e.Share, e.Late, e.Slice)
	}
	harness := slices.IndexFunc(e.Rivals, func(r scenario.Rival) bool { return r.Harness })
	if harness < 0 {
		t.Error("this program is no rival")
	}
	if after := runtime.NumGoroutine(); after > before+2 { // the hog's pipe
		t.Errorf("there were %d goroutines, now there are %d", before, after)
	}
}

func TestWhatTheMachineUsedIsExactWhereVersion1SaysSo(t *testing.T) {
	k, err := open("")
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	if roots, _ := filepath.Glob("/sys/fs/cgroup/*cpuacct*/release_agent"); len(roots) == 0 {
		t.Skip("no cpuacct of version 1, of the root, is mounted here")
	}
	usage := func() time.Duration {
		text, err := os.ReadFile(k.usage)
		d, _, ok := parseNanoseconds(text)
		if err != nil || !ok {
			t.Fatalf("%q, %v", text, err)
		}
		return d
	}
	before := usage()
	m, ok := k.machine()
	if after := usage(); !ok || m.busy < before || m.busy > after {
		t.Errorf("the machine used %v, %v, between %v and %v", m.busy, ok, before, after)
	}
	if m.cpus != k.online.Count() || m.cpus < 1 {
		t.Errorf("%d CPUs, of which are on line %d", m.cpus, k.online.Count())
	}
}

func TestWhoIsNotInTheFirstNamespaceIsToldSo(t *testing.T) {
	k, err := open("")
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	told := slices.ContainsFunc(k.limits(), func(g scenario.Gap) bool {
		return g.Kind == scenario.GapNamespace && strings.Contains(g.Text, "own pid namespace")
	})
	if told == (ns == initialPIDs) {
		t.Errorf("in %s the gaps are %q", ns, k.limits())
	}
}

func TestALookOutOfTurnEndsABucket(t *testing.T) {
	r, err := Start("of no process")
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(shortest)
	before := time.Since(r.Began())
	r.Look()
	after := time.Since(r.Began())
	e := r.Stop()
	r.Look() // too late to be one
	if !slices.ContainsFunc(e.Load, func(b scenario.Bucket) bool {
		end := b.At + b.Span
		return before-shortest <= end && end <= after
	}) {
		t.Errorf("no bucket ends between %v and %v: %+v", before-shortest, after, e.Load)
	}
	for i, b := range e.Load {
		if i > 0 && b.At != e.Load[i-1].At+e.Load[i-1].Span {
			t.Errorf("the bucket from %v on does not follow on that before", b.At)
		}
	}
}
