//go:build linux

package harness

import (
	"context"
	"runtime/pprof"
	"strings"
	"testing"
)

func TestGoroutinesAreFoundByTheRunThatTheyBelongTo(t *testing.T) {
	release := make(chan struct{})
	ended := make(chan struct{}, 4)
	ready := make(chan struct{}, 4)
	begin := func(label string, also ...string) {
		go func() {
			pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(append(also, runLabel, label)...)))
			go func() { // handed on
				ready <- struct{}{}
				leaky(release)
				ended <- struct{}{}
			}()
		}()
	}
	begin("one")
	begin("one")
	begin("another", "a", "b", "z", "y")
	begin("none")
	for range 4 {
		<-ready
	}
	for label, want := range map[string]string{"one": "2 goroutines in ", "another": "1 goroutines in ", "on": "", "nobody": ""} {
		left := strings.Join(labelled(label), "\n")
		if want == "" && left != "" || !strings.HasPrefix(left, want) || want != "" && !strings.Contains(left, "harness.leaky") {
			t.Errorf("of %q are left:\n%s\nwant %q", label, left, want)
		}
	}
	close(release)
	for range 4 {
		<-ended
	}
}
