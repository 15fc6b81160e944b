//go:build linux

package container

import (
	"testing"
	"testing/synctest"
	"time"
)

// A box tells of each of its workers that one of them was killed for want of memory.
func TestWhoIsKilledLongAfterAnotherRanOutOfMemoryDidNot(t *testing.T) {
	for name, c := range map[string]struct {
		before, after time.Duration // of the word from the end; 0: none came
		oom           bool
	}{
		"none":       {0, 0, false},
		"just now":   {10 * time.Millisecond, 0, true},
		"at once":    {0, 10 * time.Millisecond, true},
		"too late":   {0, time.Second, false},
		"long ago":   {time.Minute, 0, false},
		"both times": {time.Minute, 10 * time.Millisecond, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &Engine{ears: map[string]*ear{}}
			p := &Port{vessel: &vessel{engine: e, limits: Limits{Memory: 1 << 26}}, ear: e.listens("exec", "box")}
			if c.before > 0 {
				p.ear.ranOut()
				time.Sleep(c.before)
			}
			if c.after > 0 {
				time.AfterFunc(c.after, p.ear.ranOut)
			}
			if got := p.ranOut(killed); got != c.oom {
				t.Errorf("%s: it ran out of memory: %v, want %v", name, got, c.oom)
			}
			time.Sleep(time.Minute)
		})
	}
}
