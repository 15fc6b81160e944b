//go:build linux

package faults_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// spoilt are ways for a worker to spoil one call, and what its caller is told: "" if it
// is answered all the same, "within" if it has to lose its patience.
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
	{"request without an id", faults.SpoiltRequest{How: faults.NoID}, "RequestError: the request has no id"},
	{"request that is no JSON", faults.SpoiltRequest{How: faults.NoJSON}, "RequestError: the frame is no JSON"},
	{"sliced writes", faults.SlicedWrites{Bytes: 3}, ""},
	{"slow drip", faults.SlicedWrites{Bytes: 10, Gap: ms}, ""},
	{"duplicate reply", faults.DuplicateReply{}, ""},
	{"late reply", faults.LateReply{After: 30 * ms}, ""},
	{"swapped replies", faults.SwappedReplies{}, "reply to another request"},
	{"true crash", faults.DiesBySignal{Signal: "SEGV"}, "killed by SIGSEGV"},
	{"true crash in the midst", faults.DiesBySignal{Signal: "SEGV", After: ms}, "killed by SIGSEGV"},
	{"kill", faults.DiesBySignal{Signal: "KILL"}, "killed by SIGKILL"},
	{"abort in the midst", faults.DiesBySignal{Signal: "ABRT", After: ms}, "killed by SIGABRT"},
	{"exit after the reply", faults.ExitAfterReply{}, ""},
	{"exit a while after the reply", faults.ExitAfterReply{After: ms, Status: 71}, ""},
	{"port held open", faults.HeldOpen{Hold: 100 * ms}, "exit status 70"},
	{"closed port", faults.ClosesPort{}, "closed its port"},
	{"closed port that is still read", faults.ClosesPort{Side: wire.Out}, "closed its port"},
	{"deaf port", faults.ClosesPort{Side: wire.In}, "within"},
	{"deadlock", faults.Hangs{How: wire.Deadlock}, "within"},
	{"held interpreter", faults.Hangs{How: wire.HeldLock}, "within"},
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

// What a worker is ordered at a call hurts from there on until it is seen.
func TestAReplyIsAsLateAsIsSaid(t *testing.T) {
	for _, f := range []faults.Fault{faults.LateReply{After: 30 * ms}, faults.SlicedWrites{Bytes: 1 << 10, Gap: time.Second}, faults.SlicedWrites{Bytes: 40, Gap: 10 * ms}} {
		r := tried(t, nil, faults.Entry{Fault: f, Target: first})
		took := r.Record.Calls()[0].Took.Round(ms)
		counted(t, r, 1, 0, took)
		switch of := f.(type) {
		case faults.LateReply:
			if took != 130*ms {
				t.Errorf("the call took %v", took)
			}
		case faults.SlicedWrites: // of some 100 bytes
			if whole := of.Bytes > 40; whole != (took == 100*ms) || took > 150*ms {
				t.Errorf("in pieces of %d bytes the call took %v", of.Bytes, took)
			}
		}
	}
}

// The call takes 100 ms.
func TestAWorkerEndsWhenIsSaid(t *testing.T) {
	for _, c := range []struct {
		fault faults.Fault
		at    time.Duration
	}{
		{faults.ExitAfterReply{}, 100 * ms},
		{faults.ExitAfterReply{After: 30 * ms}, 130 * ms},
		{faults.DiesBySignal{Signal: "SEGV"}, 0},
		{faults.DiesBySignal{Signal: "SEGV", After: 60 * ms}, 60 * ms},
		{faults.DiesBySignal{Signal: "SEGV", After: time.Second}, 100 * ms},
	} {
		counted(t, tried(t, nil, faults.Entry{Fault: c.fault, Target: first}), 1, c.at, c.at)
	}
}

// Whose reply alone was hurt goes on: its next call is no victim, and may be hurt too.
func TestAWorkerWhoseReplyWasHurtMayBeHurtAgain(t *testing.T) {
	for _, f := range []faults.Fault{faults.StderrFlood{Bytes: 1}, faults.SlicedWrites{Bytes: 9, Gap: ms}, faults.LateReply{After: ms}} {
		for nth, of := range map[int]faults.Target{1: first, 2: {}} {
			r := tried(t, func(sc *harness.Scenario) {
				sc.Config.Size, sc.Warm, sc.Workload.Clients = 1, 1, 1
			}, faults.Entry{Fault: f, Target: of})
			sound(t, r, 2)
			var victims []string
			for _, e := range r.Record.Events {
				if e.Kind == scenario.Victim {
					victims = append(victims, e.Call)
				}
			}
			if want := []string{"c1.1", "c1.2"}[:nth]; r.Record.Faults[0].Fired != nth || !slices.Equal(victims, want) {
				t.Errorf("%s: it fired %d times, its victims are %s, want %s", f.Name(), r.Record.Faults[0].Fired, victims, want)
			}
		}
	}
}

func TestAWorkerThatCouldNotReadACallHasNothingToDoAfterIt(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) {
		sc.Config.Size, sc.Warm, sc.Workload.Clients = 1, 1, 1
		sc.Workload.Fails = "RequestError: the request has no id"
	}, faults.Entry{Fault: faults.SpoiltRequest{How: faults.NoID}}, faults.Entry{Fault: faults.KillIdle{After: ms}, At: faults.Call(1), Times: 1})
	sound(t, r, 2)
	if idle := r.Record.Faults[1]; idle.Fired != 1 {
		t.Errorf("%+v", plain(idle))
	}
}

// Nothing more can be said of whoever is lost, and nothing else counts as having hurt it.
func TestAWorkerThatIsLostIsHurtByNothingElse(t *testing.T) {
	for _, f := range []faults.Entry{{Fault: faults.KillIdle{}, Times: 1}, {Fault: faults.ExitAtCall{}, Target: faults.Target{Calls: []string{"c1.2"}}}} {
		r := tried(t, func(sc *harness.Scenario) {
			sc.Config.Size, sc.Warm, sc.Workload.Clients = 1, 1, 1
		}, faults.Entry{Fault: faults.ClosesPort{Side: wire.In, Replied: true}, Target: first}, f)
		lost, other := r.Record.Faults[0], r.Record.Faults[1]
		if lost.Fired != 1 || other.Laid != 0 {
			t.Errorf("%+v, %+v", plain(lost), plain(other))
		}
	}
}

func TestARealWorkerSpoilsACall(t *testing.T) {
	for _, s := range spoilt {
		t.Run(s.what, func(t *testing.T) {
			r := played(t, func(sc *harness.Scenario) {
				if s.told == "within" {
					sc.Subject = untilStated()
				} else if _, later := s.fault.(faults.ExitAfterReply); later {
					sc.Subject = afterwards(dead(1))
				}
			}, faults.Entry{Fault: s.fault, Target: first})
			firedReally(t, r, 1, 1)
			told := s.told
			if told == "within" {
				told = "context canceled; stderr: butfor_worker: fault in request"
			}
			if strings.Contains(told, "exit status") || strings.Contains(told, "killed by") { // the end of the port may come first
				for _, c := range r.Record.Calls() {
					if failed := c.Err != ""; failed != (c.ID == "c1.1") {
						t.Errorf("%s: %q", c.ID, c.Err)
					}
				}
			} else if _, races := s.fault.(faults.ExitAfterReply); !races { // the next call may be on its way
				toldOf(t, r, told)
			}
		})
	}
}

// untilStated is our pool, but who makes call c1.1 has no more patience once a worker
// has stated that it hurts itself: no timeout is needed then.
func untilStated() subject.Subject {
	return around(func(w *waiting) subject.Pool { return impatient{warmed{w}} })
}

// around is our pool with another around it.
func around(with func(*waiting) subject.Pool) subject.Subject {
	s := subject.Ours()
	open := s.Open
	s.Open = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		w := &waiting{Launcher: l}
		p, err := open(ctx, w, cfg)
		w.Pool = p
		return with(w), err
	}
	return s
}

type warmed struct{ *waiting }

func (p warmed) Warm(ctx context.Context, n int) error {
	return p.Pool.(subject.Warmer).Warm(ctx, n)
}

// afterwards is our pool, but the first call of c1 is not over before something is true of the
// ports that it has had.
func afterwards(come func([]worker.Port) bool) subject.Subject {
	return around(func(w *waiting) subject.Pool {
		w.come = come
		return &lingering{warmed: warmed{w}}
	})
}

type lingering struct {
	warmed
	waited bool // c1's first call, by that client alone
}

func (p *lingering) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	reply, err := p.Pool.Call(ctx, c)
	for come := c.Client != "c1" || p.waited; !come && ctx.Err() == nil; runtime.Gosched() {
		p.mu.Lock()
		come = p.come(p.ports)
		p.mu.Unlock()
	}
	if c.Client == "c1" {
		p.waited = true
	}
	return reply, err
}

// stated says whether a worker has stated that it hurts itself.
func stated(ports []worker.Port) bool {
	return slices.ContainsFunc(ports, func(p worker.Port) bool {
		return strings.Contains(p.Info().Stderr, "fault in request")
	})
}

// impatient is a pool with such a caller.
type impatient struct{ warmed }

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
			if stated(p.ports) {
				cancel()
			}
			p.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(ms):
			}
		}
	}()
	return p.Pool.Call(ctx, c)
}

func TestOurPoolLivesWithSpoiltCalls(t *testing.T) {
	for _, name := range []string{"stdout-noise", "stderr-flood", "truncated-frame", "oversize-length", "bit-flip", "sliced-writes", "duplicate-reply", "late-reply", "swapped-replies", "spoilt-request", "dies-by-signal", "exit-after-reply", "held-open", "closes-port", "hangs"} {
		t.Run(name, func(t *testing.T) { survives(t, name, 3) })
	}
}

// Whoever misses the deadline for it may be in the right.
func TestWhatASpoiltReplyDidIsInNoReplay(t *testing.T) {
	r := tried(t, func(sc *harness.Scenario) { sc.Subject, sc.Deadline = subject.Ideal(subject.All), 150*ms },
		faults.Entry{Fault: faults.LateReply{After: time.Second}, Target: first})
	if r.Word != scenario.Inconclusive || !strings.Contains(r.Reason, "a reply was kept back; in a replay it comes when it is there") {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
}

// What is only found out by the next call on that worker is an error of that call: the
// fault's, which names it.
func TestAWorkerGoesWrongOnceItHasAnswered(t *testing.T) {
	for what, s := range map[string]struct {
		fault faults.Fault
		told  string
	}{
		"deadlock":           {faults.Hangs{How: wire.Deadlock, Replied: true}, "no reply within 3s"},
		"held interpreter":   {faults.Hangs{How: wire.HeldLock, Replied: true}, "no reply within 3s"},
		"deaf port":          {faults.ClosesPort{Side: wire.In, Replied: true}, "closed its port"},
		"second reply later": {faults.DuplicateReply{After: 20 * ms}, "reply to another request"},
	} {
		t.Run(what, func(t *testing.T) {
			one := func(sc *harness.Scenario) {
				sc.Config.Size, sc.Config.CallTimeout, sc.Warm, sc.Workload.Clients = 1, 3*time.Second, 1, 1
				sc.Workload.Think, sc.Workload.Args = 0, map[string]any{"cpu_s": 0.01}
			}
			r := tried(t, one, faults.Entry{Fault: s.fault, Target: first})
			sound(t, r, 1)
			for _, c := range r.Record.Calls() {
				if c.ID == "c1.2" && !strings.Contains(c.Err, s.told) {
					t.Errorf("it was told %q, want it to say %q", c.Err, s.told)
				}
			}
			if f := r.Record.Faults[0]; f.Fired != 1 {
				t.Errorf("%+v", plain(f))
			}
		})
	}
}

func TestARealWorkerGoesWrongOnceItHasAnswered(t *testing.T) {
	for what, fault := range map[string]faults.Fault{
		"deadlock": faults.Hangs{How: wire.Deadlock, Replied: true}, "held interpreter": faults.Hangs{How: wire.HeldLock, Replied: true},
		"closed port": faults.ClosesPort{Replied: true}, "deaf port": faults.ClosesPort{Side: wire.In, Replied: true},
	} {
		t.Run(what, func(t *testing.T) {
			r := played(t, func(sc *harness.Scenario) {
				sc.Workload.Clients, sc.Workload.Calls, sc.Subject = 1, 1, afterwards(stated)
				if fault == (faults.ClosesPort{Replied: true}) {
					sc.Subject = afterwards(dead(1))
				}
			}, faults.Entry{Fault: fault})
			firedReally(t, r, 1, 1)
		})
	}
}
