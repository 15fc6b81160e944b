package cpu

import (
	"slices"
	"testing"
	"time"
)

func TestWhoeverIsCancelledLeavesHisShareToTheOthersAtOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		inOne bool          // all are in one group
		goes  int           // who are cancelled, at one instant
		at    time.Duration // this one
		had   time.Duration // by each of them
		ends  time.Duration // the one who stays, for a second of CPU
	}{
		{"in a group of his own", false, 1, 500 * ms, 250 * ms, 1250 * ms},
		{"in one group", true, 1, 500 * ms, 250 * ms, 1250 * ms},
		{"as he was started", false, 1, 0, 0, sec},
		{"with another", false, 2, 600 * ms, 200 * ms, 1400 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(Config{Cores: 1})
			g := m.Group(GroupConfig{})
			ended := inside(g, 1, sec)
			var gone []*Thread
			for range c.goes {
				if !c.inOne {
					g = m.Group(GroupConfig{})
				}
				gone = append(gone, g.Start(sec, func() { t.Error("the done of a cancelled thread was called") }))
			}
			m.Advance(c.at)
			for _, g := range gone {
				if !g.Cancel() || g.Cancel() {
					t.Error("the first Cancel ends it, the second does not")
				}
			}
			run(m)
			for _, g := range gone {
				if g.Had() != c.had || g.Waited() != c.at-c.had || g.Throttled() != 0 {
					t.Errorf("it had %v and waited %v, want %v of %v", g.Had(), g.Waited(), c.had, c.at)
				}
			}
			if !slices.Equal(*ended, all(1, c.ends)) {
				t.Errorf("the other ended at %v, want %v", *ended, c.ends)
			}
		})
	}
}

func TestAThreadsAccountsAddUpToItsAgeAtAnyTime(t *testing.T) {
	m := New(Config{Cores: 1})
	a := m.Group(GroupConfig{Quota: 0.2}).Start(40*ms, nil) // half a core, 20 ms a period
	m.Group(GroupConfig{}).Start(Forever, nil)
	for _, c := range []struct{ at, had, waited, throttled time.Duration }{
		{0, 0, 0, 0},
		{10 * ms, 5 * ms, 5 * ms, 0},
		{40 * ms, 20 * ms, 20 * ms, 0},
		{70 * ms, 20 * ms, 20 * ms, 30 * ms},
		{100 * ms, 20 * ms, 20 * ms, 60 * ms},
		{120 * ms, 30 * ms, 30 * ms, 60 * ms},
		{140 * ms, 40 * ms, 40 * ms, 60 * ms},
		{sec, 40 * ms, 40 * ms, 60 * ms}, // it has ended
	} {
		m.Advance(c.at)
		if a.Had() != c.had || a.Waited() != c.waited || a.Throttled() != c.throttled {
			t.Errorf("after %v: had %v, waited %v, throttled %v; want %v, %v, %v", c.at, a.Had(), a.Waited(), a.Throttled(), c.had, c.waited, c.throttled)
		}
	}
}
