//go:build linux

package process_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/internal/leftover"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/process"
	"github.com/butfor/butfor/worker/wire"
)

func TestMain(m *testing.M) {
	switch os.Getenv(victimVariable) { // neither returns
	case "":
	case companionsVictim:
		accompanied()
	default:
		victim()
	}
	leftover.Main(m)
}

// patience bounds what should take milliseconds. It is no deadline of anything
// under test: a machine can't be so slow that it matters.
const patience = time.Minute

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, l *process.Launcher) *worker.Worker {
	t.Helper()
	w, err := worker.Start(within(t), l, "w1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Port.Close(within(t)) })
	return w
}

// script launches a Python program in place of the worker.
func script(t *testing.T, code string) worker.Port {
	t.Helper()
	p, err := (&process.Launcher{Worker: []string{"-c", code}, Grace: 50 * time.Millisecond}).Launch(within(t), "w1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(within(t)) })
	return p
}

func call(t *testing.T, w *worker.Worker, command string, args map[string]any) (wire.Reply, error) {
	t.Helper()
	return w.Call(within(t), worker.Request{Command: command, Args: args})
}

func wait(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

func TestAWorkerSaysHelloAndAnswers(t *testing.T) {
	w := start(t, &process.Launcher{})
	if !slices.Contains(w.Capabilities, "evidence") {
		t.Errorf("capabilities %q", w.Capabilities)
	}
	for _, size := range []int{0, 1, 64, 70_000, 1 << 20} {
		text := strings.Repeat("x", size)
		r, err := call(t, w, "echo", map[string]any{"text": text})
		if err != nil || string(r.Result) != `{"text":"`+text+`"}` && string(r.Result) != `{"text": "`+text+`"}` {
			t.Fatalf("echo of %d bytes: %d bytes, %v", size, len(r.Result), err)
		}
	}
	r, err := w.Call(within(t), worker.Request{Command: "burn", Args: map[string]any{"cpu_s": 0.05}, Evidence: true})
	if err != nil || r.Evidence == nil || r.Evidence.OnCPU < 50*time.Millisecond {
		t.Errorf("burn of 50 ms: %+v, %v", r.Evidence, err)
	}
	if i := w.Port.Info(); i.CPU < 50*time.Millisecond || i.PID == 0 {
		t.Errorf("seen from outside: %+v", i)
	}
}

func TestCloseAsksAndAWorkerEndsByItself(t *testing.T) {
	w := start(t, &process.Launcher{Grace: patience})
	if err := w.Port.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if e := w.Port.Exit(); e != (worker.Exit{}) {
		t.Errorf("exit %v, want status 0", e)
	}
	if err := w.Port.Close(within(t)); err != nil {
		t.Errorf("the second close: %v", err)
	}
	if err := w.Port.Kill(); err != nil {
		t.Errorf("a kill after the end: %v", err)
	}
	if cpu := w.Port.Info().CPU; cpu <= 0 {
		t.Errorf("the CPU that it used is forgotten: %v", cpu)
	}
}

// Nobody may have looked since it was launched: a start that dies before its
// hello is one such.
func TestWhatAWorkerWaitedForACPUIsKnownAfterItsEnd(t *testing.T) {
	w := start(t, &process.Launcher{})
	if err := w.Port.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if waited := w.Port.Info().RunDelay; waited <= 0 {
		t.Errorf("it waited for %v: no process ever gets each of its turns at once", waited)
	}
}

// The kernel forgets what a thread waited for once it has ended, and keeps the first
// one's alone until the process is reaped.
func TestWhatAWorkersThreadsWaitedForACPUIsKeptAfterItsEnd(t *testing.T) {
	p := script(t, `
import sys, threading, time

def waits():
    for i in range(200):
        time.sleep(1e-4)
    with open("/proc/thread-self/schedstat") as f:
        return int(f.read().split()[1])

def say(ns):
    text = str(ns).encode()
    sys.stdout.buffer.write(len(text).to_bytes(4, "big") + text)
    sys.stdout.buffer.flush()

def second():
    say(waits())
    time.sleep(3600)

threading.Thread(target=second, daemon=True).start()
sys.stdin.buffer.read(5)
say(waits())
`)
	waited := func() time.Duration {
		frame, err := p.Recv(within(t))
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.Atoi(string(frame))
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(ns)
	}
	second := waited()
	before := p.Info().RunDelay
	if err := p.Send(within(t), []byte("x")); err != nil {
		t.Fatal(err)
	}
	first := waited()
	wait(t, "its end", p.Done())
	if after := p.Info().RunDelay; after < first+second || after < before {
		t.Errorf("its threads waited for %v and %v, and now it is %v, from %v before", first, second, after, before)
	}
}

func TestCloseEndsAWorkerInMidCall(t *testing.T) {
	w := start(t, &process.Launcher{Grace: patience})
	got := make(chan error, 1)
	ctx := within(t)
	go func() {
		_, err := w.Call(ctx, worker.Request{Command: "sleep", Args: map[string]any{"s": 3600}})
		got <- err
	}()
	if err := w.Port.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if e := w.Port.Exit(); e.Signal != 0 {
		t.Errorf("exit %v: it had to be killed", e)
	}
	if err := <-got; !worker.Gone(err) {
		t.Errorf("the call got %v", err)
	}
}

const deaf = "import time, signal\nwhile True: time.sleep(1)"

func TestCloseKillsWhoDoesNotListen(t *testing.T) {
	p := script(t, deaf)
	if err := p.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if e := p.Exit(); e.Signal != syscall.SIGKILL || e.Code != -1 {
		t.Errorf("exit %+v, want SIGKILL", e)
	}
	q := script(t, deaf)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := q.Close(ended); err != nil {
		t.Error(err)
	}
	wait(t, "the end of a worker closed under an ended ctx", q.Done())
}

func TestExitTellsStatusAndSignal(t *testing.T) {
	for _, c := range []struct {
		code string
		want worker.Exit
		text string
	}{
		{"raise SystemExit(7)", worker.Exit{Code: 7}, "exit status 7"},
		{"import os; os.kill(os.getpid(), 11)", worker.Exit{Code: -1, Signal: syscall.SIGSEGV}, "killed by SIGSEGV"},
	} {
		p := script(t, c.code)
		wait(t, c.code, p.Done())
		if e := p.Exit(); e != c.want || e.String() != c.text {
			t.Errorf("%s: %v, want %v", c.code, e, c.text)
		}
	}
}

func TestTheLast64KiBOfStderrAreKept(t *testing.T) {
	p := script(t, "import sys\nsys.stderr.write('a' * 200000 + 'the end')")
	wait(t, "its end", p.Done())
	if s := p.Info().Stderr; len(s) != 64<<10 || !strings.HasSuffix(s, "aaathe end") || p.Info().Written != 200_007 {
		t.Errorf("%d bytes of %d, ending %q", len(s), p.Info().Written, s[max(0, len(s)-20):])
	}
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	for _, c := range []struct{ name, code, want string }{
		{"dies", "import sys; print('no module named x', file=sys.stderr); sys.exit(3)", "worker w1: ended before its hello, after "},
		{"dies", "import sys; print('no module named x', file=sys.stderr); sys.exit(3)", "exit status 3; stderr: no module named x"},
		{"loading", hello(`{"id":0,"success":true,"result":{"status":"loading"},"timestamp":1}`), "loading"},
		{"noise", "print('hello world, this is no frame'); input()", "is over the limit of"},
		{"half a hello", hello(`{"id":0,"succ`), "malformed JSON"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err := worker.Start(ctx, &process.Launcher{Worker: []string{"-c", c.code}}, "w1")
		cancel()
		var e *worker.StartError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
	}
	_, err := worker.Start(within(t), &process.Launcher{Python: "/no/such/python"}, "w1")
	var e *worker.StartError
	if !errors.As(err, &e) || e.Phase != "launch" || !strings.Contains(err.Error(), "/no/such/python") {
		t.Errorf("no interpreter: %v", err)
	}
}

// hello is a program that sends one frame with that text, and waits.
func hello(text string) string {
	return fmt.Sprintf("import sys\nt=%q.encode()\nsys.stdout.buffer.write(len(t).to_bytes(4,'big')+t)\nsys.stdout.flush()\nsys.stdin.read()", text)
}

func TestTheDeadlineOfAStartIsAbsolute(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := worker.Start(ctx, &process.Launcher{Args: []string{"--boot-wait", "3600"}}, "w1")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no hello within") || !strings.Contains(err.Error(), "on CPU") {
		t.Errorf("got %v", err)
	}
}

func TestACancelledRecvLosesNothing(t *testing.T) {
	// The frame comes in two halves, with a cancelled Recv between them.
	p := script(t, `
import sys
o = sys.stdout.buffer
o.write(b"\0\0\0\6abc"); o.flush()
sys.stdin.buffer.read(1)
o.write(b"def"); o.flush()
sys.stdin.read()`)
	for range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		frame, err := p.Recv(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %q, %v", frame, err)
		}
	}
	if err := p.Send(within(t), []byte("x")); err != nil { // its header's first byte is what is read
		t.Fatal(err)
	}
	if frame, err := p.Recv(within(t)); err != nil || string(frame) != "abcdef" {
		t.Errorf("got %q, %v", frame, err)
	}
}

func TestAfterTheEndWhatHadArrivedIsHandedOutThenEOF(t *testing.T) {
	p := script(t, `
import sys
for i in range(3):
    sys.stdout.buffer.write(b"\0\0\0\1" + str(i).encode())`)
	wait(t, "its end", p.Done())
	for i := range 3 {
		if frame, err := p.Recv(within(t)); err != nil || string(frame) != strconv.Itoa(i) {
			t.Fatalf("frame %d: %q, %v", i, frame, err)
		}
	}
	for range 2 {
		if _, err := p.Recv(within(t)); err != io.EOF {
			t.Errorf("then %v, want io.EOF", err)
		}
	}
	if err := p.Send(within(t), []byte("x")); !errors.Is(err, worker.ErrGone) {
		t.Errorf("send: %v, want ErrGone", err)
	}
}

func TestTheLastReplyIsNeverLost(t *testing.T) {
	for range 50 { // it is a race between the reply and the end
		p := script(t, `
import sys
sys.stdout.buffer.write(b"\0\0\0\4last")`)
		if frame, err := p.Recv(within(t)); err != nil || string(frame) != "last" {
			t.Fatalf("got %q, %v", frame, err)
		}
	}
}

func TestAGrandchildThatHoldsThePipesKeepsNobodyWaiting(t *testing.T) {
	// It leaves the worker's process group, so it outlives it.
	p := script(t, `
import os, sys, time
if os.fork() == 0:
    os.setsid()
    time.sleep(3600)
sys.stderr.write("last words"); sys.stderr.flush()
sys.stdout.buffer.write(b"\0\0\0\4last"); sys.stdout.flush()`)
	defer killAll(t, "")
	wait(t, "the end", p.Done())
	if frame, err := p.Recv(within(t)); err != nil || string(frame) != "last" {
		t.Errorf("got %q, %v", frame, err)
	}
	if _, err := p.Recv(within(t)); err != io.EOF {
		t.Errorf("then %v, want io.EOF", err)
	}
	if s := p.Info().Stderr; s != "last words" {
		t.Errorf("stderr %q", s)
	}
}

func TestARecvThatWaitsIsEndedByTheEndOfTheProcess(t *testing.T) {
	p := script(t, "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(3600)\ntime.sleep(3600)")
	defer killAll(t, "")
	got := make(chan error, 1)
	go func() { _, err := p.Recv(context.Background()); got <- err }()
	p.Kill()
	if err := <-got; err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestASendCutShortClosesThePort(t *testing.T) {
	// It says when it has read of the frame, and then reads no more: the pipe fills.
	p := script(t, "import sys, time\nsys.stdin.buffer.raw.read(8)\nsys.stdout.buffer.write((2).to_bytes(4,'big') + b'{}')\nsys.stdout.flush()\ntime.sleep(3600)")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- p.Send(ctx, make([]byte, 1<<20)) }()
	if _, err := p.Recv(within(t)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wait(t, "the end of a worker that holds half a frame", p.Done())
}

func TestAWorkerThatClosesItsStdoutAndLivesOnIsEnded(t *testing.T) {
	p := script(t, `
import os, time
os.write(1, b"\0\0\0\4last")
os.close(1)
time.sleep(3600)`)
	wait(t, "its end", p.Done()) // nobody calls it
	if e := p.Exit(); !e.HungUp || !strings.Contains(e.String(), "closed its port and lived on") {
		t.Errorf("exit %+v", e)
	}
	if frame, err := p.Recv(within(t)); err != nil || string(frame) != "last" {
		t.Errorf("what it had sent: %q, %v", frame, err)
	}
}

func TestAWorkerThatEndsHasNotHungUp(t *testing.T) {
	for range 30 { // its stdout is closed a moment before its end
		p := script(t, "import time\ntime.sleep(3600)")
		syscall.Kill(p.Info().PID, syscall.SIGKILL)
		wait(t, "its end", p.Done())
		if e := p.Exit(); e != (worker.Exit{Code: -1, Signal: syscall.SIGKILL}) {
			t.Fatalf("killed from outside: %+v", e)
		}
	}
	p, err := (&process.Launcher{Grace: patience, Worker: []string{"-c", `
import os, sys, time
sys.stdin.read()
os.close(1)
time.sleep(.1)
os._exit(7)`}}).Launch(within(t), "w1")
	if err != nil {
		t.Fatal(err)
	}
	p.Close(within(t))
	if e := p.Exit(); e != (worker.Exit{Code: 7}) {
		t.Errorf("one that was asked to end, and took its time: %+v", e)
	}
}

func TestWorkersCostNoThreads(t *testing.T) {
	threads := func() int {
		entries, _ := os.ReadDir("/proc/self/task")
		return len(entries)
	}
	before := threads()
	const n = 40
	for range n {
		script(t, "import time\ntime.sleep(3600)")
	}
	if after := threads(); after > before+n/2 {
		t.Errorf("%d threads before, %d beside %d workers", before, after, n)
	}
}

func TestAPortSaysWhetherSomethingCameThatNobodyReceived(t *testing.T) {
	for name, size := range map[string]int{"small": 10, "large": 20_000} { // the large one is in the pipe, not in our buffer
		p := script(t, fmt.Sprintf(`
import os, sys
f = %d
f = f.to_bytes(4, "big") + b"x" * f
sys.stdin.buffer.raw.read(5)
os.write(1, f)
sys.stdin.buffer.raw.read(5)
os.write(1, f + f)
sys.stdin.read()`, size))
		unasked := func(want bool) {
			t.Helper()
			if got := p.(worker.Listener).Unasked(); got != want {
				t.Errorf("%s frames: %v, want %v", name, got, want)
			}
		}
		unasked(false)
		for _, frames := range []int{1, 2} {
			if err := p.Send(within(t), []byte("x")); err != nil {
				t.Fatal(err)
			}
			for i := range frames {
				if frame, err := p.Recv(within(t)); err != nil || len(frame) != size {
					t.Fatalf("%d bytes, %v", len(frame), err)
				}
				unasked(i+1 < frames)
			}
		}
		p.Kill()
		wait(t, "its end", p.Done())
		unasked(false)
	}
}

func TestAPortSaysWhetherItsWorkerCouldRun(t *testing.T) {
	const report = "import sys, time\nsys.stdout.buffer.write(b'\\0\\0\\0\\1x'); sys.stdout.flush()\n"
	for code, want := range map[string]bool{"while True: pass": true, "time.sleep(3600)": false} {
		p := script(t, report+code)
		if _, err := p.Recv(within(t)); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); worker.Runnable(p) != want; time.Sleep(time.Millisecond) { // it is on its way there
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v", code, !want)
			}
		}
		if !want {
			continue
		}
		for range 100 { // also while others have the CPUs
			if !worker.Runnable(p) {
				t.Fatalf("%s: now it could not run", code)
			}
			time.Sleep(time.Millisecond)
		}
		p.Kill()
		wait(t, "its end", p.Done())
		if worker.Runnable(p) {
			t.Error("it is gone and could run")
		}
	}
}

func TestAPortSaysHowMuchMemoryItsWorkerHolds(t *testing.T) {
	w := start(t, &process.Launcher{})
	before, ok := worker.Memory(w.Port)
	if !ok || before < 1<<20 {
		t.Errorf("at first %d bytes, %v", before, ok)
	}
	if _, err := w.Call(within(t), worker.Request{Command: "call", Args: map[string]any{"function": "builtins:exec", "args": []any{
		`import mmap, builtins; builtins.kept = mmap.mmap(-1, 1 << 30)`, // of which it touches nothing
	}}}); err != nil {
		t.Fatal(err)
	}
	if now, ok := worker.Memory(w.Port); !ok || now > before+64<<20 {
		t.Errorf("of what it has not touched it holds %d bytes, %d before, %v", now, before, ok)
	}
	const asked = 64 << 20
	if _, err := w.Call(within(t), worker.Request{Command: "alloc", Args: map[string]any{"mb": asked >> 20}}); err != nil {
		t.Fatal(err)
	}
	if now, ok := worker.Memory(w.Port); !ok || now-before < asked*9/10 || now-before > asked*2 {
		t.Errorf("with %d more it holds %d bytes, %d before, %v", asked, now, before, ok)
	}
	w.Port.Kill()
	wait(t, "its end", w.Port.Done())
	if now, ok := worker.Memory(w.Port); ok {
		t.Errorf("it is gone and holds %d bytes", now)
	}
}

func TestASendUnderAnEndedContextHarmsNothing(t *testing.T) {
	w := start(t, &process.Launcher{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Port.Send(ctx, []byte("{}")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := call(t, w, "ping", nil); err != nil {
		t.Errorf("then: %v", err)
	}
}

func TestFrameLimitIsKeptBothWays(t *testing.T) {
	w := start(t, &process.Launcher{FrameLimit: 300_000})
	_, err := call(t, w, "echo", map[string]any{"text": strings.Repeat("x", 400_000)})
	if !errors.Is(err, wire.ErrTooLarge) || w.InDoubt() {
		t.Errorf("a call of 400,000 bytes: %v, in doubt %v", err, w.InDoubt())
	}
	var remote *worker.RemoteError
	_, err = call(t, w, "call", map[string]any{"function": "operator:mul", "args": []any{"x", 400_000}})
	if !errors.As(err, &remote) || !strings.Contains(err.Error(), "300000") {
		t.Errorf("a result of 400,000 bytes: %v", err)
	}
	if r, err := call(t, w, "echo", map[string]any{"text": "small"}); err != nil {
		t.Errorf("a small one then: %s, %v", r.Result, err)
	}
	big := script(t, "import sys\nsys.stdout.buffer.write((3405774592).to_bytes(4,'big') + b'x'*100)\nsys.stdout.flush()\nsys.stdin.read()")
	if _, err := big.Recv(within(t)); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("a header of 3.4 GB: %v", err)
	}
}

func TestEachWorkerLeadsASessionOfItsOwn(t *testing.T) {
	w := start(t, &process.Launcher{})
	pid := w.Port.Info().PID
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("session %d of process %d, %v", sid, pid, err)
	}
}

func TestGrandchildrenDieWithTheirWorker(t *testing.T) {
	for name, end := range map[string]func(worker.Port){
		"killed":                         func(p worker.Port) { p.Kill() },
		"closed":                         func(p worker.Port) { p.Close(context.Background()) },
		"ended by itself, with status 0": func(p worker.Port) { p.Send(context.Background(), []byte("end")) },
	} {
		p := script(t, `
import os, sys, time
pid = os.fork()
if pid == 0:
    time.sleep(3600)
t = str(pid).encode()
sys.stdout.buffer.write(len(t).to_bytes(4, "big") + t); sys.stdout.flush()
sys.stdin.read(1)`)
		frame, err := p.Recv(within(t))
		if err != nil {
			t.Fatal(err)
		}
		child, _ := strconv.Atoi(string(frame))
		end(p)
		wait(t, "its end", p.Done())
		for deadline := time.Now().Add(patience); alive(child); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: grandchild %d lives", name, child)
			}
		}
	}
}

// alive says whether a process is there and no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	return !bytes.Contains(b, []byte(") Z ")) && !bytes.Contains(b, []byte(") X "))
}

func TestLauncherSettingsReachTheWorker(t *testing.T) {
	dir := t.TempDir()
	p, err := (&process.Launcher{
		Flags: []string{"-S", "-O"}, Env: []string{"COLOUR=blue"}, Dir: dir, Args: []string{"one"}, Run: "r7",
		Worker: []string{"-c", `
import os, sys
t = repr((os.environ["COLOUR"], os.getcwd(), sys.argv[1:], sys.flags.optimize, os.environ["BUTFOR_TOKEN"])).encode()
sys.stdout.buffer.write(len(t).to_bytes(4, "big") + t); sys.stdout.flush()
sys.stdin.read()`},
	}).Launch(within(t), "w1")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(within(t))
	frame, err := p.Recv(within(t))
	cwd, _ := filepath.EvalSymlinks(dir)
	if want := fmt.Sprintf("('blue', '%s', ['one'], 1, '%s/r7/')", cwd, process.Token()); err != nil || string(frame) != want {
		t.Errorf("got  %s, %v\nwant %s", frame, err, want)
	}
	for run, want := range map[string]int{"r7": 1, "r": 0, "": 1} {
		if left, err := process.Census(process.Token(), run); err != nil || len(left) != want {
			t.Errorf("census of run %q: %v, %v; want %d", run, left, err, want)
		}
	}
	if left, _ := process.Census("another program's", ""); len(left) != 0 {
		t.Errorf("census of another token: %v", left)
	}
}

// TestANumberGivenToAnotherProcessIsNotTakenForTheWorker has the kernel give a
// worker's pid to somebody else, which it does sooner or later by itself.
func TestANumberGivenToAnotherProcessIsNotTakenForTheWorker(t *testing.T) {
	w := start(t, &process.Launcher{})
	pid := w.Port.Info().PID
	_ = w.Port.Kill()
	wait(t, "the worker's end", w.Port.Done())
	used := w.Port.Info()
	other := taking(t, pid)
	if err := w.Port.Kill(); err != nil {
		t.Errorf("kill: %v", err)
	}
	if err := w.Port.Close(within(t)); err != nil {
		t.Errorf("close: %v", err)
	}
	if got := w.Port.Info(); got.CPU != used.CPU || got.RunDelay != used.RunDelay {
		t.Errorf("the dead worker's CPU goes from %v to %v", used.CPU, got.CPU)
	}
	if _, err := io.WriteString(other.stdin, "\n"); err != nil { // it answers, if it lives
		t.Error(err)
	}
	if line, err := bufio.NewReader(other.stdout).ReadString('\n'); err != nil || line != "lives\n" {
		t.Errorf("who has the number now was hurt: %q, %v", line, err)
	}
}

type stranger struct {
	stdin  io.WriteCloser
	stdout io.ReadCloser
}

// taking is a process that leads a group of its own and has a pid, which nobody
// has now.
func taking(t *testing.T, pid int) stranger {
	t.Helper()
	for range 100 { // another's fork may come between
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", fmt.Append(nil, pid-1), 0); err != nil {
			t.Skipf("only root may choose the next pid: %v", err)
		}
		cmd := exec.Command("python3", "-S", "-c", "input(); print('lives', flush=True)")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		end := func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if cmd.Process.Pid == pid {
			t.Cleanup(end)
			return stranger{stdin, stdout}
		}
		end()
	}
	t.Skipf("pid %d was not to be had", pid)
	return stranger{}
}

func TestALibraryInAWorkerStartsNoMoreThreadsThanItIsTold(t *testing.T) {
	t.Setenv("OMP_NUM_THREADS", "") // which has it set back in the end
	t.Setenv("MKL_NUM_THREADS", "")
	_ = os.Unsetenv("OMP_NUM_THREADS")
	for name, c := range map[string]struct {
		launcher process.Launcher
		program  string // the program's environment
		omp, mkl any
	}{
		"one, unless told otherwise":           {process.Launcher{}, "", "1", "1"},
		"as the program's environment says":    {process.Launcher{}, "3", "1", "3"},
		"as the launcher says":                 {process.Launcher{Threads: 2}, "3", "2", "2"},
		"as the launcher's environment says":   {process.Launcher{Threads: 2, Env: []string{"MKL_NUM_THREADS=5"}}, "3", "2", "5"},
		"as it is":                             {process.Launcher{Threads: -1}, "", nil, nil},
		"as it is, with a variable in the way": {process.Launcher{Threads: -1}, "3", nil, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			if _ = os.Unsetenv("MKL_NUM_THREADS"); c.program != "" {
				_ = os.Setenv("MKL_NUM_THREADS", c.program)
			}
			w := start(t, &c.launcher)
			for variable, want := range map[string]any{"OMP_NUM_THREADS": c.omp, "MKL_NUM_THREADS": c.mkl} {
				r, err := call(t, w, "call", map[string]any{"function": "os:getenv", "args": []any{variable}})
				var got any
				if err := errors.Join(err, json.Unmarshal(r.Result, &got)); err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("%s is %v, want %v", variable, got, want)
				}
			}
		})
	}
}

func TestAShimIsFoundAndGoneRound(t *testing.T) {
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("no /usr/bin/python3 to put a shim in front of")
	}
	dir := t.TempDir()
	shim := filepath.Join(dir, "python3")
	if err := os.WriteFile(shim, []byte("#!/bin/sh\nexec "+python+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("PYTHONIOENCODING", "utf-16")
	found, err := process.Find(within(t), "python3")
	if err != nil || found.Shim != shim || found.Path == shim || !filepath.IsAbs(found.Path) {
		t.Errorf("got %+v, %v", found, err)
	}
	if _, err := os.Stat(found.Path); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(shim, []byte("#!/bin/sh\necho one >&2; echo no python here >&2; exit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if _, err := process.Find(within(t), "python3"); err == nil || !strings.Contains(err.Error(), shim) || !strings.HasSuffix(err.Error(), "exit status 3; stderr: no python here") {
		t.Errorf("a script that runs nothing: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := process.Find(within(t), "python3"); err == nil || !strings.Contains(err.Error(), "install Python") {
		t.Errorf("no python3: %v", err)
	}
}

func TestAShimThatLeavesSomethingBehindHasSaidWhatItRunsAllTheSame(t *testing.T) {
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("no /usr/bin/python3 to put a shim in front of")
	}
	dir := t.TempDir()
	shim := filepath.Join(dir, "python3")
	if err := os.WriteFile(shim, []byte("#!/bin/sh\nsleep 3600 &\necho $! >"+dir+"/left\nexec "+python+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var left int
		pid, _ := os.ReadFile(filepath.Join(dir, "left"))
		if fmt.Sscan(string(pid), &left); left > 0 {
			_ = syscall.Kill(left, syscall.SIGKILL)
		}
	})
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	if found, err := process.Find(within(t), "python3"); err != nil || found.Shim != shim || !filepath.IsAbs(found.Path) {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestNoFileDescriptorIsLeftBehind(t *testing.T) {
	count := func() int {
		entries, _ := os.ReadDir("/proc/self/fd")
		return len(entries)
	}
	script(t, "pass").Close(within(t))
	before := count()
	for range 20 {
		p := script(t, "pass")
		wait(t, "its end", p.Done()) // without a Close, and without a Recv
	}
	if after := count(); after > before+3 {
		t.Errorf("%d before, %d after 20 workers", before, after)
	}
	if p, err := (&process.Launcher{Python: "/no/such"}).Launch(within(t), "w"); err == nil {
		t.Error(p)
	}
	if after := count(); after > before+3 {
		t.Errorf("%d before, %d after a launch that failed", before, after)
	}
}

func TestManyWorkersStartAndEndAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			w, err := worker.Start(within(t), &process.Launcher{}, fmt.Sprint("w", i))
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := w.Call(within(t), worker.Request{Command: "ping"}); err != nil {
				t.Error(err)
			}
			if i%2 == 0 {
				w.Port.Kill()
			}
			w.Port.Close(within(t))
		})
	}
	wg.Wait()
}

// What is promised when the program is killed with kill -9: every worker ends,
// idle, busy computing or asleep, and one that does not look at its port. Of grandchildren nothing is promised; the
// test shows that theirs live on, and that the census finds them.
func TestKillingTheProgramLeavesNoWorker(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // held open until the kill
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	var token string
	for token == "" && lines.Scan() { // it says its token once all workers and the grandchild are there
		token, _ = strings.CutPrefix(lines.Text(), "busy ")
	}
	before, err := process.Census(token, "")
	if err != nil || token == "" || len(before) != 10 {
		t.Fatalf("9 workers and a grandchild should be there, token %q: %v, %v", token, before, err)
	}
	defer killAll(t, token)
	cmd.Process.Kill()
	cmd.Wait()
	killed := time.Now()
	for {
		left, err := process.Census(token, "")
		if err != nil {
			t.Fatal(err)
		}
		left = slices.DeleteFunc(left, func(p process.Process) bool { return !strings.Contains(p.Command, "butfor_worker") })
		if len(left) == 0 {
			t.Logf("the last worker was gone %v after the kill", time.Since(killed).Round(time.Millisecond))
			break
		}
		if time.Since(killed) > patience {
			t.Fatalf("left: %v", left)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if left, _ := process.Census(token, ""); len(left) != 1 {
		t.Errorf("the census finds %v, want the grandchild alone", left)
	}
}

// The kernel ends a worker once the thread is gone that forked it: so that is none that
// a caller may take with him.
func TestAWorkerOutlivesTheThreadThatItWasLaunchedFrom(t *testing.T) {
	type launched struct {
		port worker.Port
		tid  int
		err  error
	}
	did := make(chan launched)
	go func() {
		runtime.LockOSThread() // and it ends so: then its thread does as well
		echo := []string{"-c", "import sys\nwhile True:\n    sys.stdout.buffer.write(sys.stdin.buffer.read(5)); sys.stdout.buffer.flush()"}
		p, err := (&process.Launcher{Worker: echo}).Launch(context.Background(), "w1")
		did <- launched{p, unix.Gettid(), err}
	}()
	l := <-did
	if l.err != nil {
		t.Fatal(l.err)
	}
	defer l.port.Close(within(t))
	for ctx := within(t); ; runtime.Gosched() {
		if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", l.tid)); errors.Is(err, os.ErrNotExist) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("thread %d lives on", l.tid)
		}
	}
	if err := l.port.Send(within(t), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if frame, err := l.port.Recv(within(t)); err != nil || string(frame) != "x" {
		t.Errorf("it answers %q, %v: %v", frame, err, l.port.Exit())
	}
}

const victimVariable = "BUTFOR_TEST_VICTIM"

// victim starts 9 workers, has 8 of them busy, and waits to be killed.
func victim() {
	ctx := context.Background()
	for i := range 8 {
		w, err := worker.Start(ctx, &process.Launcher{}, fmt.Sprint("w", i))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		request := worker.Request{Command: "burn", Args: map[string]any{"cpu_s": 3600}}
		switch i {
		case 0:
			request = worker.Request{Command: "call", Args: map[string]any{"function": "subprocess:call", "args": []any{[]any{"sleep", "3600"}}}}
		case 1, 2, 3:
			request = worker.Request{Command: "sleep", Args: map[string]any{"s": 3600}}
		}
		idle := w.Port.Info().CPU
		go w.Call(ctx, request)
		for w.Port.Info().CPU <= idle { // it has its call, which costs it something
			time.Sleep(time.Millisecond)
		}
	}
	deaf := []string{"-c", "import time; time.sleep(3600) # no butfor_worker hears less"}
	if _, err := (&process.Launcher{Worker: deaf}).Launch(ctx, "w8"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for {
		if n, _ := process.Census(process.Token(), ""); len(n) == 10 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	fmt.Println("busy", process.Token())
	io.Copy(io.Discard, os.Stdin) // ends with the test, should that be killed first
	os.Exit(1)
}

// killAll ends what a test left on purpose.
func killAll(t *testing.T, token string) {
	if token == "" {
		token = process.Token()
	}
	left, err := process.Census(token, "")
	if err != nil {
		t.Error(err)
	}
	for _, p := range left {
		syscall.Kill(p.PID, syscall.SIGKILL)
	}
}

func BenchmarkEcho64B(b *testing.B) {
	w, err := worker.Start(context.Background(), &process.Launcher{}, "w1")
	if err != nil {
		b.Fatal(err)
	}
	defer w.Port.Close(context.Background())
	args := map[string]any{"text": strings.Repeat("x", 32)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Call(context.Background(), worker.Request{Command: "echo", Args: args}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawEcho64B is the least that a Python worker can take: no JSON.
func BenchmarkRawEcho64B(b *testing.B) {
	p, err := (&process.Launcher{Worker: []string{"-c", `
import os
while True:
    b = os.read(0, 65536)
    if not b: break
    os.write(1, b)`}}).Launch(context.Background(), "w1")
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(context.Background())
	frame := make([]byte, 64)
	binary.BigEndian.PutUint32(frame, 0)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Send(context.Background(), frame); err != nil {
			b.Fatal(err)
		}
		if _, err := p.Recv(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		w, err := worker.Start(context.Background(), &process.Launcher{}, "w1")
		if err != nil {
			b.Fatal(err)
		}
		w.Port.Kill()
		<-w.Port.Done()
	}
}

// Close would end it after its grace.
func TestAPortCanBeClosedWithoutAnEndOfItsWorker(t *testing.T) {
	ctx := worker.WithHabits(within(t), worker.Outlives)
	w, err := worker.Start(ctx, &process.Launcher{Grace: time.Nanosecond}, "w1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Port.Close(within(t)) })
	h, ok := worker.HalfCloserOf(w.Port)
	if !ok {
		t.Fatal("it can't be closed without an end of its worker")
	}
	h.CloseSend()
	const more = 200_000 // bytes of log, far more than a pipe holds
	for w.Port.Info().Written < more {
		select {
		case <-w.Port.Done():
			t.Fatalf("it has ended after %d bytes: %v", w.Port.Info().Written, w.Port.Exit())
		case <-ctx.Done():
			t.Fatalf("it has written %d bytes", w.Port.Info().Written)
		default:
			runtime.Gosched()
		}
	}
}

func TestAPausedWorkerAndItsChildrenDoNothingUntilTheyGoOn(t *testing.T) {
	w := start(t, &process.Launcher{})
	p, ok := worker.PauserOf(w.Port)
	if !ok {
		t.Fatal("it can't be paused")
	}
	r, err := w.Call(within(t), worker.Request{Command: "call", Args: map[string]any{"function": "builtins:eval", "args": []any{
		`__import__("subprocess").Popen(["sleep", "3600"], stdin=-3, stdout=-3).pid`,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	var child int
	if err := json.Unmarshal(r.Result, &child); err != nil {
		t.Fatal(err)
	}
	if err := p.Pause(within(t)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{w.Port.Info().PID, child} {
		for deadline := time.Now().Add(patience); state(t, pid) != "T"; { // of the child it is on its way
			if pid != child || time.Now().After(deadline) {
				t.Fatalf("process %d is in state %s", pid, state(t, pid))
			}
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := w.Call(within(t), worker.Request{Command: "ping"})
		done <- err
	}()
	if err := p.Unpause(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := state(t, child); s == "T" {
		t.Error("its child is left stopped")
	}
}

func TestAWorkerStandsStillWhileSomethingIsDoneToIt(t *testing.T) {
	w := start(t, &process.Launcher{})
	pid := w.Port.Info().PID
	process.WhileStopped(w.Port, func() {
		if s := state(t, pid); s != "T" {
			t.Errorf("it is in state %s", s)
		}
	})
	if s := state(t, pid); s == "T" {
		t.Error("it is left stopped")
	}
	p, _ := worker.PauserOf(w.Port)
	if err := p.Pause(within(t)); err != nil {
		t.Fatal(err)
	}
	process.WhileStopped(w.Port, func() {
		if s := state(t, pid); s != "T" {
			t.Errorf("paused, it is in state %s", s)
		}
	})
	if s := state(t, pid); s != "T" {
		t.Errorf("who had paused it finds it in state %s", s)
	}
	if err := p.Unpause(within(t)); err != nil {
		t.Fatal(err)
	}
	process.WhileStopped(w.Port, func() {
		if s := state(t, pid); s != "T" {
			t.Errorf("gone on again, it is in state %s", s)
		}
	})
	if _, err := w.Call(within(t), worker.Request{Command: "ping"}); err != nil {
		t.Error(err)
	}
	_ = w.Port.Kill()
	wait(t, "its end", w.Port.Done())
	done := false
	process.WhileStopped(w.Port, func() { done = true })
	if !done {
		t.Error("nothing is done to one that has ended")
	}
}

func TestAPauseOutlastsWhatIsDoneMeanwhile(t *testing.T) {
	w := start(t, &process.Launcher{})
	p, _ := worker.PauserOf(w.Port)
	paused := make(chan error, 1)
	process.WhileStopped(w.Port, func() {
		if !process.Held(w.Port) {
			t.Error("it can be paused meanwhile, and is then let go on")
		}
		go func() { paused <- p.Pause(context.Background()) }()
	})
	if err := <-paused; err != nil {
		t.Fatal(err)
	}
	if s := state(t, w.Port.Info().PID); s != "T" {
		t.Errorf("it is in state %s", s)
	}
	if err := p.Unpause(within(t)); err != nil {
		t.Fatal(err)
	}
}

func TestAPausedWorkerCanBeClosed(t *testing.T) {
	w := start(t, &process.Launcher{Grace: 50 * time.Millisecond})
	p, _ := worker.PauserOf(w.Port)
	if err := p.Pause(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := w.Port.Close(within(t)); err != nil {
		t.Error(err)
	}
	if e := w.Port.Exit(); e.Signal != syscall.SIGKILL {
		t.Errorf("it ended by %v", e)
	}
	if err := p.Pause(within(t)); err == nil {
		t.Error("it is gone, and was paused")
	}
}

// state is that of a process, as one letter.
func state(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return after[:1]
}

func TestAWorkerRunsOnAsManyCoresAsItMay(t *testing.T) {
	w := start(t, &process.Launcher{})
	may, ok := worker.CoreLimiterOf(w.Port)
	if !ok {
		t.Fatal("it can't be told")
	}
	cores := func() int {
		r, err := w.Call(within(t), worker.Request{Command: "call", Args: map[string]any{"function": "builtins:eval", "args": []any{
			`[len(__import__("os").sched_getaffinity(int(thread))) for thread in __import__("os").listdir("/proc/self/task")]`,
		}}})
		var all []int // a thread's, each
		if err := errors.Join(err, json.Unmarshal(r.Result, &all)); err != nil {
			t.Fatal(err)
		}
		if slices.Sort(all); len(all) < 2 || all[0] != all[len(all)-1] {
			t.Errorf("its threads may run on %d cores", all)
		}
		return all[0]
	}
	all := cores()
	for most, want := range map[int]int{1: 1, 1 << 10: all, 0: all} {
		if err := may.LimitCores(most); err != nil {
			t.Fatal(err)
		}
		if n := cores(); n != want {
			t.Errorf("told %d, it may run on %d", most, n)
		}
	}
}
