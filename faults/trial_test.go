//go:build linux

package faults_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/internal/leftover"
	"github.com/butfor/butfor/worker"
)

func TestMain(m *testing.M) { leftover.Main(m) }

const ms = time.Millisecond

// tried puts our pool on trial in the virtual world: three warm workers, six
// clients that come 50 ms apart and make two calls of 100 ms of CPU each, three
// cores. Nobody is late but by a fault of the pool's.
func tried(t *testing.T, change func(*harness.Scenario), plan ...faults.Entry) harness.Result {
	t.Helper()
	sc := harness.Scenario{
		World: "virtual", Seed: 1, Subject: subject.Ours(), Config: subject.Config{Size: 3, StartTimeout: 2 * time.Second}, Cores: 3, Warm: 3,
		Start:    scenario.Demand{CPU: 100 * ms},
		Workload: scenario.Workload{Clients: 6, Calls: 2, Think: 100 * ms, Every: 50 * ms, Arrive: scenario.Rate, Command: "burn", Args: map[string]any{"cpu_s": 0.1}},
		Deadline: long, Recovery: long, Faults: plan,
	}
	if change != nil {
		change(&sc)
	}
	return same(t, sc)
}

// same plays a scenario two times, and fails where the traces are not the same.
func same(t *testing.T, sc harness.Scenario) harness.Result {
	t.Helper()
	r := harness.TryT(t, sc)
	if again := harness.TryT(t, sc); again.Hash != r.Hash {
		t.Errorf("seed %d: the trace is %s, and then %s", sc.Seed, r.Hash, again.Hash)
	}
	return r
}

// nowAndThen plays it once, but one in ten so.
func nowAndThen(t *testing.T, seed uint64, sc harness.Scenario) harness.Result {
	t.Helper()
	if seed%10 == 0 {
		return same(t, sc)
	}
	return harness.TryT(t, sc)
}

// long is a deadline that nobody misses by being slow.
const long = 30 * time.Second

// cold has the workers start as the clients come.
func cold(sc *harness.Scenario) { sc.Warm = 0 }

// happened is what faults did in a run, as a person would note it down: at times
// since the clients' clock started, to the millisecond. Which worker a call went
// to is the pool's business, and what comes at one time the schedule's.
func happened(r harness.Result) string {
	clock, _ := r.Record.First(scenario.Go)
	starts := map[string]int{}
	var all []string
	for _, e := range r.Record.Events {
		if e.Kind == scenario.Launch {
			starts[e.Worker] = len(starts) + 1
		}
		if e.Fault == "" {
			continue
		}
		what := fmt.Sprintf("%d %s %s", (e.At-clock.At).Round(ms)/ms, e.Kind, e.Fault)
		switch {
		case e.Call != "":
			what += " " + e.Call
		case e.Worker != "":
			what += fmt.Sprint(" start ", starts[e.Worker])
		}
		all = append(all, what+"\n")
	}
	at := func(line string) (n int) {
		fmt.Sscan(line, &n)
		return n
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(at(a), at(b)), strings.Compare(a, b))
	})
	return strings.Join(all, "")
}

// said compares what happened with what should have, line by line, whatever
// stands before a line.
func said(t *testing.T, r harness.Result, want string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(want)) {
		lines = append(lines, strings.TrimSpace(line)+"\n")
	}
	if got := happened(r); got != strings.Join(lines, "") {
		t.Errorf("there happened\n%s\nand not\n%s", got, strings.Join(lines, ""))
	}
}

// counted checks what a run says of its first fault: how often it fired, and when,
// since the clients' clock started.
func counted(t *testing.T, r harness.Result, fired int, first, last time.Duration) {
	t.Helper()
	clock, _ := r.Record.First(scenario.Go)
	f := r.Record.Faults[0]
	if f.Fired != fired || (f.First-clock.At).Round(ms) != first || (f.Last-clock.At).Round(ms) != last || f.Why != "" {
		t.Errorf("it fired %d times from %v to %v (%s), want %d from %v to %v", f.Fired, (f.First - clock.At).Round(ms), (f.Last - clock.At).Round(ms), f.Why, fired, first, last)
	}
}

// sound checks that a run was, and that so many calls were answered: the others
// are excused.
func sound(t *testing.T, r harness.Result, served int) {
	t.Helper()
	if got := len(r.Record.Served()); r.Word != scenario.Sound || got != served {
		t.Errorf("%s, %d served: %s; want sound and %d", r.Word, got, r.Reason, served)
	}
}

// played has one worker of ours, a real Python, called by some clients one after
// another, with nothing that hangs on how fast the machine is.
func played(t *testing.T, change func(*harness.Scenario), plan ...faults.Entry) harness.Result {
	t.Helper()
	r := unjudged(t, change, plan...)
	if r.Word != scenario.Sound {
		t.Errorf("%s: %s", r.Word, r.Reason)
	}
	return r
}

// unjudged is played, of a run that need not be sound.
func unjudged(t *testing.T, change func(*harness.Scenario), plan ...faults.Entry) harness.Result {
	t.Helper()
	sc := harness.Scenario{
		World: "process", Seed: 1, Subject: subject.Ours(), Config: subject.Config{Size: 2}, Warm: 2,
		Workload: scenario.Workload{Clients: 2, Calls: 3, Command: "echo", Args: map[string]any{"n": 7}},
		Deadline: forever, Recovery: forever, Faults: plan,
	}
	if change != nil {
		change(&sc)
	}
	return harness.TryT(t, sc)
}

// once is our pool, but its calls wait until something is true of the ports that
// it has had. It can't be warmed.
func once(come func([]worker.Port) bool) subject.Subject {
	s := subject.Ours()
	open := s.Open
	s.Open = func(ctx context.Context, l worker.Launcher, cfg subject.Config) (subject.Pool, error) {
		w := &waiting{Launcher: l, come: come}
		p, err := open(ctx, w, cfg)
		w.Pool = p
		return w, err
	}
	return s
}

type waiting struct {
	worker.Launcher
	subject.Pool
	come func([]worker.Port) bool // what a call waits for
	once sync.Once

	mu    sync.Mutex
	ports []worker.Port
}

func (w *waiting) Launch(ctx context.Context, id string) (worker.Port, error) {
	p, err := w.Launcher.Launch(ctx, id)
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ports = append(w.ports, p)
	}
	return p, err
}

func (w *waiting) Call(ctx context.Context, c subject.Call) (subject.Reply, error) {
	w.once.Do(func() {
		for come := false; !come && ctx.Err() == nil; runtime.Gosched() {
			w.mu.Lock()
			come = w.come(w.ports)
			w.mu.Unlock()
		}
	})
	return w.Pool.Call(ctx, c)
}

// dead says whether so many of the ports have ended.
func dead(n int) func([]worker.Port) bool {
	return func(ports []worker.Port) bool {
		dead := 0
		for _, p := range ports {
			select {
			case <-p.Done():
				dead++
			default:
			}
		}
		return dead == n
	}
}

// forever bounds what takes seconds at the most. It is no deadline of anything
// under test.
const forever = 2 * time.Minute

// firedReally checks the first fault's count, and that its window is one.
func firedReally(t *testing.T, r harness.Result, least, most int) {
	t.Helper()
	if f := r.Record.Faults[0]; f.Fired < least || f.Fired > most || f.First < 0 || f.Last < f.First {
		t.Errorf("%+v: want it to have fired %d to %d times", plain(f), least, most)
	}
}

// plain is a report with all that it says.
type plain faults.Report

// seeds is how many seeds are tried: BUTFOR_SEEDS, else 100.
func seeds(t *testing.T) uint64 {
	text := os.Getenv("BUTFOR_SEEDS")
	switch {
	case text == "" && testing.Short():
		return 20
	case text == "":
		return 100
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("BUTFOR_SEEDS: %v", err)
	}
	return n
}

// drawn draws a scenario in which nothing but what is broken is late.
func drawn(from *rand.Rand) harness.Scenario {
	hundreds := func(lo, hi int) time.Duration { return time.Duration(lo+from.IntN(hi-lo+1)) * 100 * ms }
	size := 1 + from.IntN(4)
	sc := harness.Scenario{
		World: "virtual", Seed: from.Uint64(), Subject: subject.Ours(), Cores: float64(1 + from.IntN(4)), Warm: from.IntN(2) * size,
		Config:   subject.Config{Size: size, Overflow: from.IntN(3), Lazy: from.IntN(2) == 0, StartTimeout: 10 * time.Second, CallTimeout: 20 * time.Second},
		Start:    scenario.Demand{CPU: hundreds(0, 3), Wait: hundreds(0, 3)},
		Workload: scenario.Workload{Clients: 1 + from.IntN(8), Calls: 1 + from.IntN(3), Think: hundreds(0, 2), Every: hundreds(1, 3)},
		Deadline: 2 * time.Minute, Recovery: 2 * time.Minute,
	}
	sc.Workload.Arrive = []scenario.Arrival{scenario.Burst, scenario.Rate, scenario.Poisson}[from.IntN(3)]
	switch from.IntN(3) {
	case 0:
		sc.Workload.Command = "echo"
	case 1:
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": hundreds(1, 5).Seconds()}
	default:
		sc.Workload.Command, sc.Workload.Args = "burn", map[string]any{"cpu_s": hundreds(1, 3).Seconds()}
	}
	return sc
}

// causes is, by fault, what is in the error of a call that it keeps from being answered:
// who it was, and what was the matter.
var causes = map[string]*regexp.Regexp{
	"bit-flip":         atWorker(`no reply within|no reply, after \S+: (frame of \d+ bytes is over the limit|reply)`),
	"closes-port":      atWorker(`worker (closed its port|ended in mid-call, after \S+: closed its port and lived on)|no reply within`),
	"die-holding":      regexp.MustCompile(`^worker w\d+: \w+: no reply, after \S+: context canceled: client died|^pool: no worker after \S+: client died`),
	"dies-by-signal":   atWorker(`worker ended in mid-call, after \S+: killed by SIG`),
	"duplicate-reply":  atWorker(`no reply, after \S+: reply to another request`),
	"exit-after-reply": exited,
	"exit-at-call":     exited,
	"exit-mid-call":    exited,
	"give-up":          regexp.MustCompile(`^worker w\d+: \w+: no reply, after \S+: context canceled: the caller gave up|^(pool: no worker after \S+|the pool was still opening): the caller gave up`),
	"hangs":            atWorker(`no reply within`),
	"held-open":        exited,
	"kill-idle":        atWorker(`worker ended in mid-call, after \S+: killed by SIGKILL`),
	"memory-limit":     atWorker(`worker ended in mid-call, after \S+: out of memory`),
	"oversize-length":  atWorker(`no reply, after \S+: frame of \d+ bytes is over the limit`),
	"pause":            atWorker(`no reply within`),
	"spoilt-request":   atWorker(`RequestError: the (request has no id|frame is no JSON)`),
	"stdout-noise":     atWorker(`no reply, after \S+: frame of \d+ bytes is over the limit`),
	"swapped-replies":  atWorker(`no reply, after \S+: reply to another request`),
	"truncated-frame":  atWorker(`no reply within|worker ended in mid-call, after \S+: exit status \d`),
}

var exited = atWorker(`worker ended in mid-call, after \S+: exit status \d`)

func atWorker(what string) *regexp.Regexp {
	return regexp.MustCompile(`^worker w\d+: \w+: (?:` + what + `)`)
}

// behind tells which faults may be behind the error of each call: those that fired at it,
// or at a worker that had it.
func behind(r *scenario.Record) map[string][]string {
	at, had := map[string][]string{}, map[string][]string{}
	for _, e := range r.Events {
		switch {
		case e.Kind == scenario.Send && e.Call != "":
			had[e.Call] = append(had[e.Call], e.Worker)
		case e.Kind == scenario.Fault || e.Kind == scenario.Victim:
			for _, whose := range []string{e.Call, e.Worker} {
				if whose != "" && !slices.Contains(at[whose], e.Fault) {
					at[whose] = append(at[whose], e.Fault)
				}
			}
		}
	}
	for call, workers := range had {
		for _, id := range workers {
			at[call] = append(at[call], at[id]...)
		}
	}
	return at
}

// named says whether the error of a call is that of one of these faults.
func named(c scenario.Call, by []string) bool {
	return slices.ContainsFunc(by, func(fault string) bool { return causes[fault] != nil && causes[fault].MatchString(c.Err) })
}

// survives has our pool live with drawn faults of one name for 100 seeds: nothing
// but what a fault itself took away is missing. times bounds how often a fault
// hurts; 0: as often as it can. change makes of what is drawn what the fault needs.
func survives(t *testing.T, name string, times int, change ...func(*harness.Scenario)) {
	t.Helper()
	t.Parallel()
	fired := 0
	for seed := range seeds(t) {
		from := rand.New(rand.NewPCG(seed, 7))
		sc := drawn(from)
		sc.Faults = faults.Plan{{Fault: faults.Draw(name, from), Times: times}}
		if from.IntN(2) == 0 && times != hogs && name != "flood" && name != "call-after-close" {
			sc.Faults[0].Target.Share = 0.5
		}
		switch {
		case times == hogs:
			sc.Faults[0].Times = 0
		case name == "memory-limit": // which hurts those alone who want some
			sc.Workload.Command, sc.Workload.Args = "alloc", map[string]any{"mb": 32 + from.IntN(64)}
		case name == "pause":
			sc.Faults[0].From = time.Duration(from.IntN(1000)) * ms
			sc.Faults[0].Until = sc.Faults[0].From + time.Duration(1+from.IntN(1000))*ms
		}
		for _, change := range change {
			change(&sc)
		}
		r := nowAndThen(t, seed, sc)
		switch f := r.Record.Faults[0]; {
		case len(r.Safety) > 0 || r.Word != scenario.Sound && r.Word != scenario.Inconclusive:
			t.Errorf("seed %d: %+v: %s: %s", seed, sc.Faults[0], r.Word, r.Reason)
		case r.Word == scenario.Inconclusive && (f.Fired > 0 || r.Reason != fmt.Sprintf("%v, never fired: %s", f, f.Why)):
			t.Errorf("seed %d: %+v: %s: %s", seed, sc.Faults[0], r.Word, r.Reason)
		case f.Fired > 0:
			fired++
		}
		by := behind(r.Record)
		for _, c := range r.Record.Calls() {
			if c.Err != "" && !(c.Excused && named(c, by[c.ID])) {
				t.Errorf("seed %d: %+v: %s, which %v kept from being answered: %s", seed, sc.Faults[0], c.ID, by[c.ID], c.Err)
			}
		}
	}
	t.Logf("it fired under %d of %d seeds", fired, seeds(t))
	if fired < int(seeds(t)/3) {
		t.Errorf("it fired under %d of %d seeds alone", fired, seeds(t))
	}
}

const hogs = -1 // of survives: the fault is about the machine, and has no times
