//go:build linux

package harness

import (
	"context"
	"testing"
	"time"
)

func TestSleepSaysWhetherItWasLeftToSleep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if !sleep(ctx, 0) || !sleep(ctx, time.Microsecond) {
		t.Error("woken up, though nothing had happened")
	}
	cancel()
	if sleep(ctx, 0) || sleep(ctx, time.Hour) {
		t.Error("slept under an ended ctx")
	}
}
