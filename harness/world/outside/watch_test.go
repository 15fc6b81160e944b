//go:build linux

package outside

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/harness/scenario"
)

func TestLooksAreAsFarApartAsTheyCost(t *testing.T) {
	for _, c := range []struct {
		name string
		cost func(look int) time.Duration
		want time.Duration // of the last gap
		most time.Duration // of any
	}{
		{"cheap", func(int) time.Duration { return ms }, Period, Period},
		{"just at the bound", func(int) time.Duration { return 2 * ms }, Period, 2 * Period},
		{"too dear", func(int) time.Duration { return 3 * ms }, 300 * ms, 2 * Period},
		{"far too dear", func(int) time.Duration { return 20 * ms }, 2 * time.Second, 4 * time.Second},
		{"once", func(look int) time.Duration {
			if look == 10 {
				return 30 * ms
			}
			return ms
		}, Period, 8 * Period},
	} {
		var last, spent, g, most time.Duration
		for look := range 200 {
			g = gap(g, last, spent, c.cost(max(0, look-1)))
			last += g
			spent += c.cost(look)
			most = max(most, g)
			if look > 5 && c.name != "once" && float64(spent) > 1.1*share*float64(last) {
				t.Errorf("%s: %v spent in %v", c.name, spent, last)
			}
		}
		if g != c.want || most > c.most {
			t.Errorf("%s: the last gap is %v, the longest %v, want %v and %v", c.name, g, most, c.want, c.most)
		}
		if over := float64(spent) / float64(last); over > share*1.001 {
			t.Errorf("%s: it cost %v of a core", c.name, over)
		}
	}
}

func TestTheBellEndsAWaitAndADueTimeDoes(t *testing.T) {
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(bell)
	var w watch
	w.settle()
	if w.wait(bell, time.Now().Add(-time.Hour), 0) {
		t.Error("it was rung by nobody")
	}
	if w.late < time.Hour-2*Period {
		t.Errorf("an hour after it was due it was late by %v", w.late)
	}
	if _, err := unix.Write(bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	if !w.wait(bell, time.Now(), time.Hour) {
		t.Error("it was not rung")
	}
	if w.wait(-1, time.Now().Add(-time.Hour), 0) { // of no file: never rung
		t.Error("a bell that is none was rung")
	}
}

func TestTheRecordingThreadAloneHasAShortSlice(t *testing.T) {
	mine := func() *unix.SchedAttr {
		attr, err := unix.SchedGetAttr(os.Getpid(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return attr
	}
	before := *mine()
	r, err := Start("of no process")
	if err != nil {
		t.Fatal(err)
	}
	e := r.Stop()
	if after := *mine(); after != before {
		t.Errorf("the program's first thread was %+v and is %+v", before, after)
	}
	if e.Slice != sticks() {
		t.Errorf("a slice of %v, where a thread may have %v", e.Slice, sticks())
	}
	if e.Slice != 0 && before.Runtime == uint64(e.Slice) {
		t.Errorf("a slice of %v is this kernel's own", e.Slice)
	}
}

// sticks is the slice that a thread of this program has when it has asked for the
// recorder's; 0 on a kernel that knows of none.
func sticks() time.Duration {
	got := make(chan time.Duration)
	go func() {
		runtime.LockOSThread() // which ends with it
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Runtime: uint64(slice)}
		var now *unix.SchedAttr
		err := unix.SchedSetAttr(0, &attr, 0)
		if err == nil {
			now, err = unix.SchedGetAttr(0, 0)
		}
		if err != nil || now.Runtime != uint64(slice) {
			got <- 0
			return
		}
		got <- slice
	}()
	return <-got
}

func TestARecordingStatesWhatItCostAndHowLateItWas(t *testing.T) {
	w := watch{late: 3 * ms, cost: 9 * ms, first: 4 * ms, slice: slice, slow: 2}
	e := scenario.Environment{Gaps: []scenario.Gap{{Kind: scenario.GapLate, Text: "late"}, {Kind: "another", Text: "else"}}}
	w.into(&e, time.Second)
	if e.Late != 3*ms || e.Cost != 5*ms || e.Share != 0.005 || e.Slice != slice {
		t.Errorf("late %v, cost %v, share %v, slice %v", e.Late, e.Cost, e.Share, e.Slice)
	}
	if got := e.Gaps; got[0].Text != "late; 2 looks were put off, so that they cost no more than 0.01 of a core" || got[1].Text != "else" {
		t.Errorf("the gaps are %+v", got)
	}
}
