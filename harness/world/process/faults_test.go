//go:build linux

package process

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker"
)

func TestNoGroupIsLeftOfALimitThatWasLiftedBeforeItsWorkerEnded(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w, err := Open(ctx, &scenario.Scenario{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.CanLimit(); err != nil {
		t.Skip(err)
	}
	started, err := worker.Start(ctx, w.Launcher(), "w1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := w.Limit(started.Port, 0.5, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	l.Lift()
	group := l.(*limit).group
	if _, err := group.Throttled(); err != nil {
		t.Errorf("it went before its worker: %v", err)
	}
	w.Close()
	if _, err := group.Throttled(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the group is left: %v", err)
	}
}
