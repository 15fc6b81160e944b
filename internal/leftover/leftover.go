//go:build linux

// Package leftover checks that tests leave nothing behind: no goroutine, no process
// that they started, and no container, where they have any. It is for tests alone.
package leftover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/butfor/butfor/worker/process"
)

// Main runs a package's tests from its TestMain, and fails them if something is
// left once they are through.
func Main(m *testing.M, ignore ...goleak.Option) {
	code := m.Run()
	if err := Check(ignore...); err != nil {
		fmt.Fprintln(os.Stderr, "left behind:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// patience is how long what is about to end may take.
const patience = 2 * time.Second

// looks are the further places to look at.
var looks []func(context.Context) ([]string, error)

// Look has Check look at one more place, which lists what is left there. Tests that
// have containers give container.Left: others need not know of engines.
func Look(at func(context.Context) ([]string, error)) { looks = append(looks, at) }

// Check says what is left of this program's goroutines and workers, and in the places
// that Look was given.
func Check(ignore ...goleak.Option) error {
	if err := goleak.Find(ignore...); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left, err := all()
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New(strings.Join(left, ", "))
		}
	}
}

// all is what is left now.
func all() (left []string, err error) {
	processes, err := process.Census(process.Token(), "")
	for _, p := range processes {
		left = append(left, fmt.Sprintf("process %v", p))
	}
	for _, look := range looks {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		more, failed := look(ctx)
		cancel()
		left, err = append(left, more...), errors.Join(err, failed)
	}
	return left, err
}
