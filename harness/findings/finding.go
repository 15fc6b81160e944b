// Package findings is the catalogue: each claim and each historical bug as
// scenarios with what must come out of them, a file a finding. Running them
// belongs to harness, printing them to report.
package findings

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// A Finding is a claim with what must come out when it is put to the test.
type Finding struct {
	ID     string
	File   string // that it was read from; "" if it is one of the catalogue
	Claim  string // in the words of who made it
	Source string
	Truth  string // what really happens, in a few words
	Kind   string // verdict, figure or test
	Worlds []string
	// Unreal says why no real workers show it: of a finding that they show it is "", of
	// any other it must not be.
	Unreal string
	// Unmodelled says why no models do, in virtual time, in the same way.
	Unmodelled string
	Set        string // what of its figures in virtual time is set, and not measured; "" if nothing is
	Quick      bool   // one of the headline findings, that butfor run --quick runs
	// Needs says what is missing on this machine, where it runs on real workers; nil, and
	// a nil error: nothing.
	Needs func() error
	// Cases are the runs that show it. Times are multiples of the unit's, which
	// is measured in the world and in the same run.
	Cases func(Unit) []Case
	// Together is what is claimed beside that: of single cases what no field of Accept
	// says, and what stands between several.
	Together []Property
}

// Demonstrates says whether a finding is there to show a figure, or a property of a
// test, and not a verdict.
func (f Finding) Demonstrates() bool { return f.Kind == "figure" || f.Kind == "test" }

// Name names a case, a pool or whatever else, by as many of its parts as it has: its
// finding, its subject, its variant.
func Name(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// Missing is what a world lacks here to show it; nil: nothing.
func (f Finding) Missing(world string) error {
	if world != "process" || f.Needs == nil {
		return nil
	}
	if err := f.Needs(); err != nil {
		return fmt.Errorf("%s can't be shown here: %w", f.ID, err)
	}
	return nil
}

// WorldsOf are those that show one of its cases.
func (f Finding) WorldsOf(c Case) []string {
	return slices.DeleteFunc(slices.Clone(f.Worlds), func(world string) bool {
		return c.Virtual && world != "virtual" || c.Alone && world == "container"
	})
}

// A Unit is what one start takes on this machine, measured alone, and what it
// was asked for.
type Unit struct {
	Waits    time.Duration // a start that waits, from launch to hello
	Computes time.Duration // a start that computes
	Waited   time.Duration // ... and how long of that it waited for a CPU: about 0 if nobody else wants one
	Wait     scenario.Demand
	Compute  scenario.Demand
	Cores    int // that the workers may use
	// Tolerance is how far a time may be from what is claimed, as a share of it.
	Tolerance float64
}

// How far a time may be from what is claimed, as a share of it: on a real machine,
// and in virtual time, where all that is claimed so far has a closed form.
const (
	Tolerance      = 0.15
	ToleranceExact = 0.01
)

// Demands are what starts ask for, about boot each: the one by waiting, the
// other by computing.
func Demands(boot time.Duration, cores int) Unit {
	return Unit{Wait: scenario.Demand{Wait: boot}, Compute: scenario.Demand{CPU: boot}, Cores: cores, Tolerance: Tolerance}
}

// A Case is one run of a finding.
type Case struct {
	Variant  string // "" if the finding has but one
	Scenario scenario.Scenario
	Expected scenario.Word // "" if nothing is claimed of it
	// Mechanism is what the time must have gone to; "" if that is not claimed.
	Mechanism string
	Accept    Accept
	// Shows tells in a few characters what the case is there to show, beside when its
	// calls were served; nil: nothing.
	Shows func(*scenario.Record) string
	// Alike is what it comes to in virtual time under whichever seed; nil: that is not
	// claimed.
	Alike *Alike
	// Virtual says that it is shown in the virtual world alone: it hangs on a race that
	// no real machine runs the same way twice, or on times of the pool's own that are
	// too long to be waited for.
	Virtual bool
	// Alone says that containers don't show it: there is so much load from outside that
	// what their engine takes beside it is beyond the model of cores.
	Alone bool
}

// Alike is a claim that a case comes to the same under all seeds: the judge's word, and
// how many are served.
type Alike struct {
	Seeds int // that are played, from the run's own on
	Word  scenario.Word
}

// Figure is what the case showed, in a few characters.
func (c Case) Figure(r *scenario.Record) string {
	if c.Shows == nil {
		return c.Accept.Figure(r)
	}
	return c.Accept.Figure(r) + "; " + c.Shows(r)
}

// Accept is what must come out of a case beside its verdict. The zero value claims
// nothing, and tells times in seconds.
type Accept struct {
	Unit     time.Duration // in which times are told
	UnitName string        // "ops" or "boots"
	Served   int           // calls that got a right answer
	Times    []float64     // of the served, shortest first, in units; nil: not checked
	LastBy   float64       // the last served at the latest, in units; 0: not checked
	Failed   []float64     // when those were told that failed and are not excused, as Times; nil: not checked
	Told     string        // what one of them was, among other words; "": not checked
	Lost     int           // workers fewer than Size that can be had at once after the run; 0: not checked
	Workers  int           // that were ever started; 0: not checked
	Used     int           // workers that took calls; 0: not checked
	MostUsed int           // workers that took calls, at most; 0: not checked
	PerCall  float64       // calls that workers were sent for each that clients made; 0: not checked
	Ready    []float64     // when the workers were ready, in units since the pool began to open; nil: not checked
	ReadyBy  float64       // the last of them at the latest
	Serial   bool          // no worker was launched while another started
	Health   Health        // what the pool says that is asked how it is; "": not checked
	Together int           // starts that were ever under way at once, at most; 0: not checked
	Order    Order         // in which the workers were given calls; "": not checked
	Own      *float64      // cores that the pool itself wanted while its workers started; nil: not checked
	Orphans  *Orphans      // nil: not checked
	Stop     Stop          // how the pool's stop failed; "": not checked
}

// Order is in which calls were given to workers, against that in which they came.
type Order string

const (
	Kept Order = "kept"
	Lost Order = "lost"
)

// A Stop is how a stop failed.
type Stop string

const (
	InVain  Stop = "took too long" // whoever waited for it did as long as supervisors do
	Refused Stop = "failed"        // it was an error at once
)

// howStopped is how a pool's stop failed; "" if it did not.
func howStopped(r *scenario.Record) Stop {
	switch why, late := r.FailedStop(); {
	case late:
		return InVain
	case why != "":
		return Refused
	}
	return ""
}

// Orphans are workers that outlive their pool.
type Orphans struct {
	N     int
	Cores float64 // that each of them has had since, or could have run on and had to wait for
	Log   float64 // bytes a second that each has written since, at least
}

func (a Accept) nothing() bool { return reflect.DeepEqual(a, Accept{}) }

// Who says what of a case came out otherwise than claimed, apart from times:
// it holds on a machine of any speed.
func (a Accept) Who(r *scenario.Record) (problems Problems) {
	if a.nothing() {
		return nil
	}
	bad := func(of Assertion, format string, args ...any) {
		problems = append(problems, Problem{of, fmt.Sprintf(format, args...)})
	}
	if n := len(r.Served()); n != a.Served {
		bad(OfServed, "served %d, expected %d", n, a.Served)
	}
	workers := claimed(r)
	if a.Workers > 0 && len(workers) != a.Workers {
		bad(OfWorkers, "%d workers were started, expected %d", len(workers), a.Workers)
	}
	used := 0
	for _, w := range workers {
		if w.Calls > 0 {
			used++
		}
	}
	if a.Used > 0 && used != a.Used {
		bad(OfUsed, "%d workers were used, expected %d", used, a.Used)
	}
	if a.MostUsed > 0 && used > a.MostUsed {
		bad(OfMostUsed, "%d workers were used, expected at most %d", used, a.MostUsed)
	}
	if a.Health != "" && !a.Health.of(diagnoses(r)) {
		bad(OfHealth, "%s, expected %s", diagnosed(r), a.Health)
	}
	if a.Told != "" && !slices.ContainsFunc(r.Calls(), func(c scenario.Call) bool { return strings.Contains(c.Err, a.Told) }) {
		bad(OfTold, "no caller was told %q", a.Told)
	}
	if probed, _ := r.First(scenario.Probed); a.Lost > 0 && r.Size-probed.N != a.Lost {
		bad(OfLost, "after the run %d of %d workers could be had at once, expected %d", probed.N, r.Size, r.Size-a.Lost)
	}
	if got := perCall(r); a.PerCall > 0 && (got < a.PerCall*(1-Tolerance) || got > a.PerCall*(1+Tolerance)) {
		bad(OfPerCall, "%.2f calls were sent to workers for each that clients made, expected %.2f", got, a.PerCall)
	}
	if a.Serial {
		for i := 1; i < len(workers); i++ {
			if before := workers[i-1]; before.Ready < 0 || workers[i].Launched < before.Ready {
				bad(OfSerial, "%s was launched while %s started, expected one start after another", workers[i].ID, before.ID)
				break
			}
		}
	}
	if a.Orphans != nil {
		if events, _ := orphaned(r); len(events) != a.Orphans.N {
			bad(OfOrphans, "%d workers outlived the pool, expected %d", len(events), a.Orphans.N)
		}
	}
	if stop := howStopped(r); a.Stop != "" && stop != a.Stop {
		bad(OfStop, "%s, expected that its stop %s", stopped(r), a.Stop)
	}
	if order := orderOf(r); a.Order != "" && order != a.Order {
		bad(OfOrder, "the order was %s: %s, expected it to be %s", order, strings.Join(inTurn(r), " "), a.Order)
	}
	return problems
}

// perCall is how many calls workers were sent for each that clients made.
func perCall(r *scenario.Record) float64 {
	sent := 0
	for _, w := range r.Workers() {
		sent += w.Calls
	}
	return float64(sent) / float64(max(1, len(r.Calls())))
}

// claimed are the workers that a claim is about: what probes cause is no matter
// of it.
func claimed(r *scenario.Record) []scenario.Worker {
	workers := r.Workers()
	if probing, ok := r.First(scenario.Probing); ok {
		workers = slices.DeleteFunc(workers, func(w scenario.Worker) bool { return w.Launched >= probing.At })
	}
	return workers
}

// When says which times came out otherwise than claimed, by more than tolerance
// as a share of them.
func (a Accept) When(r *scenario.Record, tolerance float64) (problems Problems) {
	if a.nothing() {
		return nil
	}
	bad := func(of Assertion, format string, args ...any) {
		problems = append(problems, Problem{of, fmt.Sprintf(format, args...)})
	}
	compare := func(what string, got []time.Duration, these Assertion, want []float64, last Assertion, by float64) {
		if want != nil {
			off := len(got) != len(want)
			for i := 0; !off && i < len(want); i++ {
				ratio := got[i].Seconds() / a.Unit.Seconds()
				off = ratio < want[i]*(1-tolerance) || ratio > want[i]*(1+tolerance)
			}
			if off {
				bad(these, "%s at %s, expected %s %s", what, a.inUnits(got), plain(want), a.UnitName)
			}
		}
		if n := len(got); by > 0 && n > 0 && got[n-1].Seconds() > by*(1+tolerance)*a.Unit.Seconds() {
			bad(last, "%s at %s, expected the last by %.2g %s", what, a.inUnits(got), by, a.UnitName)
		}
	}
	if n := startsTogether(r); a.Together > 0 && n > a.Together {
		bad(OfTogether, "%d starts were under way at once, expected at most %d", n, a.Together)
	}
	if own := ownCores(r); a.Own != nil && math.Abs(own-*a.Own) > tolerance {
		bad(OfOwn, "the pool itself wanted %.2f cores while workers started, expected %.2f", own, *a.Own)
	}
	if a.Orphans != nil {
		problems = append(problems, a.Orphans.did(r, tolerance)...)
	}
	compare("served", r.Served(), OfTimes, a.Times, OfLastBy, a.LastBy)
	compare("failed", failed(r), OfFailed, a.Failed, "", 0)
	compare("workers ready", readies(r), OfReady, a.Ready, OfReadyBy, a.ReadyBy)
	return problems
}

// failed are the times, from arrival, of the calls that had no right answer though
// nothing excuses it, shortest first.
func failed(r *scenario.Record) (took []time.Duration) {
	for _, c := range r.Calls() {
		if c.Ended >= 0 && !c.Excused && (c.Err != "" || c.Wrong) {
			took = append(took, c.Took)
		}
	}
	slices.Sort(took)
	return took
}

// startsTogether is how many starts were ever under way at once.
func startsTogether(r *scenario.Record) (most int) {
	under := map[string]bool{}
	for _, e := range r.Events {
		switch e.Kind {
		case scenario.Launch:
			under[e.Worker] = true
			most = max(most, len(under))
		case scenario.Ready, scenario.Exit:
			delete(under, e.Worker)
		case scenario.Launched:
			if e.Err != "" {
				delete(under, e.Worker)
			}
		case scenario.Probing:
			return most
		}
	}
	return most
}

// Figure is what a case showed, in a few characters.
func (a Accept) Figure(r *scenario.Record) string {
	served := r.Served()
	if a.Unit == 0 {
		a.Unit, a.UnitName = time.Second, "s"
		if n := len(served); n > 0 && served[n-1] < time.Second {
			a.Unit, a.UnitName = time.Millisecond, "ms"
		}
	}
	calls := len(r.Calls())
	var b strings.Builder
	if len(served) < calls {
		fmt.Fprintf(&b, "%d of %d", len(served), calls)
		if len(served) > 0 {
			b.WriteString(": ")
		}
	}
	if len(served) > 0 {
		b.WriteString(a.inUnits(served) + " " + a.UnitName)
	}
	if ready := readies(r); a.Ready != nil || a.ReadyBy > 0 || a.Serial {
		if len(ready) > 0 {
			fmt.Fprintf(&b, "; ready by %s", a.inUnits(ready[len(ready)-1:]))
		}
	}
	if a.PerCall > 0 {
		fmt.Fprintf(&b, "; sent to workers: %.1f a call", perCall(r))
	}
	return b.String()
}

// readies are the times at which workers became ready, since the pool began to
// open.
func readies(r *scenario.Record) (at []time.Duration) {
	open, _ := r.First(scenario.Open)
	for _, w := range claimed(r) {
		if w.Ready >= 0 {
			at = append(at, w.Ready-open.At)
		}
	}
	slices.Sort(at)
	return at
}

// inUnits tells times as multiples, those alike only once.
func (a Accept) inUnits(ds []time.Duration) string {
	var words []string
	for i := 0; i < len(ds); {
		word := fmt.Sprintf("%.1f", ds[i].Seconds()/a.Unit.Seconds())
		n := 1
		for i+n < len(ds) && fmt.Sprintf("%.1f", ds[i+n].Seconds()/a.Unit.Seconds()) == word {
			n++
		}
		if n > 1 {
			word = fmt.Sprintf("%d×%s", n, word)
		}
		words = append(words, word)
		i += n
	}
	return strings.Join(words, " ")
}

func plain(xs []float64) string {
	var words []string
	for _, x := range xs {
		words = append(words, fmt.Sprintf("%.1f", x))
	}
	return strings.Join(words, " ")
}

// All is the catalogue, in the order of findings to read.
func All() []Finding {
	all := []Finding{
		concurrentWhenWarm,
		v1Serial,
		coldStartTimeouts,
		timeoutsIncreased,
		serialStart,
		selfMadeContention,
		globalPoolConflict,
		workloadPools,
		prewarmWarmsOne,
		overflowIsANoOp,
		longLivedWorkers,
		testVsProduction,
		threeRecommendations,
		configNeverRead,
		simpleTests,
		shipIt,
		silencedDetector,
		prewarmLeaks,
		healthCheckConstant,
		aliveGuard,
		portCommand,
		slowStartSelfMade,
		sessionIsolation,
		diesOnFirstSuccess,
		doubleUnwrap,
		deafStart,
		requeueSpin,
		startThenKill,
		halfOpenStuck,
		rollingDeadline,
		giveUpCrashesPool,
		slowGoodbye,
		shutdownIgnored,
		orphanSpin,
		lateReply,
		inlineBreaker,
		counterOverwritten,
		sessionLeak,
		tableOwnerDies,
		errorCrashesClient,
		degradedIsDeath,
		breakerNeverOpens,
		silentFrames,
		retryAmplifies,
		healthBlocksPool,
		illegalReturn,
		stdoutNoise,
		checkinToNowhere,
		busyDesync,
		deadInRotation,
		herd,
		wrongName,
		stopRace,
		readySignal,
		hotRestart,
		startedIsNotReady,
		crashStorm,
		readyBeforeHello,
		nestedDeadlines,
		sharedNames,
		mixedClocks,
		pidReuse,
		orphanGrandchild,
		threadCrowd,
		starvedByQuota,
		killedForMemory,
		thawedWorker,
	}
	for i, f := range all {
		all[i].Cases = func(u Unit) []Case { return held(f.Cases(u), u) }
	}
	return all
}

// In are those of the catalogue that a world shows.
func In(world string) []Finding {
	return slices.DeleteFunc(All(), func(f Finding) bool { return !slices.Contains(f.Worlds, world) })
}

// Find looks findings up by id; none means all. An unknown id is an error that
// lists what there is.
func Find(ids ...string) ([]Finding, error) {
	all := All()
	if len(ids) == 0 {
		return all, nil
	}
	var found []Finding
	for _, id := range ids {
		i := slices.IndexFunc(all, func(f Finding) bool { return f.ID == id })
		if i < 0 {
			var known []string
			for _, f := range all {
				known = append(known, f.ID)
			}
			return nil, fmt.Errorf("no finding is called %q; there are: %s", id, strings.Join(known, ", "))
		}
		found = append(found, all[i])
	}
	return found, nil
}

// times is a duration as a multiple.
func times(x float64, d time.Duration) time.Duration { return time.Duration(x * float64(d)) }

// op is a workload of n clients at once, each with one call that waits for d.
func op(n int, d time.Duration) scenario.Workload {
	return scenario.Workload{Clients: n, Command: "sleep", Args: map[string]any{"s": d.Seconds()}}
}

func repeat(x float64, n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = x
	}
	return xs
}

const (
	conclusion = "V2_POOL_IMPLEMENTATION_CONCLUSION"
	report     = "V2_POOL_TEST_FINDINGS_FINAL"
	ourOwn     = "our own"
)
