//go:build linux

package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/virtual"
)

const childVariable = "BUTFOR_TEST_CHILD"

// TestAChild is what a fleet's children run in these tests: Serve, but that runs
// of some names make the child ill.
func TestAChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("not a child")
	}
	in, jobs := io.Pipe()
	go func() {
		lines := bufio.NewReader(os.Stdin)
		for {
			line, err := lines.ReadBytes('\n')
			var j job
			if err == nil && json.Unmarshal(line, &j) == nil && j.Scenario != nil && illnesses[j.Scenario.Name] != nil {
				go illnesses[j.Scenario.Name](t)
				if at, told := hangs[j.Scenario.Name], os.Getenv(hangsVariable); at != "" && told != "" {
					go tellOnceIn(at, told)
				}
				continue
			}
			if _, failed := jobs.Write(line); err != nil || failed != nil {
				jobs.CloseWithError(err)
				return
			}
		}
	}()
	if err := Serve(t, in, os.Stdout); err != nil {
		t.Fatal(err)
	}
}

// illnesses are what a run can do to the process that it runs in.
var illnesses = map[string]func(t *testing.T){
	"panics": func(*testing.T) { panic("the roof is on fire") },
	"exits":  func(*testing.T) { os.Exit(7) },
	"talks":  func(*testing.T) { os.Stdout.WriteString("hello\n") },
	"a lock is held across a wait": func(t *testing.T) {
		_, _ = virtual.Run(t, &scenario.Scenario{}, func(context.Context, *virtual.World) error { return waitForAMutex() })
	},
	"spins": func(t *testing.T) {
		_, _ = virtual.Run(t, &scenario.Scenario{}, func(context.Context, *virtual.World) error { return spin() })
	},
	"is deaf": func(*testing.T) {
		signal.Ignore(syscall.SIGQUIT)
		select {}
	},
}

// hangs are where those that hang stand, as it is on their stack.
var hangs = map[string]string{"a lock is held across a wait": "[sync.Mutex.Lock", "spins": "harness.spin("}

// tellOnceIn says to whoever began the child that it hangs: who reads the pipe
// comes to its end.
func tellOnceIn(at, pipe string) {
	stacks := make([]byte, 1<<20)
	for !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), at) {
		runtime.Gosched()
	}
	if err := os.WriteFile(pipe, nil, 0); err != nil {
		panic(err)
	}
}

const hangsVariable = "BUTFOR_TEST_HANGS"

func waitForAMutex() error {
	var mu sync.Mutex
	mu.Lock()
	time.AfterFunc(time.Second, mu.Unlock)
	mu.Lock()
	return nil
}

func spin() error {
	for begin := time.Now(); time.Since(begin) < time.Second; {
	}
	return nil
}

// A flotilla is a fleet whose children are known.
type flotilla struct {
	Fleet
	mu       sync.Mutex
	children []*exec.Cmd
}

func sail(t testing.TB) *flotilla {
	f := &flotilla{}
	f.Size = 1
	f.Command = func() *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run=^TestAChild$")
		c.Env = append(os.Environ(), childVariable+"=1")
		f.mu.Lock()
		defer f.mu.Unlock()
		f.children = append(f.children, c)
		return c
	}
	t.Cleanup(func() {
		f.Close()
		for _, c := range f.children {
			if c.Process != nil && c.ProcessState == nil {
				t.Errorf("child %d has not ended", c.Process.Pid)
			}
		}
	})
	return f
}

// inTime is a run that takes milliseconds.
func inTime(name string, seed uint64) Scenario {
	return Scenario{
		Name: name, World: virtual.Name, Seed: seed, Subject: subject.Ours(),
		Config: subject.Config{Size: 2}, Start: scenario.Demand{Wait: 100 * time.Millisecond},
		Workload: scenario.Workload{Clients: 3, Command: "echo"}, Deadline: time.Second,
	}
}

// plays says whether a fleet plays a run, to the last event.
func (f *flotilla) plays(t *testing.T, sc Scenario) {
	t.Helper()
	here, err := runIn(t.Context(), t, sc)
	if err != nil {
		t.Fatal(err)
	}
	there, err := f.Run(t.Context(), sc)
	if err != nil {
		t.Fatal(err)
	}
	if there.Hash != here.Hash || there.Word != here.Word || !reflect.DeepEqual(there.Record.Events, here.Record.Events) {
		t.Errorf("%s, seed %d: in a child it is %s with hash %s, here %s with %s", sc.Subject.Name, sc.Seed, there.Word, there.Hash, here.Word, here.Hash)
	}
	if there.Scenario.Subject.Open == nil || there.Scenario.Subject.Name != sc.Subject.Name {
		t.Errorf("it was run on %+v", there.Scenario.Subject)
	}
}

func TestAFleetPlaysRunsAsTheyArePlayedHere(t *testing.T) {
	f := sail(t)
	f.Size = 2
	var wg sync.WaitGroup
	for i, s := range Subjects() {
		sc := inTime("a run", uint64(i))
		sc.Subject = s
		wg.Go(func() { f.plays(t, sc) })
	}
	wg.Wait()
	if n := len(f.children); n > 2 {
		t.Errorf("%d children were begun, the size is 2", n)
	}
}

func TestARunThatHangsItsChildIsToldAndTheNextGoesOn(t *testing.T) {
	for name, at := range map[string]string{
		"a lock is held across a wait": "sync.Mutex.Lock) in github.com/butfor/butfor/harness.waitForAMutex at ",
		"spins":                        "in github.com/butfor/butfor/harness.spin at ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := sail(t)
			told := filepath.Join(t.TempDir(), "hangs")
			if err := unix.Mkfifo(told, 0o600); err != nil {
				t.Fatal(err)
			}
			begun := f.Command
			f.Command = func() *exec.Cmd {
				c := begun()
				c.Env = append(c.Env, hangsVariable+"="+told)
				return c
			}
			hangs := make(chan struct{})
			go func() {
				defer close(hangs)
				_, _ = os.ReadFile(told)
			}()
			f.enough, f.Patience = hangs, time.Hour
			r, err := f.Run(t.Context(), inTime(name, 1))
			if err != nil {
				t.Fatal(err)
			}
			if r.Word != scenario.Inconclusive || r.Mechanism != "stuck" || !strings.Contains(r.Reason, at) || !strings.Contains(r.Reason, "fleet_test.go:") {
				t.Errorf("%s, %s: %s; want it stuck %s", r.Word, r.Mechanism, r.Reason, at)
			}
			if r.Scenario.Name != name || r.Record == nil || r.Record.Subject != "ours" || r.Record.Seed != 1 {
				t.Errorf("it is told of %+v with %+v", r.Scenario, r.Record)
			}
			f.enough = nil
			f.plays(t, inTime("the next", 2))
		})
	}
}

func TestARunThatEndsItsChildIsToldAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	f := sail(t)
	for name, says := range map[string]string{
		"panics": "panic: the roof is on fire, in github.com/butfor/butfor/harness.",
		"exits":  "it said nothing",
		"talks":  "it said nothing",
	} {
		r, err := f.Run(t.Context(), inTime(name, 1))
		if err != nil || r.Word != scenario.Architectural || r.Mechanism != "crash" || !strings.Contains(r.Reason, says) {
			t.Errorf("%s: %s, %s: %s, %v; want %q", name, r.Word, r.Mechanism, r.Reason, err, says)
		}
		f.plays(t, inTime("the next", 2))
	}
}

func TestAPanicOfTheLabIsNoVerdictOnAPool(t *testing.T) {
	const top = "panic: runtime error: index out of range [3]\n\ngoroutine 7 [running]:\nstrings.Index(...)\n\t/go/src/strings/strings.go:9\n"
	for frame, ofLab := range map[string]bool{
		"github.com/butfor/butfor/harness/judge.(*trial).heal(0xc0)\n\t/src/harness/judge/heal.go:16 +0x1":                  true,
		"github.com/butfor/butfor/harness.(*stage).play(0xc0)\n\t/src/harness/stage.go:16 +0x1":                             true,
		"github.com/butfor/butfor/faults.(*Injector).ask(0xc0)\n\t/src/faults/injector.go:16 +0x1":                          true,
		"github.com/butfor/butfor/worker/model.(*Port).run(0xc0)\n\t/src/worker/model/model.go:16 +0x1":                     true,
		"github.com/butfor/butfor/harness/subject/dspex.(*actor).receive(0xc0)\n\t/src/harness/subject/dspex/actor.go:1 +1": false,
		"github.com/butfor/butfor/harness.panics(0xc0)\n\t/src/harness/fleet_test.go:16 +0x1":                               false,
		"github.com/butfor/butfor/pool.(*Pool).Call(0xc0)\n\t/src/pool/pool.go:16 +0x1":                                     false,
		"example.com/pool.(*Pool).Call(0xc0)\n\t/src/pool/pool.go:16 +0x1":                                                  false,
		"github.com/butfor/butfor/harnessed.Call(0xc0)\n\t/src/pool/pool.go:16 +0x1":                                        false,
	} {
		if got := ofTheLab(top + frame + "\ngithub.com/butfor/butfor/harness.Run(0xc0)\n\t/src/harness/run.go:1 +0x1\n"); got != ofLab {
			t.Errorf("of the lab: %v, want %v:\n%s", got, ofLab, frame)
		}
	}
	if ofTheLab("") || ofTheLab("exit") {
		t.Error("it is the lab's that nobody panicked")
	}
}

func TestAChildThatCrashesInTheLabIsAnErrorAndTheNextGoesOn(t *testing.T) {
	f := sail(t)
	begun := f.Command
	f.Command = func() *exec.Cmd {
		return exec.Command("sh", "-c", `printf 'panic: a slip\n\ngoroutine 1 [running]:\ngithub.com/butfor/butfor/harness/judge.Judge()\n\t/src/judge.go:1 +0x1\n' >&2; exit 2`)
	}
	if r, err := f.Run(t.Context(), inTime("slips", 1)); err == nil || !strings.Contains(err.Error(), "the lab itself crashed") || !strings.Contains(err.Error(), "a slip, in github.com/butfor/butfor/harness/judge.Judge") {
		t.Errorf("%s, %v", r.Word, err)
	}
	f.Command = begun
	f.plays(t, inTime("the next", 2))
}

func TestAChildThatIsDeafIsKilled(t *testing.T) {
	t.Parallel()
	f := sail(t)
	f.Patience = time.Second
	r, err := f.Run(t.Context(), inTime("is deaf", 1))
	if err != nil || r.Mechanism != "stuck" {
		t.Errorf("%s, %s: %s, %v", r.Word, r.Mechanism, r.Reason, err)
	}
}

func TestAFleetThatIsToldToStopKillsWhatRuns(t *testing.T) {
	t.Parallel()
	f := sail(t)
	ctx, stop := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	begun := f.Command
	f.Command = func() *exec.Cmd {
		time.AfterFunc(time.Second, func() { stop(why) }) // whether it runs by then, or is only being begun
		return begun()
	}
	var wg sync.WaitGroup
	for range 2 { // one that runs, and one that waits for a child
		wg.Go(func() {
			if r, err := f.Run(ctx, inTime("is deaf", 1)); !errors.Is(err, why) {
				t.Errorf("got %s, %v", r.Word, err)
			}
		})
	}
	wg.Wait()
	f.Command = begun
	f.plays(t, inTime("the next", 2))
}

func TestAnErrorOfTheLabStopsWhatElseIsPlayed(t *testing.T) {
	t.Parallel()
	f := sail(t) // whose close waits for all that is played
	f.Size, f.Patience = 2, time.Hour
	finding := func(id string, s subject.Subject) findings.Finding {
		return findings.Finding{ID: id, Worlds: []string{virtual.Name}, Cases: func(findings.Unit) []findings.Case {
			sc := inTime(id, 1)
			sc.Subject = s
			return []findings.Case{{Scenario: sc}}
		}}
	}
	l := Lab{World: virtual.Name, Fleet: &f.Fleet, Unit: &findings.Unit{}}
	_, err := l.Reproduce(context.Background(), []findings.Finding{finding("a stranger's", subject.Subject{Name: "theirs", Open: subject.Ours().Open}), finding("is deaf", subject.Ours())})
	if err == nil || !strings.Contains(err.Error(), `no subject is called "theirs"`) {
		t.Error(err)
	}
}

func TestAFindingThatIsAskedForTwiceIsPlayedTwice(t *testing.T) {
	f := sail(t)
	f.Size = 2
	asked := findings.Finding{ID: "twice", Worlds: []string{virtual.Name}, Cases: func(findings.Unit) []findings.Case {
		return []findings.Case{{Scenario: inTime("twice", 1)}}
	}}
	l := Lab{World: virtual.Name, Fleet: &f.Fleet, Unit: &findings.Unit{}}
	outcomes, err := l.Reproduce(t.Context(), []findings.Finding{asked, asked})
	if err != nil || len(outcomes) != 2 || outcomes[0].Result.Hash != outcomes[1].Result.Hash {
		t.Errorf("%d outcomes, %v", len(outcomes), err)
	}
}

func TestAnErrorOfTheLabIsNoResult(t *testing.T) {
	f := sail(t)
	stranger := inTime("a stranger's", 1)
	stranger.Subject.Name = "theirs"
	process := inTime("in real time", 1)
	process.World = "process"
	for want, sc := range map[string]Scenario{
		`no subject is called "theirs"`:                    stranger,
		`runs scenarios in world "virtual", not "process"`: process,
		"config.size is 0":                                 {World: virtual.Name, Subject: subject.Ours()},
	} {
		if r, err := f.Run(t.Context(), sc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %s, %v; want an error that says %q", r.Word, err, want)
		}
	}
	f.plays(t, inTime("the next", 2))

	mute := &Fleet{Command: func() *exec.Cmd { return exec.Command("/no/such/program") }}
	defer mute.Close()
	if _, err := mute.Run(t.Context(), inTime("a run", 1)); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("without a program: %v", err)
	}
}

func TestAFleetTakesTheUnitsOfTimeAsTheLabDoes(t *testing.T) {
	f := sail(t)
	here, err := Lab{World: virtual.Name, T: t}.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	there, err := Lab{World: virtual.Name, Fleet: &f.Fleet}.Measure(t.Context())
	if err != nil || there != here {
		t.Errorf("in a child %+v, here %+v, %v", there, here, err)
	}
}

func TestAChildEndsWithWhoeverAsked(t *testing.T) {
	t.Parallel()
	f := sail(t)
	for _, name := range []string{"nothing is asked", "a lock is held across a wait", "spins"} {
		c := f.Command()
		c.Stdout = io.Discard
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if name != "nothing is asked" {
			sc := inTime(name, 1)
			if err := json.NewEncoder(in).Encode(job{Subject: "ours", Scenario: &sc}); err != nil {
				t.Fatal(err)
			}
		}
		in.Close()
		if err := c.Wait(); err != nil { // which waits for ever if it does not
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFleetThatNeverSailedCanBeClosed(t *testing.T) {
	f := &Fleet{Command: func() *exec.Cmd { t.Error("a child was begun"); return nil }}
	f.Close()
	f.Close()
}

func TestAFleetThatWasClosedSailsAgain(t *testing.T) {
	f := sail(t)
	f.Size = 2
	f.Close()
	f.plays(t, inTime("a run", 1))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(f.Close)
	}
	wg.Wait()
	f.Close()
	for _, c := range f.children {
		if c.ProcessState == nil {
			t.Errorf("child %d has not ended", c.Process.Pid)
		}
	}
	f.plays(t, inTime("a run", 2))
	if n := len(f.children); n != 2 {
		t.Errorf("%d children were begun, want one before the end and one after it", n)
	}
}
