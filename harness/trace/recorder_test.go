package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// patience bounds what takes microseconds.
const patience = time.Minute

func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// far is the far side of a port: the test says what comes from it.
type far struct {
	id      string
	info    worker.Info
	exit    worker.Exit
	refuse  error  // what Send says
	sending func() // is done as it begins
	eof     bool   // what Recv says
	broken  error  // ... ever after
	sent    [][]byte
	out     chan []byte
	done    chan struct{}
	once    sync.Once
}

func (f *far) Send(_ context.Context, frame []byte) error {
	if f.sending != nil {
		f.sending()
	}
	if f.refuse == nil {
		f.sent = append(f.sent, frame)
	}
	return f.refuse
}

func (f *far) Recv(ctx context.Context) ([]byte, error) {
	if f.broken != nil {
		return nil, f.broken
	}
	select {
	case b := <-f.out: // also after the end
		return b, nil
	default:
	}
	if f.eof {
		return nil, io.EOF
	}
	select {
	case b := <-f.out:
		return b, nil
	case <-f.done:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ended has its frames end, as a dying process's do before it is reaped.
func (f *far) ended() { f.eof = true }

func (f *far) Info() worker.Info           { return f.info }
func (f *far) Done() <-chan struct{}       { return f.done }
func (f *far) Exit() worker.Exit           { return f.exit }
func (f *far) Kill() error                 { f.once.Do(func() { close(f.done) }); return nil }
func (f *far) Close(context.Context) error { return f.Kill() }

// fars launches them.
type fars struct {
	refuse   error // what Launch says
	mu       sync.Mutex
	launched []*far
}

func (l *fars) Launch(_ context.Context, id string) (worker.Port, error) {
	if l.refuse != nil {
		return nil, l.refuse
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &far{id: id, info: worker.Info{PID: 100 + len(l.launched)}, exit: worker.Exit{Code: -1, Signal: syscall.SIGKILL}, out: make(chan []byte, 8), done: make(chan struct{})}
	l.launched = append(l.launched, f)
	return f, nil
}

// bench is a recorder at work. Its clock goes on by a millisecond an event.
type bench struct {
	*testing.T
	*Recorder
	fars *fars
	worker.Launcher

	clock, tick time.Duration // what it says next is so much later
}

// free leaves the order to the machine.
func free(_, _ string) {}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, fars: &fars{}, tick: time.Millisecond}
	b.Recorder = NewRecorder(0, func() time.Duration { b.clock += b.tick; return b.clock }, free)
	b.Launcher = b.Recorder.Launcher(b.fars)
	t.Cleanup(b.KillAll)
	return b
}

// launch gives a port and its far side.
func (b *bench) launch(id string) (worker.Port, *far) {
	b.Helper()
	p, err := b.Launch(context.Background(), id)
	if err != nil {
		b.Fatal(err)
	}
	return p, b.fars.launched[len(b.fars.launched)-1]
}

// make makes a call as the harness does, and sends it to a worker.
func (b *bench) make(p worker.Port, call string, frameID int64) {
	b.Helper()
	b.Arrive(call, subject.Call{Client: "client of " + call, Command: "echo"}, scenario.Step{}, false)
	b.resend(p, call, frameID)
}

func (b *bench) resend(p worker.Port, call string, frameID int64) {
	b.Helper()
	c := subject.Call{Command: "echo", Args: map[string]any{"n": 1}, Client: "client of " + call}
	b.Begin(call, &c, false)
	if err := p.Send(context.Background(), request(b, frameID, c)); err != nil {
		b.Fatal(err)
	}
}

func request(t testing.TB, id int64, c subject.Call) []byte {
	t.Helper()
	frame, err := wire.AppendRequest(nil, wire.Request{ID: id, Command: c.Command, Args: c.Args, Timestamp: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// answer has a frame come from the far side and be received.
func (b *bench) answer(p worker.Port, f *far, format string, args ...any) {
	b.Helper()
	frame := fmt.Sprintf(format, args...)
	f.out <- []byte(frame)
	got, err := p.Recv(context.Background())
	if err != nil || string(got) != frame {
		b.Errorf("received %q, %v; want %q", got, err, frame)
	}
}

func (b *bench) answered(p worker.Port, f *far, frameID int64, result string) {
	b.Helper()
	b.answer(p, f, `{"id":%d,"success":true,"result":%s,"timestamp":1}`, frameID, result)
}

// told is the recording so far, a line an event; only what is not zero.
func (b *bench) told() string {
	b.Helper()
	var lines []string
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, e := range b.events {
		if want := time.Duration(i+1) * time.Millisecond; e.At != want {
			b.Errorf("event %d is at %v, want %v", i, e.At, want)
		}
		line := string(e.Kind)
		v := reflect.ValueOf(e)
		for j := range v.NumField() {
			if name := v.Type().Field(j).Name; name != "At" && name != "Kind" && !v.Field(j).IsZero() {
				line += fmt.Sprintf(" %s=%v", name, v.Field(j))
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (b *bench) tells(want string) {
	b.Helper()
	want = strings.ReplaceAll(strings.TrimSpace(want), "\t", "")
	if got := b.told(); got != want {
		b.Errorf("recorded\n%s\nwant\n%s", got, want)
	}
}

// last is the last event of a kind.
func (b *bench) last(k scenario.Kind) (found scenario.Event) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Kind == k {
			found = e
		}
	}
	if found.Kind == "" {
		b.Fatalf("no %s was recorded", k)
	}
	return found
}

func TestAWorkersLifeAndACallAreRecordedInOrder(t *testing.T) {
	b := newBench(t)
	b.Add(scenario.Event{Kind: scenario.Open})
	b.Arrive("c1", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{}, false)
	p, f := b.launch("w1")
	f.info.CPU = 2
	if err := p.Send(context.Background(), request(t, 0, subject.Call{Command: "ping", Args: map[string]any{"initialization": true}})); err != nil {
		t.Fatal(err)
	}
	f.info.CPU, f.info.RunDelay, f.info.Throttled = 30, 20, 5
	b.answered(p, f, 0, `{"status":"ok"}`)
	c := subject.Call{Command: "echo", Args: map[string]any{"n": 1}, Client: "ann"}
	b.Begin("c1", &c, false)
	if err := p.Send(context.Background(), request(t, 1, c)); err != nil {
		t.Fatal(err)
	}
	f.info.CPU = 31
	b.answered(p, f, 1, `{"n":1}`)
	b.Return("c1", "ann", subject.Reply{Result: json.RawMessage(`{"n":1}`), Worker: "w1"}, nil, false)
	f.info.CPU = 40
	p.Close(context.Background())
	wait(t, "the end of w1", p.Done())
	b.tells(`
		open
		arrive Call=c1 Client=ann Command=echo
		launch Worker=w1
		launched Worker=w1 PID=100
		send Worker=w1 Command=ping OnCPU=2ns
		recv Worker=w1 OnCPU=30ns Delay=20ns Throttled=5ns
		ready Worker=w1 OnCPU=30ns Delay=20ns Throttled=5ns
		begin Call=c1 Client=ann
		send Call=c1 Worker=w1 Command=echo ID=1 OnCPU=30ns Delay=20ns Throttled=5ns
		recv Call=c1 Worker=w1 ID=1 OnCPU=31ns Delay=20ns Throttled=5ns
		return Call=c1 Client=ann Worker=w1
		exit Worker=w1 OnCPU=40ns Delay=20ns Throttled=5ns Text=killed by SIGKILL Asked=true`)
}

func TestAnExitTellsWhenTheWorkerWasKilled(t *testing.T) {
	for name, c := range map[string]struct {
		end func(*bench, worker.Port, *far)
		at  time.Duration
	}{
		"before it was gone": {func(_ *bench, p worker.Port, _ *far) { p.Kill() }, 10 * time.Second},
		"twice: the first time counts": {func(b *bench, p worker.Port, f *far) {
			f.once.Do(func() {}) // it does not die of it
			p.Kill()
			b.clock = 11 * time.Second
			p.Kill()
			close(f.done)
		}, 10 * time.Second},
		"at the instant in which it was gone": {func(b *bench, p worker.Port, _ *far) { b.tick = 0; p.Kill() }, 0},
		"but it was seen to have ended before": {func(_ *bench, p worker.Port, f *far) {
			f.ended()
			_, _ = p.Recv(context.Background())
			p.Kill()
		}, 0},
		"but asked to end: it may bring its work to an end": {func(_ *bench, p worker.Port, _ *far) { p.Close(context.Background()) }, 0},
		"by nobody": {func(_ *bench, _ worker.Port, f *far) { f.Kill() }, 0},
	} {
		b := newBench(t)
		p, f := b.launch("w1")
		b.clock, b.tick = 10*time.Second-time.Millisecond, time.Millisecond
		c.end(b, p, f)
		wait(t, "the end of w1", p.Done())
		if e := b.last(scenario.Exit); e.Killed != c.at {
			t.Errorf("killed %s: at %v, want %v; it was gone at %v", name, e.Killed, c.at, e.At)
		}
	}
}

func TestALaunchThatFailsIsRecordedWithItsReason(t *testing.T) {
	b := newBench(t)
	b.fars.refuse = errors.New("no such interpreter")
	if p, err := b.Launch(context.Background(), "w1"); p != nil || !errors.Is(err, b.fars.refuse) {
		t.Errorf("got %v, %v", p, err)
	}
	b.tells(`
		launch Worker=w1
		launched Worker=w1 Err=no such interpreter`)
}

func TestOnlyAHelloMakesAWorkerReadyAndOnlyOnce(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	b.answered(p, f, 0, `{"status":"loading"}`)
	b.answered(p, f, 7, `{"status":"ok"}`)
	b.answer(p, f, `{"id":0,"success":false,"error":"no","timestamp":1}`)
	b.answered(p, f, 0, `{"status":"ok"}`)
	b.answered(p, f, 0, `{"status":"ok"}`)
	b.tells(`
		launch Worker=w1
		launched Worker=w1 PID=100
		recv Worker=w1
		recv Worker=w1 ID=7
		recv Worker=w1 Err=no
		recv Worker=w1
		ready Worker=w1
		recv Worker=w1`)
}

func TestFramesThatAreNoneGoThroughAndAreRecordedAsSuch(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	if err := p.Send(context.Background(), []byte("hello?")); err != nil {
		t.Fatal(err)
	}
	if got := string(f.sent[0]); got != "hello?" {
		t.Errorf("the worker got %q", got)
	}
	if b.last(scenario.Send).Err == "" {
		t.Error("a frame that is no request is not recorded as one that is none")
	}
	b.answer(p, f, "a%c", 'b')
	if b.last(scenario.Recv).Err == "" {
		t.Error("a frame that is no reply is not recorded as one that is none")
	}
}

func TestACallIsTaggedInACopyOfItsArguments(t *testing.T) {
	b := newBench(t)
	for name, args := range map[string]map[string]any{
		"some":           {"n": 1},
		"none":           nil,
		"its own tag":    {CallID: "mine"},
		"an empty value": {},
	} {
		before := fmt.Sprint(args)
		c := subject.Call{Command: "echo", Args: args}
		b.Begin("c1", &c, false)
		if after := fmt.Sprint(args); after != before {
			t.Errorf("%s: the caller's arguments were %s and are %s", name, before, after)
		}
		if c.Args[CallID] != "c1" || c.Args["n"] != args["n"] {
			t.Errorf("%s: tagged as %v", name, c.Args)
		}
	}
}

func TestAnAnswerIsRightIfAWorkerGaveItToThisCall(t *testing.T) {
	const given = `{"a": [1, 2.5, "ü"], "b": {"c": null, "d": true}}`
	for name, c := range map[string]struct {
		returned string
		wrong    bool
	}{
		"as it came":               {given, false},
		"encoded anew":             {`{"b":{"d":true,"c":null},"a":[1,2.50,"\u00fc"]}`, false},
		"another value":            {`{"a": [1, 2.5, "ü"], "b": {"c": null, "d": false}}`, true},
		"in another order":         {`{"a": [2.5, 1, "ü"], "b": {"c": null, "d": true}}`, true},
		"the other call's":         {`{"n": 2}`, true},
		"nothing":                  {``, true},
		"null":                     {`null`, true},
		"what is no JSON":          {`{"a": `, true},
		"with something behind it": {given + " 1", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p, f := b.launch("w1")
			b.make(p, "c1", 1)
			b.answered(p, f, 1, given)
			b.make(p, "c2", 2)
			b.answered(p, f, 2, `{"n": 2}`)
			b.Return("c1", "ann", subject.Reply{Result: json.RawMessage(c.returned)}, nil, false)
			if got := b.last(scenario.Return).Wrong; got != c.wrong {
				t.Errorf("wrong is %v, want %v", got, c.wrong)
			}
		})
	}
}

func TestAnErrorIsTheRightAnswerWhereItIsToComeAndTheWorkerGaveIt(t *testing.T) {
	const said = "ValueError: no"
	told := func(message string) error { return fmt.Errorf("pool: %w", &worker.RemoteError{Message: message}) }
	for name, c := range map[string]struct {
		fails  string
		answer string // the worker's error; "" if it gave a result
		err    error  // the pool's
		right  bool
		tells  string // of Err
	}{
		"as it came":                         {"ValueError", said, told(said), true, said},
		"another was to come":                {"TypeError", said, told(said), false, said},
		"none was to come":                   {"", said, told(said), false, said},
		"the worker gave none":               {"ValueError", "", told(said), false, said},
		"it gave another":                    {"ValueError", "ValueError: yes", told(said), false, said},
		"whoever was told of it died of it":  {"ValueError", said, errors.New("client died: " + said), false, said},
		"the pool made a result of it":       {"ValueError", said, nil, false, `there is a result, and not an error that says "ValueError"`},
		"there is a result in place of it":   {"ValueError", "", nil, false, "there is a result"},
		"a result is what was to come, then": {"", "", nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p, f := b.launch("w1")
			b.Arrive("c1", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{Fails: c.fails}, false)
			b.resend(p, "c1", 1)
			if c.answer != "" {
				b.answer(p, f, `{"id":1,"success":false,"error":%q,"timestamp":1}`, c.answer)
			} else {
				b.answered(p, f, 1, "7")
			}
			b.Return("c1", "ann", subject.Reply{Result: json.RawMessage("7")}, c.err, false)
			e := b.last(scenario.Return)
			if e.Right != c.right || !strings.Contains(e.Err, c.tells) || (e.Err == "") != (c.tells == "") {
				t.Errorf("right is %v, want %v; %q", e.Right, c.right, e.Err)
			}
		})
	}
}

func TestAFrameThatMayGetNoAnswerByThePoolsDoingIsToldApart(t *testing.T) {
	for _, c := range []struct {
		habit worker.Habit
		fails string
		mute  bool
	}{{worker.Swallows, "ResultError", true}, {worker.Swallows, "", false}, {worker.Prints, "ResultError", false}} {
		b := newBench(t)
		p, err := b.Launch(worker.WithHabits(t.Context(), c.habit), "w1")
		if err != nil {
			t.Fatal(err)
		}
		b.Arrive("c1", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{Fails: c.fails}, false)
		b.resend(p, "c1", 1)
		if e := b.last(scenario.Send); e.Mute != c.mute {
			t.Errorf("%+v: it is %v", c, e.Mute)
		}
	}
}

func TestNumbersAreTheSameHoweverTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		given, returned string
		same            bool
	}{
		{`[1.0, {"s": 2.50}]`, `[1,{"s":2.5}]`, true}, // as a pool writes it that knows floats alone
		{`1e3`, `1000`, true},
		{`-0.5`, `-5e-1`, true},
		{`9007199254740993`, `9007199254740993`, true},
		{`9007199254740993`, `9007199254740992`, false}, // the same as floats
		{`[{"n": 9007199254740993}]`, `[{"n": 9007199254740992}]`, false},
		{`123456789012345678901234567890`, `123456789012345678901234567890`, true},
		{`1`, `"1"`, false},
		{`0`, `null`, false},
		{`1`, `true`, false},
	} {
		if got := sameJSON([]byte(c.given), []byte(c.returned)); got != c.same {
			t.Errorf("%s and %s: %v, want %v", c.given, c.returned, got, c.same)
		}
	}
}

func TestAnAnswerThatNoWorkerGaveIsWrong(t *testing.T) {
	failed := func(b *bench, p worker.Port, f *far) {
		b.resend(p, "c1", 1)
		b.answer(p, f, `{"id":1,"success":false,"error":"no"}`)
	}
	for name, story := range map[string]func(b *bench, p worker.Port, f *far){
		"never sent":          func(b *bench, p worker.Port, f *far) {},
		"never answered":      func(b *bench, p worker.Port, f *far) { b.resend(p, "c1", 1) },
		"answered by failure": failed,
		"under another id":    func(b *bench, p worker.Port, f *far) { b.resend(p, "c1", 1); b.answered(p, f, 2, `{"n":1}`) },
	} {
		b := newBench(t)
		b.Arrive("c1", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{}, false)
		p, f := b.launch("w1")
		story(b, p, f)
		for _, result := range []json.RawMessage{json.RawMessage(`{"n":1}`), nil} {
			b.Return("c1", "ann", subject.Reply{Result: result}, nil, false)
			if !b.last(scenario.Return).Wrong {
				t.Errorf("%s: %q passes as right", name, result)
			}
		}
	}
}

func TestAFrameBelongsToWhoeverReceivedIt(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	b.make(p, "c1", 1)
	f.out <- []byte(`{"id":1,"success":true,"result":{"n":1},"timestamp":1}`)
	frame, err := p.Recv(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	clear(frame) // as a pool does that uses its buffer again
	b.Return("c1", "ann", subject.Reply{Result: json.RawMessage(`{"n":1}`)}, nil, false)
	if b.last(scenario.Return).Wrong {
		t.Error("the right answer counts as wrong once the frame is written over")
	}
}

func TestAnErrorIsNoWrongAnswer(t *testing.T) {
	b := newBench(t)
	b.Arrive("c1", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{}, false)
	b.Return("c1", "ann", subject.Reply{}, errors.New("no worker"), true)
	if e := b.last(scenario.Return); e.Wrong || e.Err != "no worker" || !e.Excused || e.Client != "ann" {
		t.Errorf("recorded as %+v", e)
	}
}

func TestALostCallIsRecordedAsLost(t *testing.T) {
	b := newBench(t)
	b.Arrive("c1", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{}, true)
	b.Lose("c1", "ann", true)
	if e := b.last(scenario.Return); !e.Lost || e.Err == "" || !e.Probe || e.Call != "c1" || e.Client != "ann" {
		t.Errorf("recorded as %+v", e)
	}
}

func TestAllThatAProbeDoesIsMarkedAsOne(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	b.Arrive("probe1", subject.Call{Client: "probe1", Command: "echo"}, scenario.Step{}, true)
	c := subject.Call{Command: "echo", Client: "probe1"}
	b.Begin("probe1", &c, true)
	p.Send(context.Background(), request(t, 1, c))
	b.answered(p, f, 1, `1`)
	b.Return("probe1", "probe1", subject.Reply{Result: json.RawMessage(`1`)}, nil, false)
	for _, k := range []scenario.Kind{scenario.Arrive, scenario.Begin, scenario.Send, scenario.Recv, scenario.Return} {
		if e := b.last(k); !e.Probe || e.Call != "probe1" {
			t.Errorf("%s is recorded as %+v", k, e)
		}
	}
}

// standing compares what the recorder says of the present.
func (b *bench) standing(when string, held int, executing ...string) {
	b.Helper()
	if got := b.Held(); got != held {
		b.Errorf("%s: %d calls are held, want %d", when, got, held)
	}
	for _, id := range []string{"c1", "c2", "stranger"} {
		want := false
		for _, e := range executing {
			want = want || e == id
		}
		if got := b.Executing(id); got != want {
			b.Errorf("%s: %s is executing: %v, want %v", when, id, got, want)
		}
	}
}

func TestACallIsExecutingFromItsFrameToItsLastReply(t *testing.T) {
	b := newBench(t)
	p1, f1 := b.launch("w1")
	p2, f2 := b.launch("w2")
	b.Arrive("c1", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{}, false)
	b.standing("arrived", 0)
	b.resend(p1, "c1", 1)
	b.standing("sent", 1, "c1")
	b.make(p2, "c2", 1)
	b.standing("two sent", 2, "c1", "c2")
	b.answer(p1, f1, `{"id":1,"success":true,"result":1,"timestamp":1,"more":true}`)
	b.standing("after a part of the answer", 2, "c1", "c2")
	b.answered(p1, f1, 9, `{}`)
	b.standing("after the answer to something else", 2, "c1", "c2")
	b.answered(p1, f1, 1, `2`)
	b.standing("answered", 1, "c2")
	b.answer(p2, f2, `{"id":1,"success":false,"error":"no","timestamp":1}`)
	b.standing("refused", 0)
	b.make(p2, "c3", 2)
	b.answer(p2, f2, `{"id":0,"success":false,"error":"RequestError: no id","error_type":"RequestError","timestamp":1}`)
	b.standing("not read", 0)
	if e := b.last(scenario.Recv); e.Call != "c3" || e.ID != 2 || e.Err == "" {
		t.Errorf("%+v", e)
	}
}

// What waits for a probe to be executing looks at each event: whether it did so before its
// frame could not be sent after all would be a matter of luck.
func TestAProbeIsExecutingOnceItsFrameIsOut(t *testing.T) {
	for _, fails := range []error{nil, worker.ErrGone} {
		b := newBench(t)
		p, f := b.launch("w1")
		b.Arrive("probe1", subject.Call{Client: "probe1", Command: "sleep"}, scenario.Step{}, true)
		c := subject.Call{Command: "sleep", Client: "probe1"}
		b.Begin("probe1", &c, true)
		var changed <-chan struct{}
		f.refuse, f.sending = fails, func() {
			if b.last(scenario.Send).Call != "probe1" || b.Executing("probe1") || b.Held() != 0 {
				t.Error("it is executing before its frame is out")
			}
			changed = b.Changed()
		}
		_ = p.Send(t.Context(), request(t, 1, c))
		if !isClosed(changed) {
			t.Error("nobody is told what became of it")
		}
		if out := fails == nil; b.Executing("probe1") != out || (b.Held() == 1) != out {
			t.Errorf("with %v: executing: %v, held: %d", fails, b.Executing("probe1"), b.Held())
		}
	}
}

func TestNothingIsExecutingOnceItsWorkerIsGone(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	b.make(p, "c1", 1)
	f.Kill()
	wait(t, "the end of w1", p.Done())
	b.standing("died in mid-call", 0)

	// The answer had been written before the end, and is read after it.
	b.answered(p, f, 1, `{"n":1}`)
	if e := b.last(scenario.Recv); e.Call != "c1" {
		t.Errorf("the late answer is recorded as %+v", e)
	}
	b.Return("c1", "ann", subject.Reply{Result: json.RawMessage(`{"n":1}`)}, nil, false)
	if b.last(scenario.Return).Wrong {
		t.Error("the late answer counts as wrong")
	}

	other, _ := b.launch("w2")
	b.resend(other, "c1", 1)
	b.standing("sent to another", 1, "c1")
	f.refuse = worker.ErrGone
	b.Arrive("c2", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{}, false)
	c := subject.Call{Command: "echo", Args: map[string]any{CallID: "c2"}}
	if err := p.Send(context.Background(), request(t, 2, c)); !errors.Is(err, worker.ErrGone) {
		t.Errorf("sent to the dead: %v", err)
	}
	b.standing("sent to the dead", 1, "c1")
}

func TestAFrameThatDidNotGoOutIsTakenBack(t *testing.T) {
	for name, refusal := range map[string]error{
		"gone": worker.ErrGone, "too large": wire.ErrTooLarge, "the caller gave up": context.Canceled,
	} {
		b := newBench(t)
		p, f := b.launch("w1")
		f.refuse = refusal
		b.Arrive("c1", subject.Call{Client: "ann", Command: "echo"}, scenario.Step{}, false)
		c := subject.Call{Command: "echo", Client: "ann"}
		b.Begin("c1", &c, false)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := p.Send(ctx, request(t, 1, c)); !errors.Is(err, refusal) {
			t.Errorf("%s: Send said %v", name, err)
		}
		b.standing(name, 0)
		b.tells(`
			launch Worker=w1
			launched Worker=w1 PID=100
			arrive Call=c1 Client=ann Command=echo
			begin Call=c1 Client=ann
			send Call=c1 Worker=w1 Command=echo ID=1
			send Call=c1 Worker=w1 Command=echo ID=1 Err=` + refusal.Error())
	}
}

func TestAPortCanBeUnwrapped(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	u, ok := p.(interface{ Unwrap() worker.Port })
	if !ok || u.Unwrap() != worker.Port(f) {
		t.Errorf("got %v", u)
	}
	if p.Info() != f.info || p.Exit() != f.exit {
		t.Error("Info and Exit are not the port's own")
	}
	f.info.RunDelay = 5
	if err := p.Close(context.Background()); err != nil || !isClosed(f.done) {
		t.Errorf("close: %v; the far side has ended: %v", err, isClosed(f.done))
	}
	if _, err := p.Recv(context.Background()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

// A pool that launches the next worker as soon as the one before is gone must
// not be seen with two.
func TestAnEndIsRecordedBeforeAnybodyHearsOfIt(t *testing.T) {
	for name, end := range map[string]func(p worker.Port){
		"Done":  func(p worker.Port) { p.Kill(); <-p.Done() },
		"Close": func(p worker.Port) { p.Close(context.Background()) },
	} {
		slow := make(chan struct{})
		r := NewRecorder(0, func() time.Duration { <-slow; return 0 }, free)
		l := r.Launcher(&fars{})
		heard := make(chan int, 1)
		go func() {
			p, err := l.Launch(context.Background(), "w1")
			if err != nil {
				t.Error(err)
			}
			end(p)
			heard <- len(r.Seal())
		}()
		for range 3 { // launch, launched, exit: the clock is looked at for each
			slow <- struct{}{}
		}
		close(slow)
		if n := <-heard; n != 3 {
			t.Errorf("%s: heard of the end when %d events were recorded, want 3", name, n)
		}
	}
}

func TestASealedRecorderIgnoresWhatComesLater(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	b.make(p, "c1", 1)
	sealed := b.Seal()
	n := len(sealed)
	b.Add(scenario.Event{Kind: scenario.Left})
	b.answered(p, f, 1, `1`)
	b.Return("c1", "ann", subject.Reply{}, nil, false)
	p.Kill()
	wait(t, "the end of w1", p.Done())
	if again := b.Seal(); len(sealed) != n || len(again) != n {
		t.Errorf("%d events were sealed, then there were %d", n, len(again))
	}
}

func TestKillAllEndsEveryWorkerAndNoneComesAfterIt(t *testing.T) {
	b := newBench(t)
	p1, f1 := b.launch("w1")
	_, f2 := b.launch("w2")
	p1.Kill() // twice is no harm
	b.KillAll()
	if !isClosed(f1.done) || !isClosed(f2.done) {
		t.Error("a worker lives on")
	}
	exits := 0
	for _, e := range b.Seal() {
		if e.Kind == scenario.Exit {
			exits++
		}
	}
	if exits != 2 {
		t.Errorf("%d ends are recorded when KillAll returns, want 2", exits)
	}
	if p, err := b.Launch(context.Background(), "w3"); err == nil {
		t.Errorf("%v was launched after the run", p)
	}
	if n := len(b.fars.launched); n == 3 && !isClosed(b.fars.launched[2].done) {
		t.Error("what was launched after the run lives on")
	}
}

func TestChangedIsClosedAtTheNextEvent(t *testing.T) {
	b := newBench(t)
	first := b.Changed()
	if isClosed(first) {
		t.Error("closed before anything happened")
	}
	b.Add(scenario.Event{Kind: scenario.Open})
	if !isClosed(first) {
		t.Error("not closed by an event")
	}
	if second := b.Changed(); isClosed(second) {
		t.Error("the next one is closed already")
	}
}

func TestManyMayCallTheRecorderAtOnce(t *testing.T) {
	b := newBench(t)
	var wg sync.WaitGroup
	const callers = 16
	for i := range callers {
		wg.Go(func() {
			id := fmt.Sprintf("c%d", i)
			p, err := b.Launch(context.Background(), "w"+id)
			if err != nil {
				t.Error(err)
				return
			}
			f := p.(*port).Unwrap().(*far)
			b.Arrive(id, subject.Call{Client: id, Command: "echo"}, scenario.Step{}, false)
			c := subject.Call{Command: "echo", Client: id}
			b.Begin(id, &c, false)
			p.Send(context.Background(), request(t, 1, c))
			f.out <- []byte(`{"id":1,"success":true,"result":` + fmt.Sprint(i) + `}`)
			frame, _ := p.Recv(context.Background())
			_ = b.Held() + len(frame)
			_, _ = b.Executing(id), b.Changed()
			b.Return(id, id, subject.Reply{Result: json.RawMessage(fmt.Sprint(i))}, nil, false)
			p.Kill()
			<-p.Done()
		})
	}
	wg.Wait()
	events := b.Seal()
	if want := callers * 8; len(events) != want { // arrive, begin, return; launch, launched, send, recv, exit
		t.Errorf("%d events, want %d", len(events), want)
	}
	for i, e := range events {
		if i > 0 && e.At <= events[i-1].At || e.Wrong {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}

func TestAFrameReachesTheWorkerAsItWasSent(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	c := subject.Call{Command: "echo", Args: map[string]any{"text": strings.Repeat("x", 100_000)}}
	want := request(t, 3, c)
	if err := p.Send(context.Background(), bytes.Clone(want)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.sent[0], want) {
		t.Errorf("%d bytes were sent, %d arrived", len(want), len(f.sent[0]))
	}
}

func TestAFrameReachesItsWorkerOnce(t *testing.T) {
	b := newBench(t)
	p, f := b.launch("w1")
	for n := range int64(3) {
		b.make(p, fmt.Sprint("c", n), n)
	}
	if err := p.Send(context.Background(), []byte("no request")); err != nil {
		t.Fatal(err)
	}
	if len(f.sent) != 4 {
		t.Errorf("4 frames were sent, and %d arrived", len(f.sent))
	}
}

func TestWhatIsNoFrameEndsTheOneCallThatItsWorkerHas(t *testing.T) {
	for n, want := range []int{0, 1, 0} {
		b := newBench(t)
		p, f := b.launch("w1")
		for i := range n {
			b.make(p, fmt.Sprintf("c%d", i+1), int64(i+1))
		}
		f.broken = &wire.FrameError{Size: 1 << 30, Err: wire.ErrTooLarge}
		for range 2 {
			if _, err := p.Recv(context.Background()); !errors.Is(err, wire.ErrTooLarge) {
				b.Errorf("received %v", err)
			}
		}
		ended := 0
		for _, e := range b.Seal() {
			if e.Kind != scenario.Recv {
				continue
			}
			if ended++; e.Call != "c1" || e.ID != 1 || e.Err != "" || e.Text != f.broken.Error() {
				b.Errorf("%+v", e)
			}
		}
		if ended != want || n == 1 && b.Executing("c1") {
			b.Errorf("of %d calls %d came to an end, want %d", n, ended, want)
		}
	}
}

func TestWhatOutlivesItsPoolIsToldWithWhatItHasDoneSince(t *testing.T) {
	b := newBench(t)
	gone, _ := b.launch("w1")
	goes, _ := b.launch("w2")
	_, stays := b.launch("w3")
	end := func(p worker.Port) {
		_ = p.Kill()
		wait(t, "its end", p.Done())
	}
	end(gone)
	stays.info = worker.Info{CPU: 3 * time.Second, RunDelay: time.Second, Written: 10}
	b.Outlives()
	stays.info = worker.Info{CPU: 5 * time.Second, RunDelay: 4 * time.Second, Written: 30}
	end(goes)
	b.Outlived()
	var got []scenario.Event
	for _, e := range b.Seal() {
		if e.Kind == scenario.Outlived {
			got = append(got, e)
		}
	}
	if len(got) != 1 || got[0].Worker != "w3" || got[0].OnCPU != 2*time.Second || got[0].Delay != 3*time.Second || got[0].N != 20 {
		t.Errorf("%+v", got)
	}
}
