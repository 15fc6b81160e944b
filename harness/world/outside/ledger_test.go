//go:build linux

package outside

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/harness/scenario"
)

const ms = time.Millisecond

// A pretence is a machine that says what a test wants.
type pretence struct {
	procs   map[int]*pretended
	cpu     machine
	blind   bool // nothing is known of the machine
	paid    time.Duration
	latest  int
	time    time.Duration
	listed  int // how often
	missing bool
	asked   int           // how often what is known of groups is asked again
	kept    time.Duration // how long the recorder is kept from reading threads
}

type pretended struct {
	clock   time.Duration
	threads map[int]*spent
	in      family
	manner  map[int]manner
	parent  int
	marked  bool
	kthread bool
	child   bool // of ours, when the recording begins
	gone    bool // before it can be asked
}

type spent struct{ on, delay time.Duration }

func (p *pretence) processes(into []int) ([]int, error) {
	p.listed++
	return append(into, slices.Sorted(maps.Keys(p.procs))...), nil
}

func (p *pretence) now() time.Duration { return p.time }

func (p *pretence) newest() (int, bool) { return p.latest, !p.missing }

func (p *pretence) kthreads() (pids []int) {
	for pid, q := range p.procs {
		if q.kthread && pid != kthreadd {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (p *pretence) clock(pid int) (time.Duration, bool) {
	if q := p.procs[pid]; q != nil {
		return q.clock, true
	}
	return 0, false
}

func (p *pretence) threads(pid int, f func(tid int, on, delay time.Duration)) {
	p.time += p.kept
	if q := p.procs[pid]; q != nil {
		for _, tid := range slices.Sorted(maps.Keys(q.threads)) {
			f(tid, q.threads[tid].on, q.threads[tid].delay)
		}
	}
}

func (p *pretence) group(pid int, _ time.Duration) (family, bool) {
	if q := p.procs[pid]; q != nil && !q.gone {
		return q.in, true
	}
	return family{}, false
}

func (p *pretence) anew() { p.asked++ }

func (p *pretence) manner(tid int) manner {
	for _, q := range p.procs {
		if m, ok := q.manner[tid]; ok {
			return m
		}
	}
	return manner{}
}

func (p *pretence) parent(pid int) (int, bool) { return p.procs[pid].parent, p.procs[pid].marked }

func (p *pretence) offspring() (pids []int) {
	for pid, q := range p.procs {
		if q.child {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (p *pretence) reaped() time.Duration    { return p.paid }
func (p *pretence) machine() (machine, bool) { return p.cpu, !p.blind }
func (p *pretence) limits() []scenario.Gap   { return nil }
func (p *pretence) gone(int)                 {}

// A story is a ledger over a pretence.
type story struct {
	*pretence
	l *ledger
}

// tell begins the recording of a machine with 2 CPUs and those processes.
func tell(procs map[int]*pretended) *story {
	s := &story{pretence: &pretence{procs: procs, cpu: machine{cpus: 2}, latest: 1000}}
	s.l = newLedger(s.pretence)
	s.l.look(0, nil)
	return s
}

func in(names ...string) family {
	var f family
	for _, n := range names {
		f.groups = append(f.groups, scenario.Group{Name: n, Weight: 1})
	}
	return f
}

func simple(pid int, group string) *pretended {
	return &pretended{threads: map[int]*spent{pid: {}}, in: in(group)}
}

// run has a process's thread run and wait, as its process's clock has it too.
func (s *story) run(pid, tid int, on, delay time.Duration) {
	p := s.procs[pid]
	p.clock += on
	s.cpu.busy += on
	if p.threads[tid] == nil {
		p.threads[tid] = &spent{}
	}
	p.threads[tid].on += on
	p.threads[tid].delay += delay
}

func (s *story) look(told ...int) {
	s.time += Period
	s.l.look(s.time, told)
}

// loads are those of the bucket, by the name of the last group: runnable of
// threads on CPU.
func (s *story) loads(bucket int) map[string]string {
	e := s.l.environment()
	got := map[string]string{}
	for _, l := range e.Load[bucket].Load {
		name := "root"
		if p := e.Rivals[l.Rival].Path; len(p) > 0 {
			name = p[len(p)-1].Name
		}
		got[name] += fmt.Sprintf("%g of %d on %g", l.Runnable, l.Threads, l.CPU)
		if l.Busy > 0 {
			got[name] += fmt.Sprintf(", %d busy on %g", l.Busy, l.BusyCPU)
		}
	}
	return got
}

func (s *story) want(t *testing.T, bucket int, want map[string]string) {
	t.Helper()
	if got := s.loads(bucket); !maps.Equal(got, want) {
		t.Errorf("bucket %d: got %v, want %v", bucket, got, want)
	}
}

func one(group, load string) map[string]string { return map[string]string{group: load} }

func TestAThreadWantsWhatItHadAndWaitedFor(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a"), 11: simple(11, "b"), 12: simple(12, "b")})
	s.run(10, 10, 50*ms, 100*ms)
	s.run(11, 11, 20*ms, 0)
	s.run(12, 12, 40*ms, 40*ms)
	s.look()
	s.want(t, 0, map[string]string{"a": "0.75 of 1 on 0.25", "b": "0.5 of 2 on 0.3"})
	s.look()
	s.want(t, 1, map[string]string{})
}

func TestWhatWasBeforeTheRecordingIsNotInIt(t *testing.T) {
	s := tell(map[int]*pretended{10: {clock: 7 * time.Second, threads: map[int]*spent{10: {7 * time.Second, 9 * time.Second}}, in: in("a")}})
	s.run(10, 10, 50*ms, 50*ms)
	s.look()
	s.want(t, 0, one("a", "0.5 of 1 on 0.25"))
}

func TestADelayThatIsBookedLateBelongsToTheBucketBefore(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.run(10, 10, 100*ms, 60*ms)
	s.look()
	s.run(10, 10, 100*ms, 140*ms)
	s.look()
	s.want(t, 0, one("a", "1 of 1 on 0.5, 1 busy on 0.5"))
	s.want(t, 1, one("a", "1 of 1 on 0.5, 1 busy on 0.5"))
	s.run(10, 10, 100*ms, 900*ms) // more than can be: both are full
	s.look()
	s.want(t, 1, one("a", "1 of 1 on 0.5, 1 busy on 0.5"))
	s.want(t, 2, one("a", "1 of 1 on 0.5, 1 busy on 0.5"))
}

func TestWhatIsReadLongAfterALookBeganIsOfTheNextBucketToo(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a"), 11: simple(11, "b")})
	s.run(10, 10, 100*ms, 100*ms) // until the look
	s.kept = 400 * ms
	s.run(10, 10, 300*ms, 100*ms) // and until it is read
	s.look()
	s.kept = 0
	s.time += 10*ms - Period
	s.run(10, 10, 0, 10*ms)
	s.look()
	s.want(t, 0, one("a", "1 of 1 on 0.666667, 1 busy on 0.666667"))
	s.want(t, 1, one("a", "0.97561 of 1 on 0.650407")) // its last wait is not booked yet
	s.run(10, 10, 20*ms, 180*ms)
	s.look()
	s.want(t, 1, one("a", "1 of 1 on 0.650407"))
	s.want(t, 2, one("a", "1 of 1 on 0.1, 1 busy on 0.1"))
}

func TestAThreadIsBusyIfItWantedAllOfItsOwnTime(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.kept = 400 * ms
	s.run(10, 10, 600*ms, 0)
	s.look() // at 200, and it is read at 600
	s.kept = 0
	s.run(10, 10, 200*ms, 0)
	s.time = 800*ms - Period
	s.look() // at 800
	s.want(t, 0, one("a", "1 of 1 on 1, 1 busy on 1"))
	s.want(t, 1, one("a", "1 of 1 on 1, 1 busy on 0.333333"))
}

func TestThreadsThatNeverSleptAreToldApart(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a"), 5: {kthread: true, threads: map[int]*spent{5: {}}}})
	s.run(10, 10, 50*ms, 129*ms) // not quite, as far as is known
	s.run(10, 11, 50*ms, 131*ms)
	s.run(10, 12, 10*ms, 0)
	s.look()
	s.want(t, 0, one("a", "1.85 of 3 on 0.55, 1 busy on 0.25"))
	s.run(10, 10, 180*ms, 22*ms) // 2 ms of it before
	s.look()
	s.want(t, 0, one("a", "1.86 of 3 on 0.55, 2 busy on 0.5"))
	s.want(t, 1, one("a", "1 of 1 on 0.9, 1 busy on 0.9"))
	s.run(5, 5, 800*ms, 0)
	s.look()
	s.look() // here it is looked at
	for i := range 4 {
		if got := s.loads(i)["root"]; got != "1 of 1 on 1, 1 busy on 1" {
			t.Errorf("in bucket %d the kernel's is %q", i, got)
		}
	}
}

func TestOneThatStarvedWantedACoreAllTheTime(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.run(10, 10, 50*ms, 0) // then it slept a while
	s.look()
	s.look()
	s.look()
	s.look()
	s.run(10, 10, 20*ms, 180*ms+3*200*ms+100*ms)
	s.look()
	s.want(t, 0, one("a", "0.75 of 1 on 0.25"))
	s.want(t, 1, one("a", "1 of 1 on 0, 1 busy on 0"))
	s.want(t, 2, one("a", "1 of 1 on 0, 1 busy on 0"))
	s.want(t, 3, one("a", "1 of 1 on 0, 1 busy on 0"))
	s.want(t, 4, one("a", "1 of 1 on 0.1, 1 busy on 0.1"))
	s.look()
	s.run(10, 10, 20*ms, 200*ms)
	s.look()
	s.want(t, 5, one("a", "0.1 of 1 on 0"))
	s.want(t, 6, one("a", "1 of 1 on 0.1, 1 busy on 0.1"))
}

func TestAThreadThatRanInNoneOfTheLooksIsCountedOnceItWaited(t *testing.T) {
	s := tell(map[int]*pretended{10: {threads: map[int]*spent{10: {}, 11: {}}, in: in("a")}})
	s.run(10, 10, 100*ms, 0)
	s.look() // 11 was read, but did nothing
	s.run(10, 11, 100*ms, 150*ms)
	s.look()
	s.want(t, 0, one("a", "0.75 of 2 on 0.5"))
	s.want(t, 1, one("a", "1 of 1 on 0.5, 1 busy on 0.5"))
}

func TestANewThreadDidNotWaitBeforeItWas(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.look()
	s.run(10, 11, 100*ms, 300*ms)
	s.look()
	s.want(t, 0, map[string]string{})
	s.want(t, 1, one("a", "1 of 1 on 0.5, 1 busy on 0.5"))
}

func TestTheCPUOfThreadsThatEndedIsNotLost(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.run(10, 10, 40*ms, 20*ms)
	s.procs[10].clock += 60 * ms
	s.look()
	s.want(t, 0, one("a", "0.6 of 2 on 0.5"))
	s.procs[10].clock += 300 * ms // of two at least
	s.look()
	s.want(t, 1, one("a", "1.5 of 2 on 1.5"))
}

func TestAThreadThatIsNotUpToDateHadWhatItsProcessHad(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.run(10, 10, 96*ms, 50*ms)
	s.procs[10].clock += 4 * ms
	s.look()
	s.want(t, 0, one("a", "0.73 of 1 on 0.5"))
	s.run(10, 10, 104*ms, 0)
	s.procs[10].clock -= 4 * ms
	s.look()
	s.want(t, 1, one("a", "0.52 of 1 on 0.5"))
	s.procs[10].clock += 5 * ms // and nothing on its account
	s.look()
	s.want(t, 2, one("a", "0.025 of 1 on 0.025"))
	s.procs[10].clock += 5 * ms
	s.procs[10].threads[10].delay += 15 * ms
	s.look()
	s.want(t, 3, one("a", "0.1 of 1 on 0.025"))
}

func TestTheRunsOwnAreToldApart(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "hog")})
	s.latest += 10
	s.procs[1001] = simple(1001, "w1")                      // told
	s.procs[1002] = simple(1002, "w2")                      // has the mark
	s.procs[1003] = simple(1003, "w1")                      // a child without it: somebody's else
	s.procs[1002].marked, s.procs[1003].parent = true, 1001 // and its parent's would not do
	for _, pid := range []int{10, 1001, 1002, 1003} {
		s.run(pid, pid, 20*ms, 20*ms)
	}
	s.run(1001, 7001, 20*ms, 0) // a thread that computes too
	s.run(1001, 7002, 19*ms, 0) // and one that hardly does
	s.look(1001)
	s.want(t, 0, map[string]string{"hog": "0.2 of 1 on 0.1", "w1": "0.2 of 1 on 0.1"})
	e := s.l.environment()
	if own := e.Load[0].Own; own != 0.395 {
		t.Errorf("its own had %v cores", own)
	}
	want := []scenario.Place{{Path: in("w1").groups, Processes: 1, Threads: 2}, {Path: in("w2").groups, Processes: 1, Threads: 1}}
	if fmt.Sprint(e.Workers) != fmt.Sprint(want) {
		t.Errorf("they were in %+v, want %+v", e.Workers, want)
	}
	s.run(1001, 1001, 20*ms, 0)
	s.look()
	if e = s.l.environment(); e.Load[1].Own != 0.1 || fmt.Sprint(e.Workers) != fmt.Sprint(want) {
		t.Errorf("then: %v and %+v", e.Load[1].Own, e.Workers)
	}
}

func TestTheRunsOwnOfOneGroupAreCountedTogetherWheneverTheyCame(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "c"), 11: simple(11, "c")})
	s.run(10, 10, 40*ms, 0)
	s.look(10)
	s.run(11, 11, 40*ms, 0)
	s.look(11)
	s.run(10, 10, 40*ms, 0)
	s.look()
	want := func(processes, threads int) {
		t.Helper()
		if w := s.l.environment().Workers; len(w) != 1 || w[0].Processes != processes || w[0].Threads != threads {
			t.Errorf("got %+v, want %d processes and %d threads", w, processes, threads)
		}
	}
	want(1, 1)
	s.run(10, 10, 40*ms, 0)
	s.run(11, 11, 40*ms, 0)
	s.look()
	want(2, 2)
}

func TestAWorkerThatHardlyRunsHasAPlaceAndCountsOnceItCompetes(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "w1")})
	want := func(processes int) {
		t.Helper()
		if w := s.l.environment().Workers; len(w) != 1 || w[0].Processes != processes || w[0].Threads != processes || w[0].Path[0].Name != "w1" {
			t.Errorf("got %+v, want %d processes", w, processes)
		}
	}
	s.run(10, 10, 10*ms, 0)
	s.look(10)
	want(0)
	s.run(10, 10, 150*ms, 0)
	s.look()
	want(1)
}

func TestWhoIsToldLateCountsFromThenOn(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.run(10, 10, 20*ms, 0)
	s.look()
	s.run(10, 10, 20*ms, 0)
	s.look(10)
	s.want(t, 0, one("a", "0.1 of 1 on 0.1"))
	s.want(t, 1, map[string]string{})
}

// A container engine begins a worker before it has laid all its limits on it.
func TestWhatAWorkerHadBeforeItsLaunchWasThroughIsAskedAgain(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.run(10, 10, 20*ms, 0)
	s.look()
	s.procs[10].in.groups = []scenario.Group{{Name: "a", Weight: 1, Quota: scenario.Quota{Cores: .2}}}
	s.run(10, 10, 20*ms, 0)
	s.look(10)
	s.run(10, 10, 20*ms, 0)
	s.look()
	if e := s.l.environment(); e.Quota.Cores != .2 || s.asked != 1 {
		t.Errorf("quota %v, asked again %d times; want 0.2 cores, asked once", e.Quota, s.asked)
	}
}

func TestThisProgramIsARivalOfItsOwn(t *testing.T) {
	self := os.Getpid()
	s := tell(map[int]*pretended{10: simple(10, "a"), self: simple(self, "a")})
	s.run(10, 10, 20*ms, 0)
	s.run(self, self, 40*ms, 0)
	s.look()
	for _, l := range s.l.environment().Load[0].Load {
		if r := s.l.environment().Rivals[l.Rival]; r.Harness != (l.CPU == 0.2) {
			t.Errorf("the load %+v is of %+v", l, r)
		}
	}
}

func TestOnlyThoseWhoCompeteAlikeAreOneRival(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	var bound unix.CPUSet
	bound.Set(0)
	bound.Set(65)
	s.procs[10].manner = map[int]manner{11: {nice: 5}, 12: {policy: scenario.Idle}, 13: {cpus: bound}, 14: {nice: 5}}
	for tid := 10; tid <= 14; tid++ {
		s.run(10, tid, 20*ms, 0)
	}
	s.look()
	e := s.l.environment()
	var got []string
	for i, l := range e.Load[0].Load {
		r := e.Rivals[l.Rival]
		if l.Rival != i {
			t.Errorf("load %d is of rival %d", i, l.Rival)
		}
		got = append(got, fmt.Sprint(r.Nice, r.Policy, r.CPUs, l.Threads))
	}
	if want := []string{"0[] 1", "5[] 2", "0idle[] 1", "0[0 65] 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHowSomebodyCompetesIsAskedOnceASecond(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	for range 4 {
		s.run(10, 10, 20*ms, 0)
		s.look()
	}
	s.procs[10].in.groups = []scenario.Group{{Name: "a", Weight: 3}}
	s.procs[10].manner = map[int]manner{10: {nice: 3}}
	for range 3 {
		s.run(10, 10, 20*ms, 0)
		s.look()
	}
	var got []float64
	e := s.l.environment()
	for _, b := range e.Load {
		r := e.Rivals[b.Load[0].Rival]
		got = append(got, r.Path[0].Weight+float64(r.Nice))
	}
	if want := []float64{1, 1, 1, 1, 1, 6, 6}; !slices.Equal(got, want) {
		t.Errorf("weight and nice were %v, want %v", got, want)
	}
}

func TestWhatNobodyIsKnownToHaveUsedIsUnseen(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a"), 11: simple(11, "b"), 12: simple(12, "c")})
	s.procs[11].gone = true
	s.run(10, 10, 20*ms, 0)
	s.run(11, 11, 40*ms, 0)
	s.cpu.busy += 10 * ms
	s.cpu.stolen += 50 * ms
	s.look(12)
	s.run(12, 12, 40*ms, 0)
	s.cpu.busy -= 20 * ms
	s.cpu.stolen -= 10 * ms // some kernels do
	s.look()
	e := s.l.environment()
	if b := e.Load[0]; b.Unseen != 0.25 || b.Stolen != 0.25 || b.Own != 0 {
		t.Errorf("got %+v", b)
	}
	if b := e.Load[1]; b.Unseen != -0.1 || b.Stolen != 0 || b.Own != 0.2 {
		t.Errorf("got %+v", b)
	}
	s.blind = true
	s.run(10, 10, 20*ms, 0)
	s.look()
	if b := s.l.environment().Load[2]; b.Unseen != 0 || b.Stolen != 0 || len(b.Load) != 1 {
		t.Errorf("got %+v", b)
	}
}

func TestChildrenThatNobodySawAreKnownByWhatTheyCost(t *testing.T) {
	self := os.Getpid()
	s := tell(map[int]*pretended{
		10: {clock: 300 * ms, threads: map[int]*spent{}, child: true}, // begun before
		11: {clock: 300 * ms, threads: map[int]*spent{}},              // somebody else's
	})
	s.latest++
	s.procs[1001] = simple(1001, "w1")
	s.procs[1001].parent = self
	s.run(1001, 1001, 100*ms, 0)
	s.look(1001)
	own := func(bucket int) float64 { return s.l.environment().Load[bucket].Own }
	if own(0) != 0.5 {
		t.Errorf("own is %v", own(0))
	}
	delete(s.procs, 10) // reaped: 300 before, 20 since
	delete(s.procs, 11)
	delete(s.procs, 1001)        // not reaped yet
	s.paid += 320*ms + 60*ms     // and one that nobody saw
	s.cpu.busy += 20*ms + 60*ms  // of which the machine knows
	s.cpu.busy += 0              // not of 1001: it had all been seen
	s.look()                     // what was seen of 1001 is still owed, so that
	if got := own(1); got != 0 { // only more than that can be told to be new
		t.Errorf("own is %v", got)
	}
	s.paid += 130 * ms // 1001: 100 of it seen, and 30 in its last moments
	s.cpu.busy += 30 * ms
	s.look()
	if got := own(2); got != 0.55 {
		t.Errorf("own is %v", got)
	}
	s.paid += time.Hour // that can't be
	s.look()
	if got := own(3); got != 2 {
		t.Errorf("own is %v", got)
	}
}

func TestALittleCPUIsBookedOnceItIsMore(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a")})
	for range 4 {
		s.run(10, 10, 40*time.Microsecond, 0)
		s.look()
	}
	s.want(t, 0, map[string]string{})
	s.want(t, 1, map[string]string{})
	s.want(t, 2, one("a", "0.0006 of 1 on 0.0006"))
	s.want(t, 3, map[string]string{})
}

func TestTheKernelsThreadsAreBookedEvenlySinceTheyWereLookedAt(t *testing.T) {
	s := tell(map[int]*pretended{
		2: {kthread: true, threads: map[int]*spent{2: {}}},
		5: {kthread: true, clock: 50 * ms, threads: map[int]*spent{5: {50 * ms, 60 * ms}}}})
	for range 5 { // (looks + 5) % 5 is 0 at the look that ends bucket 3
		s.run(5, 5, 20*ms, 10*ms)
		s.look()
	}
	for i := range 4 {
		s.want(t, i, one("root", "0.1 of 1 on 0.1")) // how long it waited is not known before it was first read
	}
	s.want(t, 4, map[string]string{})
	for range 5 {
		s.run(5, 5, 20*ms, 10*ms)
		s.look()
	}
	for i := 4; i < 9; i++ {
		s.want(t, i, one("root", "0.15 of 1 on 0.1"))
	}
	for range 9 { // it sleeps until bucket 19
		s.look()
	}
	s.run(5, 5, 100*ms, 0)
	for range 5 {
		s.look()
	}
	for i := 14; i < 19; i++ {
		s.want(t, i, map[string]string{})
	}
	for i := 19; i < 24; i++ {
		s.want(t, i, one("root", "0.1 of 1 on 0.1"))
	}
	s.procs[1001] = &pretended{parent: 2, threads: map[int]*spent{1001: {}}}
	s.latest++
	s.run(1001, 1001, 20*ms, 0)
	s.look()
	if p := s.l.procs[1001]; p == nil || !p.kthread {
		t.Errorf("a new one is %+v", p)
	}
}

func TestANumberThatIsGivenAgainIsAnotherProcess(t *testing.T) {
	s := tell(map[int]*pretended{10: {clock: time.Second, threads: map[int]*spent{10: {time.Second, time.Second}}, in: in("a")}})
	s.procs[10] = simple(10, "b")
	s.run(10, 10, 20*ms, 20*ms)
	s.look()
	s.want(t, 0, one("b", "0.2 of 1 on 0.1"))
}

func TestNewProcessesAreFoundWithoutAListAndWithOne(t *testing.T) {
	for _, c := range []struct {
		name    string
		latest  int
		missing bool
		pid     int
		lists   int
	}{
		{"by the number that was given last", 1003, false, 1002, 0},
		{"after the numbers began anew", 400, false, 390, 1},
		{"where many were given", 9000, false, 8000, 1},
		{"where the last number is not known", 0, true, 1002, 1},
	} {
		s := tell(map[int]*pretended{10: simple(10, "a")})
		s.latest, s.missing = c.latest, c.missing
		s.procs[c.pid] = simple(c.pid, "b")
		s.run(c.pid, c.pid, 20*ms, 0)
		lists := s.listed
		s.look()
		if got := s.loads(0)["b"]; got != "0.1 of 1 on 0.1" || s.listed-lists != c.lists {
			t.Errorf("%s: %q with %d lists", c.name, got, s.listed-lists)
		}
	}
	s := tell(map[int]*pretended{10: simple(10, "a")})
	s.procs[5000] = simple(5000, "b") // of a number that was asked for
	for range 5 {
		s.run(5000, 5000, 20*ms, 0)
		s.look()
	}
	if got := len(s.l.environment().Rivals); got != 1 {
		t.Errorf("after a second there are %d rivals", got)
	}
}

func TestALongBucketAndARecordingWithoutEndAreGaps(t *testing.T) {
	s := tell(nil)
	s.time += 300 * ms
	s.look()
	if gaps := s.l.environment().Gaps; len(gaps) != 1 || gaps[0].Kind != scenario.GapLate || !strings.Contains(gaps[0].Text, "1 buckets of 1 are longer than 400ms, the longest 500ms") {
		t.Errorf("got %q", gaps)
	}
	s = tell(nil)
	for range bucketsMost + 2 {
		s.look()
	}
	e := s.l.environment()
	if len(e.Load) != bucketsMost || len(e.Gaps) != 1 || !strings.Contains(e.Gaps[0].Text, "ended after 3h38m27.2s") {
		t.Errorf("%d buckets, and %q", len(e.Load), e.Gaps)
	}
}

func TestAGroupThatIsHiddenIsAGapOnce(t *testing.T) {
	s := tell(map[int]*pretended{10: simple(10, "a"), 11: simple(11, "a")})
	for _, pid := range []int{10, 11} {
		s.procs[pid].in.hidden = "so is it"
		s.run(pid, pid, 20*ms, 0)
	}
	s.look()
	if gaps := s.l.environment().Gaps; len(gaps) != 1 || gaps[0] != (scenario.Gap{Kind: scenario.GapGroup, Text: "so is it"}) {
		t.Errorf("got %q", gaps)
	}
}

func TestTheTightestQuotaOfTheWorkersIsTheRuns(t *testing.T) {
	limited := func(cores ...float64) (f family) {
		for i, c := range cores {
			f.groups = append(f.groups, scenario.Group{Name: fmt.Sprint("g", i), Weight: 1, Quota: scenario.Quota{Cores: c}})
		}
		return f
	}
	self := os.Getpid()
	s := tell(map[int]*pretended{10: simple(10, ""), 11: simple(11, ""), 12: simple(12, ""), self: simple(self, "")})
	s.procs[10].in, s.procs[11].in, s.procs[12].in, s.procs[self].in = limited(0, 2, 0), limited(1.5), limited(0.1), limited(0.2)
	s.run(self, self, 20*ms, 0)
	s.run(12, 12, 20*ms, 0)
	s.look()
	if q := s.l.environment().Quota; q.Cores != 0.2 {
		t.Errorf("before any ran it is %+v", q)
	}
	s.run(10, 10, 20*ms, 0)
	s.run(11, 11, 20*ms, 0)
	s.look(10, 11)
	if q := s.l.environment().Quota; q.Cores != 1.5 {
		t.Errorf("it is %+v", q)
	}
}

// Whatever happens on a machine, a recording of it can be replayed, and no CPU
// is lost or made up.
func TestNoMachineMakesARecordingThatCannotBe(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		s := tell(map[int]*pretended{})
		var used time.Duration
		for range 40 {
			ran := map[int]bool{}
			for range r.IntN(6) {
				pid := 10 + r.IntN(8)
				switch p := s.procs[pid]; {
				case p == nil:
					s.procs[pid] = simple(pid, fmt.Sprint("g", r.IntN(3)))
					s.procs[pid].marked = r.IntN(3) == 0
				case r.IntN(6) == 0:
					delete(s.procs, pid)
				default:
					tid := pid
					if r.IntN(2) == 0 {
						tid = 100*pid + r.IntN(3)
					}
					if ran[tid] {
						continue // nobody runs longer than a look takes
					}
					ran[tid] = true
					on := time.Duration(r.Int64N(int64(Period)))
					s.run(pid, tid, on, time.Duration(r.Int64N(int64(3*Period))))
					if r.IntN(8) == 0 {
						s.procs[pid].clock += time.Duration(r.Int64N(int64(Period)))
					}
					if tid != pid && r.IntN(4) == 0 {
						delete(s.procs[pid].threads, tid)
					}
				}
			}
			s.missing = true // each look lists
			s.time += time.Duration(r.Int64N(int64(Period)))
			was := map[*process]time.Duration{}
			for _, p := range s.l.procs {
				was[p] = p.clock
			}
			s.look()
			for _, p := range s.l.procs {
				used += p.clock - was[p]
			}
		}
		e := s.l.environment()
		if err := e.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var booked float64
		for _, b := range e.Load {
			booked += b.Own * b.Span.Seconds()
			for _, l := range b.Load {
				booked += l.CPU * b.Span.Seconds()
				if float64(l.Busy)*awake > l.Runnable+1e-6 {
					t.Fatalf("seed %d: at %v %d are busy, but %v want a core", seed, b.At, l.Busy, l.Runnable)
				}
				if l.Runnable > float64(l.Threads)+1e-6 {
					t.Fatalf("seed %d: at %v %d threads want %v cores: %+v", seed, b.At, l.Threads, l.Runnable, b)
				}
			}
		}
		if diff := used.Seconds() - booked; diff > 0.001 || diff < -0.001 {
			t.Fatalf("seed %d: %v was used, %.4f s are booked", seed, used, booked)
		}
	}
}
