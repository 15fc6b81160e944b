//go:build butfor_points

package point_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/butfor/butfor/internal/point"
)

func TestWithTheTagWhoeverComesIsParkedByName(t *testing.T) {
	var who, at string
	ctx := point.With(context.Background(), func(w, a string) { who, at = w, a })
	point.From(ctx).At(point.Who(point.As(ctx, "c1")), "checkout")
	if who != "c1" || at != "checkout" {
		t.Errorf("%q came to %q", who, at)
	}
	point.From(context.Background()).At(point.Named("start", "w1"), "launched") // no points, no park
}

func TestALockHeldAcrossAWaitStopsNoBubble(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		var mu point.Mutex
		mu.Lock()
		if mu.TryLock() {
			t.Error("two have it")
		}
		begin := time.Now()
		time.AfterFunc(time.Hour, mu.Unlock)
		mu.Lock()
		waited := time.Since(begin)
		mu.Unlock()
		if waited != time.Hour {
			t.Errorf("it was had after %v", waited)
		}
		if !mu.TryLock() {
			t.Error("nobody has it, yet it is not to be had")
		}
	})
}
