package harness

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/harness/trace"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/worker"
)

// mixed draws a scenario from a seed: round numbers on purpose, so that timers
// collide.
func mixed(seed uint64) Scenario {
	draw := rand.New(rand.NewPCG(seed, 42))
	ms := func(lo, hi, step int) time.Duration {
		return time.Duration(lo+step*draw.IntN((hi-lo)/step+1)) * time.Millisecond
	}
	size := 1 + draw.IntN(6)
	sc := Scenario{
		World: virtual.Name, Seed: seed, Cores: float64(1 + draw.IntN(4)),
		Config:   subject.Config{Size: size, Overflow: draw.IntN(2) * draw.IntN(3), Lazy: draw.IntN(2) == 0},
		Start:    scenario.Demand{CPU: ms(0, 600, 100), Wait: ms(0, 1000, 250)},
		Deadline: ms(500, 4000, 500),
		Workload: scenario.Workload{Clients: 1 + draw.IntN(2*size), Calls: 1 + draw.IntN(2), Think: ms(0, 250, 250), Every: ms(50, 250, 50)},
	}
	sc.Workload.Arrive = []scenario.Arrival{scenario.Burst, scenario.Burst, scenario.Rate, scenario.Poisson}[draw.IntN(4)]
	switch draw.IntN(3) {
	case 0:
		sc.Workload.Command = "echo"
	case 1:
		sc.Workload.Command, sc.Workload.Args = "sleep", map[string]any{"s": ms(0, 2000, 250).Seconds()}
	default:
		sc.Workload.Command, sc.Workload.Args = "burn", map[string]any{"cpu_s": ms(50, 500, 50).Seconds()}
	}
	if draw.IntN(3) == 0 {
		sc.Workload.DieAfter = ms(250, 1000, 250)
	}
	if draw.IntN(3) == 0 {
		sc.Config.CheckoutTimeout, sc.Config.CallTimeout = ms(250, 2000, 250), ms(250, 2000, 250)
	}
	switch draw.IntN(8) {
	case 0:
		sc.Config.StartTimeout = ms(250, 1000, 250)
	case 1:
		sc.Config.StartConcurrency = 1 + draw.IntN(size)
	case 2:
		sc.Config.QueueLimit = draw.IntN(size+1) - 1
	case 3:
		sc.Warm = 1 + draw.IntN(size)
	case 4:
		sc.Workload.Mortal = true
	case 5:
		sc.Order = scenario.Order{Strategy: scenario.PCT, Depth: 3, Length: 200}
	}
	return sc
}

// inSessions is mixed, of which each fourth has sessions, and calls that differ: one of
// them is rightly told of an error. There the pool is asked how it is, too.
func inSessions(seed uint64) Scenario {
	sc := mixed(seed)
	if draw := rand.New(rand.NewPCG(seed, 44)); draw.IntN(4) == 0 {
		w, key := &sc.Workload, map[string]any{"key": "k"}
		w.Sessions, w.EndSessions = 1+draw.IntN(w.Clients), draw.IntN(2) == 0
		w.Health = []time.Duration{time.Duration(draw.IntN(300)) * time.Millisecond, 300 * time.Millisecond}
		w.Calls, w.Then = 4, []scenario.Step{{Command: "put", Args: key}, {Command: "get", Args: key}, {Command: "call", Args: map[string]any{"function": "operator:truediv", "args": []any{1, 0}}, Fails: "division by zero"}}
	}
	return sc
}

// frail is a subject whose workers die: each third as it is launched, each third
// in place of taking its second frame.
func frail(s subject.Subject) subject.Subject {
	s.Name += ", frail"
	s.Wrap = func(l worker.Launcher) worker.Launcher { return &breaker{Launcher: l} }
	return s
}

type breaker struct {
	worker.Launcher
	launched atomic.Int64
}

func (l *breaker) Launch(ctx context.Context, id string) (worker.Port, error) {
	p, err := l.Launcher.Launch(ctx, id)
	if err != nil {
		return nil, err
	}
	switch l.launched.Add(1) % 3 { // the order of launches is the schedule's once they are had
	case 1:
		return &breakable{Port: p}, nil
	case 2:
		p.Kill()
	}
	return p, nil
}

type breakable struct {
	worker.Port
	sent int
}

func (p *breakable) Send(ctx context.Context, frame []byte) error {
	if p.sent++; p.sent == 2 {
		p.Kill()
		<-p.Done()
	}
	return p.Port.Send(ctx, frame)
}

// controlled are the subjects whose order is ours.
func controlled() []subject.Subject {
	return []subject.Subject{subject.Ours(), subject.Herd(), subject.Ideal(subject.Cores), subject.Puddle(), dspex.V1(), dspex.V2Seed(), dspex.V2P3(), dspex.V2Last(), dspex.V3()}
}

// seeds is how many seeds are tried: BUTFOR_SEEDS, else few.
func seeds(t *testing.T, few uint64) uint64 {
	text := os.Getenv("BUTFOR_SEEDS")
	switch {
	case text == "" && testing.Short():
		return max(2, few/5)
	case text == "":
		return few
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("BUTFOR_SEEDS: %v", err)
	}
	return n
}

func play1(t *testing.T, s subject.Subject, sc Scenario) *scenario.Record {
	t.Helper()
	fill(&sc)
	r, err := stage(context.Background(), t, sc, s, true)
	if err != nil {
		t.Fatalf("%s, seed %d: %v", s.Name, sc.Seed, err)
	}
	return r
}

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	for _, s := range controlled() {
		t.Run(s.Name, func(t *testing.T) {
			whole, broken, hurt := twice{s: s}, twice{s: frail(s)}, twice{s: s}
			for seed := range seeds(t, 40) {
				sc := inSessions(seed)
				whole.play(t, fmt.Sprint("mixed ", seed), sc)
				broken.play(t, fmt.Sprint("mixed ", seed), sc)
				sc.Faults = faults.Swarm(rand.New(rand.NewPCG(seed, 43)), 1+int(seed%3), swarming())
				hurt.play(t, fmt.Sprint("hurt ", seed), sc)
			}
			whole.end(t)
			broken.end(t)
			hurt.end(t)
		})
	}
}

// A caller who has to wait for a start sets two of the pool's timers at one instant:
// of his timeout, and of the pool's look at the starts under way.
func TestATimeoutAndALookAtStartsDoNotFallOnOneInstant(t *testing.T) {
	const ms = time.Millisecond
	sc := Scenario{
		World: virtual.Name, Seed: 275, Cores: 1,
		Config:   subject.Config{Size: 8, Lazy: true, CheckoutTimeout: 500 * ms},
		Start:    scenario.Demand{CPU: 200 * ms, Wait: 750 * ms},
		Workload: scenario.Workload{Clients: 8, Command: "echo", At: []time.Duration{0, 0, 0, 250 * ms, 500 * ms, 500 * ms, 500 * ms, 500 * ms}},
		Deadline: 500 * ms,
	}
	check := twice{s: subject.Ours()}
	for range 10 {
		check.play(t, "a look at a timeout", sc)
	}
	check.end(t)
}

func TestEachFindingGivesTheSameTrace(t *testing.T) {
	unit := findings.Demands(DefaultBoot, virtual.Cores)
	unit.Waits, unit.Computes = DefaultBoot, DefaultBoot
	for _, f := range findings.All() {
		if !slices.Contains(f.Worlds, virtual.Name) {
			continue
		}
		t.Run(f.ID, func(t *testing.T) {
			for n, c := range f.Cases(unit) {
				check := twice{s: c.Scenario.Subject}
				for seed := range seeds(t, 2) {
					c.Scenario.World, c.Scenario.Seed = virtual.Name, seed
					check.play(t, fmt.Sprintf("%s, case %d, seed %d", f.ID, n, seed), c.Scenario)
				}
				check.end(t)
			}
		})
	}
}

// twice plays each scenario two times.
type twice struct {
	s         subject.Subject
	different int
}

func (c *twice) play(t *testing.T, name string, sc Scenario) {
	t.Helper()
	one, two := play1(t, c.s, sc), play1(t, c.s, sc)
	differ := func(say string) {
		if c.different++; c.different < 3 {
			t.Errorf("%s, %s: %s", c.s.Name, name, say)
		}
	}
	hash := trace.Hash(one)
	if hash != trace.Hash(two) {
		differ(firstDifference(one, two))
		return
	}
	if before, known := hashes.before(t, c.s.Name+", "+name, hash); known && before != hash {
		differ(fmt.Sprintf("the trace is %s, and was %s in another process or on another number of processors", hash, before))
	}
}

func (c *twice) end(t *testing.T) {
	t.Helper()
	if c.different > 0 {
		t.Errorf("%s: %d scenarios had two traces", c.s.Name, c.different)
	}
}

// hashes are those of all that was played: in this process, by go test -cpu 1,2
// or -count 2, and, where BUTFOR_HASHES names a file, in the one that wrote it,
// which may have been built with -race where this one is not.
var hashes book

// A book is what is known of the traces of named runs.
type book struct {
	known  map[string]string
	file   *os.File // where what is new is written; nil: nowhere
	filled bool     // by an earlier process: all should be known
}

// before is what a trace's hash was before, if there was one.
func (b *book) before(t *testing.T, name, hash string) (before string, known bool) {
	t.Helper()
	if b.known == nil {
		b.open(t)
	}
	if before, known = b.known[name]; known {
		return before, true
	}
	if b.filled {
		t.Fatalf("%s holds nothing of %s: it is of other scenarios", b.file.Name(), name)
	}
	b.known[name] = hash
	if b.file != nil {
		if _, err := fmt.Fprintf(b.file, "%s\t%s\n", name, hash); err != nil {
			t.Fatal(err)
		}
	}
	return "", false
}

func (b *book) open(t *testing.T) {
	t.Helper()
	b.known = map[string]string{}
	path := os.Getenv("BUTFOR_HASHES")
	if path == "" {
		return
	}
	var err error
	if b.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(b.file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, hash, _ := strings.Cut(strings.TrimSpace(line), "\t")
		b.known[name] = hash
	}
	b.filled = len(b.known) > 0
}

func firstDifference(one, two *scenario.Record) string {
	for i := range min(len(one.Events), len(two.Events)) {
		if one.Events[i] != two.Events[i] {
			return fmt.Sprintf("event %d is\n%+v\nand\n%+v", i, one.Events[i], two.Events[i])
		}
	}
	if len(one.Events) != len(two.Events) {
		return fmt.Sprintf("%d events and %d", len(one.Events), len(two.Events))
	}
	for i := range min(len(one.Others), len(two.Others)) {
		if !slices.Equal(one.Others[i].Events, two.Others[i].Events) {
			return fmt.Sprintf("of pool %d, %s", i+1, firstDifference(one.Others[i], two.Others[i]))
		}
	}
	return "the same events"
}

// Whatever becomes of their workers, who is told that a session is lost knows it, and
// who is not finds what it put.
func TestNoSessionOfOursIsWithoutItsState(t *testing.T) {
	played, lost := 0, 0
	for seed := range seeds(t, 200) {
		sc := inSessions(seed)
		if sc.Workload.Sessions == 0 {
			continue
		}
		played++
		for _, s := range []subject.Subject{subject.Ours(), frail(subject.Ours())} {
			r := play1(t, s, sc)
			for _, e := range r.Events {
				if e.Kind == scenario.Return && e.Text != "" {
					t.Errorf("%s, seed %d: %s %s", s.Name, seed, e.Call, e.Text)
				}
				if strings.Contains(e.Err, "session is lost") {
					lost++
				}
			}
		}
	}
	if played == 0 || lost == 0 {
		t.Errorf("%d scenarios had sessions, %d calls were told that theirs was lost", played, lost)
	}
}
