package dspex

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestASpinForRealTakesRealCPU(t *testing.T) {
	p := newNode(InRealTime(t.Context()), "actors", switches{SpinsForReal: true}).process("p")
	p.post("stray")
	p.post("stray too")
	received := make(chan any)
	var last time.Duration // that its thread is known to have had
	go func() {
		runtime.LockOSThread()
		p.cpu.on()
		x, err := p.receive(t.Context(), is("wanted"), patience{requeue: true})
		if err != nil {
			t.Error(err)
		}
		last, _ = p.cpu.burnt()
		p.cpu.off()
		received <- x
	}()
	const enough = 20 * time.Millisecond
	for had, _ := p.cpu.burnt(); had < enough; had, _ = p.cpu.burnt() {
		runtime.Gosched()
	}
	p.post("wanted")
	if x := <-received; x != "wanted" {
		t.Errorf("received %v", x)
	}
	if had, _ := p.cpu.burnt(); had < last || p.cpu.thread != 0 {
		t.Errorf("without its thread, %d, it has had %v, with it %v", p.cpu.thread, had, last)
	}
	if n := len(p.box.queue); n != 2 {
		t.Errorf("%d messages are left, want 2", n)
	}
}

func TestASpinThatIsNoneForRealTakesNoRealCPU(t *testing.T) {
	for _, real := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if real {
				ctx = InRealTime(ctx)
			}
			m := nimble{node: newNode(ctx, "pool", nil)}
			m.self = m.process("manager")
			over := m.self.cpu.spins()
			time.Sleep(time.Second)
			over()
			if had, _ := m.Burnt(); (had == 0) != real {
				t.Errorf("in real time, %v: it has had %v", real, had)
			}
		})
	}
}

func TestWhoSpinsWaitsForACPUWhenHeHasNone(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var m meter
	m.on()
	begin := time.Now()
	over := m.spins()
	<-time.After(20 * time.Millisecond)
	for range 2 { // in its midst, and at its end
		before, all := m.before, time.Since(begin)
		had, waited := m.burnt()
		if spun := had - before + waited; spun < 20*time.Millisecond || waited <= 0 || spun > time.Since(begin) {
			t.Errorf("%v after the begin it had %v and waited %v", all, had-before, waited)
		}
		over()
	}
}

func TestWhatAThreadHadBeforeIsNoneOfItsActors(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const much = 50 * time.Millisecond
	for all, ok := clock(unix.Gettid()); ok && all < much; all, ok = clock(unix.Gettid()) {
	}
	var m meter
	m.on()
	if had, _ := m.burnt(); had >= much {
		t.Errorf("it has had %v before it did anything", had)
	}
}

func TestInABubbleASpinIsAsMuchCPUAsItTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m meter
		for spins := range 3 {
			over := m.spins()
			time.Sleep(time.Second)
			if had, _ := m.burnt(); had != time.Duration(spins+1)*time.Second {
				t.Errorf("in the midst of spin %d it has had %v", spins+1, had)
			}
			over()
			time.Sleep(time.Second)
			if had, waited := m.burnt(); had != time.Duration(spins+1)*time.Second || waited != 0 {
				t.Errorf("after spin %d it has had %v and waited %v", spins+1, had, waited)
			}
		}
	})
}
