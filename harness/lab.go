package harness

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/internal/settings"
	"github.com/butfor/butfor/worker"
)

// A Lab puts findings to the test.
type Lab struct {
	World   string         // "" means process
	Seed    uint64         // of what is drawn; added to that of a scenario which has one
	Order   scenario.Order // in place of a scenario's own, if it names a strategy
	Subject string         // "" means every subject of each finding
	Latent  bool           // look also for what is latent in each run
	Seeds   int            // of those of a case that claims something of many, no more are played; 0: all
	Boot    time.Duration  // what a start asks for; 0: BootIn its world
	Unit    *findings.Unit // as Measure took it; nil: Reproduce takes it first
	T       *testing.T     // in tests, for what is played in virtual time, as replays are in every world; programs have none
	Fleet   *Fleet         // plays virtual runs in child processes; nil: they are played in this one
	// Progress is told before each case, if it is not nil: of how many cases
	// this is which.
	Progress func(f findings.Finding, c findings.Case, nth, of int)
	// Done is given each outcome as it is had, if it is not nil; those of a finding that
	// claims something between its cases, or shows a figure or a test, together.
	Done func(Outcome)
}

// DefaultBoot is what a start asks for unless a Lab says otherwise: long
// enough to be told from what Python itself takes.
const DefaultBoot = 300 * time.Millisecond

// BootIn is what a start asks for in a world unless a Lab says otherwise: in containers a
// second, to be told from what their engine takes of it.
func BootIn(world string) time.Duration {
	if world == container {
		return time.Second
	}
	return DefaultBoot
}

// An Outcome is a case of a finding with what came out of it.
type Outcome struct {
	Finding findings.Finding
	Case    findings.Case
	Place   int // of the case among the finding's
	Result  Result
	Unit    findings.Unit
	Figure  string
	// Whole says that all cases of the finding were played that its world shows.
	Whole bool
	// Who and When say what of this case came out otherwise than claimed: apart from
	// times, and of times. A verdict other than the expected is in Who.
	Who, When findings.Problems
	// Between says what came out otherwise between this case and others.
	Between findings.Problems
	// Beside says what shows that something else wanted the CPUs meanwhile; ""
	// if nothing does. It is looked for, in real time, around cases that compute
	// and after those that came out otherwise: their times, and the verdicts
	// that hang on them, are then no matter of the subject's alone.
	Beside string
}

// AsExpected says whether everything came out as claimed.
func (o Outcome) AsExpected() bool { return len(o.Problems()) == 0 }

// Words are what is said of the case and what was expected, "" if nothing was: the
// verdict, or of a finding that shows something else whether it did. What the verdict on
// the run must be is then claimed beside it.
func (o Outcome) Words() (came, expected scenario.Word) {
	switch {
	case !o.shows():
		return o.Result.Word, o.Case.Expected
	case o.AsExpected():
		return scenario.Demonstrated, scenario.Demonstrated
	case o.undecided():
		return scenario.Inconclusive, scenario.Demonstrated
	}
	return scenario.NotDemonstrated, scenario.Demonstrated
}

// undecided says whether nothing came out otherwise but what a busy machine may be why:
// times beside something else that wanted the CPUs, and a verdict that could not be had.
func (o Outcome) undecided() bool {
	noVerdict := func(p findings.Problem) bool {
		return p.Of == findings.OfVerdict && o.Result.Word == scenario.Inconclusive
	}
	others := slices.DeleteFunc(slices.Clone(o.Who), noVerdict)
	return len(others) == 0 && (o.Beside != "" || len(o.When)+len(o.Between) == 0)
}

// shows says whether what the case shows is no verdict.
func (o Outcome) shows() bool {
	return o.Whole && o.Finding.Demonstrates()
}

// Problems are all that came out otherwise than claimed.
func (o Outcome) Problems() findings.Problems { return slices.Concat(o.Who, o.When, o.Between) }

// Reproduce runs findings one after another, alone on the machine as far as it
// goes, and says what came out. It stops at the first error of the lab itself,
// or when ctx ends, and gives what it has by then.
func (l Lab) Reproduce(ctx context.Context, fs []findings.Finding) (outcomes []Outcome, err error) {
	l, err = l.ready(ctx, fs)
	if err != nil {
		return nil, err
	}
	if l.Fleet != nil && l.World == virtual.Name {
		ctx, stop := context.WithCancel(ctx)
		defer stop() // after an error nobody asks for the rest
		return l.reproduce(ctx, fs, l.abroad(ctx, fs), func(ctx context.Context, sc Scenario) (Result, error) {
			return l.Fleet.run(ctx, sc, job{})
		})
	}
	err = l.inWorld(func(l Lab) (err error) {
		outcomes, err = l.reproduce(ctx, fs, func(_ int, c findings.Case, _ int) (Result, error) {
			r, err := runIn(ctx, l.T, c.Scenario)
			if err == nil && l.Latent {
				r.Latent = latent(r.Word, caseOf(ctx, l.T, r))
			}
			return r, err
		}, func(ctx context.Context, sc Scenario) (Result, error) { return runIn(ctx, l.T, sc) })
		return err
	})
	return outcomes, err
}

// ready is the lab with the units taken in which the findings' times are told, if they
// can be put to the test in it.
func (l Lab) ready(ctx context.Context, fs []findings.Finding) (Lab, error) {
	l = l.filled()
	if err := l.Check(fs); err != nil {
		return l, err
	}
	if l.Unit == nil {
		unit, err := l.Measure(ctx)
		if err != nil {
			return l, err
		}
		l.Unit = &unit
	}
	return l, nil
}

// A runner plays the nth case of a finding, which is named by its place among those
// asked for: one may be asked for twice.
type runner func(place int, c findings.Case, n int) (Result, error)

// A player plays a scenario once; several may be played at once where there is a fleet.
type player func(context.Context, Scenario) (Result, error)

// alike plays a case that claims something of several seeds under the others of them, and
// says of its outcome under how many it is the same.
func (l Lab) alike(ctx context.Context, c findings.Case, o *Outcome, play player) error {
	if c.Alike == nil || l.real() {
		return nil
	}
	bad := func(format string, args ...any) {
		o.Who = append(o.Who, findings.Problem{Of: findings.OfSeeds, Text: fmt.Sprintf(format, args...)})
	}
	if o.Result.Word != c.Alike.Word {
		bad("the run is %s, expected %s under all seeds", o.Result.Word, c.Alike.Word)
	}
	seeds := c.Alike.Seeds
	if l.Seeds > 0 {
		seeds = min(seeds, l.Seeds)
	}
	if seeds < 2 {
		return nil
	}
	came := make([]string, seeds)
	errs := make([]error, seeds)
	came[0] = inShort(o.Result)
	one := func(i int) {
		sc := c.Scenario
		sc.Seed += uint64(i)
		var r Result
		if r, errs[i] = play(ctx, sc); errs[i] == nil {
			came[i] = inShort(r)
		}
	}
	var all sync.WaitGroup
	for i := 1; i < seeds; i++ {
		if l.Fleet == nil {
			one(i)
			continue
		}
		all.Go(func() { one(i) })
	}
	all.Wait()
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	same := seeds
	for i, s := range came {
		if s == came[0] {
			continue
		}
		if same == seeds {
			bad("under seed %d it is %s, under seed %d %s", c.Scenario.Seed+uint64(i), s, c.Scenario.Seed, came[0])
		}
		same--
	}
	o.Figure += fmt.Sprintf("; under %d of %d seeds %s", same, seeds, came[0])
	return nil
}

// inShort is what must be the same under all seeds of a case.
func inShort(r Result) string {
	return fmt.Sprintf("%s with %d served", r.Word, len(r.Record.Served()))
}

// abroad has the fleet play all cases, many at once, and gives a runner that
// waits for the one that is asked for.
func (l Lab) abroad(ctx context.Context, fs []findings.Finding) runner {
	type key struct{ place, n int }
	type outcome struct {
		result Result
		err    error
	}
	played := map[key]chan outcome{}
	for place, f := range fs {
		cases := f.Cases(*l.Unit)
		for _, n := range l.cases(f) {
			sc, c := l.placed(f, cases[n]), make(chan outcome, 1)
			played[key{place, n}] = c
			go func() {
				r, err := l.Fleet.run(ctx, sc, job{Latent: l.Latent})
				c <- outcome{r, err}
			}()
		}
	}
	return func(place int, _ findings.Case, n int) (Result, error) {
		o := <-played[key{place, n}]
		return o.result, o.err
	}
}

// placed is a case's scenario in the lab's world, under its seed.
func (l Lab) placed(f findings.Finding, c findings.Case) Scenario {
	sc := c.Scenario
	sc.Name, sc.World = f.ID, l.World
	sc.Seed += l.Seed // a scenario from a file may have one of its own
	if l.Order.Strategy != "" {
		sc.Order = l.Order
	}
	return sc
}

// FromFile is the scenario file of that path as a finding: what it expects is its
// claim.
func FromFile(path string, f scenario.File) findings.Finding {
	return findings.Finding{
		ID: f.Scenario.Name, File: path, Kind: "verdict", Worlds: scenario.Worlds,
		Cases: func(findings.Unit) []findings.Case {
			return []findings.Case{{Scenario: f.Scenario, Expected: f.Expected, Mechanism: f.Mechanism}}
		},
	}
}

func (l Lab) reproduce(ctx context.Context, fs []findings.Finding, play runner, once player) (outcomes []Outcome, err error) {
	of, told := 0, 0
	for _, f := range fs {
		of += len(l.cases(f))
	}
	tell := func() {
		for ; told < len(outcomes); told++ {
			if l.Done != nil {
				l.Done(outcomes[told])
			}
		}
	}
	defer tell()
	for place, f := range fs {
		unit, taken, first, asked := *l.Unit, false, len(outcomes), l.cases(f)
		for _, n := range asked {
			c := f.Cases(unit)[n]
			if computes := c.Scenario.Start.CPU > 0; computes && !taken && l.real() { // what else runs may have changed meanwhile
				if unit, err = l.again(ctx, unit); err != nil {
					return outcomes, err
				}
				c, taken = f.Cases(unit)[n], true
			}
			if l.Progress != nil {
				l.Progress(f, c, len(outcomes)+1, of)
			}
			c.Scenario = l.placed(f, c)
			result, err := play(place, c, n)
			if err != nil {
				return outcomes, fmt.Errorf("%s, %s: %w", f.ID, c.Scenario.Subject.Name, err)
			}
			o := outcomeOf(f, n, c, unit, result)
			if !l.timed() {
				o.When = nil
			}
			outcomes = append(outcomes, o)
			if err := l.alike(ctx, c, &outcomes[len(outcomes)-1], once); err != nil {
				return outcomes[:len(outcomes)-1], fmt.Errorf("%s, %s: %w", f.ID, c.Scenario.Subject.Name, err)
			}
			if n == asked[len(asked)-1] {
				l.conclude(f, unit, outcomes[first:])
			}
			last := &outcomes[len(outcomes)-1]
			if l.real() && (taken || !last.AsExpected()) {
				var after findings.Unit
				if after, err = l.again(ctx, unit); err == nil {
					last.Beside, unit = beside(unit, after), after
					excuse(outcomes[first:], last.Beside)
				}
			}
			if n == asked[len(asked)-1] || !f.Demonstrates() && len(f.Between()) == 0 {
				tell()
			}
			if err != nil { // of the measuring alone: the case is had
				return outcomes, err
			}
		}
	}
	return outcomes, nil
}

// conclude says of the outcomes of a finding what stands between them.
func (l Lab) conclude(f findings.Finding, unit findings.Unit, had []Outcome) {
	records := make([]*scenario.Record, len(f.Cases(unit)))
	for i := range had {
		had[i].Whole, records[had[i].Place] = l.Subject == "", had[i].Result.Record
	}
	for _, p := range f.Between() {
		if p.Times && !l.timed() {
			continue
		}
		problems := p.Problems(unit, records)
		for i := range had {
			if p.About(had[i].Place) {
				had[i].Between = append(had[i].Between, problems...)
			}
		}
	}
}

// excuse has outcomes that came out otherwise between cases say what was beside the last
// of them.
func excuse(had []Outcome, beside string) {
	for i := range had {
		if o := &had[i]; len(o.Between) > 0 {
			o.Beside = cmp.Or(o.Beside, beside)
		}
	}
}

// real says whether the lab shares its CPUs with whatever else runs.
func (l Lab) real() bool { return l.World != virtual.Name }

// container is what that world is called: it may not be in this program.
const container = "container"

// timed says whether times are held against what is claimed of them. A container's start is
// in part its engine's, and that takes longer for several at once.
func (l Lab) timed() bool { return l.World != container }

// again measures once more what a start that computes takes.
func (l Lab) again(ctx context.Context, unit findings.Unit) (findings.Unit, error) {
	err := l.starts(ctx, unit.Compute, &unit.Computes, &unit.Waited)
	return unit, err
}

// beside says what shows that something else wanted the CPUs: a start, alone,
// waited for one.
func beside(before, after findings.Unit) string {
	busy := func(u findings.Unit) bool { return u.Waited.Seconds() > u.Tolerance*u.Compute.CPU.Seconds() }
	if !busy(before) && !busy(after) {
		return ""
	}
	tell := func(u findings.Unit) string {
		return fmt.Sprintf("%.2f s, %.2f s of it waiting for a CPU,", u.Computes.Seconds(), u.Waited.Seconds())
	}
	return fmt.Sprintf("something else wanted the CPUs: a start that asks for %.2f s, alone, took %s before this and %s after it", after.Compute.CPU.Seconds(), tell(before), strings.TrimSuffix(tell(after), ","))
}

// outcomeOf says of a result of the nth case what came out otherwise than claimed.
func outcomeOf(f findings.Finding, n int, c findings.Case, unit findings.Unit, r Result) Outcome {
	o := Outcome{Finding: f, Case: c, Place: n, Result: r, Unit: unit, Figure: c.Figure(r.Record)}
	o.Who, o.When = f.Otherwise(n, c, unit, r.Record)
	if c.Expected != "" && r.Word != c.Expected {
		o.Who = append(o.Who, findings.Problem{Of: findings.OfVerdict, Text: fmt.Sprintf("the verdict is %s, expected %s", r.Word, c.Expected)})
	}
	if c.Mechanism != "" && r.Mechanism != c.Mechanism {
		o.Who = append(o.Who, findings.Problem{Of: findings.OfMechanism, Text: fmt.Sprintf("the mechanism is %q, expected %q", r.Mechanism, c.Mechanism)})
	}
	return o
}

func (l Lab) filled() Lab {
	if l.World == "" {
		l.World = "process"
	}
	if l.Boot == 0 {
		l.Boot = BootIn(l.World)
	}
	return l
}

// cases are the ordinals of those of a finding that are asked for.
func (l Lab) cases(f findings.Finding) (asked []int) {
	for i, c := range f.Cases(*l.Unit) {
		if (l.Subject == "" || c.Scenario.Subject.Name == l.Subject) && slices.Contains(f.WorldsOf(c), l.World) {
			asked = append(asked, i)
		}
	}
	return asked
}

// Measure takes the units in which findings tell times: single starts, alone,
// the median of three.
func (l Lab) Measure(ctx context.Context) (unit findings.Unit, err error) {
	l = l.filled()
	if l.Fleet != nil && l.World == virtual.Name {
		return l.Fleet.measure(ctx, l.Boot)
	}
	err = l.inWorld(func(l Lab) (err error) {
		unit, err = l.measure(ctx)
		return err
	})
	return unit, err
}

func (l Lab) measure(ctx context.Context) (findings.Unit, error) {
	unit := findings.Demands(l.Boot, l.cores())
	if l.World == virtual.Name {
		unit.Tolerance = findings.ToleranceExact
	}
	for _, m := range []struct {
		demand scenario.Demand
		took   *time.Duration
		waited *time.Duration
	}{{unit.Wait, &unit.Waits, new(time.Duration)}, {unit.Compute, &unit.Computes, &unit.Waited}} {
		if err := l.starts(ctx, m.demand, m.took, m.waited); err != nil {
			return unit, err
		}
	}
	return unit, nil
}

// starts takes how long a start with such a demand takes, and how long of that
// it waits for a CPU: the medians of three.
func (l Lab) starts(ctx context.Context, demand scenario.Demand, took, waited *time.Duration) error {
	sc := Scenario{World: l.World, Start: demand}
	var tooks, waiteds []time.Duration
	if _, err := upon(ctx, l.T, &sc, func(ctx context.Context, w world) (*scenario.Record, error) {
		for i := range 3 {
			t, w, err := oneStart(ctx, w.Launcher(), fmt.Sprintf("unit%d", i+1))
			if err != nil {
				return nil, fmt.Errorf("the unit of time can't be measured: %w", err)
			}
			tooks, waiteds = append(tooks, t), append(waiteds, w)
		}
		return &scenario.Record{}, nil
	}); err != nil {
		return err
	}
	slices.Sort(tooks)
	slices.Sort(waiteds)
	*took, *waited = tooks[1], waiteds[1]
	if l.World == virtual.Name {
		*took = tooks[1].Round(10 * time.Microsecond) // without what the steps of the schedule cost
	}
	return nil
}

// oneStart is how long a start takes, and how long of that it waits for a CPU.
func oneStart(ctx context.Context, l worker.Launcher, id string) (took, waited time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	wk, err := worker.Start(ctx, l, id)
	if err != nil {
		return 0, 0, err
	}
	waited = wk.Port.Info().RunDelay
	_ = wk.Port.Kill()
	<-wk.Port.Done()
	return wk.StartedIn, waited, nil
}

// cores are those that the workers may use.
func (l Lab) cores() int {
	if l.World == virtual.Name {
		return virtual.Cores
	}
	return runtime.GOMAXPROCS(0)
}

// inWorld has f run where bubbles can be had, if the lab's world needs them.
func (l Lab) inWorld(f func(Lab) error) (err error) {
	if l.World != virtual.Name || l.T != nil {
		return f(l)
	}
	if failed := virtual.Program(func(t *testing.T) {
		l.T = t
		err = f(l)
	}); failed != nil {
		return failed
	}
	return err
}

// Check says what of a lab can't be, before anything is run.
func (l Lab) Check(fs []findings.Finding) error {
	if l.World != "" && !slices.Contains(scenario.Worlds, l.World) {
		return fmt.Errorf("no world is called %q: there are %s", l.World, strings.Join(scenario.Worlds, ", "))
	}
	subjects := []string{}
	for _, f := range fs {
		if l.World != "" && !slices.Contains(f.Worlds, l.World) {
			return fmt.Errorf("%s does not run in world %q, but in %q", f.ID, l.World, f.Worlds)
		}
		if err := f.Missing(cmp.Or(l.World, "process")); err != nil {
			return err
		}
		for _, c := range f.Cases(findings.Demands(time.Second, l.cores())) {
			if f.File != "" { // as far as what can't be hangs on the world
				sc := l.placed(f, c)
				if err := settings.In(f.File, sc.Check()); err != nil {
					return err
				}
			}
			if name := c.Scenario.Subject.Name; !slices.Contains(subjects, name) {
				subjects = append(subjects, name)
			}
		}
	}
	if l.Subject != "" && !slices.Contains(subjects, l.Subject) {
		return fmt.Errorf("none of these findings has a subject called %q; they have %s", l.Subject, strings.Join(subjects, ", "))
	}
	return nil
}
