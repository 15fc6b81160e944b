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

func (p *poor) LaunchWith(_ context.Context, _ string, flags ...string) (worker.Port, error) {
	p.launched = append(p.launched, strings.Join(flags, " "))
	return nil, errors.New("no workers here")
}
func (*poor) CanSlow(Disk) error { return nil }
func (p *poor) LaunchFrom(ctx context.Context, id string, from Disk, flags ...string) (worker.Port, error) {
	return p.LaunchWith(ctx, id, append([]string{fmt.Sprint(from)}, flags...)...)
}
func (*poor) Python(string) (func() time.Duration, error) { return nil, errors.New("no python here") }
func (*poor) Beside(string) (func() time.Duration, error) { return nil, errors.New("no python here") }
func (*poor) CanLimit() error                             { return errors.New("no cgroups here") }
func (*poor) CanBound(of Resource) error                  { return errors.New("no limit of " + string(of)) }
func (p *poor) Bound(_ worker.Port, of Resource, _ int64) (func(), error) {
	return nil, p.CanBound(of)
}
func (*poor) CanPress() error                                        { return errors.New("no memory to be short of here") }
func (p *poor) Press(worker.Port, int64, int64) (func() bool, error) { return nil, p.CanPress() }
func (*poor) Limit(worker.Port, float64, time.Duration) (Limit, error) {
	return nil, errors.New("no cgroups here")
}

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
