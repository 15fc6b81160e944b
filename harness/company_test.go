package harness

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/worker"
)

// twoOf are two pools of one kind, each of 4 workers whose starts compute, and with as
// many clients at once.
func twoOf(s subject.Subject) Scenario {
	sc := Scenario{
		World: "virtual", Subject: s, Config: subject.Config{Size: 4}, Start: scenario.Demand{CPU: 300 * time.Millisecond},
		Workload: scenario.Workload{Clients: 4, Command: "echo"}, Deadline: time.Second, Patience: 3 * time.Second,
	}
	sc.Others = []scenario.Other{{Subject: s, Config: sc.Config, Workload: sc.Workload}}
	return sc
}

func TestTwoPoolsShareTheCoresAndNothingElse(t *testing.T) {
	alone := twoOf(subject.Herd())
	alone.Others = nil
	if got := last(TryT(t, alone).Record).Round(time.Millisecond); got != 600*time.Millisecond {
		t.Errorf("alone: %v", got)
	}
	r := TryT(t, twoOf(subject.Herd()))
	for i, of := range append([]*scenario.Record{r.Record}, r.Record.Others...) {
		if got := last(of).Round(time.Millisecond); got != 1200*time.Millisecond || len(of.Calls()) != 4 {
			t.Errorf("pool %d: %d calls, the last answered after %v", i, len(of.Calls()), got)
		}
		if n := slices.IndexFunc(of.Events, func(e scenario.Event) bool { return e.Pool != i }); n >= 0 {
			t.Errorf("pool %d has an event of pool %d: %+v", i, of.Events[n].Pool, of.Events[n])
		}
	}
	if len(r.Record.Others) != 1 {
		t.Fatalf("%d others", len(r.Record.Others))
	}
	// Ideal pools would have kept it beside that one.
	if r.Word != scenario.Architectural || !strings.HasSuffix(r.Reason, "; its own workers asked for 1.20 s of CPU, those of other pools for 1.20 s") {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	if again := TryT(t, twoOf(subject.Herd())); again.Hash != r.Hash {
		t.Errorf("the hash is %s, and with the same seed %s", r.Hash, again.Hash)
	}
}

func TestEachPoolOfARunIsJudgedByItself(t *testing.T) {
	sc := twoOf(subject.Herd())
	sc.Others = append(sc.Others, sc.Others[0])
	sc.Others[0].Subject, sc.Others[0].Stops = subject.Ours(), true
	sc.Others[1].Config.Size = 2 // which are through before the others have their part
	r := TryT(t, sc)
	words := []scenario.Word{r.Word}
	for _, v := range r.Others {
		words = append(words, v.Word)
	}
	if !slices.Equal(words, []scenario.Word{scenario.Sound, scenario.Sound, scenario.Sound}) {
		t.Errorf("they are %q", words)
	}
	sc.Others[1].Subject, sc.Others[1].Config = dspex.V2Seed(), subject.Config{Size: 4}
	if r := TryT(t, sc); r.Word != scenario.Sound || len(r.Others) != 2 || r.Others[1].Word != scenario.Architectural || !strings.HasSuffix(r.Others[1].Reason, "; its own workers asked for 1.20 s of CPU, those of other pools for 1.80 s") {
		t.Errorf("it is %s, and of the others: %+v", r.Word, r.Others)
	}
}

func TestAReplayFindsWhatOtherPoolsAskedFor(t *testing.T) {
	r := TryT(t, twoOf(subject.Herd()))
	for _, s := range []subject.Subject{subject.Herd(), subject.Ours()} {
		again, err := Replay(t.Context(), t, r, Replaying{Subject: s})
		if err != nil {
			t.Fatal(err)
		}
		want := 1200 * time.Millisecond // 8 starts on 2 cores
		if s.Name == "ours" {           // 2 beside 4
			want = 900 * time.Millisecond
		}
		if got := again.FirstReady.Replayed.Round(10 * time.Millisecond); got != want {
			t.Errorf("%s: its first worker was ready after %v, want %v", s.Name, got, want)
		}
		if again.Record.Others != nil || len(again.Record.Environment.Others) != 4 {
			t.Errorf("%s: %d others, that asked %d times", s.Name, len(again.Record.Others), len(again.Record.Environment.Others))
		}
	}
}

func TestAReplayBeginsWhenThePoolOnTrialDid(t *testing.T) {
	sc := twoOf(subject.Herd())
	first := sc.Others[0]
	first.Subject, first.Stops = subject.Ours(), true
	sc.Others = []scenario.Other{first, sc.Others[0]}
	r := TryT(t, sc)
	again, err := Replay(t.Context(), t, r, Replaying{})
	if err != nil {
		t.Fatal(err)
	}
	open, _ := r.Record.First(scenario.Open)
	reopen, _ := again.Record.First(scenario.Open)
	for what, p := range map[string]scenario.Pair{"opened": {Recorded: open.At, Replayed: reopen.At}, "first ready": again.FirstReady, "last ready": again.LastReady} {
		if p.Recorded == 0 || p.Off().Abs() > time.Millisecond {
			t.Errorf("%s after %v, in the replay %v", what, p.Recorded, p.Replayed)
		}
	}
	if open.At < 300*time.Millisecond || r.Record.Environment.Opens != open.At {
		t.Errorf("it opened at %v; said is %v", open.At, r.Record.Environment.Opens)
	}
}

func TestPoolsOfOneNodeCanNotHaveOneName(t *testing.T) {
	for name, opens := range map[string]bool{"": false, "other": true} {
		sc := twoOf(dspex.V2Seed())
		sc.Config.Name = name
		r := TryT(t, sc).Record
		opened, _ := r.First(scenario.Opened)
		if (opened.Err == "") != opens || !opens && !strings.Contains(opened.Err, "its name is taken") {
			t.Errorf("named %q: opened %q", name, opened.Err)
		}
		// What a name is taken by no replay has.
		if gap := slices.ContainsFunc(r.Environment.Gaps, func(g scenario.Gap) bool { return g.Kind == scenario.GapPool }); gap == opens || r.Others[0].Environment.Gaps != nil {
			t.Errorf("named %q: the gaps are %+v and %+v", name, r.Environment.Gaps, r.Others[0].Environment.Gaps)
		}
	}
}

func TestAPoolThatStopsIsClosedBeforeTheNextOpens(t *testing.T) {
	sc := twoOf(subject.Ours())
	sc.Others = append(sc.Others, sc.Others[0], sc.Others[0])
	sc.Others[1].Stops = true
	r := RunT(t, sc).Record
	times := func(r *scenario.Record) (open, closed time.Duration) {
		o, _ := r.First(scenario.Open)
		c, _ := r.First(scenario.Closed)
		return o.At, c.At
	}
	first, firstClosed := times(r.Others[0])
	_, stopped := times(r.Others[1])
	third, thirdClosed := times(r.Others[2])
	own, ownClosed := times(r)
	if !(first < stopped && stopped <= third && third <= own && own < ownClosed && ownClosed <= firstClosed && firstClosed <= thirdClosed) {
		t.Errorf("first %v to %v, second to %v, third %v to %v, the one on trial %v to %v", first, firstClosed, stopped, third, thirdClosed, own, ownClosed)
	}
}

func TestAPoolThatStopsAsItStandsIsNotProbed(t *testing.T) {
	for _, stops := range []bool{false, true} {
		sc := twoOf(subject.Ours())
		sc.Stops = stops
		r := RunT(t, sc).Record
		if _, probed := r.First(scenario.Probing); probed == stops {
			t.Errorf("stops %v: probed is %v", stops, probed)
		}
	}
}

func TestAPoolBeginsToOpenOnceTheOneBeforeHas(t *testing.T) {
	sc := twoOf(subject.Ours())
	const rest = 70 * time.Millisecond
	ours := sc.Subject.Open
	sc.Others[0].Subject.Open = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		time.Sleep(rest)
		return ours(ctx, l, cfg)
	}
	if open, _ := RunT(t, sc).Record.First(scenario.Open); open.At < rest || open.At > rest+time.Millisecond {
		t.Errorf("it began after %v", open.At)
	}
}

// A pool is seen to begin in the midst of something. Time stands still until that is done.
func TestAPoolBeginsToOpenOnceTheOneBeforeHasDoneWhatItIsAt(t *testing.T) {
	sc := twoOf(subject.Ours())
	var done atomic.Bool
	sc.Others[0].Subject = subject.Subject{Name: "busy", Open: func(ctx context.Context, l worker.Launcher, _ subject.Config) (subject.Pool, error) {
		_, err := l.Launch(ctx, "w1")
		for range 1000 { // whoever can go on does
			runtime.Gosched()
		}
		done.Store(true)
		return nobody{}, err
	}}
	ours := sc.Subject.Open
	sc.Subject.Open = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		if !done.Load() {
			t.Error("it began while the one before was at something")
		}
		return ours(ctx, l, cfg)
	}
	RunT(t, sc)
}

func TestTheCapacityIsProbedOnceTheClientsOfOtherPoolsAreThrough(t *testing.T) {
	sc := twoOf(subject.Ours())
	sc.Others[0].Workload.At = []time.Duration{0, 0, 0, 5 * time.Second}
	r := RunT(t, sc).Record
	probing, _ := r.First(scenario.Probing)
	if r.Others[0].Misses() > 0 || probing.At < 5*time.Second {
		t.Errorf("it was probed at %v; the other missed %d", probing.At, r.Others[0].Misses())
	}
}

func TestNobodyOfAnotherPoolHasTheNameOfOneOfThePoolOnTrial(t *testing.T) {
	w := &ears{}
	other := another{w, "other1."}
	other.Point("w1", "launch")
	if _, err := other.Launcher().Launch(t.Context(), "w1"); err != nil || !slices.Equal(w.heard, []string{"other1.w1 at launch", "other1.w1"}) {
		t.Errorf("heard: %q, %v", w.heard, err)
	}
}

// ears hear what a world is told.
type ears struct {
	world
	heard []string
}

func (e *ears) Point(who, at string)      { e.heard = append(e.heard, who+" at "+at) }
func (e *ears) Launcher() worker.Launcher { return e }
func (e *ears) Launch(_ context.Context, id string) (worker.Port, error) {
	e.heard = append(e.heard, id)
	return nil, nil
}

func TestSeveralPoolsUnderOneSeedLeaveTheSameTrace(t *testing.T) {
	for seed := range uint64(20) {
		sc := twoOf(subject.Ours())
		sc.Seed, sc.Deadline = seed, 0 // ideal ones, too
		sc.Others = append(sc.Others, sc.Others[0])
		if r := TryT(t, sc); len(r.Record.Calls()) != 4 || TryT(t, sc).Hash != r.Hash {
			t.Errorf("seed %d: %d calls, and another trace each time", seed, len(r.Record.Calls()))
		}
	}
}

func TestWhatIsLeftOfAnotherPoolIsNotThatOfTheOneOnTrial(t *testing.T) {
	sc := twoOf(subject.Ours())
	sc.Others[0].Subject = subject.Subject{Name: "leaks", Open: func(ctx context.Context, l worker.Launcher, _ subject.Config) (subject.Pool, error) {
		if _, err := worker.Start(ctx, l, "w1"); err != nil {
			return nil, err
		}
		return nobody{}, nil
	}}
	if r := RunT(t, sc); r.Record.Others[0].Misses() != 4 {
		t.Errorf("the other missed %d", r.Record.Others[0].Misses())
	}
}

// nobody answers.
type nobody struct{}

func (nobody) Call(context.Context, subject.Call) (subject.Reply, error) {
	return subject.Reply{}, errors.New("there is nobody")
}
func (nobody) Close(context.Context) error { return nil }

func TestABundleHasTheOtherPools(t *testing.T) {
	sc := twoOf(subject.Herd())
	sc.Others[0].Subject = subject.Ours()
	r := TryT(t, sc)
	dir := filepath.Join(t.TempDir(), "run")
	if err := trace.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	again, err := Reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Record.Others) != 1 || !reflect.DeepEqual(again.Record.Others[0], r.Record.Others[0]) || !reflect.DeepEqual(again.Record.Events, r.Record.Events) {
		t.Errorf("it has %+v", again.Record.Others)
	}
	if o := again.Scenario.Others; len(o) != 1 || o[0].Subject.Name != "ours" || o[0].Subject.Open == nil || o[0].Config.Size != 4 {
		t.Errorf("the scenario's others are %+v", o)
	}
	if v := Judge(t.Context(), t, again); v.Reason != r.Reason || !reflect.DeepEqual(v.Others, r.Others) || len(v.Others) != 1 {
		t.Errorf("judged again: %s, %+v\nbefore: %s, %+v", v.Reason, v.Others, r.Reason, r.Others)
	}
	r.Scenario.Others[0].Subject.Name = "a stranger's"
	if err := trace.Save(dir+"2", r); err != nil {
		t.Fatal(err)
	}
	if again, err = Reopen(dir + "2"); err != nil || Judge(t.Context(), t, again).Reason != r.Reason {
		t.Errorf("with a pool that nobody knows: %v", err)
	}
}

func TestAFleetPlaysOtherPoolsToo(t *testing.T) {
	f := sail(t)
	sc := twoOf(dspex.V2Seed())
	here := TryT(t, sc)
	there, err := f.Run(t.Context(), sc)
	if err != nil {
		t.Fatal(err)
	}
	if there.Hash != here.Hash || len(there.Record.Others) != 1 || len(there.Record.Others[0].Events) != len(here.Record.Others[0].Events) || there.Scenario.Others[0].Subject.Open == nil {
		t.Errorf("there: %s, %+v; here: %s", there.Hash, there.Record.Others, here.Hash)
	}
}
