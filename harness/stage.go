package harness

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/subject/dspex"
	"github.com/butfor/butfor/harness/trace"
	worlds "github.com/butfor/butfor/harness/world"
	"github.com/butfor/butfor/harness/world/process"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// A world is where a scenario runs.
type world = worlds.World

// upon sets the stage that a scenario names, has f play on it, and takes it down.
// t is for the virtual world alone.
func upon(ctx context.Context, t *testing.T, sc *Scenario, f func(context.Context, world) (*scenario.Record, error)) (r *scenario.Record, err error) {
	switch sc.World {
	case process.Name:
		w, err := process.Open(ctx, sc)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		return f(ctx, w)
	case virtual.Name:
		ran, err := virtual.Run(t, sc, func(ctx context.Context, w *virtual.World) (err error) {
			defer w.Close()
			r, err = f(ctx, w)
			return err
		})
		if err == nil {
			err = context.Cause(ctx) // from outside, it could not enter
		}
		if err != nil {
			return nil, err
		}
		r.Choices, r.Stranded = ran.Choices, ran.Left
		if ran.Left && !slices.ContainsFunc(r.Events, func(e scenario.Event) bool { return e.Kind == scenario.Left }) {
			left := scenario.Event{Kind: scenario.Left, Text: "goroutines that wait for ever"}
			if n := len(r.Events); n > 0 {
				left.At = r.Events[n-1].At
			}
			r.Events = append(r.Events, left)
		}
		return r, nil
	default:
		open, ok := worlds.Registered(sc.World)
		if !ok {
			if slices.Contains(scenario.Worlds, sc.World) {
				return nil, fmt.Errorf("world %q is not part of this program: it must import _ \"github.com/butfor/butfor/harness/world/%[1]s\"", sc.World)
			}
			return nil, fmt.Errorf("no world is called %q: there are %s", sc.World, strings.Join(scenario.Worlds, ", "))
		}
		w, err := open(ctx, sc)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		return f(ctx, w)
	}
}

// closePatience is how long a subject may take for what it is asked to do that ought to
// take no time. It has longer to stop: see scenario.StopPatience.
const closePatience = time.Second

// stage runs one subject through a scenario: open, warm, clients, probes of
// the capacity, close, and a look at what is left.
func stage(ctx context.Context, t *testing.T, sc Scenario, s subject.Subject, probe bool) (*scenario.Record, error) {
	return upon(ctx, t, &sc, func(ctx context.Context, w world) (*scenario.Record, error) {
		return play(ctx, w, &sc, s, probe)
	})
}

func play(ctx context.Context, w world, sc *Scenario, s subject.Subject, probe bool) (*scenario.Record, error) {
	node := subject.WithTables(dspex.OnNode(ctx))
	if sc.World != virtual.Name {
		node = dspex.InRealTime(node)
	}
	life, end := context.WithCancel(node)
	defer end()
	a, err := enter(life, w, sc, s, 0)
	if err != nil {
		return nil, err
	}
	others, err := inCompany(life, w, sc)
	if err != nil {
		return nil, err
	}
	rec, hurt := a.rec, a.hurt

	through := others.open(w)
	sleep(life, sc.Meets().Opens)
	hurt.Begin()
	a.open()
	through()
	if m, ok := w.(worlds.Watching); ok {
		m.Through()
	}
	if len(sc.Faults) > 0 {
		w.Point("run", "stop")
		hurt.Stop()
	}
	if a.pool != nil {
		if probe {
			a.count()
			a.burnt()
			if !sc.Stops {
				a.probe()
			}
		}
		a.close()
	}
	others.close()
	end()
	others.end()
	left, err := w.Left(ctx)
	if err != nil {
		rec.KillAll()
		return nil, err
	}
	if len(left) == 0 && ctx.Err() == nil {
		if left = a.goroutines(); len(left) > 0 { // they may have started a process since
			processes, err := w.Left(ctx)
			if err != nil {
				rec.KillAll()
				return nil, err
			}
			left = append(processes, left...)
		}
	}
	for _, text := range left {
		rec.Add(scenario.Event{Kind: scenario.Left, Text: text})
	}
	if len(left) > 0 {
		rec.Outlived()
	}
	record := a.record()
	record.Late, record.Order = w.Late(), order(sc.World, a.inside.Load())
	rec.KillAll()
	if sc.Replay != nil { // what kept them from being answered is in their demands now
		for _, id := range sc.Replay.Victims {
			rec.Add(scenario.Event{Kind: scenario.Victim, Call: id})
		}
	}
	record.Events = rec.Seal()
	record.Faults = hurt.Report()
	outside := scenario.Environment{Cores: w.Cores()}
	if m, ok := w.(interface{ Environment() scenario.Environment }); ok {
		outside = m.Environment()
	}
	record.Environment = trace.Environment(record, outside)
	others.records(record, outside)
	if m, ok := w.(interface {
		Asks() map[string][]*scenario.Demand
	}); ok {
		trace.Asked(record, m.Asks())
	} else if len(sc.Others) == 0 { // of several pools, whose starts are whose is the machine's lot
		trace.Told(record, whatStartsWereTold(sc, hurt, record))
	}
	record.Environment.Gaps = append(record.Environment.Gaps, unrecorded(sc, record)...)
	record.Environment.Further = sc.FurtherStarts(hurtStarts(record))
	record.Environment.Gaps = append(record.Environment.Gaps, hopeless(record.Environment.Further)...)
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("%s, %s: stopped: %w", sc.Name, s.Name, err)
	}
	return record, nil
}

// whatStartsWereTold is what real starts were told to take, by the worker's id and in the order of its
// launches: nil where more than that was asked of one.
func whatStartsWereTold(sc *Scenario, hurt *faults.Injector, r *scenario.Record) map[string][]*scenario.Demand {
	more := hurt.Told()
	all := map[string][]*scenario.Demand{}
	for i := range r.Events {
		e := &r.Events[i]
		if e.Kind != scenario.Launch {
			continue
		}
		d, nth := &model.Demand{}, len(all[e.Worker])
		if of, hurts := more[e.Worker]; hurts && nth < len(of) {
			d = of[nth]
		}
		if d == nil {
			all[e.Worker] = append(all[e.Worker], nil)
			continue
		}
		all[e.Worker] = append(all[e.Worker], &scenario.Demand{CPU: sc.Start.CPU + d.CPU, Wait: sc.Start.Wait + d.Wait})
	}
	return all
}

// unrecorded are the faults of a run that its replays don't have.
func unrecorded(sc *Scenario, r *scenario.Record) (gaps []scenario.Gap) {
	plan := sc.Plan()
	for _, f := range r.Faults {
		if un, ok := plan[f.Place-1].Fault.(faults.Unrecorded); ok && f.Fired > 0 {
			gaps = append(gaps, scenario.Gap{Kind: scenario.GapFault, Text: un.Unrecorded()})
		}
	}
	return gaps
}

// hopeless says that what a plan has in store for further starts is their end: who
// begins more of them than are foretold comes to some that nothing is known of.
func hopeless(further []scenario.Span) []scenario.Gap {
	if len(further) == 0 || slices.ContainsFunc(further, func(s scenario.Span) bool { return !s.Died && s.Refused == "" }) {
		return nil
	}
	return []scenario.Gap{{Kind: scenario.GapFault, Text: fmt.Sprintf("the faults have every start fail, also the %d that would have come next; of those after that nothing is known", len(further))}}
}

// hurtStarts is how many starts there were before the faults stopped.
func hurtStarts(r *scenario.Record) (n int) {
	for i := range r.Events {
		switch r.Events[i].Kind {
		case scenario.Launch:
			n++
		case scenario.Probing:
			return n
		}
	}
	return n
}

// faultEvent is what a fault did, as it stands in a trace.
func faultEvent(e faults.Event) scenario.Event {
	kind := map[faults.EventKind]scenario.Kind{faults.Fired: scenario.Fault, faults.Over: scenario.FaultOver, faults.Victim: scenario.Victim}[e.Kind]
	return scenario.Event{Kind: kind, Fault: e.Fault, N: e.Place, Worker: e.Worker, Call: e.Call, Client: e.Client}
}

// act is one subject's time on the stage.
type act struct {
	sc       *Scenario
	subject  subject.Subject
	launcher worker.Launcher
	world    world
	rec      *trace.Recorder
	hurt     *faults.Injector
	life     context.Context
	end      context.CancelFunc // of life
	label    string             // what the subject starts carries it, and is found by it
	inside   atomic.Bool        // the subject has points of its own
	pool     subject.Pool
	openErr  error // why there is no pool
}

// enter has a subject ready to begin: the nth of the run's others, or the one that is
// on trial, which is 0.
func enter(ctx context.Context, w world, sc *Scenario, s subject.Subject, nth int) (*act, error) {
	a := &act{sc: sc, subject: s, world: w, rec: trace.NewRecorder(nth, w.Now, w.Point), label: rand.Text()}
	var err error
	if a.hurt, err = faults.New(sc.Plan(), sc.Seed, w, func(e faults.Event) { a.rec.Add(faultEvent(e)) }); err != nil {
		return nil, err
	}
	a.launcher = a.rec.Launcher(a.hurt.Launcher(w.Launcher()))
	if s.Wrap != nil {
		if a.launcher, err = guarded(ctx, func() (worker.Launcher, error) { return s.Wrap(a.launcher), nil }); err != nil {
			return nil, fmt.Errorf("%s: Subject.Wrap: %w", s.Name, err)
		}
	}
	a.life, a.end = context.WithCancel(ctx)
	a.life = point.With(pprof.WithLabels(a.life, pprof.Labels(runLabel, a.label)), func(who, at string) {
		a.inside.Store(true)
		w.Point(who, at)
	})
	return a, nil
}

// record is that of the act, but for what was seen.
func (a *act) record() *scenario.Record {
	sc := a.sc
	return &scenario.Record{Subject: a.subject.Name, Seed: sc.Seed, Size: sc.Config.Size, Overflow: sc.Config.Overflow, Cores: a.world.Cores(), Deadline: sc.Deadline, Patience: sc.GivesUp()}
}

// mark writes what the harness itself does, in the goroutine that plays the run.
func (a *act) mark(e scenario.Event) {
	a.world.Point("run", string(e.Kind))
	a.rec.Add(e)
}

// open opens the subject, warms it, and runs the clients. Where nothing is to
// be warmed they arrive while it opens.
func (a *act) open() {
	cfg := a.sc.Config
	if cfg.Cores == 0 {
		cfg.Cores = a.world.Cores()
	}
	opened := make(chan struct{})
	var pool subject.Pool
	a.rec.Add(scenario.Event{Kind: scenario.Open}) // of the same pool there is nobody else yet
	go shielded(a.life, func() (subject.Pool, error) { return a.subject.Open(a.life, a.launcher, cfg) }, func(p subject.Pool, err error) {
		defer close(opened)
		if err == nil && p == nil {
			err = errors.New("open gave neither a pool nor an error")
		}
		e := scenario.Event{Kind: scenario.Opened}
		if err != nil {
			e.Err = err.Error()
			a.openErr = err
		} else {
			pool = p
		}
		a.world.Point("open", "opened")
		a.rec.Add(e)
	})
	cs := &clients{act: a, opened: opened, pool: func() subject.Pool { return pool }, through: map[string]int{}}
	if a.sc.Warm > 0 && a.wait(opened) && pool != nil {
		a.warm(pool)
	}
	a.rec.Add(scenario.Event{Kind: scenario.Go})
	a.hurt.Calls(cs.extra)
	a.hurt.Clock()
	cs.run()
	if a.wait(opened) {
		a.pool = pool
	}
}

// wait waits until the subject has opened. One that takes for ever is told to
// stop, and if it does not is left alone: false.
func (a *act) wait(opened <-chan struct{}) bool {
	select {
	case <-opened:
		return true
	case <-a.life.Done():
	case <-time.After(a.sc.Warms()):
		a.end()
	}
	select {
	case <-opened:
		return true
	case <-time.After(closePatience):
		return false
	}
}

// do has the subject do something, in a goroutine with the run's label, and
// does not wait for it longer than bound.
func (a *act) do(bound time.Duration, f func() error) error {
	done := make(chan error, 1)
	go shielded(a.life, func() (struct{}, error) { return struct{}{}, f() }, func(_ struct{}, err error) { done <- err })
	late := time.NewTimer(bound)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return errNotBack
	}
}

var errNotBack = errors.New("it did not return")

func (a *act) warm(pool subject.Pool) {
	a.mark(scenario.Event{Kind: scenario.Warming, N: a.sc.Warm})
	ctx, cancel := context.WithTimeout(a.life, a.sc.Warms())
	defer cancel()
	err := a.do(a.sc.Warms()+closePatience, func() error {
		if w, ok := pool.(subject.Warmer); ok {
			return w.Warm(ctx, a.sc.Warm)
		}
		for range a.sc.Warm {
			if _, err := pool.Call(ctx, subject.Call{Command: "ping", Client: "warmer"}); err != nil {
				return err
			}
		}
		return nil
	})
	e := scenario.Event{Kind: scenario.Warmed}
	if err != nil {
		e.Err = err.Error()
	}
	a.mark(e)
}

// guarded gives what came of f, which is a subject's, in a goroutine of its own.
func guarded[T any](labels context.Context, f func() (T, error)) (t T, err error) {
	done := make(chan struct{})
	go shielded(labels, f, func(got T, failed error) {
		t, err = got, failed
		close(done)
	})
	<-done
	return t, err
}

// shielded tells then what came of f. It turns a panic of the subject's into an
// error, and its error into one whose text is known: a subject's own might panic.
// Its goroutine, which gets the run's label, is for nothing else: a subject may end
// it (as t.Fatal does).
func shielded[T any](labels context.Context, f func() (T, error), then func(T, error)) {
	var t T
	err := errExited
	defer func() {
		if p := recover(); p != nil {
			err = panicked{p}
		}
		then(t, err)
	}()
	pprof.SetGoroutineLabels(labels)
	var failed error
	if t, failed = f(); failed != nil {
		failed = told{failed, failed.Error()}
	}
	err = failed
}

var errExited = errors.New("it ended its goroutine in place of returning")

type told struct {
	error
	text string
}

func (e told) Error() string { return e.text }
func (e told) Unwrap() error { return e.error }

type panicked struct{ with any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.with) }

// count asks how many calls each session has made that has not ended, if the pool can
// say.
func (a *act) count() {
	pool, ok := a.pool.(subject.SessionCounter)
	for nth := 1; ok && !a.sc.Workload.EndSessions && nth <= a.sc.Workload.Sessions; nth++ {
		e := scenario.Event{Kind: scenario.SessionCalls, Session: a.sc.Workload.Session(nth)}
		var known bool
		err := a.do(closePatience, func() error {
			e.N, known = pool.SessionCalls(e.Session)
			return nil
		})
		if err == nil && !known {
			err = errNoSession
		}
		if err != nil {
			e.Err = err.Error()
		}
		a.mark(e)
	}
}

var errNoSession = errors.New("the pool knows no such session")

// burnt notes what CPU the pool itself has had, if it can say and has had any.
func (a *act) burnt() {
	pool, ok := a.pool.(subject.Burner)
	if !ok {
		return
	}
	e := scenario.Event{Kind: scenario.Burnt}
	err := a.do(closePatience, func() error {
		e.OnCPU, e.Delay = pool.Burnt()
		return nil
	})
	if err == nil && e.OnCPU > 0 {
		a.mark(e)
	}
}

// probe asks how much capacity is left: long calls arrive one by one, each
// when the one before is executing, until Size of them are held at once. A pool may
// refuse some, because its check-outs may not take as long as a start does, or lose
// them with a worker whose death it has not seen yet: then others come, until the
// time to recover is over.
func (a *act) probe() {
	a.mark(scenario.Event{Kind: scenario.Probing})
	cs := &clients{act: a, opened: closed, pool: func() subject.Pool { return a.pool }}
	var ended []<-chan struct{}
	var cancels []context.CancelFunc
	held, grew := 0, a.world.Now()
	for i, more := 1, 3*a.sc.Config.Size; more > 0 && a.life.Err() == nil; i++ { // a probe may be cut short by the subject's own timeouts
		id := fmt.Sprintf("probe%d", i)
		ctx, cancel := context.WithCancel(a.life)
		cancels = append(cancels, cancel)
		call := subject.Call{Command: "sleep", Args: map[string]any{"s": probeLength.Seconds()}, Client: id}
		a.rec.Arrive(id, call, scenario.Step{}, true)
		done := make(chan struct{})
		go func() {
			defer close(done)
			cs.call(ctx, id, call, nil)
		}()
		ended = append(ended, done)
		over := grew + a.sc.Recovery
		if !a.executing(ctx, id, done, over-a.world.Now()) {
			if over-a.world.Now() < probeRest || !sleep(a.life, probeRest) {
				break
			}
			continue
		}
		more--
		grew = a.world.Now()
		if held = max(held, a.rec.Held()); held >= a.sc.Config.Size {
			break
		}
	}
	a.mark(scenario.Event{Kind: scenario.Probed, N: held})
	for _, cancel := range cancels { // one by one: who is told first is no matter of chance
		a.world.Point("run", "cancel")
		cancel()
	}
	for _, done := range ended {
		select {
		case <-done:
		case <-time.After(closePatience):
		}
	}
}

// executing waits until a worker has a call in hand; false if the call is back
// before, or the bound is over.
func (a *act) executing(ctx context.Context, id string, done <-chan struct{}, bound time.Duration) bool {
	late := time.NewTimer(bound)
	defer late.Stop()
	for {
		changed := a.rec.Changed()
		if a.rec.Executing(id) {
			return true
		}
		select {
		case <-changed:
			continue
		case <-done:
		case <-late.C:
		case <-ctx.Done():
		}
		return a.rec.Executing(id)
	}
}

// probeRest is how long it takes until another probe comes in place of one that
// was refused.
const probeRest = 50 * time.Millisecond

// probeLength is how long a probe holds a worker unless it is cancelled.
const probeLength = time.Hour

var closed = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// close stops the pool. One that is kept by what probes have left it at is not waited for
// as long as another: nothing is judged by it.
func (a *act) close() {
	a.mark(scenario.Event{Kind: scenario.Close})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.life), scenario.StopPatience)
	defer cancel()
	ctx, over := context.WithCancelCause(ctx)
	defer time.AfterFunc(scenario.DrainPatience, func() {
		if (&scenario.Record{Events: a.rec.SoFar()}).Kept() {
			over(context.DeadlineExceeded)
		}
	}).Stop()
	stopped := a.life.Err() != nil
	if stopped {
		cancel() // the run was: no time for goodbyes
	}
	closed := make(chan struct{})
	var late sync.WaitGroup
	tooLate := a.hurt.Late(false)
	for _, x := range tooLate {
		late.Go(func() { a.tooLate(x, closed) })
	}
	e := scenario.Event{Kind: scenario.Closed, Excused: stopped}
	if err := a.do(scenario.StopPatience+closePatience, func() error { return a.pool.Close(ctx) }); err != nil {
		e.Err = "Close: " + err.Error()
		e.Lost = errors.Is(err, errNotBack) || errors.As(err, new(panicked))
	}
	if len(tooLate) > 0 {
		a.world.Point("run", "closed") // whom that has sent home is back before
	}
	a.rec.Add(e)
	a.rec.Outlives()
	close(closed)
	for _, x := range a.hurt.Late(true) {
		late.Go(func() { a.tooLate(x, closed) })
	}
	late.Wait()
}

// tooLate makes the call of somebody who comes while the pool closes, or once it has
// closed. It is a probe: whoever makes it has no deadline, but is not to be kept waiting
// once the pool is closed, nor to crash.
func (a *act) tooLate(x faults.Extra, closed <-chan struct{}) {
	step := a.sc.Workload.Step(1)
	call := subject.Call{Command: step.Command, Args: step.Args, Client: x.Name}
	a.rec.Arrive(x.Name, call, step, true)
	x.Came()
	a.rec.Begin(x.Name, &call, true)
	ctx, cancel := context.WithCancel(a.life)
	defer cancel()
	back := make(chan outcome, 1)
	go shielded(a.life, func() (subject.Reply, error) { return a.pool.Call(point.As(ctx, x.Name), call) },
		func(r subject.Reply, err error) { back <- outcome{r, err} })
	o := outcome{err: errNotBack}
	select {
	case o = <-back:
	case <-closed:
		late := time.NewTimer(closePatience)
		defer late.Stop()
		select {
		case o = <-back:
		case <-late.C:
		}
	}
	switch {
	case errors.As(o.err, new(panicked)):
		a.world.Point(x.Name, "crash")
		a.rec.Add(scenario.Event{Kind: scenario.Return, Call: x.Name, Client: x.Name, Probe: true, Wrong: true, Err: o.err.Error()})
	case errors.Is(o.err, errNotBack):
		a.rec.Lose(x.Name, x.Name, true)
	default:
		a.rec.Return(x.Name, x.Name, o.reply, o.err, false)
	}
}

// goroutines lists those of the subject that are left once Open's ctx has ended.
func (a *act) goroutines() []string {
	if a.world.Quiet() {
		return nil
	}
	deadline := time.Now().Add(goroutinePatience)
	for every := time.Millisecond; ; every = min(2*every, 100*time.Millisecond) {
		left := labelled(a.label)
		if len(left) == 0 || time.Now().After(deadline) {
			slices.Sort(left)
			return left
		}
		time.Sleep(every)
	}
}

const goroutinePatience = 2 * time.Second
