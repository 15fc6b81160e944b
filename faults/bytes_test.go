//go:build linux

package faults_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
)

// spoilt are ways for a worker to spoil one call, and what its caller is told; nothing
// if it is answered all the same.
var spoilt = []struct {
	what  string
	fault faults.Fault
	told  string
}{
	{"stdout noise", faults.StdoutNoise{Bytes: 13}, "frame of 1651864678 bytes is over the limit"},
	{"stdout noise within a length", faults.StdoutNoise{Bytes: 1}, "bytes is over the limit"},
	{"stderr flood", faults.StderrFlood{Bytes: 1 << 20}, ""},
	{"truncated frame", faults.TruncatedFrame{Bytes: 7}, "within"},
	{"truncated frame and exit", faults.TruncatedFrame{Bytes: 7, Exits: true}, "exit status 70"},
	{"truncated length and exit", faults.TruncatedFrame{Bytes: 2, Exits: true}, "exit status 70"},
	{"oversize length", faults.OversizeLength{}, "frame of 2147483648 bytes is over the limit"},
	{"largest length", faults.OversizeLength{Size: 1<<32 - 1}, "frame of 4294967295 bytes is over the limit"},
	{"bit flip in the length", faults.BitFlip{Bit: 1}, "is over the limit"},
	{"bit flip that prolongs", faults.BitFlip{Bit: 16}, "within"},
	{"bit flip in the brace", faults.BitFlip{Bit: 40}, "malformed JSON"},
	{"bit flip in the name of the id", faults.BitFlip{Bit: 56}, "id"},
	{"sliced writes", faults.SlicedWrites{Bytes: 3}, ""},
	{"slow drip", faults.SlicedWrites{Bytes: 10, Gap: ms}, ""},
	{"duplicate reply", faults.DuplicateReply{}, ""},
	{"late reply", faults.LateReply{After: 30 * ms}, ""},
	{"swapped replies", faults.SwappedReplies{}, "reply to another request"},
}

// toldOf checks that nobody but the caller of c1.1 got an error, and what that says.
func toldOf(t *testing.T, r harness.Result, told string) {
	t.Helper()
	for _, c := range r.Record.Calls() {
		switch {
		case c.Err == "" && c.ID == "c1.1" && told != "":
			t.Error("c1.1 was answered")
		case c.Err != "" && (c.ID != "c1.1" || told == ""):
			t.Errorf("%s was told %q", c.ID, c.Err)
		case c.Err != "" && (!strings.Contains(c.Err, told) || !strings.Contains(c.Err, "worker "+c.Worker)):
			t.Errorf("%s was told %q, want it to say %q and which worker", c.ID, c.Err, told)
		}
	}
}

// first is the first client's first call, as a target.
var first = faults.Target{Calls: []string{"c1.1"}}

func TestAWorkerSpoilsACall(t *testing.T) {
	for _, s := range spoilt {
		t.Run(s.what, func(t *testing.T) {
			r := tried(t, func(sc *harness.Scenario) { sc.Config.CallTimeout = 3 * time.Second }, faults.Entry{Fault: s.fault, Target: first})
			if f := r.Record.Faults[0]; f.Fired != 1 {
				t.Errorf("%+v", plain(f))
			}
			served := 12
			if s.told != "" {
				served--
			}
			sound(t, r, served)
			told := s.told
			if told == "within" {
				told = "no reply within 3s"
			}
			toldOf(t, r, told)
		})
	}
}

func TestARealWorkerSpoilsACall(t *testing.T) {
	for _, s := range spoilt {
		t.Run(s.what, func(t *testing.T) {
			r := played(t, func(sc *harness.Scenario) {
				if s.told == "within" {
					sc.Subject = untilStated()
				}
			}, faults.Entry{Fault: s.fault, Target: first})
			firedReally(t, r, 1, 1)
			told := s.told
			if told == "within" {
				told = "context canceled; stderr: butfor_worker: fault in request"
			}
			if strings.Contains(told, "exit status") { // the end of the port may come first
				told = ""
				for _, c := range r.Record.Calls() {
					if failed := c.Err != ""; failed != (c.ID == "c1.1") {
						t.Errorf("%s: %q", c.ID, c.Err)
					}
				}
			} else {
				toldOf(t, r, told)
			}
		})
	}
}

// untilStated is our pool, but who makes call c1.1 has no more patience once a worker
// has stated that it hurts itself: no timeout is needed then.
func untilStated() subject.Subject {
	s := subject.Ours()
	open := s.Open
	s.Open = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		w := &waiting{Launcher: l, come: nil}
		p, err := open(ctx, w, cfg)
		w.Pool = p
		return impatient{w}, err
	}
	return s
}

// impatient is a pool with such a caller.
type impatient struct{ *waiting }

func (p impatient) Warm(ctx context.Context, n int) error {
	return p.Pool.(subject.Warmer).Warm(ctx, n)
}

func (p impatient) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	if c.Args["call_id"] != "c1.1" {
		return p.Pool.Call(ctx, c)
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	defer func() { <-watched }()
	defer cancel()
	go func() {
		defer close(watched)
		for ctx.Err() == nil {
			p.mu.Lock()
			ports := p.ports
			p.mu.Unlock()
			for _, port := range ports {
				if strings.Contains(port.Info().Stderr, "fault in request") {
					cancel()
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(ms):
			}
		}
	}()
	return p.Pool.Call(ctx, c)
}

func TestOurPoolLivesWithSpoiltReplies(t *testing.T) {
	for _, name := range []string{"stdout-noise", "stderr-flood", "truncated-frame", "oversize-length", "bit-flip", "sliced-writes", "duplicate-reply", "late-reply", "swapped-replies"} {
		t.Run(name, func(t *testing.T) { survives(t, name, 3) })
	}
}

// Who never looks whether a worker has said more than it was asked gives the next
// caller the reply to another call.
func TestWhatASpoiltReplyDidIsInNoReplay(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) { sc.Subject, sc.Deadline = subject.Ideal(subject.All), 150*ms },
		faults.Entry{Fault: faults.LateReply{After: time.Second}, Target: first})
	if r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "a reply was kept back; in a replay it comes when it is there") {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}
