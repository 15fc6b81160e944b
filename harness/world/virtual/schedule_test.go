package virtual

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// twins has two goroutines come to one place, the second so long after the first
// was there, and gives the order in which they go on.
func twins(t *testing.T, after time.Duration) (order string, err error) {
	_, err = Run(t, &scenario.Scenario{Seed: 1, Order: scenario.Order{Strategy: scenario.PCT}}, func(_ context.Context, w *World) error {
		through := make(chan string, 2)
		twin := func(name string, d time.Duration) {
			time.Sleep(d)
			w.Point("twin", "here")
			through <- name
		}
		go twin("a", time.Second)
		go twin("b", time.Second+after)
		// Others keep the schedule from letting the first go on before the second is there.
		go func() {
			time.Sleep(time.Second)
			for range 100 {
				w.Point("busy", "step")
			}
		}()
		order = <-through + <-through
		return nil
	})
	return order, err
}

func TestTwoOfOneNameGoOnAsTheyCameUnlessNobodyKnowsHow(t *testing.T) {
	for range 100 {
		if order, err := twins(t, 500); order != "ab" || err != nil {
			t.Fatalf("one after another: they went on as %q, %v", order, err)
		}
	}
	if _, err := twins(t, 0); err == nil || !strings.Contains(err.Error(), "two goroutines were called twin at here at once") {
		t.Errorf("at one instant: %v", err)
	}
}

func TestOfTwoStallsAtOnceTheLongerHolds(t *testing.T) {
	const long, brief = 300 * time.Millisecond, 100 * time.Millisecond
	_, err := Run(t, &scenario.Scenario{Seed: 1}, func(_ context.Context, w *World) error {
		begin := w.Now()
		w.Stall(long)
		w.Stall(brief)
		w.Point("somebody", "goes on")
		if took := w.Now() - begin; took < long || took > long+brief {
			t.Errorf("nobody went on for %v", took)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
