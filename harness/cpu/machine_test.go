package cpu

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// run advances from change to change until no thread is left that ends.
func run(m *Machine) {
	for at, ok := m.Next(); ok; at, ok = m.Next() {
		m.Advance(at)
	}
}

// ends starts n threads of d each, every one in a group of its own, and has
// their ends when the machine has run.
func ends(m *Machine, c GroupConfig, n int, d time.Duration) *[]time.Duration {
	var at []time.Duration
	for range n {
		m.Group(c).Start(d, func() { at = append(at, m.Now()) })
	}
	return &at
}

// inside is the same with all threads in one group.
func inside(g *Group, n int, d time.Duration) *[]time.Duration {
	var at []time.Duration
	for range n {
		g.Start(d, func() { at = append(at, g.m.Now()) })
	}
	return &at
}

// hogs puts n outside threads on the machine, each in a session of its own.
func hogs(n int) (loads []Load) {
	for i := range n {
		loads = append(loads, Load{Path: fmt.Sprint("hog", i), Runnable: 1, Threads: 1, OnCPU: 1})
	}
	return loads
}

func all(n int, d time.Duration) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }

type finishes = [][]time.Duration

func TestThreadsEndWhenTheClosedFormSays(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		put  func(m *Machine) []*[]time.Duration
		want finishes
	}{
		{"one thread", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 1, 300*ms)}
		}, finishes{{300 * ms}}},
		{"8 × 0.3 s on 2 cores", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 8, 300*ms)}
		}, finishes{all(8, 1200*ms)}},
		{"8 × 0.3 s on 2 cores with a hog", Config{Cores: 2, Outside: []Bucket{{Loads: hogs(1)}}}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 8, 300*ms)}
		}, finishes{all(8, 1350*ms)}},
		{"a hog for the first 0.6 s", Config{Cores: 2, Outside: []Bucket{{Loads: hogs(8)}, {At: 600 * ms}}}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 8, 300*ms)}
		}, finishes{all(8, 1500*ms)}},
		{"3 × 0.1 s on 2 cores with 4 hogs, in sevenths", Config{Cores: 2, Outside: []Bucket{{Loads: hogs(4)}}}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 3, 100*ms)}
		}, finishes{all(3, 350*ms)}},
		{"less than a core", Config{Cores: 0.25}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 1, sec)}
		}, finishes{{4 * sec}}},
		{"a core and a half, stolen for a second", Config{Cores: 2, Outside: []Bucket{{Stolen: 1.5}, {At: sec}}}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 2, sec)}
		}, finishes{all(2, 1750*ms)}},
		{"everything stolen for a second", Config{Cores: 2, Outside: []Bucket{{Stolen: 3}, {At: sec}}}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 1, sec)}
		}, finishes{{2 * sec}}},
		{"1 thread beside 3 in another container", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{inside(m.Group(GroupConfig{}), 1, sec), inside(m.Group(GroupConfig{}), 3, sec)}
		}, finishes{{sec}, all(3, 2*sec)}}, // 1 core for three for 1 s, then 2
		{"weights 3 and 1", Config{Cores: 1}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Weight: 3}, 1, 300*ms), ends(m, GroupConfig{}, 1, 300*ms)}
		}, finishes{{400 * ms}, {600 * ms}}},
		{"what one can't use goes to the others", Config{Cores: 3}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Weight: 100}, 1, sec), ends(m, GroupConfig{}, 4, sec)}
		}, finishes{{sec}, all(4, sec+2*sec/3+1)}}, // 0.5 each for 1 s, then 0.75; rounded up
		{"groups in groups", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			a, b := m.Group(GroupConfig{}), m.Group(GroupConfig{}) // a core each
			x, y := a.Group(GroupConfig{}), a.Group(GroupConfig{}) // half a core each
			return []*[]time.Duration{inside(x, 1, 500*ms), inside(y, 2, 250*ms), inside(b, 4, 250*ms)}
		}, finishes{{sec}, all(2, sec), all(4, sec)}},
		{"threads beside a group are each as good as one", Config{Cores: 1}, func(m *Machine) []*[]time.Duration {
			a := m.Group(GroupConfig{})
			return []*[]time.Duration{inside(a, 2, 100*ms), inside(a.Group(GroupConfig{}), 2, 50*ms)}
		}, finishes{all(2, 300*ms), all(2, 300*ms)}},
		{"a cpuset of one core", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{inside(m.Group(GroupConfig{Cores: 1}), 2, sec), ends(m, GroupConfig{}, 1, sec)}
		}, finishes{all(2, 2*sec), {sec}}},
		{"0.3 s at quota 0.2", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Quota: 0.2}, 1, 300*ms)}
		}, finishes{{1420 * ms}}},
		{"15 ms at quota 0.2", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Quota: 0.2}, 1, 15*ms)}
		}, finishes{{15 * ms}}},
		{"just the budget", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Quota: 0.2}, 1, 20*ms)}
		}, finishes{{20 * ms}}},
		{"a nanosecond more than the budget", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Quota: 0.2}, 1, 20*ms+1)}
		}, finishes{{100*ms + 1}}},
		{"a first period that is half over", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Quota: 0.2, First: 50 * ms}, 1, 300*ms)}
		}, finishes{{1370 * ms}}}, // the last of 15 begins at 50 + 13 × 100
		{"a period of 10 ms", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Quota: 0.2, Period: 10 * ms}, 1, 300*ms)}
		}, finishes{{1492 * ms}}},
		{"threads spend a budget together", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{inside(m.Group(GroupConfig{Quota: 0.5}), 2, 50*ms)}
		}, finishes{all(2, 125*ms)}}, // 25 ms on 2 cores a period
		{"a quota of more than is used", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Quota: 1}, 1, sec)}
		}, finishes{{sec}}},
		{"while one is throttled the others have its part", Config{Cores: 1}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Quota: 0.2}, 1, 40*ms), ends(m, GroupConfig{}, 1, 100*ms)}
		}, finishes{{140 * ms}, {140 * ms}}}, // both at half until 40, the one alone until 100, both at half
		{"a quota around a quota", Config{Cores: 2}, func(m *Machine) []*[]time.Duration {
			outer := m.Group(GroupConfig{Quota: 0.3})
			return []*[]time.Duration{ends2(outer, GroupConfig{Quota: 0.2}, 2, 30*ms)}
		}, finishes{all(2, 115*ms)}}, // 15 each of 30, then 15 more
		{"rounded up to a nanosecond, once", Config{Cores: 1}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{Weight: 2}, 1, 10), ends(m, GroupConfig{}, 1, 7)}
		}, finishes{{15}, {17}}},
		{"nothing wanted", Config{Cores: 1}, func(m *Machine) []*[]time.Duration {
			return []*[]time.Duration{ends(m, GroupConfig{}, 2, 0)}
		}, finishes{all(2, 0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(c.cfg)
			got := c.put(m)
			run(m)
			for i, want := range c.want {
				if !slices.Equal(*got[i], want) {
					t.Errorf("%d: %v, want %v", i, *got[i], want)
				}
			}
		})
	}
}

func TestAFirstPeriodIsThatOfEachTimeTheGroupBeginsToRun(t *testing.T) {
	m := New(Config{Cores: 2})
	g := m.Group(GroupConfig{Quota: 0.2, First: 30 * ms})
	for _, c := range []struct{ at, wants, ends time.Duration }{
		{0, 25 * ms, 35 * ms},         // 20 at once, and a period from 30 on
		{100 * ms, 20 * ms, 135 * ms}, // 15 are left of that, and the next begins at 130
		{400 * ms, 65 * ms, 635 * ms}, // idle when the last one ended: 430, 530, 630
	} {
		m.Advance(c.at)
		ended := inside(g, 1, c.wants)
		run(m)
		if !slices.Equal(*ended, all(1, c.ends)) {
			t.Errorf("%v from %v on ended at %v, want %v", c.wants, c.at, *ended, c.ends)
		}
	}
	if err := (GroupConfig{Quota: 0.2, First: -1}).Check(); err == nil {
		t.Error("a first period below 0 is one")
	}
}

// ends2 is ends inside a group.
func ends2(g *Group, c GroupConfig, n int, d time.Duration) *[]time.Duration {
	var at []time.Duration
	for range n {
		g.Group(c).Start(d, func() { at = append(at, g.m.Now()) })
	}
	return &at
}
