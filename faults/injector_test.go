package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/model"
)

// bare is a world that can have none but the simplest faults.
type bare struct{ start time.Time }

func (b bare) Now() time.Duration { return time.Since(b.start) }
func (bare) Point(string, string) {}

// poor is a world of real processes without rights and without Python.
type poor struct {
	bare
	launched []string
}

var _ Real = (*poor)(nil)

func (p *poor) LaunchWith(_ context.Context, _ string, how Launch) (worker.Port, error) {
	if how.Disk != (Disk{}) {
		how.Flags = append([]string{fmt.Sprint(how.Disk)}, how.Flags...)
	}
	p.launched = append(p.launched, strings.Join(how.Flags, " "))
	return nil, errors.New("no workers here")
}
func (*poor) CanSlow(Disk) error                          { return nil }
func (*poor) CanRefuse(Refusal) error                     { return errors.New("no engine here") }
func (*poor) Python(string) (func() time.Duration, error) { return nil, errors.New("no python here") }
func (*poor) Beside(string) (func() time.Duration, error) { return nil, errors.New("no python here") }
func (*poor) Within(string) (func() time.Duration, error) { return nil, errors.New("no python here") }
func (*poor) CanLimit() error                             { return errors.New("no cgroups here") }
func (*poor) CanBound(of Resource) error                  { return errors.New("no limit of " + string(of)) }
func (p *poor) Bound(_ worker.Port, of Resource, _ int64) (func(), error) {
	return nil, p.CanBound(of)
}
func (*poor) CanPress() error                                        { return errors.New("no memory to be short of here") }
func (p *poor) Press(worker.Port, int64, int64) (func() bool, error) { return nil, p.CanPress() }
func (*poor) Limit(worker.Port, Quota) (Limit, error)                { return nil, errors.New("no cgroups here") }

func TestWhatAWorldCannotDoIsSaidBeforeTheRunBegins(t *testing.T) {
	quota := Plan{{Fault: GiveUp{}}, {Fault: CPUQuota{Cores: 1}}}
	if _, err := New(quota, 1, &poor{}, nil); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "fault 2, cpu-quota can't be had here: no cgroups here") {
		t.Errorf("a quota without rights: %v", err)
	}
	if _, err := New(quota[:1], 1, &poor{}, nil); err != nil {
		t.Errorf("without the quota: %v", err)
	}
	if _, err := New(quota, 1, bare{}, nil); err == nil {
		t.Error("faults were had in a world that has none")
	}
	if _, err := New(nil, 1, bare{}, nil); err != nil {
		t.Errorf("no faults: %v", err)
	}
}

// engine is a world whose engine refuses what it is told to.
type engine struct {
	poor
	refuses error
}

func (*engine) CanRefuse(Refusal) error { return nil }

func (e *engine) LaunchWith(ctx context.Context, id string, how Launch) (worker.Port, error) {
	if how.Refused != "" && e.refuses != nil {
		return nil, e.refuses
	}
	return (&model.Launcher{}).Launch(ctx, id)
}

func TestAnEnginesRefusalIsProvedByItsError(t *testing.T) {
	refused := Plan{{Fault: StartRefused{By: NameTaken}}}
	if _, err := New(refused, 1, &poor{}, nil); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no engine here") {
		t.Errorf("without an engine: %v", err)
	}
	for err, fired := range map[error]int{errors.New("name in use"): 1, nil: 0, fmt.Errorf("create: %w", context.Canceled): 0, context.DeadlineExceeded: 0} {
		synctest.Test(t, func(t *testing.T) {
			i, failed := New(refused, 1, &engine{refuses: err}, func(Event) {})
			if failed != nil {
				t.Fatal(failed)
			}
			i.Begin()
			p, launched := i.Launcher(nil).Launch(t.Context(), "w1")
			if !errors.Is(launched, err) {
				t.Errorf("launched with %v, want %v", launched, err)
			}
			if p != nil {
				_ = p.Close(t.Context())
			}
			i.Stop()
			if got := i.Report()[0].Fired; got != fired {
				t.Errorf("with %v it fired %d times, want %d", err, got, fired)
			}
		})
	}
}

func TestOfTwoRefusalsOfAStartTheFirstHasItsWay(t *testing.T) {
	inUse := errors.New("name in use")
	for _, p := range []Plan{{{Fault: StartRefused{By: NameTaken}}, {Fault: StartRefused{}}}, {{Fault: StartRefused{}}, {Fault: StartRefused{By: NameTaken}}}} {
		synctest.Test(t, func(t *testing.T) {
			i, err := New(p, 1, &engine{refuses: inUse}, func(Event) {})
			if err != nil {
				t.Fatal(err)
			}
			i.Begin()
			_, err = i.Launcher(nil).Launch(t.Context(), "w1")
			i.Stop()
			if by, _ := p[0].Fault.(refusing).refuses(); errors.Is(err, inUse) != (by != "") {
				t.Errorf("%+v: %v", p, err)
			}
			if r := i.Report(); r[0].Fired != 1 || r[1].Fired != 0 {
				t.Errorf("%+v: %+v", p, r)
			}
		})
	}
}

func TestAWorldOfModelsHasNoFiles(t *testing.T) {
	_, err := New(Plan{{Fault: FileLimit{}}}, 1, &late{}, nil)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "fault 1, file-limit can't be had here: a model opens no files") {
		t.Errorf("got %v", err)
	}
}

// roomy is a world of real processes that bounds what it is asked to.
type roomy struct {
	poor
	bound map[Resource]int64
}

func (r *roomy) Bound(_ worker.Port, of Resource, most int64) (func(), error) {
	r.bound[of] = most
	return func() { delete(r.bound, of) }, nil
}

// used is the port of a worker that has used some CPU.
type used struct {
	worker.Port
	cpu time.Duration
}

func (u *used) Info() worker.Info { return worker.Info{CPU: u.cpu} }

func TestFewCoresAreProvedByWhoComputes(t *testing.T) {
	for _, computes := range []time.Duration{0, ms} {
		w, p := &roomy{bound: map[Resource]int64{}}, &used{cpu: time.Second}
		end, err := FewCores{Cores: 3}.Real(w, p)
		if err != nil || w.bound[Cores] != 3 {
			t.Fatalf("bound to %v, %v", w.bound, err)
		}
		p.cpu += computes
		if n, want := end(), min(1, int(computes)); n != want || len(w.bound) > 0 {
			t.Errorf("after %v of CPU it fired %d times, want %d; %v", computes, n, want, w.bound)
		}
	}
}

// tight is a world of real processes that has workers be short of memory.
type tight struct {
	poor
	most, left int64
	felt       bool
}

func (t *tight) Press(_ worker.Port, most, left int64) (func() bool, error) {
	t.most, t.left = most, left
	return func() bool { return t.felt }, nil
}

func TestWantOfMemoryIsProvedByWhoComputesAndByItsCgroup(t *testing.T) {
	for _, c := range []struct {
		felt     bool
		computes time.Duration
		want     int
	}{{true, ms, 1}, {true, 0, 0}, {false, ms, 0}} {
		w, p := &tight{felt: c.felt}, &used{cpu: time.Second}
		end, err := MemoryPressure{MB: 64, Left: 4}.Real(w, p)
		if err != nil || w.most != 64<<20 || w.left != 4<<20 {
			t.Fatalf("pressed to %d and %d, %v", w.most, w.left, err)
		}
		p.cpu += c.computes
		if n := end(); n != c.want {
			t.Errorf("%+v: it fired %d times", c, n)
		}
	}
}

func TestWhatCannotBeBegunAfterAllIsSaidWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []Event
		i, err := New(Plan{{Fault: CPUHogs{Threads: 2}}}, 1, &poor{bare: bare{time.Now()}}, func(e Event) { events = append(events, e) })
		if err != nil {
			t.Fatal(err)
		}
		i.Begin()
		synctest.Wait()
		i.Stop()
		if r := i.Report()[0]; r.Fired != 0 || r.First != -1 || r.Why != "it could not be begun: no python here" || len(events) > 0 {
			t.Errorf("%v: %s; %v", r, r.Why, events)
		}
	})
}

func TestRealWorkersAreToldByFlagsWhatHurtsThem(t *testing.T) {
	for want, p := range map[string]Plan{
		"":                             {{Fault: GiveUp{}}},
		"--boot-cpu 0.3 --boot-wait 0": {{Fault: SlowStart{CPU: 300 * ms}}},
		"--boot-cpu 0 --boot-wait 0.000001 --exit-at-hello 70": {{Fault: SlowStart{Wait: time.Microsecond}}, {Fault: DiesBeforeHello{}}},
		"{email 4096} --boot-import json":                      {{Fault: SlowDisk{Module: "email", Rate: 4}}, {Fault: SlowImport{Module: "json"}}, {Fault: SlowDisk{Module: "csv", Rate: 5}}},
		"--mute":                                               {{Fault: NeverSaysHello{}}, {Fault: DiesBeforeHello{}, Target: Target{Starts: []int{2}}}},
		"--faults --exit-at-hello 3":                           {{Fault: ExitAtCall{}, Target: Target{Starts: []int{7}}}, {Fault: DiesBeforeHello{Status: 3}}},
	} {
		w := &poor{bare: bare{time.Now()}}
		i, err := New(p, 1, w, func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		i.Begin()
		if _, err := i.Launcher(nil).Launch(context.Background(), "w1"); err == nil {
			t.Error("a launch that failed is none")
		}
		i.Stop()
		if fmt.Sprint(w.launched) != "["+want+"]" {
			t.Errorf("flags %q, want %q", w.launched, want)
		}
	}
}

func TestWithoutAPlanNothingStandsBetween(t *testing.T) {
	i, err := New(nil, 1, bare{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := launcher{}
	if i.Launcher(l) != worker.Launcher(l) {
		t.Error("the launcher is wrapped")
	}
	i.Begin()
	i.Clock()
	c := i.Arrives(Caller{Call: "c1"})
	if c.Holds() {
		t.Error("a client is to hold a worker")
	}
	c.Back()
	i.Stop()
	if r := i.Report(); len(r) != 0 {
		t.Errorf("%v", r)
	}
}

// contained is a world of real processes that can put a worker under a quota before it runs.
type contained struct {
	poor
	takes          time.Duration // that a launch does
	fails          error
	launched       []Launch
	limits, lifted int
}

func (c *contained) CanLimit() error { return nil }

func (c *contained) LaunchWith(ctx context.Context, id string, how Launch) (worker.Port, error) {
	c.launched = append(c.launched, how)
	if time.Sleep(c.takes); c.fails != nil {
		return nil, c.fails
	}
	return (&model.Launcher{}).Launch(ctx, id)
}

func (c *contained) Limit(worker.Port, Quota) (Limit, error) {
	c.limits++
	return c, nil
}
func (c *contained) Throttled() int { return 3 }
func (c *contained) Lift()          { c.lifted++ }

func TestAWorkerIsLaunchedUnderTheQuotaOfItsMoment(t *testing.T) {
	const quota = 0.2
	for name, c := range map[string]struct {
		entry  Entry
		takes  time.Duration
		fails  error
		under  []bool // each of two launches
		report Report
	}{
		"both":                    {Entry{}, 0, nil, []bool{true, true}, Report{Laid: 2, Fired: 6}},
		"the first alone":         {Entry{Times: 1}, 0, nil, []bool{true, false}, Report{Laid: 1, Fired: 3}},
		"later":                   {Entry{From: time.Second, Until: 2 * time.Second}, 0, nil, []bool{false, false}, Report{Laid: 2, Fired: 6}},
		"over when it is there":   {Entry{Until: 50 * ms}, 100 * ms, nil, []bool{true, false}, Report{Laid: 1, Fired: 3}},
		"nobody's that was not":   {Entry{}, 0, errors.New("no image"), []bool{true, true}, Report{}},
		"nor does it use that up": {Entry{Times: 1}, 0, errors.New("no image"), []bool{true, true}, Report{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.entry.Fault = CPUQuota{Cores: quota}
			w := &contained{poor: poor{bare: bare{time.Now()}}, takes: c.takes, fails: c.fails}
			i, err := New(Plan{c.entry}, 1, w, func(Event) {})
			if err != nil {
				t.Fatal(err)
			}
			i.Begin()
			l := i.Launcher(nil)
			for n, under := range c.under {
				p, err := l.Launch(t.Context(), fmt.Sprint("w", n+1))
				if !errors.Is(err, c.fails) {
					t.Fatalf("%s: %v", name, err)
				}
				if err == nil {
					defer p.Kill()
				}
				want := Quota{}
				if under {
					want = Quota{quota, 100 * ms}
				}
				if got := w.launched[n].Quota; got != want {
					t.Errorf("%s: launch %d was under %v", name, n+1, got)
				}
			}
			time.Sleep(3 * time.Second)
			i.Stop()
			got := i.Report()[0]
			if got.Laid != c.report.Laid || got.Fired != c.report.Fired || w.limits != c.report.Laid || w.lifted != c.report.Laid {
				t.Errorf("%s: %+v; %d limits, %d lifted", name, got, w.limits, w.lifted)
			}
		})
	}
}

func TestStopWaitsForWhoIsBeingLaunchedUnderAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &contained{poor: poor{bare: bare{time.Now()}}, takes: 300 * ms}
		i, err := New(Plan{{Fault: CPUQuota{Cores: 1}}}, 1, w, func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		i.Begin()
		go func() {
			if p, err := i.Launcher(nil).Launch(t.Context(), "w1"); err == nil {
				defer p.Kill()
			}
		}()
		time.Sleep(100 * ms)
		if i.Stop(); w.limits != 1 || w.lifted != 1 || i.Report()[0].Fired != 3 {
			t.Errorf("%d limits, %d lifted; %+v", w.limits, w.lifted, i.Report())
		}
	})
}

func TestWhatStartsAreToldIsKnownOfSlowStartsAlone(t *testing.T) {
	slow, tail := SlowStart{CPU: 10 * time.Millisecond, Wait: time.Second}, SlowStart{Wait: time.Second, Tail: Pareto}
	for name, c := range map[string]struct {
		faults []Fault
		known  func(told *model.Demand) bool
	}{
		"none": {nil, func(told *model.Demand) bool { return told != nil && *told == model.Demand{} }},
		"one": {[]Fault{slow}, func(told *model.Demand) bool {
			return told != nil && *told == model.Demand{CPU: slow.CPU, Wait: slow.Wait}
		}},
		"two":       {[]Fault{slow, tail}, func(told *model.Demand) bool { return told != nil && told.CPU == slow.CPU && told.Wait > 2*time.Second }},
		"an import": {[]Fault{slow, SlowImport{}}, func(told *model.Demand) bool { return told == nil }},
		"no hello":  {[]Fault{NeverSaysHello{}}, func(told *model.Demand) bool { return told == nil }},
	} {
		var p Plan
		for _, f := range c.faults {
			p = append(p, Entry{Fault: f})
		}
		i := &Injector{told: map[string][]*model.Demand{}}
		x := Worker(1, "w1")
		course := p.Course(7)
		for _, e := range course {
			e.Comes(Trigger{}, 0)
		}
		i.tells("w1", x, course.Start(x, 0))
		if told := i.Told()["w1"]; len(told) != 1 || !c.known(told[0]) {
			t.Errorf("%s: told %+v", name, told)
		}
	}
}
